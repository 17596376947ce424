"""MLflow's limits on names, values and pages. Nothing here touches a database.

Batch limits stand apart in `batch_size`: they belong to REST requests, not to local calls.
"""

import operator
import re
from typing import Any, List, Optional, Sequence, Set, Tuple

from mlctl.errors import InvalidValueError
from mlctl.tracking.entities import ACTIVE_ONLY, ALL, DELETED_ONLY, STATUSES, Metric

KEY_LENGTH = 250
PARAM_LENGTH = 6000
TAG_LENGTH = 8000
EXPERIMENT_NAME_LENGTH = 500
EXPERIMENT_TAG_LENGTH = 20000
LOCATION_LENGTH = 2048
INPUT_TAG_KEY_LENGTH = 255
INPUT_TAG_LENGTH = 500
DATASET_LENGTHS = {"name": 500, "digest": 36, "source_type": 500, "source": 65535, "schema": 1048575, "profile": 16777215}
MODEL_ID_LENGTH = 500
PAGE_SIZE = 50000
BULK_RUNS = 100
BULK_POINTS = 25000
SAMPLED_POINTS = 2500
DATASET_EXPERIMENTS = 20
BATCH_LIMITS = (("metrics", 1000), ("params", 100), ("tags", 100))
BATCH_TOTAL = 1000
INT64 = 2**63 - 1

Point = Tuple[str, int, int, float, int]
"""A metric as it is stored: key, timestamp in ms, step, value, 1 for NaN (whose value is then 0)."""

# Compiled when first used: a listing needs only one of them.
_KEY = r"[/\w.\- :]+\Z"
_RUN_ID = r"[a-zA-Z0-9][a-zA-Z0-9_\-]{0,255}\Z"
_INTEGER = r"-?[0-9]+\Z"
_good_keys: Set[str] = set()
_GOOD_KEYS_KEPT = 10_000


def key(name: Any, *, what: str) -> str:
    """A key of a metric, param or tag, if MLflow takes it; ``what`` names it in the message.

    Raises:
        InvalidValueError: it is empty, too long, has other characters, or is not its own normal form as a path.
    """
    if not isinstance(name, str) or not name:
        raise InvalidValueError(f"The {what} key {name!r} is not a text of at least one character.")
    if name not in _good_keys:
        _check_key(name, what)
        if len(_good_keys) >= _GOOD_KEYS_KEPT:
            _good_keys.clear()
        _good_keys.add(name)
    return name


def _check_key(name: str, what: str) -> None:
    if len(name) > KEY_LENGTH:
        raise InvalidValueError(f"The {what} key {name[:40]!r}… has {len(name)} characters; {KEY_LENGTH} are allowed.")
    if not re.match(_KEY, name):
        allowed = "Letters, digits, underscores, dashes, periods, spaces, colons and slashes are allowed."
        bad = next(character for character in name if not re.match(_KEY, character))
        raise InvalidValueError(f"The {what} key {name!r} contains {bad!r}.", hint=allowed)
    if name.startswith("..") or any(part in ("", ".", "..") for part in name.split("/")):
        hint = "Keys may become file names: no '..' at the start, no empty part, '.' or '..' between slashes, no slash at either end."
        raise InvalidValueError(f"The {what} key {name!r} is not a plain relative path.", hint=hint)


def points(metrics: Sequence[Metric]) -> List[Point]:
    """Metrics as stored points.

    Raises:
        InvalidValueError: a key, value, timestamp or step is not acceptable; the message names the metric.
    """
    found: List[Point] = []
    for metric in metrics:
        name, value, timestamp, step = metric.key, metric.value, metric.timestamp, metric.step
        if type(name) is not str or name not in _good_keys:
            key(name, what="metric")
        if type(value) is not float:
            value = _number(value, name)
        if type(timestamp) is not int or not 0 <= timestamp <= INT64:
            timestamp = _integer(timestamp, f"timestamp of metric {name!r}", least=0)
        if type(step) is not int or not -INT64 <= step <= INT64:
            step = _integer(step, f"step of metric {name!r}", least=-INT64 - 1)
        found.append((name, timestamp, step, 0.0, 1) if value != value else (name, timestamp, step, value, 0))  # noqa: PLR0124 -- NaN
    return found


def _number(value: Any, name: str) -> float:
    try:
        return float(_not_text(value))
    except (TypeError, ValueError, OverflowError):
        raise InvalidValueError(f"The value {value!r} of metric {name!r} is not a number.", hint="Give an int or a float.") from None


def _not_text(value: Any) -> Any:
    if isinstance(value, (bool, str, bytes)):
        raise TypeError
    return value


