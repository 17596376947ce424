"""What the trainings of XGBoost and LightGBM have in common: rounds, early stopping, importance of features, samples of the data."""

import functools
import inspect
import json
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from weakref import WeakKeyDictionary

from mlctl.autologging import sklearn_data
from mlctl.autologging.logged import TrainedModel, inferred
from mlctl.autologging.notices import guard
from mlctl.autologging.options import ModelOptions
from mlctl.autologging.series import Series
from mlctl.autologging.trainings import log
from mlctl.datasets import datasets
from mlctl.tracking.fluent_active import store_of

_SAMPLE_ROWS = 5
_MOST_BARS = 100


Call = Tuple[Callable[..., Any], Tuple[Any, ...], Dict[str, Any]]


class Library(NamedTuple):
    """What one of the libraries is, to `BoosterTraining`."""

    flavor: str
    data: str  # the argument of `train` that holds the training data
    unlogged: Sequence[str]  # arguments that are no params
    callback: Callable[["Rounds"], Any]  # makes the callback that notes each round
    others: Callable[[Mapping[str, Any]], List[Tuple[Any, Optional[str]]]]  # the other data of a call, with their names
    frame: Callable[[Any], Tuple[Any, Any]]  # data and targets inside the library's own kind of data
    importances: Callable[[Any, ModelOptions], Dict[str, Dict[str, float]]]
    early: Callable[[Any, "Rounds"], Optional[Tuple[Dict[str, float], int]]]  # facts of early stopping, and the step of the best round
    predict: Callable[[Any, Any], Any]


class Rounds:
    """What was measured in each round."""

    def __init__(self, series: Series) -> None:
        self.by_step: Dict[int, Dict[str, Any]] = {}
        self.series = series

    def note(self, metrics: Mapping[str, Any], step: int) -> None:
        """Note the metrics of a round; names such as ``ndcg@3`` are none that a store takes."""
        named = {name.replace("@", "_at_"): value for name, value in metrics.items()}
        self.by_step[step] = named
        self.series.add(named, step)


# ── samples of the data ──────────────────────────────────────────────────────────────────────────────────────────────

_samples: "WeakKeyDictionary[Any, Any]" = WeakKeyDictionary()


def note_sample(owner: Any, data: Any) -> None:
    """Keep the first rows of data for a signature: they cannot be had back from the library's own kind of data as they were."""
    sample = sample_of(data)
    if sample is not None:
        _samples[owner] = sample


def noted_sample(owner: Any) -> Any:
    """What was kept of the data that this was made from; None if nothing was."""
    try:
        return _samples.get(owner)
    except TypeError:  # it can be no key
        return None


def sample_of(data: Any) -> Any:
    """A copy of the first rows of a frame or an array; None for data of other kinds, files among them."""
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return data.iloc[:_SAMPLE_ROWS].copy()
    if hasattr(data, "dtype") and hasattr(data, "flat") and getattr(data, "ndim", 0) > 1:
        return data[:_SAMPLE_ROWS].copy()
    return None


# ── one call of `train` ──────────────────────────────────────────────────────────────────────────────────────────────


