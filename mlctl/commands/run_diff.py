"""``mlctl runs diff``: how one run differs from another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from mlctl import render
from mlctl.commands import lookup, notes, run_sources, run_values, text_diff
from mlctl.errors import UsageError
from mlctl.tracking.entities import RUN_NAME_TAG, SYSTEM_PREFIX, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

app = typer.Typer(rich_markup_mode=None, add_completion=False)

SECTIONS = ("params", "metrics", "tags", "note", "code", "environment", "log")
_CODE = {
    "source": "mlflow.source.name",
    "commit": "mlflow.source.git.commit",
    "branch": "mlflow.source.git.branch",
    "repository": "mlflow.source.git.repoURL",
    "entry point": "mlflow.project.entryPoint",
    "uncommitted changes": "mlctl.git.dirty",
}
_ENVIRONMENT = {"kind": "mlflow.project.env", "python": "mlctl.python", "key": "mlctl.env.key"}
_ELSEWHERE = {RUN_NAME_TAG, *notes.NOTE_TAGS, *_CODE.values(), *_ENVIRONMENT.values()}
_LONGEST = 160
_MOST_LINES = 40


class Change(NamedTuple):
    """A value in the first run and in the second (None: not there)."""

    key: str
    a: Any
    b: Any


@dataclass(frozen=True)
class Section:
    """What differs in one respect: values, and lines of a unified diff; ``remarks`` say what could not be compared."""

    name: str
    changes: list[Change] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def different(self) -> bool:
        """Whether there is any difference."""
        return bool(self.changes or self.lines)


@app.command("diff")
def diff(
    ctx: typer.Context,
    run_a: Annotated[str, typer.Argument(metavar="A", help="A run's id, a unique prefix of it, @last or @last~1.")],
    run_b: Annotated[str, typer.Argument(metavar="B", help="Another run.")],
    only: Annotated[list[str] | None, typer.Option("--only", metavar="WHAT", help=f"Repeatable: {', '.join(SECTIONS)}.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Long values, code and logs whole.")] = False,
    system: Annotated[bool, typer.Option("--system", help="System metrics too.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if the runs differ, 0 if not.")] = False,
) -> render.Result:
    """Show how run B differs from run A: params, metrics, tags, note, code, environment and log.

    Lines that begin with - are A's, with + B's. The exit code is 0 either way, as with git diff, unless --exit-code asks for it.
    """
    unknown = [name for name in only or () if name not in SECTIONS]
    if unknown:
        raise UsageError(f"--only {unknown[0]!r} is not known.", hint=f"One of: {', '.join(SECTIONS)}.")
    with lookup.looking() as store:
        a, b = (store.get_run(lookup.run_id(store, text)) for text in (run_a, run_b))
        files = run_sources.Files(store, a), run_sources.Files(store, b)
        sections = [_section(name, a, b, files, system=system) for name in only or SECTIONS]
    differ = any(section.different for section in sections)
    machine = ctx.find_root().obj.machine
    return render.Result(
        _data(a, b, sections),
        _table(sections) if machine else None,
        text="" if machine else "\n".join(_text(a, b, sections, most=None if full else _MOST_LINES)),
        ids=[a.info.run_id, b.info.run_id] if differ else [],
        notes=[remark for section in sections for remark in section.remarks],
        exit_code=1 if differ and exit_code else 0,
        diff=True,
    )


def _section(name: str, a: Run, b: Run, files: tuple[run_sources.Files, run_sources.Files], *, system: bool) -> Section:
    if name in ("params", "metrics"):
        skip = () if system or name == "params" else (SYSTEM_PREFIX,)
        return Section(name, _changes(getattr(a.data, name), getattr(b.data, name), skip))
    if name == "tags":
        kept = [{key: value for key, value in run.data.tags.items() if key not in _ELSEWHERE} for run in (a, b)]
        return Section(name, _changes(kept[0], kept[1]))
    if name == "note":
        return Section(name, lines=text_diff.unified(notes.note(a.data.tags), notes.note(b.data.tags)))
    if name == "environment":
        return _environment(a, b, files)
    if name == "code":
        lines, remarks = run_sources.code_diff(a, b, files)
        return Section(name, _changes(_facts(a, _CODE), _facts(b, _CODE)), lines, remarks)
    return Section(name, lines=text_diff.unified(*(run_sources.log(file) for file in files)))


def _environment(a: Run, b: Run, files: tuple[run_sources.Files, run_sources.Files]) -> Section:
    changes = _changes(_facts(a, _ENVIRONMENT), _facts(b, _ENVIRONMENT))
    packages = [run_sources.packages(file) for file in files]
    if all(packages):
        return Section("environment", [*changes, *_changes(packages[0], packages[1])])
    remarks = [file.problem for file in files if file.problem]
    if any(packages) and not remarks:
        remarks = [f"run {(b if packages[0] else a).info.run_id[:8]} has no list of packages"]
    return Section("environment", changes, remarks=remarks)


def _facts(run: Run, names: Mapping[str, str]) -> dict[str, str]:
    return {name: run.data.tags[tag] for name, tag in names.items() if tag in run.data.tags}


def _changes(a: Mapping[str, Any], b: Mapping[str, Any], skip: tuple[str, ...] = ()) -> list[Change]:
    keys = sorted(key for key in {*a, *b} if not key.startswith(skip or ("\0",)))
    found = [Change(key, a.get(key), b.get(key)) for key in keys]
    return [change for change in found if repr(change.a) != repr(change.b)]  # as text: NaN equals itself


def _text(a: Run, b: Run, sections: list[Section], *, most: int | None) -> Iterator[str]:
    yield f"--- {_head(a)}"
    yield f"+++ {_head(b)}"
    for section in sections:
        if section.different:
            yield ""
            yield section.name
            values = [line for change in section.changes for line in _change_lines(change, cut=most is not None)]
            yield from text_diff.shortened(values, most)
            yield from text_diff.shortened(section.lines, most)
    if not any(section.different for section in sections):
        yield f"No difference in {', '.join(section.name for section in sections)}."


def _head(run: Run) -> str:
    started = render.instant(run.info.start_time) if run.info.start_time else ""
    return f"{run.info.run_id[:8]}  {run_values.shown(run.info.run_name)}  {run.info.status}  {started}".rstrip()


def _change_lines(change: Change, *, cut: bool) -> Iterator[str]:
    values = run_values.legible([change.a, change.b], longest=_LONGEST) if cut else [change.a, change.b]
    for sign, value in zip("-+", values, strict=True):
        if value is not None:
            by = _by(change) if sign == "+" else ""
            yield f"{sign} {change.key} = {run_values.shown(value)}{by}".rstrip()


def _by(change: Change) -> str:
    """By how much a metric changed, in percent."""
    if not isinstance(change.a, float) or not isinstance(change.b, float) or not change.a:
        return ""
    share = 100 * (change.b - change.a) / abs(change.a)
    return f"  ({share:+.3g} %)" if abs(share) < 1e6 else ""  # not NaN or infinite either


def _table(sections: list[Section]) -> render.Table:
    rows = [[section.name, *change] for section in sections for change in section.changes]
    rows += [[section.name, "diff", line, None] for section in sections for line in section.lines]
    return render.Table([render.Column(name) for name in ("section", "key", "a", "b")], rows)


def _data(a: Run, b: Run, sections: list[Section]) -> dict[str, Any]:
    return {
        "a": a.info.to_dictionary(),
        "b": b.info.to_dictionary(),
        "different": any(section.different for section in sections),
        "sections": [
            {
                "name": section.name,
                "different": section.different,
                "changes": [change._asdict() for change in section.changes],
                "diff": "\n".join(section.lines),
            }
            for section in sections
        ],
    }