def _integer(value: Any, what: str, *, least: int) -> int:
    try:
        number = operator.index(_not_text(value))
    except TypeError:
        raise InvalidValueError(f"The {what} is {value!r}, not an integer.") from None
    if not least <= number <= INT64:
        raise InvalidValueError(f"The {what} is {number}; it must lie between {least} and {INT64}.")
    return number


def milliseconds(value: Any, *, what: str) -> int:
    """A time in ms since the epoch.

    Raises:
        InvalidValueError: it is not an integer of 64 bits.
    """
    return _integer(value, what, least=-INT64 - 1)


def param(name: Any, value: Any) -> Tuple[str, str]:
    """Key and value of a param; a value beyond MLflow's limit is cut, as MLflow does.

    Raises:
        InvalidValueError: the key is not acceptable, or the value is not text.
    """
    return key(name, what="param"), _text(value, f"value of param {name!r}")[:PARAM_LENGTH]


def tag(name: Any, value: Any) -> Tuple[str, str]:
    """Key and value of a run's tag; a value beyond MLflow's limit is cut, as MLflow does.

    Raises:
        InvalidValueError: the key is not acceptable, or the value is not text.
    """
    return key(name, what="tag"), _text(value, f"value of tag {name!r}")[:TAG_LENGTH]


def experiment_tag(name: Any, value: Any) -> Tuple[str, str]:
    """Key and value of an experiment's tag.

    Raises:
        InvalidValueError: the key is not acceptable, or the value is not text or too long (it is never cut).
    """
    text = _text(value, f"value of tag {name!r}")
    if len(text) > EXPERIMENT_TAG_LENGTH:
        raise InvalidValueError(f"The value of tag {name!r} has {len(text)} characters; {EXPERIMENT_TAG_LENGTH} are allowed.")
    return key(name, what="tag"), text


def dataset_field(field: str, value: Any) -> str:
    """An attribute of a dataset; a schema or profile that is None is stored as an empty text.

    Raises:
        InvalidValueError: it is not text, or too long (it is never cut).
    """
    optional = field in ("schema", "profile")
    return short_text("" if optional and value is None else value, f"dataset {field}", DATASET_LENGTHS[field])


def input_tag(name: Any, value: Any) -> Tuple[str, str]:
    """Key and value of a dataset's tag in a run. MLflow takes any text as the key.

    Raises:
        InvalidValueError: one of them is not text, or too long (it is never cut).
    """
    key_text = short_text(name, "key of a dataset's tag", INPUT_TAG_KEY_LENGTH)
    return key_text, short_text(value, f"value of the dataset's tag {key_text!r}", INPUT_TAG_LENGTH)


def model_id(text: Any) -> str:
    """The id of a logged model; whether there is such a model is not asked.

    Raises:
        InvalidValueError: it is not a text of 1 to 500 characters.
    """
    if not text:
        raise InvalidValueError(f"The model id is {text!r}.", hint="A model id is a text such as m-0123456789abcdef0123456789abcdef.")
    return short_text(text, "model id", MODEL_ID_LENGTH)


def step(value: Any, *, what: str) -> int:
    """A step, negative ones too.

    Raises:
        InvalidValueError: it is not an integer of 64 bits.
    """
    return _integer(value, what, least=-INT64 - 1)


def short_text(value: Any, what: str, most: int) -> str:
    """A text of at most so many characters.

    Raises:
        InvalidValueError: it is longer, or not text.
    """
    text = _text(value, what)
    if len(text) > most:
        raise InvalidValueError(f"The {what} has {len(text)} characters; {most} are allowed.")
    return text


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidValueError(f"The {what} is {value!r}, not text.")
    if not value.isascii():
        _check_unicode(value, what)
    return value


