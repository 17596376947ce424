"""What a model takes and gives: `ModelSignature`, and how it is found out from data."""

import logging
from dataclasses import is_dataclass
from typing import Any, Callable, Dict, Mapping, Optional

from mlctl.errors import ArgumentError
from mlctl.models import type_hints
from mlctl.models.inference import PydanticError, infer_param_schema, infer_schema
from mlctl.models.params import ParamSchema
from mlctl.models.schema import AnyType, ColSpec, DataType, Schema

_logger = logging.getLogger(__name__)

_INTEGERS = (
    "Hint: the inferred schema has integer columns. In Python such columns cannot hold missing values: data with gaps comes as floats and "
    "is then refused by the model. Infer the signature from data that has gaps, or declare these columns as doubles."
)


class ModelSignature:
    """The schemas of a model's inputs, outputs and params, as far as they are known. Inputs and outputs may be given as dataclasses."""

    def __init__(self, inputs: Any = None, outputs: Any = None, params: Optional[ParamSchema] = None) -> None:
        if inputs is None and outputs is None and params is None:
            raise ArgumentError("A signature has inputs, outputs or params.")
        if params is not None and not isinstance(params, ParamSchema):
            raise ArgumentError(f"The params of a signature are a ParamSchema, not a value of type {type(params).__name__}.")
        self.inputs = _schema(inputs, "inputs")
        self.outputs = _schema(outputs, "outputs")
        self.params = params
        self._is_signature_from_type_hint = False
        self._is_type_hint_from_example = False

    def to_dict(self) -> Dict[str, Optional[str]]:
        """What MLmodel files have of it: JSON of each, or None."""
        return {
            "inputs": self.inputs.to_json() if self.inputs else None,
            "outputs": self.outputs.to_json() if self.outputs else None,
            "params": self.params.to_json() if self.params else None,
        }

    @classmethod
    def from_dict(cls, signature_dict: Mapping[str, Any]) -> "ModelSignature":
        """The signature of such a dictionary.

        Raises:
            SchemaError: one of the three is no schema, or there is none.
        """
        inputs, outputs, params = (signature_dict.get(key) for key in ("inputs", "outputs", "params"))
        return cls(
            Schema.from_json(inputs) if inputs else None,
            Schema.from_json(outputs) if outputs else None,
            ParamSchema.from_json(params) if params else None,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelSignature) and (self.inputs, self.outputs, self.params) == (
            other.inputs,
            other.outputs,
            other.params,
        )

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"inputs: \n  {self.inputs!r}\noutputs: \n  {self.outputs!r}\nparams: \n  {self.params!r}\n"


def _schema(given: Any, what: str) -> Optional[Schema]:
    if given is None or isinstance(given, Schema):
        return given
    if is_dataclass(given):
        from mlctl.models.dataclass_schemas import schema_of

        return schema_of(given)
    raise ArgumentError(f"The {what} of a signature are a Schema or a dataclass, not a value of type {type(given).__name__}.")


def infer_signature(model_input: Any = None, model_output: Any = None, params: Optional[Dict[str, Any]] = None) -> ModelSignature:
    """The signature that a model has which was trained with such data and gives such data.

    Data whose types cannot be told gets the type "any", and a warning; so do integer columns, which cannot have missing values.

    Raises:
        SchemaError: params are no dictionary of single values and lists, or the data is pydantic's.
        ArgumentError: there is nothing to infer from.
    """
    return ModelSignature(
        _inferred(model_input, "inputs"), _inferred(model_output, "outputs"), infer_param_schema(params) if params else None
    )


def _inferred(data: Any, what: str) -> Optional[Schema]:
    if data is None:
        return None
    if is_dataclass(data):
        return _schema(data, what)
    try:
        found = infer_schema(data)
    except PydanticError:
        raise
    except (TypeError, ValueError) as error:  # SchemaError is both; others are what pandas and numpy say of odd data
        note = " Such inputs are not checked when the model predicts." if what == "inputs" else ""
        _logger.warning("The types of the %s cannot be told, any will do: %s%s", what, error, note)
        return Schema([ColSpec(AnyType())])
    if not found.is_tensor_spec() and any(kind in (DataType.integer, DataType.long) for kind in found.input_types()):
        import warnings

        warnings.warn(_INTEGERS, stacklevel=3)
    return found


def signature_of_hints(method: Callable[..., Any], params: Optional[Dict[str, Any]] = None) -> Optional[ModelSignature]:
    """The signature of a ``predict`` whose type hints say what it takes; None where they do not.

    Raises:
        SchemaError: they name a type that there is none for in schemas.
    """
    hints = type_hints.of(method)
    if hints.input is None:
        return None
    found = ModelSignature(*type_hints.schemas(hints), infer_param_schema(params) if params else None)
    found._is_signature_from_type_hint = True  # noqa: SLF001 -- MLflow's name for it
    return found
