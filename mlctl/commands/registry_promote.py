"""``mlctl registry promote``: a version takes its place in a stage or behind an alias, if conditions hold and nobody was faster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from mlctl import render
from mlctl.commands import github, lookup, registry_conditions, registry_names
from mlctl.errors import ConflictError, NotFoundError, UsageError
from mlctl.remote.errors import NoRouteError
from mlctl.tracking import registry
from mlctl.tracking.registry import SERVING

if TYPE_CHECKING:
    from mlctl.commands.run_conditions import Check
    from mlctl.tracking.registry import ModelVersion
    from mlctl.tracking.store import TrackingStore

app = typer.Typer(rich_markup_mode=None, add_completion=False)


class Place(NamedTuple):
    """Where a version may be: a stage, or behind an alias."""

    name: str
    is_alias: bool

    def __str__(self) -> str:
        return f"@{self.name}" if self.is_alias else self.name


class Promotion(NamedTuple):
    """What is asked for: a version, where it is now, where it shall go, and the version that is there."""

    version: ModelVersion
    source: Place | None
    target: Place
    present: ModelVersion | None

    @property
    def is_done(self) -> bool:
        """Whether the version is there already."""
        here = self.version.aliases if self.target.is_alias else [self.version.current_stage]
        return self.target.name in here

    @property
    def what(self) -> str:
        """The version, and its way."""
        start = self.source or Place(self.version.current_stage or "None", is_alias=False)
        return f"{registry_names.shown(self.version)}: {start} → {self.target}"


@app.command("promote")
def promote(
    model: registry_names.EitherArgument,
    to: Annotated[str, typer.Option("--to", metavar="STAGE|@ALIAS", help="Where it goes: Staging, Production, Archived, None, @champion.")],
    from_: Annotated[str, typer.Option("--from", metavar="STAGE|@ALIAS", help="Where it must be now; says which version of NAME.")] = "",
    conditions: Annotated[
        list[str] | None, typer.Option("--if", metavar="CONDITION", help='"metrics.rmse < baseline"; repeatable, all must hold.')
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave other versions in the stage, where they are archived otherwise.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the conditions, and change nothing.")] = False,
    ci: github.CiOption = True,
) -> render.Result:
    """Move a version to a stage or an alias, if conditions on it hold; the exit code is 1 if one does not.

    Conditions are those of `runs check`, asked of the run (or logged model) that made the version; `baseline` is the metric of the version
    that is in the place now. Where none is, comparisons with it are left out. If anybody moves one of the two versions meanwhile,
    nothing is changed, and the exit code is 124.
    """
    with github.reporting(ci, "mlctl registry promote") as report, lookup.looking() as store:
        asked = _asked(store, model, _place(from_) if from_ else None, _place(to))
        checks = _checks(store, asked, conditions or [])
        passed = all(check.passed for check in checks)
        moves = passed and not asked.is_done
        told = _move(store, asked, keep=keep) if moves and not dry_run else []
        _report(report, asked, checks)
    done = ("would be promoted" if dry_run else "promoted") if moves else "unchanged" if passed else "refused"
    return _result(asked, checks, done, [*told, *_without_baseline(asked, checks)])


def _place(text: str) -> Place:
    if text.startswith("@"):
        return Place(registry.alias(text[1:]), is_alias=True)
    return Place(registry.stage(text), is_alias=False)


def _asked(store: TrackingStore, model: str, source: Place | None, target: Place) -> Promotion:
    named = registry_names.parse(store, model)
    if named.is_version:
        version = registry_names.resolved(store, named)
        _check_is_at(version, source)
    elif source is None:
        hint = f"Name it ({named.name}/3, {named.name}@alias), or say where it is: --from Staging."
        raise UsageError(f"{named.name!r} is a model: which version of it?", hint=hint)
    else:
        version = _at(store, named.name, source, needed=True)
    present = _at(store, version.name, target)
    return Promotion(version, source, target, present)


def _at(store: TrackingStore, name: str, place: Place, *, needed: bool = False) -> Any:
    """The version at a place; None where there is none, or an error if it is ``needed``."""
    try:
        if place.is_alias:
            return registry_names.by_alias(store, name, place.name)
        return registry_names.resolved(store, registry_names.Named(name, stage=place.name))
    except NotFoundError:
        if needed:
            raise
        return None


def _check_is_at(version: ModelVersion, place: Place | None) -> None:
    """See that the version that was named is where it is said to be.

    Raises:
        ConflictError: it is not.
    """
    if place is None or place.name in (version.aliases if place.is_alias else [version.current_stage]):
        return
    where = f"has the aliases {version.aliases}" if place.is_alias else f"is in the stage {version.current_stage}"
    shown = registry_names.shown(version)
    raise ConflictError(f"{shown} {where}, not {place}.", hint=f"See: mlctl registry history {shown}")


def _checks(store: TrackingStore, asked: Promotion, conditions: list[str]) -> list[Check]:
    if not conditions:
        return []
    present = asked.present if asked.present and asked.present.version != asked.version.version else None
    checker = registry_conditions.checker(store, asked.version, present)
    return [checker.check(text) for text in conditions]


def _move(store: TrackingStore, asked: Promotion, *, keep: bool) -> list[str]:
    """Move the version, unless it or the version that it replaces is not any more where it was when the conditions were checked.

    Returns what is to be told of it: a server of MLflow's cannot make sure of that, and moves it all the same.

    Raises:
        ConflictError: one of the two has been moved.
    """
    version, target = asked.version, asked.target
    over = asked.present.version if asked.present else ""
    try:
        if target.is_alias:
            store.set_registered_model_alias(version.name, target.name, version.version, only_over=over)
        elif target.name in SERVING:
            _transition(store, asked, archive_existing=not keep, only_from=version.current_stage, only_over=over)
        else:
            _transition(store, asked, only_from=version.current_stage)
    except NoRouteError:
        if target.is_alias:
            store.set_registered_model_alias(version.name, target.name, version.version)
        else:
            _transition(store, asked, archive_existing=not keep and target.name in SERVING)
        return [f"{store.uri} is not mlctl's server: whether somebody else moved a version meanwhile could not be made sure of"]
    return []


def _transition(store: TrackingStore, asked: Promotion, **options: Any) -> None:
    store.transition_model_version(asked.version.name, asked.version.version, asked.target.name, **options)


# ── what is told of it ───────────────────────────────────────────────────────────────────────────────────────────────


def _result(asked: Promotion, checks: list[Check], done: str, told: list[str]) -> render.Result:
    rows = [["passed" if item.passed else "FAILED", item.text, item.values(), _compared(item)] for item in checks]
    columns = [render.Column("result"), render.Column("condition"), render.Column("values"), render.Column("compared", rank=1)]
    return render.Result(
        _data(asked, checks, done),
        render.Table(columns, rows) if checks else None,
        text=f"{asked.what}  {done}{_present(asked, done)}",
        ids=[registry_names.shown(asked.version)],
        notes=told,
        exit_code=1 if done == "refused" else 0,
    )


def _present(asked: Promotion, done: str) -> str:
    present = asked.present
    if present is None or present.version == asked.version.version:
        return ""
    return f"; version {present.version} stays" if done == "refused" else f", in place of version {present.version}"


def _without_baseline(asked: Promotion, checks: list[Check]) -> list[str]:
    if asked.present is not None or not any("baseline" in item.text for item in checks):
        return []
    return [f"no version is in {asked.target}: comparisons with baseline are left out"]


def _compared(check: Check) -> str:
    """The comparisons with the numbers that ``baseline`` stood for, where it did."""
    return "; ".join(item.text for item in check.comparisons) if "baseline" in check.text else ""


def _data(asked: Promotion, checks: list[Check], done: str) -> dict[str, Any]:
    version, present = asked.version, asked.present
    return {
        "name": version.name,
        "version": version.version,
        "run_id": version.run_id or None,
        "from": str(asked.source) if asked.source else version.current_stage,
        "to": str(asked.target),
        "baseline": {"version": present.version, "run_id": present.run_id or None} if present else None,
        "passed": done != "refused",
        "result": done,
        "checks": [
            {"condition": item.text, "passed": item.passed, "comparisons": [verdict._asdict() for verdict in item.comparisons]}
            for item in checks
        ],
    }


def _report(report: github.Report, asked: Promotion, checks: list[Check]) -> None:
    if not report.on:
        return
    for item in checks:
        if not item.passed:
            report.error(f"{item.text} does not hold: {item.values()} ({_compared(item) or item.text})")
    passed = all(item.passed for item in checks)
    version = asked.version
    report.outputs({"name": version.name, "version": version.version, "passed": str(passed).lower()})
    rows = [["✅" if item.passed else "❌", github.code(item.text), github.text(item.values())] for item in checks]
    title = f"### {'✅' if passed else '❌'} {github.text(asked.what)}"
    report.summary("\n".join([title, "", *(github.table(["", "condition", "values"], rows) if rows else ())]))
