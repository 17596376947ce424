"""How trainings are logged: what `autolog` was told."""

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional


@dataclass(frozen=True)
class Options:
    """How a library's trainings are logged, whatever the library."""

    library: str
    exclusive: bool = False
    silent: bool = False
    log_datasets: bool = True
    extra_tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelOptions(Options):
    """How trainings of a library are logged whose model is logged, too."""

    log_models: bool = True
    log_model_signatures: bool = True
    log_input_examples: bool = False
    registered_model_name: Optional[str] = None
    details: Mapping[str, Any] = field(default_factory=dict)  # what only this library has


@dataclass(frozen=True)
class SklearnOptions(Options):
    """How trainings of scikit-learn are logged."""

    max_tuning_runs: Optional[int] = 5
    pos_label: Any = None
    log_post_training_metrics: bool = True
    only_supported: bool = False
    log_models: bool = True
    log_model_signatures: bool = True
    log_input_examples: bool = False
    registered_model_name: Optional[str] = None
    serialization_format: str = "cloudpickle"
