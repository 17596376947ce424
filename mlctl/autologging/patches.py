"""Functions of other people's modules and classes, replaced and put back."""

from types import FunctionType
from typing import Any, Callable, Dict, List, NamedTuple, Tuple
from weakref import WeakKeyDictionary

_originals: "WeakKeyDictionary[Any, Any]" = WeakKeyDictionary()
"""Replacement → original. It is no attribute: those are copied to whatever wraps a function, and pickled with it."""

Make = Callable[[Any], Any]


class _Change(NamedTuple):
    owner: Any
    name: str
    before: Any
    after: Any
    own: bool  # whether the owner had the attribute itself, or inherited it


class Patches:
    """Replacements that were made, so that they can be undone."""

    def __init__(self) -> None:
        self._changes: List[_Change] = []
        self._made: Dict[Tuple[int, Make], Any] = {}

    def wrap(self, owner: Any, name: str, make: Make) -> None:
        """Replace ``owner.name`` (a class, a module) with ``make(original)``; nothing happens if it is no plain function.

        A function that several owners share gets one replacement: pickling by name finds the same object wherever it looks. Methods that
        scikit-learn makes available on a condition keep their descriptor; the function inside it is replaced.
        """
        original = _static(owner, name)
        if isinstance(original, FunctionType):
            if not is_replacement(original):
                self._replace(owner, name, original, make)
        elif hasattr(original, "fn") and (hasattr(original, "check") or hasattr(original, "delegate_names")):
            self.wrap(original, "fn", make)

    def undo(self) -> None:
        """Put every original back, the same object in the same place.

        What somebody else has replaced meanwhile stays: theirs may rest on ours, which passes every call through once it is off.
        """
        while self._changes:
            change = self._changes.pop()
            if vars(change.owner).get(change.name) is not change.after:
                continue
            if change.own:
                setattr(change.owner, change.name, change.before)
            else:
                delattr(change.owner, change.name)
        self._made.clear()

    def _replace(self, owner: Any, name: str, original: Any, make: Make) -> None:
        key = (id(original), make)
        if key not in self._made:
            self._made[key] = make(original)
            _originals[self._made[key]] = original
        self._changes.append(_Change(owner, name, original, self._made[key], name in vars(owner)))
        setattr(owner, name, self._made[key])


def original_of(function: Any) -> Any:
    """The function itself, or the original that a replacement stands for."""
    return _originals[function] if is_replacement(function) else function


def is_replacement(function: Any) -> bool:
    """Whether this is one of the functions that autologging puts in place of others."""
    return isinstance(function, FunctionType) and function in _originals


def _static(owner: Any, name: str) -> Any:
    """The attribute as it stands in a class, one of its bases, or a module; no descriptor is asked."""
    for holder in getattr(owner, "__mro__", (owner,)):
        if name in vars(holder):
            return vars(holder)[name]
    return None
