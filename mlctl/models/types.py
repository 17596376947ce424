"""The types of MLflow's schemas: scalars (`DataType`) and what is made of them, with the JSON that MLmodel files have of them.

The classes are those of `mlflow.types.schema`. numpy is only imported by methods that return its types.
"""

import datetime as dt
import sys
from enum import Enum
from typing import Any, Dict, List, Mapping, Optional, Union

from mlctl.errors import SchemaError

Type = Union["DataType", "BaseType"]


class DataType(Enum):
    """Types of single values."""

    boolean = 1
    integer = 2
    long = 3
    float = 4
    double = 5
    string = 6
    binary = 7
    datetime = 8

    def __repr__(self) -> str:
        return self.name

    def to_numpy(self) -> Any:
        """The numpy.dtype of such values."""
        import numpy as np

        return np.dtype(_NUMPY_NAMES[self.name])

    def to_pandas(self) -> Any:
        """The dtype of a pandas column of such values; texts and bytes are objects."""
        return object if self in (DataType.string, DataType.binary) else self.to_numpy()

    def to_python(self) -> Any:
        """Python's type of such values."""
        return _PYTHON_TYPES[self.name]

    @classmethod
    def check_type(cls, data_type: "DataType", value: Any) -> bool:
        """Whether a value is of this very type, no conversion needed."""
        found = type(value)
        return found.__module__ in ("builtins", "numpy", "datetime") and found.__name__ in _VALUE_TYPES[data_type.name]

    @classmethod
    def all_types(cls) -> "List[DataType]":
        """All of them."""
        return list(cls)

    @classmethod
    def from_numpy_type(cls, np_type: Any) -> "Optional[DataType]":
        """The one whose values numpy keeps with this dtype; None if there is none."""
        return next((one for one in cls if one.to_numpy() == np_type), None)


_NUMPY_NAMES = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "str",
    "binary": "bytes",
    "datetime": "datetime64[ns]",
}
_PYTHON_TYPES: Dict[str, type] = {
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "string": str,
    "binary": bytes,
    "datetime": dt.date,
}
_VALUE_TYPES = {
    "boolean": ("bool", "bool_"),
    "integer": ("int", "int32", "intc"),
    "long": ("int", "int64", "longlong"),
    "float": ("float", "float32"),
    "double": ("float", "float64"),
    "string": ("str", "str_", "object"),
    "binary": ("bytes", "bytes_", "bytearray", "object"),
    "datetime": ("date", "datetime", "datetime64"),
}
"""Names of the types of Python and numpy whose values are of a type as they are."""


