"""Which distributions a model needs: found from what its pickle names, what its code imports and what was imported while it predicted.

Nothing is started for that: MLflow loads the model once more in another process, which takes seconds. What is not found can be given.
"""

import dis
import os
import sys
import types
from collections import deque
from pathlib import Path
from typing import Any, BinaryIO, Deque, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Union

from mlctl.errors import InvalidValueError

Given = Union[None, str, "os.PathLike[str]", Sequence[str]]

_OURS = ("mlctl", "mlflow")
_MODULES_DEEP = 20
_INSTRUCTIONS = 1_000_000
"""Of a pickle, so many are read (in a second): what a model is made of is named long before."""


def names_in_pickle(path: Union[str, Path]) -> Set[str]:
    """Top-level modules that a pickle refers to; its instructions are read, and none is followed."""
    found: Set[str] = set()
    with open(path, "rb") as file:  # noqa: PTH123
        try:
            for name in _references(file):
                found.add(name.partition(".")[0])
        except Exception:  # noqa: BLE001, S110 -- what follows an array inside may not be a pickle; what was found before it counts
            pass
    return {name for name in found if name.isidentifier()}


def _references(file: BinaryIO) -> Iterator[str]:
    """Modules that a pickle's instructions name: in the text of GLOBAL, or as the last but one that was put on the stack."""
    import pickletools

    pushed: Deque[Any] = deque(maxlen=2)
    memo: Dict[int, Any] = {}
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if count >= _INSTRUCTIONS:
            return
        if opcode.name == "GLOBAL":
            yield str(argument).partition(" ")[0]
        elif opcode.name == "STACK_GLOBAL":
            yield str(pushed[0])
        if opcode.name == "MEMOIZE":
            memo[len(memo)] = pushed[-1] if pushed else None
        elif "PUT" in opcode.name:
            memo[int(argument or 0)] = pushed[-1] if pushed else None
        elif "GET" in opcode.name:
            pushed.append(memo.get(int(argument or 0)))
        elif opcode.stack_after:
            pushed.append(argument if isinstance(argument, str) else None)


def names_in_code(value: Any) -> Set[str]:
    """Top-level modules that functions, and methods of a class or an instance, import or hold in their globals."""
    found: Set[str] = set()
    for function in _functions(value):
        for code in _codes(function.__code__):
            found |= {str(item.argval).partition(".")[0] for item in dis.get_instructions(code) if item.opname == "IMPORT_NAME"}
        for name in function.__code__.co_names:
            known = function.__globals__.get(name)
            module = known.__name__ if isinstance(known, types.ModuleType) else getattr(known, "__module__", None)
            if isinstance(module, str):
                found.add(module.partition(".")[0])
    return found


def _functions(value: Any) -> Iterator[types.FunctionType]:
    if isinstance(value, types.FunctionType):
        yield value
        return
    kind = value if isinstance(value, type) else type(value)
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] not in (*_OURS, "builtins"):
            for member in vars(base).values():
                function = getattr(member, "__func__", member)
                if isinstance(function, types.FunctionType):
                    yield function


def _codes(code: types.CodeType, depth: int = 0) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType) and depth < _MODULES_DEEP:
            yield from _codes(constant, depth + 1)


def pinned(modules: Iterable[str], *, distributions: Iterable[str] = ()) -> List[str]:
    """``name==version`` of the distributions that modules come from, and of those that are named, as they are installed; by name."""
    wanted = {name for name in modules if name not in _standard()}
    known = _distributions(wanted)
    names = {name for module in wanted for name in known.get(module, ())} | set(distributions)
    found: Dict[str, str] = {}
    for name in names:
        version = version_of(name)
        if version and name.lower() not in _OURS:
            found[name.lower().replace("_", "-")] = f"{name}=={version.partition('+')[0]}"
    return [found[name] for name in sorted(found)]


def version_of(distribution: str) -> Optional[str]:
    """The installed version of a distribution."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _standard() -> Set[str]:
    names: Set[str] = set(getattr(sys, "stdlib_module_names", ())) | set(sys.builtin_module_names) | {"__main__", "__mp_main__"}
    return names | {"pickle", "copyreg", "builtins", "collections", "functools", "types", "typing", "io", "os", "re", "json"}


_FOUND: Dict[str, List[str]] = {}


def _distributions(modules: Set[str]) -> Dict[str, List[str]]:
    """Names of distributions by module: those asked for. Metadata are read where a distribution's name is not the module's."""
    from importlib import metadata

    for module in modules - _FOUND.keys():
        known = _RENAMED.get(module, module)
        if version_of(known):
            _FOUND[module] = [str(metadata.metadata(known)["Name"])]
    left = modules - _FOUND.keys()
    if left:
        for module, names in _all_distributions().items():
            _FOUND.setdefault(module, names)
        _FOUND.update({module: [] for module in left - _FOUND.keys()})
    return _FOUND


_RENAMED = {"sklearn": "scikit-learn", "PIL": "pillow", "yaml": "PyYAML", "cv2": "opencv-python", "skimage": "scikit-image"}


def _all_distributions() -> Dict[str, List[str]]:
    from importlib import metadata

    if hasattr(metadata, "packages_distributions"):  # Python 3.10
        return {module: list(dict.fromkeys(names)) for module, names in metadata.packages_distributions().items()}
    found: Dict[str, List[str]] = {}
    for distribution in metadata.distributions():
        for module in (distribution.read_text("top_level.txt") or "").split():
            found.setdefault(module, []).append(str(distribution.metadata["Name"]))
    return found


def given(requirements: Given, *, what: str = "pip_requirements") -> List[str]:
    """Requirement lines that a caller gives: a list, or a file of them (also inside a list, as ``-r FILE``).

    Raises:
        InvalidValueError: it is neither, or the file cannot be read.
    """
    if requirements is None:
        return []
    if isinstance(requirements, (str, os.PathLike)):
        return _lines_of(os.fspath(requirements), what)
    found: List[str] = []
    for line in requirements:
        if not isinstance(line, str):
            raise InvalidValueError(
                f"{what} holds {line!r}, which is no text.", hint="Give lines such as 'numpy==2.0', or the path of a file."
            )
        text = line.strip()
        found += _lines_of(text[2:].strip(), what) if text.startswith("-r") else [text] if text else []
    return found


def _lines_of(path: str, what: str) -> List[str]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValueError(f"{what}: the file {path!r} cannot be read: {error}.") from None
    lines = [line.partition(" #")[0].strip() for line in text.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def of_conda(conda_env: Union[str, "os.PathLike[str]", Mapping[str, Any]]) -> Dict[str, Any]:
    """A conda environment that a caller gives, as a mapping or a file.

    Raises:
        InvalidValueError: it is neither.
    """
    from mlctl.models import yaml_files

    if isinstance(conda_env, Mapping):
        return dict(conda_env)
    return yaml_files.read(os.fspath(conda_env))
