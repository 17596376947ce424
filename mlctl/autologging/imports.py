"""Tells when modules of a library have been imported, so that autologging can be asked for before its library is.

While nothing is watched there is no hook. With one, an import of any other library costs a look into a dictionary.
"""

import sys
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional

Imported = Callable[[ModuleType], None]


class _Finder:
    """First on ``sys.meta_path`` while something is watched: lets the others find a module, and hears when it has run."""

    def __init__(self) -> None:
        self.watched: Dict[str, Imported] = {}

    def find_spec(self, fullname: str, path: Any = None, target: Optional[ModuleType] = None) -> Any:
        """The spec that the other finders give, with its loader made to report a module of a watched library."""
        imported = self.watched.get(fullname.partition(".")[0])
        if imported is None:
            return None
        for finder in [item for item in sys.meta_path if item is not self and hasattr(item, "find_spec")]:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                _report(spec.loader, imported)
                return spec
        return None


_finder = _Finder()


def watch(library: str, imported: Imported) -> None:
    """Call ``imported(module)`` after each import of a module of the library, from now on. It must not raise."""
    _finder.watched[library] = imported
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def unwatch(library: str) -> None:
    """No more calls for this library; the hook goes with the last one."""
    _finder.watched.pop(library, None)
    if not _finder.watched and _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


def loaded(library: str) -> List[ModuleType]:
    """Modules of the library that have been imported, by name."""
    inside = library + "."
    return [module for name, module in sorted(sys.modules.items()) if module is not None and (name == library or name.startswith(inside))]


def _report(loader: Any, imported: Imported) -> None:
    """Have this one module's loader report when the module has run, and be its old self again."""
    run = getattr(loader, "exec_module", None)
    if run is None or isinstance(loader, type):  # built-in modules share their loader
        return

    def exec_module(module: ModuleType) -> None:
        del loader.exec_module
        run(module)
        imported(module)

    try:
        loader.exec_module = exec_module
    except AttributeError:  # a loader that takes no attributes: its module is not watched
        return
