"""Environment files as YAML nodes: texts as they were written, and every mistake with its file and line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlctl.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def lines(file: Path, key: str, node: Any) -> Iterator[str]:
    """The requirement lines of a list; an item of several lines counts as several."""
    for item in items(file, key, node):
        for line in text(file, key, item).splitlines():
            if line.strip():
                yield line.strip()


def items(file: Path, key: str, node: Any) -> list[Any]:
    """The nodes of a list; none for a key that is absent or empty.

    Raises:
        ProjectError: it is not a list.
    """
    if node is None or node.tag.endswith(":null"):
        return []
    if node.id != "sequence":
        line = f"  - {node.value}" if node.id == "scalar" else "  - name==1.0"
        raise wrong(
            file,
            node,
            key,
            "it is not a list",
            f"Put each requirement on a line of its own: `{key.rpartition('.')[2]}:` and then `{line}`.",
        )
    return list(node.value)


def text(file: Path, key: str, node: Any) -> str:
    """An item of a list, which has to be a text.

    Raises:
        ProjectError: it is something else.
    """
    if node.id == "scalar" and node.tag.endswith(":str"):
        return str(node.value).strip()
    if node.id == "mapping" and any(name.value == "pip" for name, _ in node.value):
        hint = "This is how conda files do it: put the lines of the `pip` list directly under `dependencies`."
        raise wrong(file, node, key, "a `pip:` list inside the list", hint)
    what = {"scalar": f"{node.value!r} is not a text"}.get(node.id, f"a {node.id} stands where a requirement line should")
    raise wrong(file, node, key, what, "Each item is one line as pip takes it, in quotes if YAML reads it differently.")


def variables(file: Path, node: Any) -> tuple[tuple[str, str], ...]:
    """Variables with their values as they are written: no number is rounded, and ``yes`` stays ``yes``.

    Raises:
        ProjectError: they are something else.
    """
    if node is None or node.tag.endswith(":null"):
        return ()
    if node.id != "mapping":
        raise wrong(file, node, "variables", "they are not names with values", "Write each as `  NAME: value`.")
    for key, value in node.value:
        if key.id != "scalar" or value.id != "scalar":
            raise wrong(file, value, "variables", "a value is not a text", "Write each as `  NAME: value`.")
        if not key.value or "=" in key.value or "\0" in key.value + value.value:
            raise wrong(file, key, "variables", f"{key.value!r} cannot be the name of a variable", "Write each as `  NAME: value`.")
    return tuple((key.value, "" if value.tag.endswith(":null") else value.value) for key, value in node.value)


def mapping(file: Path) -> dict[str, Any]:
    """The keys of a YAML file with the nodes of their values; the last of two equal keys counts, as in YAML loaders.

    Raises:
        ProjectError: the file cannot be read, is not YAML, or does not hold keys.
    """
    node = _compose(file)
    if node is None:
        return {}
    if node.id != "mapping":
        hint = "It should start with a line such as `dependencies:`."
        if file.suffix == ".txt":
            hint = f"For a requirements file, name a python_env.yaml that has `dependencies:` and under it `  - -r {file.name}`."
        raise wrong(file, node, "", f"it holds a {node.id}, not keys with values", hint)
    return {key.value if key.id == "scalar" else "?": value for key, value in node.value}


def _compose(file: Path) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.compose(file.read_text("utf-8-sig"), Loader=loader)
    except UnicodeDecodeError as error:
        raise ProjectError(f"{file}: it is not UTF-8 text ({error.reason} at byte {error.start}).") from None
    except OSError as error:
        raise ProjectError(f"{file}: {error.strerror}.", hint="The project's MLproject file names it as its environment.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ProjectError(f"{file}:{line}: it is not valid YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise ProjectError(f"{file}: it is not valid YAML: {error}.") from None


def wrong(file: Path, node: Any, key: str, what: str, hint: str) -> ProjectError:
    """The error that says what is wrong at a node."""
    named = f"`{key}`: " if key else ""
    return ProjectError(f"{file}:{node.start_mark.line + 1}: {named}{what}.", hint=hint)
