"""What is logged of one training of PyTorch Lightning."""

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from mlctl.autologging.logged import TrainedModel
from mlctl.autologging.notices import guard
from mlctl.autologging.options import ModelOptions
from mlctl.autologging.series import Series
from mlctl.autologging.trainings import log
from mlctl.tracking.fluent_active import store_of

_EARLY = ("monitor", "mode", "patience", "min_delta", "stopped_epoch")


class LightningTraining:
    """One call of ``Trainer.fit``; a `mlctl.autologging.trainings.Recorder`."""

    def __init__(self, options: ModelOptions, trainer: Any, model: Any, call: Callable[[], Any]) -> None:
        self._options = options
        self._trainer = trainer
        self._lightning_model = model
        self._call = call
        self._package = import_module(type(trainer).__module__.partition(".trainer")[0])
        self._model = TrainedModel(options)
        self._series: Optional[Series] = None
        self._run_id = ""
        self._first: List[Tuple[Any, Any]] = []
        self._of_steps: Set[str] = set()
        self._of_epochs: Set[str] = set()

    def before(self, run_id: str) -> None:
        """Facts of early stopping that the script has set."""
        self._run_id = run_id
        stop = self._early()
        if stop is not None:
            log(run_id, params={name: getattr(stop, name) for name in _EARLY if hasattr(stop, name)}, silent=self._options.silent)
        self._model.begin()
        self._series = Series(run_id, model_id=self._model.model_id, silent=self._options.silent)

    def train(self) -> Any:
        """Make the call that is watched, with one callback more."""
        note: Any = None
        hook: Any = None
        with self._guard("watch the epochs of a training"):
            note = _callback(self, self._package.Callback)
            self._trainer.callbacks.append(note)
            hook = self._catch_first_batch()
        try:
            return self._call()
        except BaseException:
            self._model.fail()
            raise
        finally:
            self._trainer.callbacks[:] = [one for one in self._trainer.callbacks if one is not note]
            if hook is not None:
                hook.remove()
            if self._series is not None:
                self._series.write()

    def after(self, run_id: str, result: Any, duration_s: float) -> None:  # noqa: ARG002 -- the run is that of `before`
        """Facts of early stopping, a summary, and the model."""
        with self._guard("log early stopping"):
            self._log_early_stopping()
        with self._guard("keep the summary of a model"):
            self._keep_summary()
        self._model.log("pytorch", self._lightning_model, signature=self._signature, example=None, serialization_format="pickle")

    def started(self, trainer: Any) -> None:
        """Log the optimiser: it is known when the training has begun."""
        with self._guard("log the optimiser of a training"):
            params: Dict[str, Any] = {"epochs": trainer.max_epochs}
            if trainer.optimizers:
                optimiser = getattr(trainer.optimizers[0], "_optimizer", trainer.optimizers[0])
                params.update({"optimizer_name": type(optimiser).__name__, **getattr(optimiser, "defaults", {})})
            log(self._run_id, params=params, tags={"Mode": "training"}, silent=self._options.silent)

    def epoch_ended(self, trainer: Any, epoch: int) -> None:
        """Note the metrics of an epoch."""
        with self._guard("note the metrics of a training"):
            found = {name: value for name, value in trainer.callback_metrics.items() if name not in self._of_steps}
            self._of_epochs.update(found)
            if self._series is not None and not trainer.sanity_checking and (epoch + 1) % self._options.details["every_epochs"] == 0:
                self._series.add(found, epoch)

    def step_ended(self, trainer: Any) -> None:
        """Note the metrics of a step, if the script asked for them."""
        every = self._options.details["every_steps"]
        if not every:
            return
        with self._guard("note the metrics of a training"):
            known = trainer.callback_metrics
            found = {name: value for name, value in known.items() if name not in self._of_epochs and f"{name}_step" not in known}
            self._of_steps.update(found)
            if self._series is not None and (trainer.global_step // max(1, len(trainer.optimizers)) + 1) % every == 0:
                self._series.add(found, trainer.global_step)

    def _early(self) -> Any:
        kind = self._package.callbacks.EarlyStopping
        return next((one for one in self._trainer.callbacks if isinstance(one, kind)), None)

    def _catch_first_batch(self) -> Any:
        """Keep what goes into the model first, and what comes out: one tensor each, or there is no signature."""
        if not (self._options.log_models and self._options.log_model_signatures):
            return None

        def caught(_: Any, inputs: Tuple[Any, ...], output: Any) -> None:
            if not self._first and len(inputs) == 1 and hasattr(inputs[0], "detach") and hasattr(output, "detach"):
                with self._guard("keep a batch of a training"):
                    self._first.append((_on_cpu(inputs[0]), _on_cpu(output)))

        return self._lightning_model.register_forward_hook(caught)

    def _signature(self) -> Any:
        if not self._first:
            return False
        from mlctl.models.signature import infer_signature

        return infer_signature(*self._first[0])

    def _log_early_stopping(self) -> None:
        stop = self._early()
        if stop is None or self._series is None or not stop.stopped_epoch:
            return
        found = {"stopped_epoch": stop.stopped_epoch, "restored_epoch": stop.stopped_epoch - max(1, stop.patience)}
        self._series.add({**found, "best_score": stop.best_score, "wait_count": stop.wait_count}, 0)
        self._series.write()

    def _keep_summary(self) -> None:
        summary = import_module(f"{self._package.__name__}.utilities.model_summary").ModelSummary(self._lightning_model, max_depth=-1)
        with tempfile.TemporaryDirectory(prefix="mlctl-") as folder:
            path = Path(folder, "model_summary.txt")
            path.write_text(str(summary), encoding="utf-8")
            store = store_of(self._run_id)
            store.artifacts(store.get_run(self._run_id).info).put_file(str(path))

    def _guard(self, what: str) -> Any:
        return guard(what, silent=self._options.silent)


def _on_cpu(tensor: Any) -> Any:
    return tensor.detach().cpu().numpy().copy()


def _callback(training: LightningTraining, base: Any) -> Any:
    class _Note(base):  # type: ignore[misc]
        """Notes the metrics of epochs and steps."""

        def __reduce__(self) -> Any:
            return (base, ())  # in another process, which the trainer may start, there is nothing to note

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002 -- Lightning's signature
            training.started(trainer)

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            training.epoch_ended(trainer, pl_module.current_epoch)

        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            training.step_ended(trainer)

    return _Note()
