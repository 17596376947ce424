"""Autologging of XGBoost: ``xgboost.train`` and its estimators."""

from types import ModuleType
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from mlctl.autologging import boosting, estimators
from mlctl.autologging.estimators import noting, watched_fit, watched_train
from mlctl.autologging.notices import guard
from mlctl.autologging.options import ModelOptions
from mlctl.autologging.patches import Patches
from mlctl.autologging.switch import Switch
from mlctl.autologging.trainings import tags_to_add

OLDEST = (1, 7)
"""The oldest XGBoost that is supported; older ones are patched too, unless ``disable_for_unsupported_versions`` is set."""

_MOST_ELEMENTS = 10_000_000
"""Elements of the data, absent ones counted, beyond which it is not described: it would have to be copied, and made dense."""

_UNLOGGED = ("params", "dtrain", "evals", "obj", "feval", "evals_result", "xgb_model", "callbacks", "learning_rates")


def autolog(
    importance_types: Optional[Sequence[str]] = None,
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    registered_model_name: Optional[str] = None,
    model_format: str = "ubj",
    extra_tags: Optional[Mapping[str, Any]] = None,
) -> None:
    """Log every training of XGBoost from now on (see docs/autologging.md); ``disable=True`` puts every function back.

    Raises:
        InvalidValueError: ``extra_tags`` is no dictionary.
    """
    options = ModelOptions(
        library="xgboost",
        exclusive=exclusive,
        silent=silent,
        log_datasets=log_datasets,
        extra_tags=tags_to_add(extra_tags, silent=silent),
        log_models=log_models,
        log_model_signatures=log_model_signatures,
        log_input_examples=log_input_examples,
        registered_model_name=registered_model_name,
        details={
            "importance_types": list(importance_types or ["weight"]),
            "log_model": {"model_format": model_format},
            "only_supported": disable_for_unsupported_versions,
        },
    )
    _switch.turn(None if disable else options)


def autolog_with_all(*, disable: bool, **arguments: Any) -> None:
    """What the generic ``autolog()`` does for XGBoost."""
    _switch.with_all(autolog, disable=disable, **arguments)


def _patch(package: ModuleType, patches: Patches) -> None:
    if not estimators.is_watched(package, _switch.options, oldest=OLDEST, library="XGBoost"):
        return
    for owner in (package, getattr(package, "training", None), getattr(package, "sklearn", None)):
        if owner is not None:
            patches.wrap(owner, "train", _watched_train)
    for kind in ("DMatrix", "QuantileDMatrix"):
        if hasattr(package, kind):
            patches.wrap(getattr(package, kind), "__init__", _noting)
    estimators.wrap_fits(package, "XGBModel", patches, watched=_watched_fit)


# ── what XGBoost is to `boosting` ────────────────────────────────────────────────────────────────────────────────────


def _callback(rounds: boosting.Rounds) -> Any:
    from xgboost.callback import TrainingCallback

    class _Note(TrainingCallback):  # type: ignore[misc]
        """Notes the metrics of each round."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, List[Any]]]) -> bool:  # noqa: ARG002
            with guard("note a round of a training", silent=True):
                rounds.note(
                    {f"{data}-{name}": _latest(values) for data, found in evals_log.items() for name, values in found.items()}, epoch
                )
            return False

    return _Note()


def _latest(values: List[Any]) -> Any:
    return values[-1][0] if isinstance(values[-1], tuple) else values[-1]  # a tuple has a deviation beside the value


def _others(arguments: Mapping[str, Any]) -> List[Tuple[Any, Optional[str]]]:
    return [(data, name) for data, name in arguments.get("evals") or ()]


def _frame(data: Any) -> Tuple[Any, Any]:
    if data is None or data.num_row() * data.num_col() > _MOST_ELEMENTS:
        return None, None
    return data.get_data(), None


def _importances(booster: Any, options: ModelOptions) -> Dict[str, Dict[str, float]]:
    found: Dict[str, Dict[str, float]] = {}
    for kind in options.details["importance_types"]:
        with guard(f"compute the importance of features ({kind})", silent=options.silent):
            found[kind] = booster.get_score(importance_type=kind)
    return found


def _early(booster: Any, rounds: boosting.Rounds) -> Optional[Tuple[Dict[str, float], int]]:
    best = int(booster.attributes().get("best_iteration", -1))
    if best not in rounds.by_step:
        return None
    return {"stopped_iteration": max(rounds.by_step), "best_iteration": best}, best


def _predict(booster: Any, sample: Any) -> Any:
    from xgboost import DMatrix

    return booster.predict(DMatrix(sample))


_library = boosting.Library("xgboost", "dtrain", _UNLOGGED, _callback, _others, _frame, _importances, _early, _predict)
_switch: "Switch[ModelOptions]" = Switch(["xgboost"], _patch)
_watched_train = watched_train(_switch, _library)
_watched_fit = watched_fit(_switch, _library)
_noting = noting(_switch, boosting.note_sample)
