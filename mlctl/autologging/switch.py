"""Whether the autologging of a library is on, what it patched, and how it is turned on and off."""

import inspect
import threading
from types import ModuleType
from typing import Any, Callable, Generic, Optional, Sequence, TypeVar

from mlctl.autologging import imports
from mlctl.autologging.notices import guard
from mlctl.autologging.options import Options
from mlctl.autologging.patches import Patches

O = TypeVar("O", bound=Options)  # noqa: E741 -- options of a library

Patch = Callable[[ModuleType, Patches], None]


class Switch(Generic[O]):
    """Patches a library while it is on, as soon as the library has been imported; turning it on imports nothing.

    Args:
        packages: the modules whose end of import is waited for: everything to be patched has been imported by then.
        patch: makes the patches for one of them.
    """

    def __init__(self, packages: Sequence[str], patch: Patch) -> None:
        self.options: Optional[O] = None
        self._packages = packages
        self._patch = patch
        self._patches = Patches()
        self._lock = threading.RLock()
        self._by_name = False

    def turn(self, options: Optional[O], *, by_name: bool = True) -> None:
        """Log as these options say; None turns logging off and puts every function back."""
        with self._lock:
            self._by_name = by_name
            self.options = None
            for package in self._packages:
                imports.unwatch(package.partition(".")[0])
            self._patches.undo()
            if options is None:
                return
            self.options = options
            for package in self._packages:
                imports.watch(package.partition(".")[0], self._imported)
                for module in imports.loaded(package.partition(".")[0]):
                    if not _is_being_imported(module):
                        self._imported(module)

    def with_all(self, autolog: Callable[..., None], *, disable: bool, **arguments: Any) -> None:
        """What the generic ``autolog()`` does: what a script asked for by name is not overridden, but turned off."""
        if disable:
            self.turn(None, by_name=False)
        elif not self._by_name:
            known = inspect.signature(autolog).parameters
            autolog(**{name: value for name, value in arguments.items() if name in known})
            self._by_name = False

    def _imported(self, module: ModuleType) -> None:
        options = self.options
        if options is None or module.__name__ not in self._packages:
            return
        with self._lock, guard(f"watch {module.__name__}", silent=options.silent):
            self._patch(module, self._patches)


def _is_being_imported(module: ModuleType) -> bool:
    """Whether the import of a module has begun and not ended: `sys.modules` has it then, and its end is yet to be reported."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
