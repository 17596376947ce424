"""Models: MLflow's format, schemas and signatures. Names are imported when they are first used."""

from typing import TYPE_CHECKING, Any, Dict

if TYPE_CHECKING:
    from mlctl.models.code_models import ModelConfig as ModelConfig
    from mlctl.models.code_models import set_model as set_model
    from mlctl.models.enforcement import validate_schema as validate_schema
    from mlctl.models.examples import ModelInputExample as ModelInputExample
    from mlctl.models.information import get_model_info as get_model_info
    from mlctl.models.information import set_signature as set_signature
    from mlctl.models.model import Model as Model
    from mlctl.models.model import ModelInfo as ModelInfo
    from mlctl.models.signature import ModelSignature as ModelSignature
    from mlctl.models.signature import infer_signature as infer_signature

_NAMES: "Dict[str, str]" = {
    # the format
    "Model": "mlctl.models.model",
    "ModelConfig": "mlctl.models.code_models",
    "ModelInfo": "mlctl.models.model",
    "get_model_info": "mlctl.models.information",
    "set_model": "mlctl.models.code_models",
    "set_signature": "mlctl.models.information",
    # schemas, signatures and input examples
    "ModelInputExample": "mlctl.models.examples",
    "ModelSignature": "mlctl.models.signature",
    "infer_signature": "mlctl.models.signature",
    "validate_schema": "mlctl.models.enforcement",
}
"""Where each name is; its module is imported when the name is first used."""

__all__ = [*_NAMES]  # noqa: PLE0604 -- the table holds texts


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _NAMES:
        found = globals()[name] = getattr(import_module(_NAMES[name]), name)
        return found
    if not name.startswith("_"):
        try:
            return import_module(f"{__name__}.{name}")  # `import mlctl.models` makes mlctl.models.signature usable too
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> "list[str]":
    return sorted(__all__)
