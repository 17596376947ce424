"""A report of runs: facts, metrics with their change against a baseline, params; as values, as a table, as Markdown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl import render
from mlctl.commands import github, run_columns, run_directions, run_values
from mlctl.tracking.entities import SYSTEM_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlctl.tracking.entities import Run

BETTER, WORSE = "better", "worse"


class Change(NamedTuple):
    """A metric against the baseline's: the difference, in percent too (None: the baseline has 0), and whether that is better."""

    value: float | None
    baseline: float | None
    difference: float | None = None
    percent: float | None = None
    verdict: str = ""

    def __str__(self) -> str:
        if self.value is None:
            return ""
        text = render.amount(self.value)
        if self.difference is None:
            return text
        if self.difference == 0:
            return f"{text} ="
        size = f"{abs(self.percent):.3g} %" if self.percent is not None else render.amount(abs(self.difference))
        return f"{text} {'▲' if self.difference > 0 else '▼'} {size}{f' ({self.verdict})' if self.verdict else ''}"


def change(value: float | None, baseline: float | None, *, higher: bool | None) -> Change:
    """How a metric's value stands against the baseline's; ``higher``: whether that is better (None: nobody knows)."""
    if value is None or baseline is None:
        return Change(value, baseline)
    difference = value - baseline
    if difference != difference:  # noqa: PLR0124 -- NaN, or two infinities
        return Change(value, baseline)
    percent = 100 * difference / abs(baseline) if baseline and abs(difference) < float("inf") else None
    verdict = "" if higher is None or not difference else BETTER if (difference > 0) == higher else WORSE
    return Change(value, baseline, difference, percent, verdict)


class Report:
    """Runs beside each other, with or without a baseline; ``directions`` are what the user says of metrics."""

    def __init__(
        self, runs: Sequence[Run], baseline: Run | None, *, directions: Mapping[str, bool], system: bool = False, title: str = ""
    ) -> None:
        self._runs = list(runs)
        self._baseline = baseline
        self._directions = directions
        self._title = title
        everything = [*([baseline] if baseline else []), *self._runs]
        self._all = everything
        keys = {key for run in everything for key in run.data.metrics}
        self._metrics = sorted(key for key in keys if system or not key.startswith(SYSTEM_PREFIX))
        self._params = sorted({key for run in everything for key in run.data.params})

    def _change(self, run: Run, key: str) -> Change:
        base = self._baseline
        higher = self._directions.get(key, run_directions.higher_is_better(key))
        against = base.data.metrics.get(key) if base is not None and run is not base else None
        return change(run.data.metrics.get(key), against, higher=higher)

    def data(self) -> dict[str, Any]:
        """What JSON gets."""
        return {"baseline": self._facts(self._baseline) if self._baseline else None, "runs": [self._facts(run) for run in self._runs]}

    def _facts(self, run: Run) -> dict[str, Any]:
        info, tags = run.info, run.data.tags
        return {
            "run_id": info.run_id,
            "run_name": info.run_name,
            "status": info.status,
            "experiment_id": info.experiment_id,
            "duration_ms": run_columns.duration_ms(run, time.time() * 1000),
            "commit": tags.get("mlflow.source.git.commit"),
            "params": dict(run.data.params),
            "metrics": {key: self._change(run, key)._asdict() for key in self._metrics if key in run.data.metrics},
        }

    def table(self) -> render.Table:
        """One table for people and for CSV: a row for each fact, metric and param, a column for each run."""
        columns = [render.Column("section", section=True), render.Column("key")]
        columns += [render.Column(run.info.run_id, head=self._head(run), show=run_values.shown, right=True) for run in self._all]
        rows: list[list[Any]] = [["run", name, *values] for name, values in self._about()]
        rows += [["metrics", key, *(str(self._change(run, key)) or None for run in self._all)] for key in self._metrics]
        rows += [["params", key, *run_values.legible(self._values(key), longest=60)] for key in self._params]
        return render.Table(columns, rows, pinned=2)

    def _values(self, key: str) -> list[str | None]:
        return [run.data.params.get(key) for run in self._all]

    def _head(self, run: Run) -> str:
        return f"{run.info.run_id[:8]}{' (baseline)' if run is self._baseline else ''}"

    def _about(self) -> list[tuple[str, list[str | None]]]:
        facts = [self._facts(run) for run in self._all]
        lengths = [fact["duration_ms"] for fact in facts]
        found: list[tuple[str, list[str | None]]] = [
            ("name", [fact["run_name"] for fact in facts]),
            ("status", [fact["status"] for fact in facts]),
            ("duration", [None if length is None else render.duration(length) for length in lengths]),
            ("commit", [fact["commit"][:8] if fact["commit"] else None for fact in facts]),
        ]
        return [(name, values) for name, values in found if any(values)]

    def markdown(self) -> str:
        """The report as Markdown, for pull requests and summaries."""
        heads = ["", *(github.code(run.info.run_id[:8]) + (" (baseline)" if run is self._baseline else "") for run in self._all)]
        lines = [f"### {github.text(self._title or self._named())}", ""]
        lines += github.table(heads, [[name, *(github.text(value or "") for value in values)] for name, values in self._about()], right=1)
        for title, rows in (("metric", self._metric_rows()), ("param", self._param_rows())):
            lines += ["", *github.table([title, *heads[1:]], rows, right=1)] if rows else []
        return "\n".join(lines)

    def _named(self) -> str:
        (run, *others) = self._runs or self._all
        return f"Run {run.info.run_name or run.info.run_id[:8]}: {run.info.status}" if not others else f"{len(self._runs)} runs"

    def _metric_rows(self) -> list[list[str]]:
        return [[github.code(key), *(_marked(self._change(run, key)) for run in self._all)] for key in self._metrics]

    def _param_rows(self) -> list[list[str]]:
        return [[github.code(key), *(github.code(value) if value else "" for value in self._values(key))] for key in self._params]


def _marked(found: Change) -> str:
    mark = {BETTER: "🟢 ", WORSE: "🔴 "}.get(found.verdict, "")
    return mark + github.text(str(found))
