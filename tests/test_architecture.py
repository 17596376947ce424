"""The layer table of docs/architecture.md, held: every import points down, lazy ones counted, and none goes in a circle."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mlctl"


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def imports(name: str, path: Path, known: set[str]) -> set[str]:
    """Modules of ours that a module imports, type-checking blocks left out."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in known else node.module for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and (match := re.match(r"(mlctl\.[\w.]+)(:|$)", node.value)):
            found.add(match[1])  # a plug-point's table: "mlctl.launchers.local:launch"
    return {item for item in found if item in known and item != name and item != "mlctl"}


def graph() -> dict[str, set[str]]:
    found = modules()
    return {name: imports(name, path, set(found)) for name, path in found.items()}


def layers() -> list[list[str]]:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| [a-z ]+ \| (`[^|]+) \|$", text, re.MULTILINE)
    return [[item.strip().strip("`").replace("/", ".").removeprefix("mlctl.") for item in row.split(",")] for row in rows]


def layer_of(name: str, table: list[list[str]]) -> int:
    short = name.removeprefix("mlctl.") if name != "mlctl" else "__init__"
    exact = [index for index, row in enumerate(table) if short in row]
    if exact:
        return exact[0]
    wide = [index for index, row in enumerate(table) for item in row if "*" in item and short.startswith(item.rstrip("*"))]
    packages = [index for index, row in enumerate(table) for item in row if item.endswith(".*") and item.removesuffix(".*") == short]
    assert wide or packages, f"{name} is in no layer of docs/architecture.md"
    return max(wide or packages)


def test_imports_point_down():
    table = layers()
    assert len(table) >= 8
    for name, targets in graph().items():
        own = layer_of(name, table)
        for target in targets:
            theirs = layer_of(target, table)
            together = own == theirs and name.rsplit(".", 1)[0] == target.rsplit(".", 1)[0] != "mlctl"
            assert theirs > own or together, f"{name} (layer {own}) imports {target} (layer {theirs})"


def test_no_module_imports_the_facade():
    for name, path in modules().items():
        if name in ("mlctl", "mlctl.__main__"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "mlctl":
                taken = {f"mlctl.{alias.name}" for alias in node.names}
                assert taken <= set(modules()), f"{name} imports {taken} from the facade"


def test_no_circles():
    edges = graph()
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> None:
        assert name not in trail, " → ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for target in edges[name]:
                visit(target, [*trail, name])
            done.add(name)

    for name in edges:
        visit(name, [])


def test_environments_and_launchers_do_not_meet():
    for name, targets in graph().items():
        for here, there in (("mlctl.envs", "mlctl.launchers"), ("mlctl.launchers", "mlctl.envs")):
            if name.startswith(here):
                assert not [target for target in targets if target.startswith(there)], name


def test_one_module_starts_processes():
    for name, path in modules().items():
        text = path.read_text()
        spawning = re.search(r"\bsubprocess\.(Popen|run|call|check_\w+)\(|\bos\.(system|popen|fork|spawn\w+|exec\w+)\(", text)
        assert name == "mlctl.process" or not spawning, f"{name} starts processes: {spawning and spawning[0]}"


@pytest.mark.parametrize("name", sorted(modules()))
def test_size(name):
    path = modules()[name]
    text = path.read_text()
    assert text.count("\n") <= 600, f"{name} is too long"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or node.lineno) - node.lineno < 60, f"{name}: {node.name} is too long"
