"""YAML with places: the values that ``yaml.safe_load`` gives, each with the line and the key path where it stands.

libyaml's parser is used where it is present, because it is eight times faster; PyYAML's own has the last word wherever the two differ.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from mlctl.projects.entities import ERROR, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAX_FIELDS = 20_000  # of one mapping after its merge keys: merges of merges would double without end
_MAX_NESTING = 500  # libyaml recurses without a bound of its own and would take the interpreter down
_TEXT = "tag:yaml.org,2002:str"
_DIFFERENT = re.compile("[\x85\u2028\u2029\ufeff]")  # libyaml and PyYAML read these differently
_NESTING = re.compile(r"[\[{]|[-?]\s")
_UNREADABLE = (ValueError, AttributeError, KeyError, IndexError, TypeError, OverflowError)


class _Marked:
    """Gives a place to the errors that PyYAML raises without one, and merge keys a bound."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 -- PyYAML's signature
        try:
            return super().construct_object(node, deep=deep)  # type: ignore[misc]
        except _UNREADABLE as error:
            raise yaml.constructor.ConstructorError(None, None, f"cannot read the value: {error}", node.start_mark) from None

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)  # type: ignore[misc]
        if len(node.value) > _MAX_FIELDS:
            raise yaml.constructor.ConstructorError(None, None, "too many merged keys", node.start_mark)


_Exact: Any = type("_Exact", (_Marked, yaml.SafeLoader), {})
_Fast: Any = type("_Fast", (_Marked, yaml.CSafeLoader), {}) if yaml.__with_libyaml__ else _Exact


@dataclass(frozen=True)
class Place:
    """A value of the file. ``line`` is that of its key, from 1; ``path`` its keys, joined by dots; ``node`` its YAML node."""

    value: Any
    line: int = 0
    path: str = ""
    node: yaml.Node | None = None

    def fields(self) -> dict[str, Place]:
        """The fields of a mapping, by the text of their keys; of equal keys the last one counts, and real text before other types."""
        pairs = self.node.value if isinstance(self.node, yaml.MappingNode) else ()
        nodes = {_key(key): (key.start_mark.line + 1, node) for key, node in sorted(pairs, key=lambda pair: pair[0].tag == _TEXT)}
        values = {str(key): value for key, value in self.value.items()}
        values.update({key: value for key, value in self.value.items() if isinstance(key, str)})
        return {key: self._field(key, value, nodes.get(key, (self.line, None))) for key, value in values.items()}

    def _field(self, key: str, value: Any, found: tuple[int, yaml.Node | None]) -> Place:
        return Place(value, found[0], f"{self.path}.{key}" if self.path else key, found[1])

    @property
    def source(self) -> str:
        """A single value as it is written, before YAML gives it a type; "" for mappings and lists."""
        return str(self.node.value) if isinstance(self.node, yaml.ScalarNode) else ""

    @property
    def plain(self) -> bool:
        """Whether it is a single value written without quotes."""
        return isinstance(self.node, yaml.ScalarNode) and not self.node.style

    def line_of(self, snippet: str, lines: tuple[str, ...]) -> int:
        """The first line of a value of several lines that holds a snippet; the value's own line where none does."""
        if self.node is None:
            return self.line
        start, end = self.node.start_mark.line, self.node.end_mark.line
        return next((at + 1 for at in range(start, min(end + 1, len(lines))) if snippet in lines[at]), self.line)


class Repeated(NamedTuple):
    """A key that stands twice in one mapping."""

    path: str
    line: int
    first_line: int


@dataclass(frozen=True)
class Document:
    """A parsed file."""

    root: Place
    lines: tuple[str, ...] = ()
    repeated: tuple[Repeated, ...] = ()


def read(path: Path) -> str | Finding:
    """The text of a file, or why it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        hint = "Save the file as UTF-8."
        return Finding(ERROR, "The file is not UTF-8 text.", file=path.name, line=line, hint=hint)
    except OSError as error:
        return Finding(ERROR, f"{path} cannot be read: {error.strerror}.", file=path.name)


def parse(text: str, *, file: str) -> Document | Finding:
    """The values and places of a YAML text, or what is wrong with it. ``file`` is the name for messages."""
    if not _needs_exact(text):
        with contextlib.suppress(yaml.YAMLError, RecursionError):
            return _parse_with(_Fast, text)
    try:
        return _parse_with(_Exact, text)
    except yaml.YAMLError as error:
        return _explain(error, text=text, file=file)
    except RecursionError:
        return Finding(ERROR, "The file is nested too deeply.", file=file)


def sequence(text: str) -> list[Any] | None:
    """The items of a list in YAML's or JSON's notation, such as ``[1, 2]``; None where the text is no such list."""
    if not text.lstrip().startswith("["):
        return None
    found = parse(text, file="")
    return found.root.value if isinstance(found, Document) and isinstance(found.root.value, list) else None


def _needs_exact(text: str) -> bool:
    return bool(_DIFFERENT.search(text, 1)) or sum(1 for _ in _NESTING.finditer(text)) > _MAX_NESTING


def _parse_with(loader_class: Any, text: str) -> Document:
    loader = loader_class(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(Place(None))
        repeated = tuple(_repeated(node, "", set()))  # before the merge keys are resolved
        return Document(Place(loader.construct_document(node), 1, "", node), tuple(text.split("\n")), repeated)
    finally:
        loader.dispose()


def _key(node: yaml.Node) -> str:
    if node.tag == _TEXT:
        return str(node.value)
    return str(yaml.constructor.SafeConstructor().construct_object(node, deep=True))


def _repeated(node: yaml.Node, path: str, seen: set[int]) -> Iterator[Repeated]:
    if id(node) in seen or isinstance(node, yaml.ScalarNode):
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item, path, seen)
        return
    first: dict[Any, int] = {}
    for key, value in node.value:
        name = f"{path}.{key.value}" if path else str(key.value)
        line = key.start_mark.line + 1
        if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
            if (key.tag, key.value) in first:
                yield Repeated(name, line, first[key.tag, key.value])
            first.setdefault((key.tag, key.value), line)
        yield from _repeated(value, name, seen)


# ── YAML's own errors, in words ─────────────────────────────────────────────────────────────────────────────────────────


class _Sentence(NamedTuple):
    """What one of YAML's complaints means. ``at_start``: the place is where the value began, not where the parser gave up."""

    complaint: str
    message: str
    hint: str = ""
    at_start: bool = False


