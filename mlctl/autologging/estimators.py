"""Trainings of XGBoost and LightGBM through their estimators: one call of ``fit``, which is scikit-learn's and the booster's in one."""

import functools
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple

from mlctl.autologging.boosting import BoosterTraining, Call, Library, log_trained, sample_of
from mlctl.autologging.logged import TrainedModel
from mlctl.autologging.notices import guard, say
from mlctl.autologging.options import ModelOptions
from mlctl.autologging.patches import Patches
from mlctl.autologging.trainings import WatchedCall, watch

if TYPE_CHECKING:
    from mlctl.autologging.switch import Switch


class _Thread(threading.local):
    fit: "Optional[EstimatorTraining]" = None


_thread = _Thread()


class EstimatorTraining:
    """One call of an estimator's ``fit``, and the call of ``train`` that it makes; a `mlctl.autologging.trainings.Recorder`."""

    def __init__(self, library: Library, options: ModelOptions, estimator: Any, call: Call) -> None:
        self._library = library
        self._options = options
        self._estimator = estimator
        self._call = call
        self._model = TrainedModel(options)
        self._inner: List[Tuple[BoosterTraining, Any]] = []
        self._run_id = ""

    def before(self, run_id: str) -> None:
        """The model is begun; params and data are those of `train`."""
        self._run_id = run_id
        self._model.begin()

    def train(self) -> Any:
        """Make the call that is watched."""
        original, args, kwargs = self._call
        _thread.fit = self
        try:
            return original(self._estimator, *args, **kwargs)
        except BaseException:
            self._model.fail()
            raise
        finally:
            _thread.fit = None

    def train_inside(self, call: Call) -> Any:
        """Make a call of ``train`` that ``fit`` makes."""
        _thread.fit = None
        inner = WatchedCall(lambda: BoosterTraining(self._library, self._options, call), functools.partial(call[0], *call[1], **call[2]))
        try:
            with guard("log what a training starts from", silent=self._options.silent):
                inner.make().before(self._run_id, self._model)
            booster = inner.train()
        finally:
            _thread.fit = self
        self._inner.append((inner.recorder, booster))
        return booster

    def after(self, run_id: str, result: Any, duration_s: float) -> None:  # noqa: ARG002 -- `fit` gives the estimator itself
        """What the rounds gave, and the model."""
        for inner, booster in self._inner[-1:]:
            inner.after_rounds(run_id, booster)
        data = self._call[1][0] if self._call[1] else self._call[2].get("X")
        log_trained(self._model, self._library, self._options, self._estimator, sample_of(data), predict=self._estimator.predict)


# ── replacements ─────────────────────────────────────────────────────────────────────────────────────────────────────


def watched_train(switch: "Switch[ModelOptions]", library: Library) -> Callable[[Any], Any]:
    """What makes a replacement for a library's ``train``."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def train(*args: Any, **kwargs: Any) -> Any:
            options, fit = switch.options, _thread.fit
            if fit is not None:
                return fit.train_inside((original, args, kwargs))
            if options is None:
                return original(*args, **kwargs)
            call = WatchedCall(
                lambda: BoosterTraining(library, options, (original, args, kwargs)), functools.partial(original, *args, **kwargs)
            )
            return watch(options, call.make, call.train)

        return train

    return make


def watched_fit(switch: "Switch[ModelOptions]", library: Library) -> Callable[[Any], Any]:
    """What makes a replacement for an estimator's ``fit``."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
            options = switch.options
            if options is None or _thread.fit is not None:
                return original(self, *args, **kwargs)
            call = WatchedCall(
                lambda: EstimatorTraining(library, options, self, (original, args, kwargs)),
                functools.partial(original, self, *args, **kwargs),
            )
            return watch(options, call.make, call.train)

        return fit

    return make


def noting(switch: "Switch[ModelOptions]", note: Callable[[Any, Any], None]) -> Callable[[Any], Any]:
    """What makes a replacement for the ``__init__`` of a library's own kind of data: the first rows are kept, for a signature."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if switch.options is not None and switch.options.log_models:
                note(self, args[0] if args else kwargs.get("data"))

        return initialise

    return make


def is_watched(package: ModuleType, options: Optional[ModelOptions], *, oldest: Tuple[int, ...], library: str) -> bool:
    """Whether trainings of a library are to be watched: not if that is off, nor an old version if only supported ones are wanted."""
    if options is None:
        return False
    version = tuple(int(part) for part in package.__version__.split(".")[:2])
    if options.details["only_supported"] and version < oldest:
        say(f"Autologging does not support this version of {library} and is off.", silent=options.silent)
        return False
    return True


def wrap_fits(package: ModuleType, base_name: str, patches: Patches, *, watched: Callable[..., Any]) -> None:
    """Patch ``fit`` of a library's estimators, which are those derived from its base class."""
    base = getattr(package, base_name, None)
    for estimator in vars(getattr(package, "sklearn", package)).values():
        if base is not None and isinstance(estimator, type) and issubclass(estimator, base) and "fit" in vars(estimator):
            patches.wrap(estimator, "fit", watched)