def _check_unicode(text: str, what: str) -> None:
    """Refuse a lone surrogate here: the database would refuse it in the middle of a call's writes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidValueError(f"The {what} has a character that is no Unicode: {text[error.start]!r}.") from None


def experiment_name(name: Any) -> str:
    """The name of an experiment.

    Raises:
        InvalidValueError: it is empty, not text, or too long.
    """
    if not isinstance(name, str) or not name:
        raise InvalidValueError(f"The experiment name {name!r} is not a text of at least one character.")
    if len(name) > EXPERIMENT_NAME_LENGTH:
        raise InvalidValueError(f"The experiment name has {len(name)} characters; {EXPERIMENT_NAME_LENGTH} are allowed.")
    return name


def experiment_id(text: Any) -> int:
    """The number that an experiment id stands for (beyond 64 bits: one that no experiment has).

    Raises:
        InvalidValueError: it is not an integer.
    """
    if not re.match(_INTEGER, str(text)):
        raise InvalidValueError(f"The experiment id {text!r} is not an integer.", hint="See: mlctl experiments list")
    digits = str(text)
    return int(digits) if len(digits) < 19 else -1


def run_id(text: Any) -> str:
    """A run id of a form that MLflow accepts in batches.

    Raises:
        InvalidValueError: it has other characters, or more than 256.
    """
    if not isinstance(text, str) or not re.match(_RUN_ID, text):
        raise InvalidValueError(f"{text!r} is not a run id.", hint="A run id has letters, digits, '_' and '-' only.")
    return text


def artifact_location(text: str) -> str:
    """The artifact location of an experiment, as it is stored; a relative path is made absolute.

    Raises:
        InvalidValueError: it is too long, or of a form that MLflow refuses.
    """
    import os

    if len(text) > LOCATION_LENGTH:
        raise InvalidValueError(f"The artifact location has {len(text)} characters; {LOCATION_LENGTH} are allowed.")
    if not text or text.startswith("/"):
        return text
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.\-]*):", text)
    if not scheme:
        return os.path.abspath(text)  # noqa: PTH100 -- pathlib is slower to import
    _check_location_uri(text, scheme.group(1).lower())
    return text


def _check_location_uri(text: str, scheme: str) -> None:
    if scheme == "runs":
        raise InvalidValueError(f"The artifact location {text!r} cannot be inside a run.")
    before, _, query = text.partition("?")
    if "#" in text or ";" in before:
        raise InvalidValueError(f"The artifact location {text!r} has a fragment or parameters ('#', ';').")
    if ".." in query:
        raise InvalidValueError(f"The artifact location {text!r} has '..' in its query.")


def status(name: Any) -> int:
    """The number of a run status, as MLflow numbers them (RUNNING is 1).

    Raises:
        InvalidValueError: there is no such status.
    """
    if name not in STATUSES:
        raise InvalidValueError(f"{name!r} is not a run status.", hint=f"Statuses: {', '.join(STATUSES)}")
    return STATUSES.index(name) + 1


def view(name: Any) -> str:
    """Which lifecycle stages to look at; empty means the active ones.

    Raises:
        InvalidValueError: there is no such view.
    """
    if name and name not in (ACTIVE_ONLY, DELETED_ONLY, ALL):
        raise InvalidValueError(f"{name!r} is not a view.", hint=f"Views: {ACTIVE_ONLY}, {DELETED_ONLY}, {ALL}")
    return str(name or ACTIVE_ONLY)


def page_size(number: Any) -> int:
    """The most entities that a page of a search may hold.

    Raises:
        InvalidValueError: it is not an integer from 1 to 50,000.
    """
    if type(number) is not int or not 1 <= number <= PAGE_SIZE:
        raise InvalidValueError(f"max_results is {number!r}; it must be an integer from 1 to {PAGE_SIZE}.")
    return number


def page_token(offset: int) -> str:
    """The token of the page that starts at an offset: base64 of ``{"offset": n}``, as in MLflow."""
    import binascii

    return binascii.b2a_base64(b'{"offset": %d}' % offset, newline=False).decode()


def page_offset(token: Optional[str]) -> int:
    """Where the page of a token starts.

    Raises:
        InvalidValueError: no store made this token.
    """
    if not token:
        return 0
    import binascii
    import json

    try:
        found = json.loads(binascii.a2b_base64(token.encode()))
    except (ValueError, UnicodeError):
        found = None
    offset = found.get("offset") if isinstance(found, dict) else None
    if type(offset) is not int or not 0 < offset <= INT64:
        raise InvalidValueError(f"The page token {token!r} was not made by this store.", hint="Start again without a token.")
    return offset


def unique_params(keys: Sequence[str]) -> None:
    """Refuse a batch that names a param twice.

    Raises:
        InvalidValueError: it does; the message names the keys.
    """
    seen: Set[str] = set()
    twice = sorted({name for name in keys if name in seen or seen.add(name)})  # type: ignore[func-returns-value]
    if twice:
        raise InvalidValueError(f"Params given twice in one call: {', '.join(map(repr, twice))}.", hint="A param has one value.")


def batch_size(*, metrics: int = 0, params: int = 0, tags: int = 0) -> None:
    """MLflow's limits on one log-batch request.

    Raises:
        InvalidValueError: there are too many; the message names the limit.
    """
    counts = {"metrics": metrics, "params": params, "tags": tags}
    for name, limit in BATCH_LIMITS:
        if counts[name] > limit:
            raise InvalidValueError(f"A batch may hold {limit} {name}; this one holds {counts[name]}.", hint="Split it.")
    if sum(counts.values()) > BATCH_TOTAL:
        hint = f"A batch may hold {BATCH_TOTAL} metrics, params and tags together."
        raise InvalidValueError(f"The batch holds {sum(counts.values())} entities.", hint=hint)
