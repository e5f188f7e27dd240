"""The shape of the code, checked: sizes, names, globals, imports, registry hosts."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("serve", "pipelines", "autoscaling", "k8s", "benchmarks", "tests")
MAX_FILE_LINES = 250
MAX_FUNCTION_LINES = 40
VAGUE_NAMES = frozenset({"utils.py", "helpers.py", "common.py", "manager.py", "base.py"})
# Written in halves, so that this file does not name a host itself.
REGISTRY_HOSTS = tuple(
    host + "." + domain
    for host, domain in (
        ("pypi", "org"),
        ("files.pythonhosted", "org"),
        ("download.pytorch", "org"),
        ("pypi.nvidia", "com"),
        ("conda.anaconda", "org"),
    )
)
TEXT_SUFFIXES = frozenset({".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".cfg", ".ini", ".sh"})


def sources(*parts: str) -> Iterator[Path]:
    for part in parts:
        yield from sorted((ROOT / part).rglob("*.py"))


def texts() -> Iterator[Path]:
    """The files that a clone has: those in hidden and ignored folders do not count."""
    for pattern in ("*", ".ci/*", *(f"{part}/**/*" for part in (*PARTS, "docs"))):
        for path in ROOT.glob(pattern):
            if path.suffix in TEXT_SUFFIXES or path.name in ("Makefile", "run"):
                yield path


def trees(*parts: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sources(*parts):
        yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"), str(path))


def test_there_is_code_to_check() -> None:
    assert len(list(sources("serve", "pipelines", "autoscaling"))) > 20
    assert len(list(texts())) > 20


def test_no_file_is_longer_than_it_should_be() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources(*PARTS)
    }
    assert {path: lines for path, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_it_should_be() -> None:
    too_long = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in trees(*PARTS)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert too_long == []


def test_files_are_named_after_what_they_hold() -> None:
    assert [str(path) for path in sources(*PARTS) if path.name in VAGUE_NAMES] == []


def test_every_module_says_in_one_sentence_what_it_is_for() -> None:
    silent = [
        str(path)
        for path, tree in trees("serve", "pipelines", "autoscaling", "k8s", "benchmarks")
        if not ast.get_docstring(tree)
    ]
    assert silent == []


def test_nothing_is_global() -> None:
    statements = [
        f"{path}:{node.lineno}"
        for path, tree in trees(*PARTS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Global)
    ]
    assert statements == []


def test_no_module_keeps_mutable_state() -> None:
    """Constant tables are fine; an empty container at module level is one waiting to be filled."""
    waiting = [
        f"{path}:{node.lineno}"
        for path, tree in trees("serve", "pipelines", "autoscaling", "k8s")
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and _is_empty_container(node.value)
    ]
    assert waiting == []


def _is_empty_container(value: ast.expr | None) -> bool:
    if isinstance(value, ast.List | ast.Set):
        return not value.elts
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return value.func.id in ("list", "dict", "set", "defaultdict", "deque", "OrderedDict")
    return False


def test_ray_serve_is_never_confused_with_our_own() -> None:
    """`from ray import serve as ray_serve`, always, and never a bare `import serve`."""
    confusing = [
        f"{path}:{node.lineno} {name}"
        for path, tree in trees(*PARTS)
        for node in ast.walk(tree)
        for name in _confusing_names(node)
    ]
    assert confusing == []


def _confusing_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name == "serve" or (alias.name.startswith("ray.serve") and not alias.asname):
                yield f"import {alias.name}"
    if isinstance(node, ast.ImportFrom) and node.module == "ray":
        for alias in node.names:
            if alias.name == "serve" and alias.asname != "ray_serve":
                yield "from ray import serve"


def test_no_registry_is_named() -> None:
    """Where packages come from is the business of whoever installs, not of this project."""
    naming = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in texts()
        for host in REGISTRY_HOSTS
        if path.is_file() and host in path.read_text(encoding="utf-8")
    ]
    assert naming == []


def test_the_import_contracts_hold() -> None:
    checked = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
