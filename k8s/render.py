"""Each overlay's Serve config, as the text that a RayService carries: `python -m k8s.render`.

The config is a file of its own so that it can be read, checked and given to `serve deploy`. KubeRay
wants it as a string within the RayService, so it is embedded there by a patch, word for word.
"""

import sys
import textwrap
from pathlib import Path

OVERLAYS = Path(__file__).parent / "overlays"
CONFIG, PATCH = "serve-config.yaml", "serve-config.patch.yaml"
HEADER = f"""\
# Made by `python -m k8s.render` from {CONFIG}, which is what to change.
- op: add
  path: /spec/serveConfigV2
  value: |
"""


def embedded(config: str) -> str:
    """A patch that gives a RayService this config."""
    return HEADER + textwrap.indent(config, 4 * " ")


def render(overlays: Path = OVERLAYS) -> list[Path]:
    """Write the patch of each overlay that has a config; those that changed."""
    changed = []
    for config in sorted(overlays.glob(f"*/{CONFIG}")):
        patch, text = config.with_name(PATCH), embedded(config.read_text(encoding="utf-8"))
        if not patch.exists() or patch.read_text(encoding="utf-8") != text:
            patch.write_text(text, encoding="utf-8")
            changed.append(patch)
    return changed


if __name__ == "__main__":
    for path in render():
        sys.stdout.write(f"{path}\n")
