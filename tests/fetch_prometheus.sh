#!/bin/sh
# Prometheus for tests, where it is not on the PATH: Debian's, unpacked into .cache/prometheus
# without installing it, so that no root is needed.
set -eu
cd "$(dirname "$0")/.."

[ -x .cache/prometheus/usr/bin/promtool ] && exit 0
command -v prometheus >/dev/null && command -v promtool >/dev/null && exit 0
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
  echo "This fetches Debian's package; elsewhere put prometheus and promtool on the PATH." >&2
  exit 1
}
mkdir -p .cache
folder=$(mktemp -d .cache/prometheus.XXXXXX)
trap 'rm -rf "$folder"' EXIT
# Package lists of its own: the machine's may be missing or old, and renewing those needs root.
lists="-o Dir::State::lists=$PWD/$folder/lists -o Dir::Cache=$PWD/$folder/cache"
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
download() { (cd "$folder" && apt-get "$@" download -qq prometheus 2>errors.txt); }
# shellcheck disable=SC2086  # several options in one variable
download || { apt-get $lists update -qq && download $lists; } || {
  cat "$folder/errors.txt" >&2
  echo "Debian's archive does not answer: put prometheus and promtool on the PATH." >&2
  exit 1
}
dpkg-deb -x "$folder"/prometheus_*.deb "$folder/unpacked"
rm -rf .cache/prometheus
mv "$folder/unpacked" .cache/prometheus
.cache/prometheus/usr/bin/prometheus --version | head -n 1
