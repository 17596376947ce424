"""The params that a model takes at inference: their types and defaults, as MLflow describes them, and what values become."""

import datetime as dt
import json
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from mlctl.errors import SchemaError
from mlctl.models.types import DataType, Object, document, from_document, given_type, is_array, is_scalar

ParamType = Union[DataType, Object]

_CONVERTED = {
    DataType.long: (DataType.integer,),
    DataType.float: (DataType.integer, DataType.long),
    DataType.double: (DataType.integer, DataType.long, DataType.float),
}
"""What else a param's value may be."""


class ParamSpec:
    """A param: type, default, and ``(-1,)`` as shape if it is a list."""

    def __init__(self, name: str, dtype: Union[ParamType, str], default: Any, shape: Optional[Sequence[int]] = None) -> None:
        self._name = str(name)
        self._shape = None if shape is None else tuple(shape)
        found = given_type(dtype, of=f"The param {self._name!r}")
        if not isinstance(found, (DataType, Object)) or found is DataType.binary:
            raise SchemaError(f"The param {self._name!r} cannot have the type {found!r}.", hint="A param is a single value or an Object.")
        self._dtype = found
        self._default = default
        self._default = self.validate_param_spec(default, self)

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def dtype(self) -> ParamType:
        """The type of the value, or of a list's items."""
        return self._dtype

    @property
    def default(self) -> Any:
        """What it is if it is not given."""
        return self._default

    @property
    def shape(self) -> Optional[Tuple[int, ...]]:
        """``(-1,)`` of a list, None of a single value."""
        return self._shape

    @classmethod
    def validate_param_spec(cls, value: Any, param_spec: "ParamSpec") -> Any:
        """A value as it is handed to the model.

        Raises:
            SchemaError: it does not fit.
        """
        return cls.validate_type_and_shape(repr(param_spec), value, param_spec.dtype, param_spec.shape)

    @classmethod
    def validate_type_and_shape(cls, spec: str, value: Any, value_type: ParamType, shape: Optional[Tuple[int, ...]]) -> Any:
        """As `validate_param_spec`, for a type and shape; ``spec`` says in errors whose they are."""
        if shape == (-1,) and (not (isinstance(value, list) or is_array(value)) or _dimensions(value) != 1):
            raise SchemaError(
                f"Value must be a 1D array with shape (-1,) for param {spec}, "
                f"received {type(value).__name__} with ndim {_dimensions(value)}"
            )
        if shape not in (None, (-1,)):
            raise SchemaError(
                f"Shape must be None for scalar or dictionary value, or (-1,) for 1D array value for ParamSpec {spec}), received {shape}"
            )
        try:
            return _fitted(value, value_type) if shape is None else [scalar(item, value_type) for item in value]
        except Exception as error:  # whatever numpy and pandas say of an odd value
            raise SchemaError(f"Failed to validate type and shape for {spec}, error: {error}") from error

    def to_dict(self) -> Dict[str, Any]:
        """What MLmodel files have of it."""
        default = self.default
        if self.dtype is DataType.datetime:
            default = default.isoformat() if self.shape is None else [item.isoformat() for item in default]
        return {"name": self.name, "default": default, "shape": self.shape, **document(self.dtype)}

    @classmethod
    def from_json_dict(cls, **kwargs: Any) -> "ParamSpec":
        """The param of such a dictionary; ``dtype`` is an older name of ``type``.

        Raises:
            SchemaError: it is incomplete, or the default does not fit.
        """
        kind = kwargs.get("type") or kwargs.get("dtype")
        if not {"name", "default"} <= set(kwargs) or kind is None:
            raise SchemaError(f"A param in a schema has 'name', 'type' and 'default', not only {sorted(kwargs)}.")
        found = from_document({**kwargs, "type": kind})
        return cls(kwargs["name"], found, kwargs["default"], kwargs.get("shape"))  # type: ignore[arg-type]  # checked there

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParamSpec) and self._facts() == other._facts()

    def _facts(self) -> Tuple[Any, ...]:
        return self.name, self.dtype, self.default, self.shape

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        shape = "" if self.shape is None else f" (shape: {self.shape})"
        return f"{self.name!r}: {self.dtype!r} (default: {self.default}){shape}"


