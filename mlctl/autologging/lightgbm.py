"""Autologging of LightGBM: ``lightgbm.train`` and its estimators."""

from types import ModuleType
from typing import Any, Dict, List, Mapping, Optional, Tuple

from mlctl.autologging import boosting, estimators
from mlctl.autologging.estimators import noting, watched_fit, watched_train
from mlctl.autologging.notices import guard
from mlctl.autologging.options import ModelOptions
from mlctl.autologging.patches import Patches
from mlctl.autologging.switch import Switch
from mlctl.autologging.trainings import tags_to_add

OLDEST = (3, 3)
"""The oldest LightGBM that is supported; older ones are patched too, unless ``disable_for_unsupported_versions`` is set."""

_UNLOGGED = ("params", "train_set", "valid_sets", "valid_names", "fobj", "feval", "init_model", "callbacks", "evals_result")


def autolog(
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: Optional[str] = None,
    extra_tags: Optional[Mapping[str, Any]] = None,
) -> None:
    """Log every training of LightGBM from now on (see docs/autologging.md); ``disable=True`` puts every function back.

    Raises:
        InvalidValueError: ``extra_tags`` is no dictionary.
    """
    options = ModelOptions(
        library="lightgbm",
        exclusive=exclusive,
        silent=silent,
        log_datasets=log_datasets,
        extra_tags=tags_to_add(extra_tags, silent=silent),
        log_models=log_models,
        log_model_signatures=log_model_signatures,
        log_input_examples=log_input_examples,
        registered_model_name=registered_model_name,
        details={"only_supported": disable_for_unsupported_versions},
    )
    _switch.turn(None if disable else options)


def autolog_with_all(*, disable: bool, **arguments: Any) -> None:
    """What the generic ``autolog()`` does for LightGBM."""
    _switch.with_all(autolog, disable=disable, **arguments)


def _patch(package: ModuleType, patches: Patches) -> None:
    if not estimators.is_watched(package, _switch.options, oldest=OLDEST, library="LightGBM"):
        return
    for owner in (package, getattr(package, "engine", None), getattr(package, "sklearn", None)):
        if owner is not None:
            patches.wrap(owner, "train", _watched_train)
    patches.wrap(package.Dataset, "__init__", _noting)
    estimators.wrap_fits(package, "LGBMModel", patches, watched=_watched_fit)


# ── what LightGBM is to `boosting` ───────────────────────────────────────────────────────────────────────────────────


def _callback(rounds: boosting.Rounds) -> Any:
    def note(environment: Any) -> None:
        with guard("note a round of a training", silent=True):
            found = environment.evaluation_result_list or ()
            rounds.note({f"{data}-{name}": value for data, name, value, *_ in found}, environment.iteration)

    return note


def _others(arguments: Mapping[str, Any]) -> List[Tuple[Any, Optional[str]]]:
    sets = arguments.get("valid_sets") or ()
    data = sets if isinstance(sets, (list, tuple)) else [sets]
    names = arguments.get("valid_names") or [None] * len(data)
    return list(zip(data, [names] if isinstance(names, str) else names))


def _frame(data: Any) -> Tuple[Any, Any]:
    return (None, None) if data is None else (data.data, data.label)


def _importances(booster: Any, options: ModelOptions) -> Dict[str, Dict[str, float]]:  # noqa: ARG001 -- all kinds are logged
    names = booster.feature_name()
    return {kind: dict(zip(names, booster.feature_importance(importance_type=kind).tolist())) for kind in ("split", "gain")}


def _early(booster: Any, rounds: boosting.Rounds) -> Optional[Tuple[Dict[str, float], int]]:
    if booster.best_iteration <= 0:
        return None
    return {"stopped_iteration": len(rounds.by_step), "best_iteration": booster.best_iteration}, booster.best_iteration - 1


def _predict(booster: Any, sample: Any) -> Any:
    return booster.predict(sample)


_library = boosting.Library("lightgbm", "train_set", _UNLOGGED, _callback, _others, _frame, _importances, _early, _predict)
_switch: "Switch[ModelOptions]" = Switch(["lightgbm"], _patch)
_watched_train = watched_train(_switch, _library)
_watched_fit = watched_fit(_switch, _library)
_noting = noting(_switch, boosting.note_sample)
