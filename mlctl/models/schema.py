"""Schemas of models' inputs and outputs and of datasets: named columns or tensors, as MLflow describes them.

MLmodel files hold them as JSON, which can be read and written where there is no numpy.
"""

import json
import sys
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from mlctl.errors import SchemaError
from mlctl.models.params import ParamSchema, ParamSpec, parsed
from mlctl.models.types import (
    AnyType,
    Array,
    BaseType,
    DataType,
    Map,
    Object,
    Property,
    SparkMLVector,
    Type,
    document,
    from_document,
    given_type,
)

__all__ = [
    "AnyType",
    "Array",
    "BaseType",
    "ColSpec",
    "DataType",
    "Map",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "Schema",
    "SparkMLVector",
    "TensorSpec",
]


class ColSpec:
    """A column: its type, perhaps a name, and whether it has to be there."""

    def __init__(self, type: Union[Type, str], name: Optional[str] = None, required: bool = True) -> None:
        self._type = given_type(type, of="A column" if name is None else f"The column {name!r}")
        self.name = name
        self._required = bool(required)

    @property
    def type(self) -> Type:
        """The type of its values."""
        return self._type

    @property
    def required(self) -> bool:
        """Whether it has to be there, and all its values with it."""
        return self._required

    def to_dict(self) -> Dict[str, Any]:
        """What MLmodel files have of it."""
        named = {} if self.name is None else {"name": self.name}
        return {**document(self.type), **named, "required": self.required}

    @classmethod
    def from_json_dict(cls, **kwargs: Any) -> "ColSpec":
        """The column of such a dictionary.

        Raises:
            SchemaError: its type is wrong.
        """
        return cls(from_document(kwargs), kwargs.get("name"), kwargs.get("required", True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ColSpec) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        named = "" if self.name is None else f"{self.name!r}: "
        return f"{named}{self.type!r} ({'required' if self.required else 'optional'})"


class TensorSpec:
    """A tensor: a numpy array of one dtype and shape, in which -1 is any length."""

    def __init__(self, type: Any, shape: Sequence[int], name: Optional[str] = None) -> None:
        """``type`` is a numpy.dtype, or the name of one where there may be no numpy."""
        if not isinstance(shape, (tuple, list)):
            raise SchemaError(f"The shape of a tensor is a tuple or list, not {shape!r}.")
        self._dtype = None if isinstance(type, str) else _checked(type)
        self.dtype_name = type if isinstance(type, str) else str(type.name)
        self._shape = tuple(shape)
        self._name = name

    @property
    def type(self) -> Any:
        """The numpy.dtype."""
        if self._dtype is None:
            import numpy as np

            self._dtype = np.dtype(self.dtype_name)
        return self._dtype

    @property
    def name(self) -> Optional[str]:
        """The name, if it has one."""
        return self._name

    @property
    def shape(self) -> Tuple[int, ...]:
        """The length of each dimension."""
        return self._shape

    @property
    def required(self) -> bool:
        """Tensors always are."""
        return True

    def to_dict(self) -> Dict[str, Any]:
        """What MLmodel files have of it."""
        named = {} if self.name is None else {"name": self.name}
        return {**named, "type": "tensor", "tensor-spec": {"dtype": self.dtype_name, "shape": self.shape}}

    @classmethod
    def from_json_dict(cls, **kwargs: Any) -> "TensorSpec":
        """The tensor of such a dictionary.

        Raises:
            SchemaError: it is none, or incomplete.
        """
        found = kwargs.get("tensor-spec")
        if kwargs.get("type") != "tensor" or not isinstance(found, dict) or not {"dtype", "shape"} <= set(found):
            raise SchemaError(f"A tensor in a schema has 'tensor-spec' with 'dtype' and 'shape', not {kwargs!r}.")
        return cls(str(found["dtype"]), found["shape"], kwargs.get("name"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and (self.name, self.shape) == (other.name, other.shape) and self._is_of_dtype(other)

    def _is_of_dtype(self, other: "TensorSpec") -> bool:
        if "numpy" in sys.modules:
            return bool(self.type == other.type)
        return self.dtype_name == other.dtype_name

    def __hash__(self) -> int:
        return hash((self.name, self.shape))

    def __repr__(self) -> str:
        named = "" if self.name is None else f"{self.name!r}: "
        return f"{named}Tensor({self.dtype_name!r}, {self.shape!r})"


def _checked(dtype: Any) -> Any:
    if type(dtype).__module__.partition(".")[0] != "numpy" or not hasattr(dtype, "itemsize"):
        raise SchemaError(f"The type of a tensor is a numpy.dtype, not {dtype!r}.", hint="numpy.dtype(...) makes one.")
    if dtype.char in "US" and dtype.itemsize:
        raise SchemaError("The type of a tensor of texts or bytes has no size.", hint='numpy.dtype("str") or numpy.dtype("bytes").')
    return dtype


Spec = Union[ColSpec, TensorSpec]


class Schema:
    """The columns or tensors of some data: all of them with names, or none."""

    def __init__(self, inputs: List[Any]) -> None:
        if not isinstance(inputs, list) or not inputs:
            raise SchemaError("A schema is a list of one column (ColSpec) or tensor (TensorSpec) or more.")
        if not (all(isinstance(item, ColSpec) for item in inputs) or all(isinstance(item, TensorSpec) for item in inputs)):
            raise SchemaError("A schema has columns (ColSpec) or tensors (TensorSpec), not both.")
        named = [item.name is not None for item in inputs]
        if any(named) and not all(named):
            raise SchemaError(f"Some inputs have names, others have none: {[item.name for item in inputs]}.")
        if not any(named) and isinstance(inputs[0], TensorSpec) and len(inputs) > 1:
            raise SchemaError("Of several tensors each has a name.")
        if not any(named) and not all(item.required for item in inputs):
            raise SchemaError("A column without a name is required.", hint="Give the columns names.")
        self._inputs: List[Spec] = inputs

    @property
    def inputs(self) -> List[Spec]:
        """The columns or tensors."""
        return self._inputs

    def __len__(self) -> int:
        return len(self.inputs)

    def __iter__(self) -> Iterator[Spec]:
        return iter(self.inputs)

    def is_tensor_spec(self) -> bool:
        """Whether it has tensors."""
        return isinstance(self.inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        """Whether its inputs have names."""
        return self.inputs[0].name is not None

    def input_names(self) -> List[Any]:
        """The names, or the indices of inputs without names."""
        return [item.name or index for index, item in enumerate(self.inputs)]

    def required_input_names(self) -> List[Any]:
        """Names or indices of the inputs that have to be there."""
        return [item.name or index for index, item in enumerate(self.inputs) if item.required]

    def optional_input_names(self) -> List[Any]:
        """Names or indices of the inputs that may be missing."""
        return [item.name or index for index, item in enumerate(self.inputs) if not item.required]

    def input_types(self) -> List[Any]:
        """The types, of tensors their dtypes."""
        return [item.type for item in self.inputs]

    def input_types_dict(self) -> Dict[Any, Any]:
        """Name → type.

        Raises:
            SchemaError: there are no names.
        """
        return {name: item.type for name, item in self.input_dict().items()}

    def input_dict(self) -> Dict[Any, Spec]:
        """Name → column or tensor.

        Raises:
            SchemaError: there are no names.
        """
        if not self.has_input_names():
            raise SchemaError("The inputs of this schema have no names.", hint="`input_types()` lists their types.")
        return {item.name: item for item in self.inputs}

    def numpy_types(self) -> List[Any]:
        """The numpy.dtype of each input.

        Raises:
            SchemaError: one has none, such as an array.
        """
        if self.is_tensor_spec():
            return self.input_types()
        return [one.to_numpy() for one in self._scalars()]

    def pandas_types(self) -> List[Any]:
        """The dtype of each column in a pandas.DataFrame.

        Raises:
            SchemaError: one has none, such as an array or a tensor.
        """
        return [one.to_pandas() for one in self._scalars()]

    def _scalars(self) -> List[DataType]:
        found = self.input_types()
        if not all(isinstance(one, DataType) for one in found):
            raise SchemaError("Not all inputs of this schema are columns of single values.")
        return found

    def to_dict(self) -> List[Dict[str, Any]]:
        """What MLmodel files have of it, before it is made JSON."""
        return [item.to_dict() for item in self.inputs]

    def to_json(self) -> str:
        """What MLmodel files have of it."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, json_str: str) -> "Schema":
        """The schema of such JSON.

        Raises:
            SchemaError: it is that of none.
        """
        found = parsed(json_str)
        return cls([(TensorSpec if item.get("type") == "tensor" else ColSpec).from_json_dict(**item) for item in found])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.inputs == other.inputs

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return repr(self.inputs)
