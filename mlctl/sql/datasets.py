"""SQL of what runs used and made: datasets and logged models. Imported only where there are any.

A dataset is its experiment, name and digest; what else was said of it first stays. So do the tags that its first link to a run had:
logging it to that run again changes nothing, as in MLflow.
"""

from typing import Dict, List, NamedTuple, Sequence, Tuple

from mlctl.errors import InvalidValueError
from mlctl.sql import runs as sql_runs
from mlctl.sql.db import Db
from mlctl.tracking import validation
from mlctl.tracking.entities import (
    CONTEXT_TAG,
    NO_INPUTS,
    NO_OUTPUTS,
    Dataset,
    DatasetInput,
    DatasetSummary,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Run,
    RunInputs,
    RunOutputs,
)

SUMMARIES = 1000
"""The most rows that `search_datasets` returns."""

_FIND_DATASET = "SELECT id FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?"
_ADD_DATASET = (
    "INSERT INTO datasets (experiment_id, name, digest, source_type, source, schema, profile) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)
_ADD_INPUT = "INSERT INTO inputs (run, dataset) VALUES (?, ?) ON CONFLICT DO NOTHING"
_ADD_TAG = "INSERT INTO input_tags (run, dataset, key, value) VALUES (?, ?, ?, ?)"
_ADD_MODEL_INPUT = "INSERT INTO model_inputs (run, model_id) VALUES (?, ?) ON CONFLICT DO NOTHING"
_ADD_MODEL_OUTPUT = "INSERT INTO model_outputs (run, model_id, step) VALUES (?, ?, ?)"
_SUMMARIES = (
    "SELECT DISTINCT d.experiment_id, d.name, d.digest, t.value FROM datasets AS d JOIN inputs AS i ON i.dataset = d.id "
    "LEFT JOIN input_tags AS t ON t.run = i.run AND t.dataset = i.dataset AND t.key = ? "
    "WHERE d.experiment_id IN ({}) ORDER BY d.experiment_id, d.name, d.digest, t.value LIMIT ?"
)


class _Input(NamedTuple):
    """A checked dataset: name and digest, the rest in the order of `_ADD_DATASET`, tags."""

    identity: Tuple[str, ...]
    rest: Tuple[str, ...]
    tags: Dict[str, str]


def log_inputs(db: Db, run_id: str, *, datasets: Sequence[DatasetInput] = (), models: Sequence[LoggedModelInput] = ()) -> None:
    """Link datasets and models to an active run as its inputs; those that are linked already stay as they are.

    Raises:
        InvalidValueError: the run is deleted, or a value is not acceptable.
        NotFoundError: there is no such run.
    """
    checked = [_checked(item) for item in datasets]
    model_ids = [validation.model_id(model.model_id) for model in models]
    run = sql_runs.touch(db, run_id)
    row = db.one("SELECT experiment_id FROM runs WHERE id = ?", (run,))
    assert row is not None
    for item in checked:
        number = _dataset_number(db, row[0], item)
        if db.execute(_ADD_INPUT, (run, number)).rowcount:
            db.executemany(_ADD_TAG, [(run, number, key, value) for key, value in item.tags.items()])
    db.executemany(_ADD_MODEL_INPUT, [(run, model_id) for model_id in model_ids])


def _checked(item: DatasetInput) -> _Input:
    name, digest, *rest = [validation.dataset_field(field, getattr(item.dataset, field)) for field in validation.DATASET_LENGTHS]
    tags: Dict[str, str] = {}
    for tag in item.tags:
        key, value = validation.input_tag(tag.key, tag.value)
        if key in tags:
            raise InvalidValueError(f"The dataset {name!r} is given with the tag {key!r} twice.", hint="A tag has one value.")
        tags[key] = value
    return _Input((name, digest), tuple(rest), tags)


def _dataset_number(db: Db, experiment: int, item: _Input) -> int:
    identity = (experiment, *item.identity)
    row = db.one(_FIND_DATASET, identity)
    if row is None:
        db.execute(_ADD_DATASET, (*identity, *item.rest))
        row = db.one(_FIND_DATASET, identity)
    assert row is not None
    return int(row[0])


def log_outputs(db: Db, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
    """Link models to an active run as its outputs; the same link again is no error.

    Raises:
        InvalidValueError: the run is deleted, a value is not acceptable, or a model is an output of the run at another step.
        NotFoundError: there is no such run.
    """
    checked = [(validation.model_id(model.model_id), validation.step(model.step, what="step of a model")) for model in models]
    run = sql_runs.active_number(db, run_id)
    known: Dict[str, int] = dict(db.execute("SELECT model_id, step FROM model_outputs WHERE run = ?", (run,)).fetchall())
    new: Dict[str, int] = {}
    for model_id, step in checked:
        before = known.get(model_id, new.setdefault(model_id, step))
        if before != step:
            hint = "A model is an output of a run once."
            raise InvalidValueError(f"Run {run_id}: the model {model_id!r} is its output at step {before}, not {step}.", hint=hint)
    sql_runs.touch(db, run_id)
    db.executemany(_ADD_MODEL_OUTPUT, [(run, model_id, step) for model_id, step in new.items() if model_id not in known])


def inputs_of(db: Db, runs: Sequence[int]) -> List[RunInputs]:
    """Inputs of runs, in the order of their numbers: datasets as they came into the experiment, tags and models by key and id."""
    linked: Dict[int, List[DatasetInput]] = {}
    links = db.select_in("SELECT run, dataset FROM inputs WHERE run IN ({}) ORDER BY run, dataset", runs)
    datasets = _datasets(db, sorted({dataset for _, dataset in links}))
    tags = _tags(db, runs) if links else {}
    for run, dataset in links:
        linked.setdefault(run, []).append(DatasetInput(datasets[dataset], tuple(tags.get((run, dataset), ()))))
    models: Dict[int, List[LoggedModelInput]] = {}
    for run, model_id in db.select_in("SELECT run, model_id FROM model_inputs WHERE run IN ({}) ORDER BY run, model_id", runs):
        models.setdefault(run, []).append(LoggedModelInput(model_id))
    none = linked.keys() | models.keys()
    return [RunInputs(tuple(linked.get(run, ())), tuple(models.get(run, ()))) if run in none else NO_INPUTS for run in runs]


def _datasets(db: Db, numbers: Sequence[int]) -> Dict[int, Dataset]:
    """Datasets by number, each once: a profile may be long, and many runs may use it."""
    rows = db.select_in("SELECT id, name, digest, source_type, source, schema, profile FROM datasets WHERE id IN ({})", numbers)
    return {
        number: Dataset(name, digest, source_type, source, schema or None, profile or None)
        for number, name, digest, source_type, source, schema, profile in rows
    }


def _tags(db: Db, runs: Sequence[int]) -> Dict[Tuple[int, int], List[InputTag]]:
    found: Dict[Tuple[int, int], List[InputTag]] = {}
    sql = "SELECT run, dataset, key, value FROM input_tags WHERE run IN ({}) ORDER BY run, dataset, key"
    for run, dataset, key, value in db.select_in(sql, runs):
        found.setdefault((run, dataset), []).append(InputTag(key, value))
    return found


def outputs_of(db: Db, runs: Sequence[int]) -> List[RunOutputs]:
    """Outputs of runs, in the order of their numbers; models by id."""
    models: Dict[int, List[LoggedModelOutput]] = {}
    sql = "SELECT run, model_id, step FROM model_outputs WHERE run IN ({}) ORDER BY run, model_id"
    for run, model_id, step in db.select_in(sql, runs):
        models.setdefault(run, []).append(LoggedModelOutput(model_id, step))
    return [RunOutputs(tuple(models[run])) if run in models else NO_OUTPUTS for run in runs]


def completed(db: Db, runs: Sequence[int], loaded: Sequence[Run]) -> List[Run]:
    """Runs with their inputs and outputs; ``runs`` are the numbers of those that `sql_runs.load` gave."""
    parts = zip(loaded, inputs_of(db, runs), outputs_of(db, runs))  # noqa: B905 -- Python 3.8
    return [Run(run.info, run.data, inputs, outputs) for run, inputs, outputs in parts]


def search_datasets(db: Db, experiment_ids: Sequence[str]) -> List[DatasetSummary]:
    """Datasets of 1 to 20 experiments with the contexts in which runs used them (deleted runs too, as in MLflow); at most `SUMMARIES`.

    Raises:
        InvalidValueError: there are no or too many experiments, or an id is not an integer.
    """
    most = validation.DATASET_EXPERIMENTS
    if not 1 <= len(experiment_ids) <= most:
        raise InvalidValueError(f"Datasets of {len(experiment_ids)} experiments are asked for; 1 to {most} are allowed.")
    numbers = [validation.experiment_id(text) for text in experiment_ids]
    sql = _SUMMARIES.format(", ".join("?" * len(numbers)))
    return [DatasetSummary(str(row[0]), *row[1:]) for row in db.execute(sql, (CONTEXT_TAG, *numbers, SUMMARIES))]
