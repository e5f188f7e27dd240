"""Our assembling does what kustomize does."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.k8s.assembling import assembled, find

K8S = Path(__file__).parents[3] / "k8s"
FOLDERS = sorted(path.parent.relative_to(K8S) for path in K8S.rglob("kustomization.yaml"))


def keyed(objects: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["kind"], one["metadata"]["name"]): one for one in objects}


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_it_is_what_kubectl_makes(folder: Path) -> None:
    if not (kubectl := shutil.which("kubectl")):
        pytest.skip("no kubectl here: what kustomize makes of k8s/ was NOT compared")
    made = subprocess.run(
        [kubectl, "kustomize", str(K8S / folder)], capture_output=True, text=True, check=True
    )
    assert keyed(list(yaml.safe_load_all(made.stdout))) == keyed(assembled(K8S / folder))


def test_all_manifests_of_a_folder_are_part_of_it() -> None:
    """But for examples, and for files that are no objects of Kubernetes, such as rules."""
    for kustomization in K8S.rglob("kustomization.yaml"):
        wanted = yaml.safe_load(kustomization.read_text(encoding="utf-8"))
        named = {
            *wanted.get("resources", ()),
            *(patch["path"] for patch in wanted.get("patches", ())),
        }
        files = {path.name: path for path in kustomization.parent.glob("*.yaml")}
        left_out = {name for name in files.keys() - named if name != kustomization.name}
        assert [n for n in left_out if "\nkind: " in files[n].read_text(encoding="utf-8")] in (
            [],
            ["secrets.example.yaml"],
        )


def test_what_is_outside_of_the_subset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("namePrefix: x-\n", encoding="utf-8")
    with pytest.raises(ValueError, match="namePrefix is not in our subset"):
        assembled(tmp_path)


def test_a_patch_changes_one_place_of_a_value_that_an_anchor_shares(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text(
        "resources: [a.yaml]\npatches: [{path: p.yaml, target: {kind: A, name: a}}]\n"
    )
    (tmp_path / "a.yaml").write_text("{kind: A, metadata: {name: a}, one: &x {list: [1]}, two: *x}")
    (tmp_path / "p.yaml").write_text("[{op: add, path: /one/list/-, value: 2}]")
    found = find(assembled(tmp_path), "A")
    assert (found["one"], found["two"]) == ({"list": [1, 2]}, {"list": [1]})
