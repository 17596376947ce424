"""Autologging of PyTorch Lightning: ``Trainer.fit``, of both packages that it is released as."""

import functools
from types import ModuleType
from typing import Any, Callable, Mapping, Optional

from mlctl.autologging.lightning_training import LightningTraining
from mlctl.autologging.notices import say
from mlctl.autologging.options import ModelOptions
from mlctl.autologging.patches import Patches
from mlctl.autologging.switch import Switch
from mlctl.autologging.trainings import WatchedCall, tags_to_add, watch

OLDEST = (1, 8)
"""The oldest Lightning that is supported; older ones are patched too, unless ``disable_for_unsupported_versions`` is set."""


def autolog(
    log_every_n_epoch: int = 1,
    log_every_n_step: Optional[int] = None,
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: Optional[str] = None,
    extra_tags: Optional[Mapping[str, Any]] = None,
    checkpoint: bool = True,  # noqa: ARG001 -- no checkpoints are kept, and so with those below
    checkpoint_monitor: str = "val_loss",  # noqa: ARG001
    checkpoint_mode: str = "min",  # noqa: ARG001
    checkpoint_save_best_only: bool = True,  # noqa: ARG001
    checkpoint_save_weights_only: bool = False,  # noqa: ARG001
    checkpoint_save_freq: Any = "epoch",  # noqa: ARG001
    log_model_signatures: bool = True,
) -> None:
    """Log every ``fit`` of a Lightning trainer from now on (see docs/autologging.md); ``disable=True`` puts every function back.

    Raises:
        InvalidValueError: ``extra_tags`` is no dictionary.
    """
    options = ModelOptions(
        library="pytorch",
        exclusive=exclusive,
        silent=silent,
        log_datasets=log_datasets,
        extra_tags=tags_to_add(extra_tags, silent=silent),
        log_models=log_models,
        log_model_signatures=log_model_signatures,
        registered_model_name=registered_model_name,
        details={
            "every_epochs": max(1, log_every_n_epoch),
            "every_steps": log_every_n_step,
            "only_supported": disable_for_unsupported_versions,
        },
    )
    _switch.turn(None if disable else options)


def autolog_with_all(*, disable: bool, **arguments: Any) -> None:
    """What the generic ``autolog()`` does for Lightning."""
    _switch.with_all(autolog, disable=disable, **arguments)


def _patch(package: ModuleType, patches: Patches) -> None:
    options = _switch.options
    if options is None:
        return
    version = tuple(int(part) for part in package.__version__.split(".")[:2])
    if options.details["only_supported"] and version < OLDEST:
        say("Autologging does not support this version of Lightning and is off.", silent=options.silent)
        return
    patches.wrap(package.Trainer, "fit", _watched_fit)


def _watched_fit(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        options = _switch.options
        plain = functools.partial(original, self, *args, **kwargs)
        if options is None or getattr(self, "global_rank", 0) != 0:  # of several processes that train one model, one logs
            return plain()
        model = args[0] if args else kwargs.get("model")
        watched = WatchedCall(lambda: LightningTraining(options, self, model, plain), plain)
        return watch(options, watched.make, watched.train)

    return fit


_switch: "Switch[ModelOptions]" = Switch(["lightning.pytorch", "pytorch_lightning"], _patch)