class ParamSchema:
    """The params of a model, each with a name of its own."""

    def __init__(self, params: List[ParamSpec]) -> None:
        if not all(isinstance(item, ParamSpec) for item in params):
            raise SchemaError("A schema of params is a list of ParamSpec.")
        names = [item.name for item in params]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SchemaError(f"Duplicated parameters found in schema: {twice}")
        self._params = params

    @property
    def params(self) -> List[ParamSpec]:
        """The params."""
        return self._params

    def __len__(self) -> int:
        return len(self.params)

    def __iter__(self) -> Iterator[ParamSpec]:
        return iter(self.params)

    def to_dict(self) -> List[Dict[str, Any]]:
        """What MLmodel files have of it, before it is made JSON."""
        return [item.to_dict() for item in self.params]

    def to_json(self) -> str:
        """What MLmodel files have of it."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, json_str: str) -> "ParamSchema":
        """The schema of such JSON.

        Raises:
            SchemaError: it is that of none.
        """
        return cls([ParamSpec.from_json_dict(**item) for item in parsed(json_str)])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParamSchema) and self.params == other.params

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return repr(self.params)


def parsed(json_str: str) -> List[Dict[str, Any]]:
    """The list of dictionaries that a schema's JSON is.

    Raises:
        SchemaError: it is no such thing.
    """
    try:
        found = json.loads(json_str)
    except (TypeError, ValueError) as error:
        raise SchemaError(f"A schema is not JSON: {error}.") from None
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise SchemaError(f"A schema is a list of dictionaries, not {json_str}.")
    return found


def scalar(value: Any, dtype: Any) -> Any:
    """A value as a param of this type, in Python's own types.

    Raises:
        SchemaError: it is not of this type, nor of one that can be converted without loss.
    """
    if value is None:
        return None
    if dtype is DataType.datetime:
        return _moment(value, dtype)
    if not is_scalar(value):
        raise SchemaError(f"Value must be a scalar for type `{dtype}`, got `{value}`")
    if any(DataType.check_type(one, value) for one in (dtype, *_CONVERTED.get(dtype, ()))):
        return dtype.to_python()(value)
    raise SchemaError(f"Can not safely convert `{type(value)}` to `{dtype}` for value `{value}`")


def _moment(value: Any, dtype: DataType) -> Any:
    if type(value) is dt.date or (type(value) is dt.datetime and value.tzinfo is None):
        return value
    try:
        found = _parsed_moment(value)
    except ValueError as error:
        raise SchemaError(f"Failed to convert value `{value}` from type `{type(value)}` to `{dtype}`") from error
    if isinstance(found, int):
        raise SchemaError(f"Failed to convert value to `{dtype}`. It must be convertible to datetime.date/datetime, got `{value}`")
    return found


def _parsed_moment(value: Any) -> Any:
    try:
        import numpy as np
    except ImportError:
        text = str(value)
        return dt.date.fromisoformat(text) if len(text) <= len("2024-12-31") else dt.datetime.fromisoformat(text)
    return np.datetime64(value).item()


def _fitted(value: Any, value_type: ParamType) -> Any:
    if isinstance(value_type, DataType):
        return scalar(value, value_type)
    _check_object(value, value_type)
    return value


def _check_object(value: Any, found: Object) -> None:
    try:
        from copy import deepcopy

        from mlctl.models import values
    except ImportError:
        return
    values.fitted_object(deepcopy(value), found)


def _dimensions(value: Any) -> int:
    """Of a list or array; of anything else what numpy makes of it."""
    if is_array(value):
        return int(value.ndim)
    if not isinstance(value, (list, tuple)):
        return 0
    inner = {_dimensions(item) for item in value}
    return 1 + (inner.pop() if len(inner) == 1 else 0)
