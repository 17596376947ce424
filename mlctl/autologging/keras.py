"""Autologging of Keras 3, which is that of TensorFlow, too: ``Model.fit``."""

import functools
from types import ModuleType
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from mlctl.autologging.keras_training import KerasTraining
from mlctl.autologging.notices import say
from mlctl.autologging.options import ModelOptions
from mlctl.autologging.patches import Patches
from mlctl.autologging.switch import Switch
from mlctl.autologging.trainings import WatchedCall, tags_to_add, watch
from mlctl.errors import InvalidValueError


def autolog(
    log_every_epoch: bool = True,
    log_every_n_steps: Optional[int] = None,
    log_models: bool = True,
    log_model_signatures: bool = True,
    save_exported_model: bool = False,
    log_datasets: bool = True,
    log_input_examples: bool = False,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: Optional[str] = None,
    save_model_kwargs: Optional[Mapping[str, Any]] = None,
    extra_tags: Optional[Mapping[str, Any]] = None,
) -> None:
    """Log every ``fit`` of a Keras model from now on (see docs/autologging.md); ``disable=True`` puts every function back.

    Raises:
        InvalidValueError: ``extra_tags`` is no dictionary, or both or none of ``log_every_epoch`` and ``log_every_n_steps`` are given.
    """
    _check(log_every_epoch, log_every_n_steps)
    options = ModelOptions(
        library="keras",
        exclusive=exclusive,
        silent=silent,
        log_datasets=log_datasets,
        extra_tags=tags_to_add(extra_tags, silent=silent),
        log_models=log_models,
        log_model_signatures=log_model_signatures,
        log_input_examples=log_input_examples,
        registered_model_name=registered_model_name,
        details={
            "every_steps": log_every_n_steps,
            "prefix": "optimizer_",
            "log_model": {"save_exported_model": save_exported_model, "save_model_kwargs": save_model_kwargs},
            "only_supported": disable_for_unsupported_versions,
        },
    )
    _switch.turn(None if disable else options)


def autolog_tensorflow(
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: Optional[str] = None,
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    saved_model_kwargs: Optional[Mapping[str, Any]] = None,
    keras_model_kwargs: Optional[Mapping[str, Any]] = None,
    extra_tags: Optional[Mapping[str, Any]] = None,
    log_every_epoch: bool = True,
    log_every_n_steps: Optional[int] = None,
    checkpoint: bool = True,  # noqa: ARG001 -- no checkpoints are kept, and so with those below
    checkpoint_monitor: str = "val_loss",  # noqa: ARG001
    checkpoint_mode: str = "min",  # noqa: ARG001
    checkpoint_save_best_only: bool = True,  # noqa: ARG001
    checkpoint_save_weights_only: bool = False,  # noqa: ARG001
    checkpoint_save_freq: Any = "epoch",  # noqa: ARG001
) -> None:
    """What `autolog` does, with the arguments and the names that MLflow has for TensorFlow: models have that flavor.

    Raises:
        InvalidValueError: as `autolog`.
    """
    _check(log_every_epoch, log_every_n_steps)
    options = ModelOptions(
        library="tensorflow",
        exclusive=exclusive,
        silent=silent,
        log_datasets=log_datasets,
        extra_tags=tags_to_add(extra_tags, silent=silent),
        log_models=log_models,
        log_model_signatures=log_model_signatures,
        log_input_examples=log_input_examples,
        registered_model_name=registered_model_name,
        details={
            "every_steps": log_every_n_steps,
            "prefix": "opt_",
            "log_model": {"saved_model_kwargs": saved_model_kwargs, "keras_model_kwargs": keras_model_kwargs},
            "only_supported": disable_for_unsupported_versions,
        },
    )
    _switch.turn(None if disable else options)


def autolog_with_all(*, disable: bool, **arguments: Any) -> None:
    """What the generic ``autolog()`` does for Keras."""
    _switch.with_all(autolog, disable=disable, **arguments)


def _check(every_epoch: bool, every_n_steps: Optional[int]) -> None:
    if every_epoch == (every_n_steps is not None):
        raise InvalidValueError(
            f"log_every_epoch is {every_epoch} and log_every_n_steps is {every_n_steps}.",
            hint="Give log_every_epoch=False, log_every_n_steps=100, say; or neither.",
        )


def _patch(package: ModuleType, patches: Patches) -> None:
    options = _switch.options
    if options is None:
        return
    if options.details["only_supported"] and int(package.__version__.partition(".")[0]) < 3:
        say("Autologging does not support this version of Keras and is off.", silent=options.silent)
        return
    patches.wrap(package.Model, "fit", _watched_fit)


def _watched_fit(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        options = _switch.options
        if options is None:
            return original(self, *args, **kwargs)
        call: Tuple[Callable[..., Any], List[Any], Dict[str, Any]] = (original, [self, *args], kwargs)
        watched = WatchedCall(lambda: KerasTraining(options, *call), functools.partial(original, self, *args, **kwargs))
        return watch(options, watched.make, watched.train)

    return fit


_switch: "Switch[ModelOptions]" = Switch(["keras"], _patch)