class BoosterTraining:
    """One call of a library's ``train``; a `mlctl.autologging.trainings.Recorder`.

    Args:
        library: whose training it is.
        options: what is to be logged.
        call: the function, its positional and its keyword arguments.
    """

    def __init__(self, library: Library, options: ModelOptions, call: Call) -> None:
        self._library = library
        self._options = options
        self._original, self._args, self._kwargs = call
        self._bound = arguments_of(*call)
        self._model: Optional[TrainedModel] = None
        self._rounds: Optional[Rounds] = None
        self._sample = noted_sample(self._bound.get(library.data))

    def before(self, run_id: str, model: Optional[TrainedModel] = None) -> None:
        """Params and the data: a training that fails has them too. ``model`` is that of an estimator which makes this call."""
        log(run_id, params=self._params(), silent=self._options.silent)
        if self._options.log_datasets:
            with guard("describe the data of a training", silent=self._options.silent):
                self._describe(run_id)
        if model is None:
            model = self._model = TrainedModel(self._options)
            model.begin()
        self._rounds = Rounds(Series(run_id, model_id=model.model_id, silent=self._options.silent))

    def train(self) -> Any:
        """Make the call that is watched, with one callback more."""
        kwargs = dict(self._kwargs)
        if self._rounds is not None:
            with guard("watch the rounds of a training", silent=self._options.silent):
                kwargs = self._with_callback(self._rounds)
        try:
            return self._original(*self._args, **kwargs)
        except BaseException:
            if self._model is not None:
                self._model.fail()
            raise
        finally:
            if self._rounds is not None:
                self._rounds.series.write()

    def after(self, run_id: str, result: Any, duration_s: float) -> None:  # noqa: ARG002 -- how long it took does not matter
        """Early stopping, importance of features, and the model."""
        self.after_rounds(run_id, result)
        if self._model is not None:
            log_trained(
                self._model, self._library, self._options, result, self._sample, predict=functools.partial(self._library.predict, result)
            )

    def after_rounds(self, run_id: str, booster: Any) -> None:
        """What the rounds gave."""
        with guard("log early stopping", silent=self._options.silent):
            self._log_early_stopping(booster)
        with guard("log the importance of features", silent=self._options.silent):
            keep_importances(run_id, self._library.importances(booster, self._options), silent=self._options.silent)

    def _params(self) -> Dict[str, Any]:
        given = dict(self._bound.get("params") or {})
        return {**{name: value for name, value in self._bound.items() if name not in self._library.unlogged}, **given}

    def _describe(self, run_id: str) -> None:
        told: List[Tuple[Any, Optional[str], str]] = [(self._bound.get(self._library.data), None, "train")]
        told += [(data, name, "eval") for data, name in self._library.others(self._bound)]
        for data, name, context in told:
            link(run_id, *self._library.frame(data), name=name, context=context)

    def _with_callback(self, rounds: Rounds) -> Dict[str, Any]:
        """First of all callbacks: one that ends the training may keep those behind it from being called."""
        if "callbacks" not in self._kwargs and self._bound.get("callbacks"):
            return self._kwargs  # given by position, as no current release allows
        return {**self._kwargs, "callbacks": [self._library.callback(rounds), *(self._kwargs.get("callbacks") or [])]}

    def _log_early_stopping(self, booster: Any) -> None:
        if self._rounds is None:
            return
        found = self._library.early(booster, self._rounds)
        if found is not None:
            facts, best = found
            self._rounds.series.add(facts, 0)
            self._rounds.series.add(self._rounds.by_step.get(best, {}), len(self._rounds.by_step))
            self._rounds.series.write()


def log_trained(
    trained: TrainedModel, library: Library, options: ModelOptions, model: Any, sample: Any, *, predict: Callable[[Any], Any]
) -> None:
    """Log a booster, or an estimator with one, as the model of its training."""
    further = options.details.get("log_model", {})
    trained.log(library.flavor, model, signature=lambda: inferred(sample, predict), example=sample, **further)


def arguments_of(function: Callable[..., Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Dict[str, Any]:
    """The arguments of a call by name, defaults included; those of a call that is wrong as far as they can be told."""
    signature = inspect.signature(function)
    try:
        bound = signature.bind_partial(*args, **kwargs)
    except TypeError:
        return {**dict(zip(signature.parameters, args)), **kwargs}
    bound.apply_defaults()
    return dict(bound.arguments)


def link(run_id: str, data: Any, targets: Any = None, *, name: Optional[str], context: str) -> None:
    """Make data an input of a run: a frame, an array or a sparse matrix; others are left out."""
    described = sklearn_data.describe(data, targets, name=name)
    if described is not None:
        datasets.link(store_of(run_id), run_id, described, context=context)


# ── importance of features ───────────────────────────────────────────────────────────────────────────────────────────


def keep_importances(run_id: str, importances: Mapping[str, Mapping[str, Any]], *, silent: bool) -> None:
    """Write ``feature_importance_<type>.json`` and, where matplotlib is installed, the same as a figure."""
    store = store_of(run_id)
    with tempfile.TemporaryDirectory(prefix="mlctl-") as folder:
        for kind, values in importances.items():
            path = Path(folder, f"feature_importance_{kind}")
            path.with_suffix(".json").write_text(json.dumps(values, indent=2), encoding="utf-8")
            with guard("draw the importance of features", silent=silent):
                _draw(path.with_suffix(".png"), kind, values)
        store.artifacts(store.get_run(run_id).info).put_folder(folder)


def _draw(path: Path, kind: str, values: Mapping[str, Any]) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    single = {name: sum(abs(part) for part in value) if isinstance(value, list) else value for name, value in values.items()}
    shown = sorted(single.items(), key=lambda item: item[1])[-_MOST_BARS:]
    figure = Figure(figsize=(6.4, 4.8 + 0.1 * max(0, len(shown) - 10)), dpi=100, layout="tight")
    axes = figure.subplots()
    axes.barh([name for name, _ in shown], [value for _, value in shown], height=0.5)
    axes.set(xlabel="Importance", title=f"Feature importance ({kind})")
    figure.savefig(path, format="png")
