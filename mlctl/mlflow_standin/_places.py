"""Where `mlflow` and what is below it come from: the real one before all, then the stand-in's names, then a folder of the project's."""

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, List, Optional, Sequence

from . import _names


def settle(path: List[str], file: str) -> None:
    """Put the real mlflow in this one's place if there is one; else find this one's modules, and those of the project's own folder.

    Args:
        path: the package's ``__path__``, to which folders named mlflow without an ``__init__.py`` are added.
        file: the package's ``__init__.py``.
    """
    home = os.path.dirname(os.path.dirname(os.path.realpath(file)))  # noqa: PTH120
    spec = PathFinder.find_spec("mlflow", [entry for entry in sys.path if os.path.realpath(entry or os.curdir) != home])
    if spec is not None and spec.origin is None:
        path += list(spec.submodule_search_locations or ())
    real = spec if spec is not None and spec.origin is not None else _from_other_finders(file)
    if real is None:
        sys.meta_path.insert(0, _Finder())
    else:
        _load(real)


def _from_other_finders(file: str) -> Optional[ModuleSpec]:
    for finder in sys.meta_path:
        find_spec = getattr(finder, "find_spec", None)
        spec = find_spec("mlflow", None) if find_spec is not None and finder is not PathFinder else None
        if spec is not None and spec.origin not in (None, file):
            found: ModuleSpec = spec
            return found
    return None


def _load(spec: ModuleSpec) -> None:
    module = importlib.util.module_from_spec(spec)
    for name in [name for name in sys.modules if name.startswith("mlflow.")]:
        del sys.modules[name]
    sys.modules["mlflow"] = module  # what the import statement returns in the end is what it finds here
    assert spec.loader is not None
    spec.loader.exec_module(module)


class _Finder:
    """Finds the stand-in's modules, then those of a folder of the project's; what is nowhere, is named in the error."""

    def find_spec(self, name: str, path: Optional[Sequence[str]] = None, _target: Optional[ModuleType] = None) -> Optional[ModuleSpec]:
        """The spec of a module below mlflow.

        Raises:
            ModuleNotFoundError: there is no such module. Its ``name`` is mlflow, the package that would have to be added.
        """
        if not name.startswith("mlflow."):
            return None
        if name in _names.MODULES:
            return ModuleSpec(name, _Loader(), origin="mlctl's stand-in", is_package=_names.is_package(name))  # type: ignore[arg-type]
        found = PathFinder.find_spec(name, path)
        if found is None:
            raise ModuleNotFoundError(_names.absent(name), name="mlflow")
        return found


class _Loader:
    """Makes modules whose names are looked up when they are used."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name, f"What mlctl offers of `{spec.name}`.")

    def exec_module(self, module: ModuleType) -> None:
        module.__all__ = _names.listed(module.__name__)  # type: ignore[attr-defined]


class _Module(ModuleType):
    """A module of the stand-in."""

    def __getattr__(self, name: str) -> Any:
        return _names.attribute(self.__name__, name)

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *_names.listed(self.__name__)]
