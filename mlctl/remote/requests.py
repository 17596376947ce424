"""What a client sends: entities as checked JSON, in portions that MLflow's limits allow.

Everything is checked here as an embedded store checks it, before anything is sent: JSON would turn some wrong values into others, and a
call that is sent in several portions must not fail at the second for something that could be known before the first.
"""

from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from mlctl.errors import InvalidValueError
from mlctl.tracking import validation, wire
from mlctl.tracking.entities import DatasetInput, ExperimentTag, LoggedModelInput, LoggedModelOutput, Metric, Owner, Param, RunTag

Json = Dict[str, Any]
Portion = Dict[str, List[Json]]

_LIMITS = dict(validation.BATCH_LIMITS)


def metrics(given: Sequence[Metric]) -> List[Json]:
    """Points.

    Raises:
        InvalidValueError: a field is not acceptable.
    """
    found = [
        {"key": key, "value": "NaN" if nan else wire.number(value), "timestamp": timestamp, "step": step}
        for key, timestamp, step, value, nan in validation.points(given)
    ]
    for item, point in zip(found, given):  # noqa: B905 -- Python 3.8
        if point.model_id:
            about = {"model_id": point.model_id, "dataset_name": point.dataset_name, "dataset_digest": point.dataset_digest}
            item.update({name: text for name, text in about.items() if text})
    return found


def params(given: Sequence[Param]) -> List[Json]:
    """Params.

    Raises:
        InvalidValueError: a key or value is not acceptable, or a key is given twice.
    """
    if len(given) > 1:
        validation.unique_params([param.key for param in given])
    return wire.pairs(dict([validation.param(param.key, param.value) for param in given]))


def tags(given: Sequence[RunTag]) -> List[Json]:
    """Tags of a run; of those given twice the last counts.

    Raises:
        InvalidValueError: a key or value is not acceptable.
    """
    return wire.pairs(dict([validation.tag(tag.key, tag.value) for tag in given]))


def experiment_tags(given: Sequence[ExperimentTag]) -> List[Json]:
    """Tags of an experiment.

    Raises:
        InvalidValueError: a key or value is not acceptable.
    """
    return wire.pairs(dict([validation.experiment_tag(tag.key, tag.value) for tag in given]))


def portions(points: List[Json], pairs: List[Json], labels: List[Json]) -> Iterator[Portion]:
    """Metrics, params and tags as batches that MLflow's servers take; an empty one for nothing.

    Params go first: what a run can refuse is a param's value, and then nothing has been logged yet.
    """
    kinds: Tuple[Tuple[str, List[Json]], ...] = (("params", pairs), ("tags", labels), ("metrics", points))
    portion: Portion = {}
    room = validation.BATCH_TOTAL
    for name, items in kinds:
        start = 0
        while start < len(items):
            if room == 0 or name in portion:
                yield portion
                portion, room = {}, validation.BATCH_TOTAL
            taken = items[start : start + min(room, _LIMITS[name])]
            portion[name] = taken
            start, room = start + len(taken), room - len(taken)
    if portion or not (points or pairs or labels):
        yield portion


def datasets(given: Sequence[DatasetInput]) -> List[Json]:
    """Datasets as inputs of a run.

    Raises:
        InvalidValueError: a value is not acceptable, or a dataset has a tag twice.
    """
    for item in given:
        for field in validation.DATASET_LENGTHS:
            validation.dataset_field(field, getattr(item.dataset, field))
        keys = [validation.input_tag(tag.key, tag.value)[0] for tag in item.tags]
        if len(set(keys)) < len(keys):
            raise InvalidValueError(f"The dataset {item.dataset.name!r} is given with a tag twice.", hint="A tag has one value.")
    return [wire.dataset_input(item) for item in given]


def model_inputs(given: Sequence[LoggedModelInput]) -> List[Json]:
    """Models that a run used.

    Raises:
        InvalidValueError: an id is not acceptable.
    """
    return [{"model_id": validation.model_id(model.model_id)} for model in given]


def model_outputs(given: Sequence[LoggedModelOutput]) -> List[Json]:
    """Models that a run made.

    Raises:
        InvalidValueError: an id or a step is not acceptable.
    """
    return [
        {"model_id": validation.model_id(model.model_id), "step": validation.step(model.step, what="step of a model")} for model in given
    ]


def search(filter_string: str, *, order_by: Sequence[str], max_results: int, page_token: Optional[str]) -> Json:
    """What searches of experiments and of runs have in common.

    Raises:
        InvalidValueError: the page size or the token is not acceptable.
    """
    fields: Json = {"filter": filter_string, "order_by": list(order_by), "max_results": validation.page_size(max_results)}
    if page_token:
        fields["page_token"] = page_token
    return fields


def owner(found: Owner) -> Json:
    """A process that answers for a run."""
    return wire.owner(found)
