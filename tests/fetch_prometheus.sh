#!/bin/sh
# Debian's Prometheus, unpacked into .cache/prometheus without installing it: no root is needed.
set -eu
cd "$(dirname "$0")/.."

[ -x .cache/prometheus/usr/bin/promtool ] && exit 0
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
  echo "This fetches Debian's package; elsewhere put prometheus and promtool on the PATH." >&2
  exit 1
}
mkdir -p .cache
folder=$(mktemp -d .cache/prometheus.XXXXXX)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && apt-get download -qq prometheus) || {
  echo "The package lists may be old: run apt-get update, or put prometheus on the PATH." >&2
  exit 1
}
dpkg-deb -x "$folder"/prometheus_*.deb "$folder/unpacked"
rm -rf .cache/prometheus
mv "$folder/unpacked" .cache/prometheus
.cache/prometheus/usr/bin/prometheus --version | head -n 1