class BaseType:
    """What is no scalar."""

    def to_dict(self) -> Dict[str, Any]:
        """What MLmodel files have of it."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(repr(self))

    @classmethod
    def from_json_dict(cls, **kwargs: Any) -> "BaseType":
        """The type of such a dictionary.

        Raises:
            SchemaError: it is that of another type, or incomplete.
        """
        found = from_document(kwargs)
        if not isinstance(found, cls):
            raise SchemaError(f"The type {kwargs['type']!r} is no {cls.__name__}.")
        return found


class AnyType(BaseType):
    """Whatever JSON can hold, None included; nothing is checked."""

    def to_dict(self) -> Dict[str, Any]:
        """What MLmodel files have of it."""
        return {"type": "any"}

    def __repr__(self) -> str:
        return "Any"


class Array(BaseType):
    """A list of items of one type."""

    def __init__(self, dtype: "Union[Type, str]") -> None:
        self._dtype = given_type(dtype, of="An array's items")

    @property
    def dtype(self) -> Type:
        """The type of the items."""
        return self._dtype

    def to_dict(self) -> Dict[str, Any]:
        """What MLmodel files have of it."""
        return {"type": "array", "items": document(self.dtype)}

    def __repr__(self) -> str:
        return f"Array({self.dtype!r})"


class SparkMLVector(Array):
    """A vector of Spark ML: numbers of double precision."""

    def __init__(self) -> None:
        super().__init__(DataType.double)

    def to_dict(self) -> Dict[str, Any]:
        """What MLmodel files have of it."""
        return {"type": "sparkml_vector"}

    def __repr__(self) -> str:
        return "SparkML vector"


class Map(BaseType):
    """A dictionary of any names, with values of one type."""

    def __init__(self, value_type: "Union[Type, str]") -> None:
        self._value_type = given_type(value_type, of="A map's values")

    @property
    def value_type(self) -> Type:
        """The type of the values."""
        return self._value_type

    def to_dict(self) -> Dict[str, Any]:
        """What MLmodel files have of it."""
        return {"type": "map", "values": document(self.value_type)}

    def __repr__(self) -> str:
        return f"Map(str -> {self.value_type})"


class Property:
    """A named member of an object."""

    def __init__(self, name: str, dtype: "Union[Type, str]", required: bool = True) -> None:
        if not isinstance(name, str):
            raise SchemaError(f"The name of a property is a text, not a value of type {type(name).__name__}.")
        self._name = name
        self._dtype = given_type(dtype, of=f"The property {name!r}")
        self.required = required

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def dtype(self) -> Type:
        """The type of the values."""
        return self._dtype

    def to_dict(self) -> Dict[str, Any]:
        """What MLmodel files have of it: its name, with type and ``required``."""
        return {self.name: {**document(self.dtype), "required": self.required}}

    @classmethod
    def from_json_dict(cls, **kwargs: Any) -> "Property":
        """The property of such a dictionary.

        Raises:
            SchemaError: there are several names, or the type is wrong.
        """
        if len(kwargs) != 1:
            raise SchemaError(f"A property has one name, not {len(kwargs)}.")
        [(name, found)] = kwargs.items()
        return cls(name, from_document(found), found.get("required", True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Property) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.name)

    def __lt__(self, other: "Property") -> bool:
        return self.name < other.name

    def __repr__(self) -> str:
        return f"{self.name}: {self.dtype!r} ({'required' if self.required else 'optional'})"


class Object(BaseType):
    """A dictionary of named members, each of a type of its own."""

    def __init__(self, properties: List[Property]) -> None:
        self.properties = properties

    @property
    def properties(self) -> List[Property]:
        """The members, by name."""
        return self._properties

    @properties.setter
    def properties(self, value: List[Property]) -> None:
        if not isinstance(value, list) or not value or not all(isinstance(item, Property) for item in value):
            raise SchemaError("An object's properties are a list of one Property or more.")
        names = [item.name for item in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SchemaError(f"An object has one property of each name; there are several of {', '.join(twice)}.")
        self._properties = sorted(value)

    def to_dict(self) -> Dict[str, Any]:
        """What MLmodel files have of it."""
        return {"type": "object", "properties": {name: found for item in self.properties for name, found in item.to_dict().items()}}

    def __repr__(self) -> str:
        return "{" + ", ".join(map(repr, self.properties)) + "}"


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def given_type(given: Any, *, of: str) -> Type:
    """A type as code gives it: one, or the name of a scalar one.

    Raises:
        SchemaError: it is neither.
    """
    if isinstance(given, (DataType, BaseType)):
        return given
    if isinstance(given, str) and given in DataType.__members__:
        return DataType[given]
    raise SchemaError(
        f"{of} cannot have the type {given!r}.",
        hint=f"Types: {', '.join(DataType.__members__)}, or an Array, Object, Map or AnyType.",
    )


def document(found: Type) -> Dict[str, Any]:
    """What MLmodel files have of a type."""
    return {"type": found.name} if isinstance(found, DataType) else found.to_dict()


def from_document(found: Any) -> Type:
    """The type of such a dictionary.

    Raises:
        SchemaError: it is none, or incomplete.
    """
    if not isinstance(found, Mapping) or not isinstance(found.get("type"), str):
        raise SchemaError(f"A type in a schema is a dictionary with the key 'type', not {found!r}.")
    name = found["type"]
    if name == "array":
        return Array(from_document(_part(found, "items")))
    if name == "map":
        return Map(from_document(_part(found, "values")))
    if name == "object":
        members = _part(found, "properties")
        return Object([Property.from_json_dict(**{key: member}) for key, member in members.items()])
    plain: Dict[str, Type] = {"any": AnyType(), "sparkml_vector": SparkMLVector()}
    return plain[name] if name in plain else given_type(name, of="A schema")


def _part(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    if not isinstance(found.get(key), Mapping):
        raise SchemaError(f"The type {found['type']!r} in a schema lacks the dictionary {key!r}.")
    part: Mapping[str, Any] = found[key]
    return part


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: None, NaN, or pandas' NA and NaT."""
    if isinstance(value, float):
        return value != value  # noqa: PLR0124 -- NaN
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def is_scalar(value: Any) -> bool:
    """What numpy.isscalar says, without numpy where there is none."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        return bool(numpy.isscalar(value))
    import numbers

    return type(value) in (str, bytes, memoryview) or isinstance(value, numbers.Number)


def is_instance(value: Any, module: str, *names: str) -> bool:
    """Whether a value is an instance of a class of a library, which is not imported for that: an instance is proof that it has been."""
    found = sys.modules.get(module)
    return found is not None and isinstance(value, tuple(filter(None, (getattr(found, name, None) for name in names))))


def is_array(value: Any) -> bool:
    """Whether it is a numpy array."""
    return is_instance(value, "numpy", "ndarray")


def is_sparse(value: Any) -> bool:
    """Whether it is a sparse matrix, CSR or CSC."""
    return is_instance(value, "scipy.sparse", "csr_matrix", "csc_matrix")
