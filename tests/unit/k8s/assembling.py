"""What kustomize makes of our folders, for where there is no kustomize.

The subset that k8s/ keeps to: `resources`, `patches` (JSON 6902 from a file, onto one kind and
name), `images`, `namespace`. Anything else is refused. Where kubectl is there, a test compares.
"""

import copy
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]
KEYS = {"apiVersion", "kind", "resources", "patches", "images", "namespace"}
CLUSTER_WIDE = ("Namespace", "PriorityClass")


def assembled(folder: Path) -> list[Manifest]:
    """All objects of a kustomization."""
    wanted = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    if unknown := set(wanted) - KEYS:
        raise ValueError(f"{folder}: {', '.join(sorted(unknown))} is not in our subset")
    objects = [one for name in wanted.get("resources", ()) for one in _loaded(folder / name)]
    for patch in wanted.get("patches", ()):
        operations = yaml.safe_load((folder / patch["path"]).read_text(encoding="utf-8"))
        target = find(objects, patch["target"]["kind"], patch["target"]["name"])
        for operation in operations:
            _apply(target, copy.deepcopy(operation))
    for one in objects:
        for image in wanted.get("images", ()):
            _rename(one, image)
        if wanted.get("namespace") and one["kind"] not in CLUSTER_WIDE:
            one["metadata"]["namespace"] = wanted["namespace"]
        if wanted.get("namespace") and one["kind"] == "Namespace":
            one["metadata"]["name"] = wanted["namespace"]
    return objects


def find(objects: list[Manifest], kind: str, name: str | None = None) -> Manifest:
    """The one object of a kind, or of a kind and a name."""
    found = [
        one for one in objects if one["kind"] == kind and name in (None, one["metadata"]["name"])
    ]
    if len(found) != 1:
        raise LookupError(f"{len(found)} objects are a {kind} {name or ''}")
    return found[0]


def _loaded(path: Path) -> list[Manifest]:
    if path.is_dir():
        return assembled(path)
    # An anchor's value may be used twice: copies, so that a patch changes one place only.
    documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    return [_unshared(document) for document in documents if document]


def _unshared(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unshared(inner) for key, inner in value.items()}
    return [_unshared(inner) for inner in value] if isinstance(value, list) else value


def _apply(target: Manifest, operation: dict[str, Any]) -> None:
    *above, last = operation["path"].strip("/").split("/")
    place: Any = target
    for key in (key.replace("~1", "/").replace("~0", "~") for key in above):
        place = place[int(key)] if isinstance(place, list) else place[key]
    at: Any = int(last) if isinstance(place, list) and last != "-" else last
    match operation["op"]:
        case "remove":
            del place[at]
        case "replace":
            place[at]  # raises if there is nothing to replace
            place[at] = _unshared(operation["value"])
        case "add" if isinstance(place, list):
            place.insert(len(place) if at == "-" else at, _unshared(operation["value"]))
        case "add":
            place[at] = _unshared(operation["value"])
        case other:
            raise ValueError(f"{other} is not in our subset")


def _rename(value: Any, image: dict[str, str]) -> None:
    """In every list of containers, wherever it stands."""
    if isinstance(value, list):
        for inner in value:
            _rename(inner, image)
    elif isinstance(value, dict):
        for container in (*value.get("containers", ()), *value.get("initContainers", ())):
            if container["image"].partition(":")[0] == image["name"]:
                name = image.get("newName", image["name"])
                container["image"] = f"{name}:{image['newTag']}"
        for inner in value.values():
            _rename(inner, image)
