"""What is logged of one training of Keras."""

import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from mlctl.autologging.boosting import arguments_of, link, sample_of
from mlctl.autologging.logged import TrainedModel
from mlctl.autologging.notices import guard, say
from mlctl.autologging.options import ModelOptions
from mlctl.autologging.series import Series
from mlctl.autologging.trainings import log
from mlctl.tracking.fluent_active import store_of

_UNLOGGED = ("self", "x", "y", "callbacks", "validation_data", "verbose")
_EARLY = ("monitor", "min_delta", "patience", "baseline", "restore_best_weights")


class KerasTraining:
    """One call of ``Model.fit``; a `mlctl.autologging.trainings.Recorder`."""

    def __init__(self, options: ModelOptions, original: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._options = options
        self._original = original
        self._args = args
        self._kwargs = dict(kwargs)
        self._bound = arguments_of(original, tuple(args), kwargs)
        self._keras_model = args[0]
        self._model = TrainedModel(options)
        self._series: Optional[Series] = None
        self._run_id = ""

    def before(self, run_id: str) -> None:
        """Params and the data."""
        self._run_id = run_id
        log(run_id, params={**self._params(), **self._early_params()}, silent=self._options.silent)
        self._model.begin()
        self._series = Series(run_id, model_id=self._model.model_id, silent=self._options.silent)
        if self._options.log_datasets:
            with self._guard("describe the data of a training"):
                link(run_id, self._bound.get("x"), self._bound.get("y"), name=None, context="train")
                other = self._bound.get("validation_data")
                if isinstance(other, (tuple, list)) and len(other) > 1:
                    link(run_id, other[0], other[1], name=None, context="eval")

    def train(self) -> Any:
        """Make the call that is watched, with one callback more."""
        args, kwargs = list(self._args), self._kwargs
        with self._guard("watch the epochs of a training"):
            args, kwargs = self._with_callback()
        try:
            return self._original(*args, **kwargs)
        except BaseException:
            self._model.fail()
            raise
        finally:
            if self._series is not None:
                self._series.write()

    def after(self, run_id: str, result: Any, duration_s: float) -> None:  # noqa: ARG002 -- the run is that of `before`
        """Facts of early stopping, and the model."""
        with self._guard("log early stopping"):
            self._log_early_stopping(result)
        further = {name: value for name, value in self._options.details["log_model"].items() if value is not None}
        example = sample_of(self._bound.get("x"))
        self._model.log(self._options.library, self._keras_model, signature=self._signature, example=_array(example), **further)

    def started(self) -> None:
        """Log the optimiser and a summary of the model: both are known when the training has begun."""
        with self._guard("log the optimiser of a training"):
            found = self._keras_model.optimizer.get_config()
            log(self._run_id, params={f"{self._options.details['prefix']}{k}": v for k, v in found.items()}, silent=self._options.silent)
        with self._guard("keep the summary of a model"), tempfile.TemporaryDirectory(prefix="mlctl-") as folder:
            lines: List[str] = []
            self._keras_model.summary(print_fn=lambda line, *_, **__: lines.append(str(line)))
            path = Path(folder, "model_summary.txt")
            path.write_text("\n".join(lines), encoding="utf-8")
            store = store_of(self._run_id)
            store.artifacts(store.get_run(self._run_id).info).put_file(str(path))

    def measured(self, metrics: Optional[Mapping[str, Any]], step: int, *, prefix: str = "") -> None:
        """Note what was measured at an epoch, or after a number of steps."""
        with self._guard("note the metrics of a training"):
            if self._series is not None and metrics:
                self._series.add({f"{prefix}{name}": value for name, value in metrics.items()}, step)

    @property
    def every_steps(self) -> Optional[int]:
        """After how many steps metrics are noted; None: after each epoch."""
        found: Optional[int] = self._options.details["every_steps"]
        return found

    def _params(self) -> Dict[str, Any]:
        found = {name: value for name, value in self._bound.items() if name not in _UNLOGGED and not hasattr(value, "shape")}
        data = self._bound.get("x")
        size = getattr(data, "batch_size", None) or getattr(data, "_batch_size", None)
        if found.get("batch_size") is None and size is not None:
            found["batch_size"] = int(size)
        return found

    def _early_params(self) -> Dict[str, Any]:
        stop = self._early()
        return {} if stop is None else {name: getattr(stop, name, None) for name in _EARLY}

    def _early(self) -> Any:
        from keras.callbacks import EarlyStopping

        given = self._bound.get("callbacks")
        return next((one for one in (given if isinstance(given, (list, tuple)) else []) if isinstance(one, EarlyStopping)), None)

    def _with_callback(self) -> Any:
        given = self._bound.get("callbacks")
        if given is not None and not isinstance(given, (list, tuple)):
            say("Autologging does not see the epochs of a training whose callbacks are no list.", silent=self._options.silent)
            return list(self._args), self._kwargs
        callbacks = [*(given or []), _callback(self)]
        if "callbacks" in self._kwargs or len(self._args) < 7:
            return list(self._args), {**self._kwargs, "callbacks": callbacks}
        return [*self._args[:6], callbacks, *self._args[7:]], self._kwargs

    def _log_early_stopping(self, history: Any) -> None:
        stop = self._early()
        if stop is None or self._series is None or not stop.stopped_epoch:
            return
        self._series.add({"stopped_epoch": stop.stopped_epoch}, 0)
        measured = history.history.get(stop.monitor)
        if stop.restore_best_weights and measured and stop.best in measured:
            index = measured.index(stop.best)
            self._series.add({"restored_epoch": history.epoch[index]}, 0)
            self._series.add({name: values[index] for name, values in history.history.items()}, stop.stopped_epoch + 1)
        self._series.write()

    def _signature(self) -> Any:
        from mlctl.models.schema import Schema
        from mlctl.models.signature import ModelSignature

        return ModelSignature(inputs=Schema(_specs(self._keras_model.inputs)), outputs=Schema(_specs(self._keras_model.outputs)))

    def _guard(self, what: str) -> Any:
        return guard(what, silent=self._options.silent)


def _specs(tensors: Sequence[Any]) -> List[Any]:
    """The tensors that a model takes or gives; unnamed if there is one, since it is then fed without a name."""
    import numpy as np

    from mlctl.models.schema import TensorSpec

    shapes = [tuple(-1 if size is None else size for size in tensor.shape) for tensor in tensors]
    names = [tensor.name if len(tensors) > 1 else None for tensor in tensors]
    return [TensorSpec(np.dtype(tensor.dtype), shape, name) for tensor, shape, name in zip(tensors, shapes, names)]


def _array(sample: Any) -> Any:
    return sample.to_numpy() if hasattr(sample, "to_numpy") else sample


def _callback(training: KerasTraining) -> Any:
    from keras.callbacks import Callback

    class _Note(Callback):  # type: ignore[misc]
        """Notes the metrics of epochs or steps."""

        epoch = 0

        def on_train_begin(self, logs: Optional[Mapping[str, Any]] = None) -> None:  # noqa: ARG002 -- Keras's signature
            training.started()

        def on_epoch_begin(self, epoch: int, logs: Optional[Mapping[str, Any]] = None) -> None:  # noqa: ARG002
            self.epoch = epoch

        def on_epoch_end(self, epoch: int, logs: Optional[Mapping[str, Any]] = None) -> None:
            if training.every_steps is None:
                training.measured(logs, epoch)

        def on_train_batch_end(self, batch: int, logs: Optional[Mapping[str, Any]] = None) -> None:  # noqa: ARG002
            if training.every_steps is not None:
                step = int(self.model.optimizer.iterations)
                if step % training.every_steps == 0:
                    training.measured(logs, step)

        def on_test_end(self, logs: Optional[Mapping[str, Any]] = None) -> None:
            training.measured(logs, self.epoch, prefix="validation_")

    return _Note()