_QUOTE = 'Put the value in quotes: key: "value".'
_INDENT = "Indent with spaces: keys of one level start in the same column."
_SENTENCES = (
    _Sentence(r"found character '\t'", "A tab stands where only spaces may.", "Replace the tabs by spaces."),
    _Sentence("found character", "A value cannot start with this character.", _QUOTE),
    _Sentence(
        "mapping values are not allowed", "A second colon stands where no key can be.", f"{_QUOTE} Or check the commas and the indentation."
    ),
    _Sentence(
        "could not find expected ':'", "A key has no colon after it.", "Write key: value, with a space after the colon.", at_start=True
    ),
    _Sentence("found unexpected end of stream", "A quote is opened and never closed.", "Close the quote.", at_start=True),
    _Sentence("unexpected document separator", "A quote is opened and never closed.", "Close the quote.", at_start=True),
    _Sentence(
        "unknown escape character", "A backslash in double quotes starts an escape that YAML lacks.", "Use single quotes, or / in paths."
    ),
    _Sentence("hexadecimal numbers", "A backslash in double quotes starts an unfinished escape.", "Use single quotes, or / in paths."),
    _Sentence("expected alphabetic or numeric character", "A value that starts with * or & is a YAML alias or anchor.", _QUOTE),
    _Sentence("found undefined alias", "A value that starts with * is a YAML alias, and nothing has that name.", _QUOTE),
    _Sentence("expected chomping or indentation", "Text follows | or > in the same line.", "Start the text in the next line, indented."),
    _Sentence("sequence entries are not allowed", "A list item stands where none can be.", _INDENT),
    _Sentence("mapping keys are not allowed", "A key stands where none can be.", _INDENT),
    _Sentence("expected <block end>", "The indentation does not fit the lines above.", _INDENT),
    _Sentence(
        "expected ',' or '}'",
        "A comma or a closing brace is missing in {…}.",
        'A value with brackets or commas needs quotes there: {type: "list[int]"}.',
    ),
    _Sentence("expected ',' or ']'", "A comma or a closing bracket is missing in […].", "Put commas between the items and ] at the end."),
    _Sentence("expected the node content", "A value is missing or starts with a character that needs quotes.", _QUOTE),
    _Sentence("but found another document", "The file holds several YAML documents.", "Remove the line that starts with ---."),
    _Sentence("expected '<document start>'", "Text follows the end of the YAML document.", _INDENT),
    _Sentence("found unhashable key", "A key cannot be a list or a mapping.", f"{_QUOTE} If this file is a template, fill it in first."),
    _Sentence(
        "could not determine a constructor", "A tag (a word that starts with !) is not allowed here.", "Remove the tag or quote the value."
    ),
    _Sentence(
        "special characters are not allowed", "The file holds a control character.", "Remove it, or save the file anew as plain text."
    ),
    _Sentence("cannot read the value", "A value looks like a date or a number and is none", _QUOTE),
)


def _explain(error: yaml.YAMLError, *, text: str, file: str) -> Finding:
    if isinstance(error, yaml.reader.ReaderError):
        problem, line = str(error.reason), text.count("\n", 0, error.position) + 1
        sentence = _sentence(problem)
    else:
        assert isinstance(error, yaml.MarkedYAMLError)
        problem = " ".join(filter(None, (error.problem, error.context)))
        sentence = _sentence(problem)
        mark = (error.context_mark if sentence.at_start else None) or error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
    detail = problem.partition("cannot read the value")[2]
    return Finding(ERROR, f"{sentence.message}{detail or ''}", file=file, line=line, hint=sentence.hint)


def _sentence(problem: str) -> _Sentence:
    plain = _Sentence(problem, f"This is not YAML: {problem}.")
    return next((row for row in _SENTENCES if row.complaint in problem), plain)
