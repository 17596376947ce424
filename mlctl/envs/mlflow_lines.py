"""Requirement lines without mlflow: what ``--without-mlflow`` leaves out of an environment, and what the user should know about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlctl.envs.pip_lines import Line

OPTION = "--without-mlflow"
PACKAGES = frozenset(("mlflow", "mlflow-skinny", "mlflow-tracing"))  # those that install a package called mlflow
_BROUGHT_ALONG = ("matplotlib", "numpy", "pandas", "scikit-learn", "scipy")  # by mlflow, and used by the scripts that log to it
_NAME = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?\s*(?:$|[\s<>=!~;@(,])")
_FILE = re.compile(r"(?:.*[/\\])?([A-Za-z0-9][A-Za-z0-9_.]*?)-\d[^/\\]*\.(?:whl|zip|tar\.\w+)(?:[\s;#?].*)?$")
_EGG = re.compile(r"#(?:.*&)?egg=([\w.-]+)(?:\[([^\]]*)\])?")
_REPOSITORY = re.compile(r"git\+\S*/([\w.-]+?)(?:\.git)?(?:@[^#]*)?(?:#.*)?$")


class Named(NamedTuple):
    """What a requirement line names: a package ("" where the line does not say) and its extras."""

    package: str = ""
    extras: str = ""


def named(line: str) -> Named:
    """The package that a requirement line names, its name normalised; constraints and other options name none."""
    text = re.sub(r"^(?:-e|--editable)[\s=]+", "", line)
    if text.startswith("-"):
        return Named()
    for pattern in (_EGG.search, _NAME.match, _FILE.match, _REPOSITORY.match):
        found = pattern(text)
        if found:
            name = re.sub(r"[-_.]+", "-", found[1]).lower()
            return Named(name, (found[2] or "").replace(" ", "") if found.re.groups > 1 else "")
    return Named()


def without(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The lines that do not name mlflow."""
    return tuple(line for line in lines if named(line.text).package not in PACKAGES)


def notes(lines: Sequence[Line]) -> tuple[str, ...]:
    """What to tell about leaving mlflow out of these lines."""
    found = [named(line.text) for line in lines]
    gone = [each for each in found if each.package in PACKAGES]
    if not gone:
        return (f"{OPTION} changes nothing: the environment does not ask for mlflow by name",)
    said = [f"not installed ({OPTION}): {', '.join(_shown(each) for each in gone)}; `import mlflow` finds mlctl's stand-in"]
    said += [
        f"what the extras of {_shown(each)} bring is not installed: the project has to list what it uses of it"
        for each in gone
        if each.extras
    ]
    missing = [name for name in _BROUGHT_ALONG if name not in {each.package for each in found}]
    if missing and any(each.package == "mlflow" for each in gone):
        said.append(f"without mlflow these come only if something else brings them: {', '.join(missing)}")
    return tuple(said)


def _shown(each: Named) -> str:
    return f"{each.package}[{each.extras}]" if each.extras else each.package
