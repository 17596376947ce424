"""The generic ``autolog()``: every library that is supported, whether it has been imported or will be."""

from importlib import import_module
from typing import Any, Dict, Mapping, Optional, Sequence

from mlctl.autologging.notices import guard
from mlctl.autologging.trainings import tags_to_add

LIBRARIES: Dict[str, str] = {
    "sklearn": "mlctl.autologging.sklearn:autolog_with_all",
    "xgboost": "mlctl.autologging.xgboost:autolog_with_all",
    "lightgbm": "mlctl.autologging.lightgbm:autolog_with_all",
    "keras": "mlctl.autologging.keras:autolog_with_all",
    "pytorch": "mlctl.autologging.lightning:autolog_with_all",
}
"""Library → what turns its autologging on and off. Each patches what is imported, now or later, and imports nothing itself."""


def autolog(
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_models: bool = True,
    log_datasets: bool = True,
    log_traces: bool = True,  # noqa: ARG001 -- there are no traces
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    extra_tags: Optional[Mapping[str, Any]] = None,
    exclude_flavors: Optional[Sequence[str]] = None,
) -> None:
    """Log the trainings of every supported library from now on; one that the script asked for by name keeps what it asked for.

    ``disable=True`` turns all of them off and puts every function back. ``exclude_flavors`` names libraries to leave as they are.

    Raises:
        InvalidValueError: ``extra_tags`` is no dictionary.
    """
    arguments = {
        "log_input_examples": log_input_examples,
        "log_model_signatures": log_model_signatures,
        "log_models": log_models,
        "log_datasets": log_datasets,
        "exclusive": exclusive,
        "disable_for_unsupported_versions": disable_for_unsupported_versions,
        "silent": silent,
        "extra_tags": tags_to_add(extra_tags, silent=silent),
    }
    for library in LIBRARIES:
        if library not in (exclude_flavors or ()):
            with guard(f"turn on logging of {library}", silent=silent):
                _function(library)(disable=disable, **arguments)


def _function(library: str) -> Any:
    module, _, name = LIBRARIES[library].partition(":")
    return getattr(import_module(module), name)
