"""What the case files share: the module under comparison, cases by label, and values without what differs from store to store."""

import importlib
import math
import re
import sys
import tempfile
from pathlib import Path

MODULE, ADDRESS, TARGET = sys.argv[1:]

mlflow = importlib.import_module(MODULE)
entities = importlib.import_module(f"{MODULE}.entities")
exceptions = importlib.import_module(f"{MODULE}.exceptions")

mlflow.set_tracking_uri(ADDRESS)
client = mlflow.MlflowClient()

CASES = {}
TIME = 1_700_000_000_000
"""A moment, in ms, from which cases count."""

FOLDER = Path(tempfile.mkdtemp(prefix="compat-"))
"""A folder for what cases log."""

_now = {"case": ""}


def case(label):
    """Decorator: the function is a case; what it returns is compared."""

    def add(function):
        assert label not in CASES, label
        CASES[label] = function
        return function

    return add


def rows(group, table):
    """Cases of a group as a table: label → function."""
    for label, function in table.items():
        case(f"{group}: {label}")(function)


def answer(label):
    """What a case gives, or the kind of error that ends it."""
    _now["case"] = label
    seen.clear()
    try:
        found = plain(CASES[label]())
    except Exception as error:  # noqa: BLE001 -- which one it is, is the answer
        found = kind(error)
    while mlflow.active_run() is not None:
        mlflow.end_run()
    return found


def kind(error):
    """The code of an error of the API, or the type of another."""
    code = getattr(error, "error_code", None)
    return {"error": code} if code else {"raised": type(error).__name__}


def error(function, *args, **kwargs):
    """The kind of error that a call gives, or what it returns without one."""
    try:
        return {"no error": plain(function(*args, **kwargs))}
    except Exception as caught:  # noqa: BLE001 -- as above
        return kind(caught)


# ── values without what differs ──────────────────────────────────────────────────────────────────────────────────────

seen = {}

NOT_TRACKING = {"effective_trace_archival_retention", "trace_location", "workspace"}
"""Attributes of MLflow's experiments that belong to traces and workspaces."""


def plain(value):
    """A value as comparable JSON: ids numbered as they come, times and places named."""
    if isinstance(value, float):
        return repr(value) if not math.isfinite(value) else value
    if isinstance(value, dict):
        return {str(plain(key)): _named(key, item) for key, item in value.items() if key not in NOT_TRACKING}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in (sorted(value) if isinstance(value, set) else value)]
    if isinstance(value, int) and not isinstance(value, bool):
        return moment(value)
    if isinstance(value, str):
        return _without_places(value)
    if value is None or isinstance(value, bool):
        return value
    if hasattr(value, "to_dictionary"):
        return plain(value.to_dictionary())
    try:
        return plain(dict(value))
    except (TypeError, ValueError):
        return f"<{type(value).__name__}>"


def _named(key, value):
    if key == "experiment_id" and str(value) not in ("0", "None"):
        return "<experiment>"
    return plain(value)


def moment(value):
    """A number, unless it is the time of the call."""
    return "<now>" if TIME + 10**9 < value < 2 * TIME else value


def _without_places(text):
    if re.fullmatch(r"[a-z]+-[a-z]+-\d+", text):
        return "<some name>"
    text = re.sub(r"mlflow-artifacts:/\d+/[0-9a-f]{32}/artifacts", "<artifacts>", text)
    text = re.sub(r"mlflow-artifacts:/\d+", "<place of an experiment>", text)
    here = str(Path.cwd())
    text = re.sub(rf"(file://)?{re.escape(here)}/[\w/.-]*?/[0-9a-f]{{32}}/artifacts", "<artifacts>", text)
    text = (
        re.sub(rf"(file://)?{re.escape(here)}/(mlruns|artifacts)/[\w/-]+", "<place of an experiment>", text)
        .replace(here, "<here>")
        .replace(str(FOLDER), "<folder>")
    )
    return re.sub(r"[0-9a-f]{32}", lambda match: seen.setdefault(match[0], f"<id {len(seen)}>"), text)


# ── short words for cases ────────────────────────────────────────────────────────────────────────────────────────────


def exp(suffix=""):
    """A new experiment, named after the case."""
    return client.create_experiment(_now["case"] + suffix)


def run(experiment_id=None, **kwargs):
    """A new run by the client; returns its id."""
    kwargs.setdefault("start_time", TIME)
    return client.create_run(experiment_id or exp(), **kwargs).info.run_id


def own(tags):
    """The tags that a script set."""
    return {key: value for key, value in sorted(tags.items()) if not key.startswith("mlflow.")}


def data(run_id):
    """Params, metrics and own tags of a run."""
    found = client.get_run(run_id).data
    return {"params": found.params, "metrics": found.metrics, "tags": own(found.tags)}


def points(run_id, key):
    """A metric's history."""
    return [[point.value, point.step, point.timestamp] for point in client.get_metric_history(run_id, key)]


def metric(key, value, timestamp=TIME, step=0):
    """A point of a metric."""
    return entities.Metric(key, value, timestamp, step)
