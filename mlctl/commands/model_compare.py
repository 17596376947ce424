"""``mlctl models compare``: params, metrics, signature and requirements of models side by side."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from mlctl import render
from mlctl.commands import model_pages, model_places, run_directions, run_values
from mlctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlctl.commands.model_places import Place

app = typer.Typer(rich_markup_mode=None, add_completion=False)

SECTIONS = ("model", "params", "metrics", "inputs", "outputs", "inference params", "requirements")
_LONGEST = 60  # characters of a value that people see
_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(.*)", re.DOTALL)


class Row(NamedTuple):
    """A key with each model's value (None: the model has none); ``best`` is the best of a metric's values."""

    section: str
    key: str
    values: list[Any]
    best: Any = None

    @property
    def different(self) -> bool:
        """Whether the models differ in it."""
        return len({repr(value) for value in self.values}) > 1  # as text: NaN equals itself


@app.command("compare")
def compare(
    models: Annotated[list[str], typer.Argument(metavar="MODEL MODEL…", help=model_places.HELP)],
    only_different: Annotated[bool, typer.Option("--only-different", "-d", help="Leave out what all have in common.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if signatures or requirements differ, 0 if not.")] = False,
) -> render.Result:
    """Compare models: params, metrics, signature and requirements side by side, differing ones first in each section."""
    if len(models) < 2:
        raise UsageError("Comparing takes two models or more.", hint="`mlctl models show MODEL` shows a single one.")
    with model_places.looking(*models) as places:
        facts = [_facts(place) for place in places]
    uris = [place.uri for place in places]
    if len(set(uris)) < len(uris):
        raise UsageError("Comparing takes different models.", hint=f"All of them are {uris[0]}." if len(set(uris)) == 1 else "")
    rows = [_row(section, key, facts) for section in SECTIONS for key in sorted({key for fact in facts for key in fact[section]})]
    rows = sorted(rows, key=lambda row: (SECTIONS.index(row.section), not row.different))
    shown = [row for row in rows if row.different or not only_different]
    changed = any(row.different for row in rows if row.section in SECTIONS[3:])
    return render.Result(_data(uris, shown), _table(uris, shown), ids=uris, exit_code=int(exit_code and changed))


def _facts(place: Place) -> dict[str, dict[str, Any]]:
    """What is compared of a model, by section. What the run has logged stands in for what the model itself has not."""
    page = model_pages.page(place, model_places.mlmodel(place)).data
    logged, run = place.logged, place.run
    signature = page["signature"] or {}
    return {
        "model": model_pages.about(place, page),
        "params": dict((logged and logged.params) or (run.data.params if run else {})),
        "metrics": (model_pages.metrics(logged) if logged else {}) or dict(run.data.metrics if run else {}),
        "inputs": _columns(signature.get("inputs")),
        "outputs": _columns(signature.get("outputs")),
        "inference params": {item["name"]: f"{_type(item)} = {item['default']}" for item in signature.get("params") or ()},
        "requirements": dict(map(_requirement, page["requirements"])),
    }


def _columns(schema: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    return {
        str(item.get("name", index)): f"{_type(item)}{'' if item.get('required', True) else ' (optional)'}"
        for index, item in enumerate(schema or ())
    }


def _type(item: Mapping[str, Any]) -> str:
    """A column's, tensor's or param's type, as people read it."""
    kind = str(item.get("type"))
    if kind == "tensor":
        return f"{item['tensor-spec']['dtype']} {tuple(item['tensor-spec']['shape'])}"
    if kind == "array":
        return f"Array({_type(item['items'])})"
    if kind == "map":
        return f"Map({_type(item['values'])})"
    if kind == "object":
        return f"{{{', '.join(f'{name}: {_type(member)}' for name, member in item['properties'].items())}}}"
    return kind


def _requirement(line: str) -> tuple[str, str]:
    """A requirement as package and version; of one without a version, that it is there."""
    found = _PINNED.fullmatch(line)
    if found is None:
        return line, "yes"
    return found[1].lower().replace("_", "-"), found[2].removeprefix("==") or "any"


def _row(section: str, key: str, facts: Sequence[Mapping[str, Mapping[str, Any]]]) -> Row:
    row = Row(section, key, [fact[section].get(key) for fact in facts])
    higher = run_directions.higher_is_better(key) if section == "metrics" else None
    if higher is None or not row.different:
        return row
    numbers = [value for value in row.values if value is not None and value == value]  # noqa: PLR0124 -- NaN is never the best
    return row._replace(best=(max if higher else min)(numbers) if numbers else None)


def _table(uris: Sequence[str], rows: Sequence[Row]) -> render.Table:
    columns = [render.Column("section", section=True), render.Column("key")]
    columns += [render.Column(uri, show=run_values.shown, head=_head(uri), right=True) for uri in uris]
    cells = [[row.section, row.key, *(_cell(value, row) for value in run_values.legible(row.values, longest=_LONGEST))] for row in rows]
    faint = frozenset(number for number, row in enumerate(rows) if not row.different)
    return render.Table(columns, cells, empty="There is no difference.", pinned=2, faint=faint)


def _head(uri: str) -> str:
    return re.sub(r"[0-9a-f]{32}", lambda found: found[0][:8], uri)


def _cell(value: Any, row: Row) -> Any:
    return render.Best(value) if row.best is not None and value == row.best else value


def _data(uris: Sequence[str], rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "models": list(uris),
        "rows": [
            {
                "section": row.section,
                "key": row.key,
                "values": dict(zip(uris, row.values, strict=True)),
                "different": row.different,
                "best": [uri for uri, value in zip(uris, row.values, strict=True) if row.best is not None and value == row.best],
            }
            for row in rows
        ],
    }
