"""Models: MLflow's format, schemas and signatures. Names are imported when they are first used."""

from typing import TYPE_CHECKING, Any, Dict

if TYPE_CHECKING:
    from mlctl.models.enforcement import validate_schema as validate_schema
    from mlctl.models.examples import ModelInputExample as ModelInputExample
    from mlctl.models.signature import ModelSignature as ModelSignature
    from mlctl.models.signature import infer_signature as infer_signature

_NAMES: "Dict[str, str]" = {
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
