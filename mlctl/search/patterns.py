"""Regular expressions whose time is bounded by the length of the text, whatever the pattern.

Python's ``re`` goes back and tries again, which a pattern such as ``(a+)+b`` makes last for years, and nothing can interrupt it. Here all
ways through the pattern are walked at once, character by character (Thompson's construction), and the sets of places met on the way are
kept, so that a known text costs one look-up a character. What needs going back (back-references, looking ahead or behind) is refused.

Meaning: as ``re.search``, but ``$`` is the very end, and only the flag ``(?i)`` is known, at the start.
"""

from typing import Dict, FrozenSet, List, NamedTuple, Optional, Set, Tuple

from mlctl.search.pattern_syntax import MOST, AllOf, AnyOf, One, PatternError, Place, Repeat, Test, Tree, is_word, parse

__all__ = ["BUDGET", "MAX_LENGTH", "MAX_PROGRAM", "Pattern", "PatternError"]

MAX_LENGTH = 500
"""Characters of a pattern."""

MAX_PROGRAM = 2000
"""Steps of a pattern, after ``{m,n}`` has been written out."""

BUDGET = 1_000_000
"""Places in the pattern that may be looked at for characters that have not been met there yet: half a second."""

_PLACES_KEPT = 200_000
_ANSWERS_KEPT = 10_000
_LONG_TEXT = 100


class _Step(NamedTuple):
    """One step of the program: ``one`` (a character that passes), ``place``, ``split`` (to both), ``end``."""

    kind: str
    test: Optional[Test] = None
    place: str = ""
    to: Tuple[int, ...] = ()


def _compile(tree: Tree, program: List[_Step]) -> None:
    _check_size(program)
    if isinstance(tree, One):
        program.append(_Step("one", tree.test))
    elif isinstance(tree, Place):
        program.append(_Step("place", place=tree.kind))
    elif isinstance(tree, AllOf):
        for part in tree.parts:
            _compile(part, program)
    elif isinstance(tree, AnyOf):
        _compile_any(tree, program)
    else:
        _compile_repeat(tree, program)


def _check_size(program: List[_Step]) -> None:
    if len(program) > MAX_PROGRAM:
        raise PatternError(0, f"a regular expression of at most {MAX_PROGRAM} steps, with {{m,n}} written out")


def _compile_any(tree: AnyOf, program: List[_Step]) -> None:
    ends = []
    for part in tree.parts[:-1]:
        fork = len(program)
        program.append(_Step("split"))
        _compile(part, program)
        ends.append(len(program))
        program.append(_Step("split"))
        program[fork] = _Step("split", to=(fork + 1, len(program)))
    _compile(tree.parts[-1], program)
    for end in ends:
        program[end] = _Step("split", to=(len(program),))


def _compile_repeat(tree: Repeat, program: List[_Step]) -> None:
    for _ in range(tree.least):
        length = len(program)
        _compile(tree.part, program)
        if len(program) == length:
            return  # nothing, however often
    if tree.most == MOST:
        fork = len(program)
        program.append(_Step("split"))
        _compile(tree.part, program)
        program.append(_Step("split", to=(fork,)))
        program[fork] = _Step("split", to=(fork + 1, len(program)))
        return
    forks: List[int] = []
    for _ in range(tree.most - tree.least):
        forks.append(len(program))
        program.append(_Step("split"))
        _compile(tree.part, program)
    for fork in forks:
        program[fork] = _Step("split", to=(fork + 1, len(program)))


class _Set:
    """Places in the program that are reached before a character, what the character before was, and the moves known from here."""

    __slots__ = ("before", "moves", "places")

    def __init__(self, places: FrozenSet[int], before: str) -> None:
        self.places = places
        self.before = before
        self.moves: Dict[str, Optional[_Set]] = {}


class Pattern:
    """A regular expression.

    Raises:
        PatternError: it is wrong, too long, or needs going back.
    """

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise PatternError(0, f"a regular expression of at most {MAX_LENGTH} characters")
        self._program: List[_Step] = []
        _compile(parse(text), self._program)
        _check_size(self._program)
        self._program.append(_Step("end"))
        self._anchored = self._program[0] == _Step("place", place="start")
        self._forget()
        self._spent = 0

    @property
    def exhausted(self) -> bool:
        """Whether the budget is spent: answers since then are worth nothing."""
        return self._spent > BUDGET

    def _forget(self) -> None:
        self._sets: Dict[Tuple[FrozenSet[int], str], _Set] = {}
        self._answers: Dict[str, bool] = {}
        self._known = 0
        self._start = self._set(frozenset((0,)), "start")

    def _set(self, places: FrozenSet[int], before: str) -> _Set:
        found = self._sets.get((places, before))
        if found is None:
            found = self._sets[places, before] = _Set(places, before)
        return found

    def search(self, text: str) -> bool:
        """Whether the pattern is found anywhere in a text."""
        found = self._answers.get(text)
        if found is None:
            found = self._search(text)
            if len(text) < _LONG_TEXT and len(self._answers) < _ANSWERS_KEPT:
                self._answers[text] = found
        return found

    def _search(self, text: str) -> bool:
        here = self._start
        for character in text:
            try:
                there = here.moves[character]
            except KeyError:
                if self.exhausted:
                    return False
                there = self._move(here, character)
            if there is None:
                return True
            if not there.places:
                return False
            here = there
        return self._closure(here, "end") is None

    def _move(self, here: _Set, character: str) -> Optional[_Set]:
        """Where a character leads; None: to the end of the program."""
        kind = "word" if is_word(character) else "other"
        reached = self._closure(here, kind)
        there = None
        if reached is not None:
            steps = self._program
            onward = {place + 1 for place in reached for test in (steps[place].test,) if test and test(character)}
            there = self._set(frozenset(onward if self._anchored else onward | {0}), kind)
        here.moves[character] = there
        self._known += 1 + (len(there.places) if there else 0)
        if self._known > _PLACES_KEPT:
            self._forget()
        return there

    def _closure(self, here: _Set, after: str) -> Optional[Set[int]]:
        """Steps that wait for a character, from everywhere in a set; None if the end of the program is among what is reached."""
        seen, waiting, todo = set(here.places), set(), list(here.places)
        while todo:
            place = todo.pop()
            step = self._program[place]
            if step.kind == "end":
                self._spent += len(seen)
                return None
            if step.kind == "one":
                waiting.add(place)
                continue
            onward = step.to if step.kind == "split" else (place + 1,) if _holds(step.place, here.before, after) else ()
            for other in onward:
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        self._spent += len(seen)
        return waiting


def _holds(place: str, before: str, after: str) -> bool:
    if place == "start":
        return before == "start"
    if place == "end":
        return after == "end"
    return ((before == "word") != (after == "word")) == (place == "boundary")
