"""Schemas, signatures, enforcement and examples through MLflow or through mlctl: `schema_cases.py mlflow|mlctl answers.json`.

Each case is a label and a function of the library; its answer is what came back, or the error's message.
"""

import datetime as dt
import json
import logging
import sys
import tempfile
import typing
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pydantic
from scipy import sparse

CASES = {}


def case(label, function):
    assert label not in CASES, label
    CASES[label] = function


# ── the two libraries ────────────────────────────────────────────────────────────────────────────────────────────────


def library(name):
    if name == "mlctl":
        from mlctl.models import enforcement, examples, json_data, schema, signature, type_hints

        return SimpleNamespace(
            enforce=enforcement.enforce_schema,
            params=enforcement.enforce_params,
            infer=signature.infer_signature,
            signature=signature.ModelSignature,
            save=examples.save_example,
            load=lambda folder, info, found: examples.load_example(folder, info, None if found is None else found.inputs),
            load_params=examples.load_example_params,
            request=json_data.from_request,
            hinted=lambda hint: type_hints.schemas(type_hints.Hints(hint))[0],
            fitted=type_hints.fitted,
            **{kind: getattr(schema, kind) for kind in schema.__all__},
        )
    from mlflow.models import Model, ModelSignature, infer_signature, utils
    from mlflow.pyfunc.scoring_server import parse_tf_serving_input
    from mlflow.types import schema, type_hints
    from mlflow.utils.proto_json_utils import dataframe_from_parsed_json

    def save(folder, example):
        made = utils._Example(example)
        made.save(folder)
        return made.info

    def model(info, found=None):
        return Model(saved_input_example_info=info, signature=found)

    def request(found, columns=None):
        [key] = found
        if key.startswith("dataframe_"):
            return dataframe_from_parsed_json(found[key], key.removeprefix("dataframe_"), columns)
        return parse_tf_serving_input(found, columns)

    kinds = "AnyType Array ColSpec DataType Map Object ParamSchema ParamSpec Property Schema SparkMLVector TensorSpec"
    return SimpleNamespace(
        enforce=utils._enforce_schema,
        params=utils._enforce_params_schema,
        infer=infer_signature,
        signature=ModelSignature,
        save=save,
        load=lambda folder, info, found: utils._read_example(model(info, found), folder),
        load_params=lambda folder, info: utils._read_example_params(model(info), folder),
        request=request,
        hinted=type_hints._infer_schema_from_list_type_hint,
        fitted=lambda data, hint: type_hints._validate_data_against_type_hint(type_hints._convert_data_to_type_hint(data, hint), hint),
        **{kind: getattr(schema, kind) for kind in kinds.split()},
    )


def described(value):
    """A value with all its types, as text."""
    if isinstance(value, pd.DataFrame):
        columns = [(name, str(value[name].dtype), [described(item) for item in value[name]]) for name in value.columns]
        return f"frame {columns} index {list(value.index)}"
    if isinstance(value, np.ndarray):
        return f"array {value.dtype} {value.shape} {[described(item) for item in value.ravel().tolist()]}"
    if sparse.issparse(value):
        return f"{value.format} {value.dtype} {value.shape} {value.toarray().tolist()}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {described(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(described, value))}]"
    return f"{type(value).__name__} {value!r}"


# ── enforcement of columns ───────────────────────────────────────────────────────────────────────────────────────────

TODAY = dt.datetime(2024, 5, 6, 7, 8, 9)  # noqa: DTZ001 -- models take dates without a zone
COLUMNS = {
    "booleans": [True, False],
    "booleans with a gap": [True, None],
    "int8": np.array([1, 2], dtype="int8"),
    "uint8": np.array([1, 2], dtype="uint8"),
    "int32": np.array([1, 2], dtype="int32"),
    "uint32": np.array([1, 2], dtype="uint32"),
    "int64": np.array([1, 2], dtype="int64"),
    "int64 flags": np.array([0, 1], dtype="int64"),
    "uint64": np.array([1, 2], dtype="uint64"),
    "float32": np.array([1.5, 2], dtype="float32"),
    "float64": np.array([1.5, 2], dtype="float64"),
    "integers with a gap": [1.0, None],
    "texts": ["a", "b"],
    "texts with a gap": ["a", None],
    "objects": pd.Series(["a", 1], dtype="object"),
    "bytes": [b"a", b"b"],
    "datetimes": [TODAY, TODAY],
    "datetimes in seconds": np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[s]"),
    "datetimes of a zone": pd.to_datetime(["2024-01-01T00:00Z", "2024-01-02T00:00Z"]),
    "dates": [dt.date(2024, 1, 1), dt.date(2024, 1, 2)],
    "lists": [[1, 2], [3]],
    "Int64": pd.array([1, None], dtype="Int64"),
}
SCALARS = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
ONE_EACH = [("objects", "boolean"), ("dates", "datetime"), ("Int64", "long"), ("lists", "string"), ("lists", "double")]
for column, values in COLUMNS.items():
    for wanted in SCALARS:
        if column not in ("objects", "lists", "Int64", "dates") or (column, wanted) in ONE_EACH:

            def fit(lib, values=values, wanted=wanted):
                return lib.enforce(pd.DataFrame({"c": values}), lib.Schema([lib.ColSpec(wanted, "c")]))

            case(f"column: {column} as {wanted}", fit)


def columns(lib, *names, optional=(), kind="long"):
    return lib.Schema([lib.ColSpec(kind, name, required=name not in optional) for name in names])


FRAME = pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": [5, 6]}, index=[7, 9])
case("names: order and extra ones", lambda lib: lib.enforce(FRAME, columns(lib, "c", "a")))
case("names: missing", lambda lib: lib.enforce(FRAME[["a"]], columns(lib, "b", "a", "c")))
case("names: missing and extra", lambda lib: lib.enforce(FRAME[["a", "b"]], columns(lib, "x", "a", "y")))
case("names: optional and missing", lambda lib: lib.enforce(FRAME[["a"]], columns(lib, "a", "z", optional=("z",))))
case("no names: more columns", lambda lib: lib.enforce(FRAME, lib.Schema([lib.ColSpec("long"), lib.ColSpec("double")])))
case("no names: flags as double", lambda lib: lib.enforce(FRAME - FRAME, lib.Schema([lib.ColSpec("long"), lib.ColSpec("double")])))
case("no names: fewer columns", lambda lib: lib.enforce(FRAME[["a"]], lib.Schema([lib.ColSpec("long"), lib.ColSpec("long")])))
case("series with a name", lambda lib: lib.enforce(FRAME["a"], columns(lib, "a")))
case("series without a name", lambda lib: lib.enforce(pd.Series([1, 2]), lib.Schema([lib.ColSpec("long")])))

INPUTS = {
    "int": 3,
    "text": "x",
    "bytes": b"x",
    "none": None,
    "list of ints": [1, 2],
    "list of texts": ["a", "b"],
    "list of rows": [{"a": 1}, {"a": 2}],
    "row": {"a": 1},
    "row of texts": {"a": ["x", "y"]},
    "columns": {"a": [1, 2]},
    "columns of unequal lengths": {"a": [1, 2], "b": [1]},
    "arrays": {"a": np.array([1, 2])},
    "array of two dimensions in a column": {"a": np.array([[1, 2], [3, 4]])},
    "array of a text": {"a": np.array("x")},
    "array": np.array([1, 2]),
    "array of two dimensions": np.array([[1, 2], [3, 4]]),
    "tuple": (1, 2),
}
for label, given in INPUTS.items():
    case(f"input: {label}, as column a", lambda lib, given=given: lib.enforce(given, columns(lib, "a")))
    case(f"input: {label}, as a text", lambda lib, given=given: lib.enforce(given, lib.Schema([lib.ColSpec("string")])))
    case(f"input: {label}, as anything", lambda lib, given=given: lib.enforce(given, lib.Schema([lib.ColSpec(lib.AnyType())])))


# ── arrays, objects, maps ────────────────────────────────────────────────────────────────────────────────────────────


def nested(lib):
    person = lib.Object([lib.Property("name", "string"), lib.Property("age", "long", required=False)])
    return {
        "array of longs": lib.Array("long"),
        "array of texts": lib.Array("string"),
        "array of doubles": lib.Array("double"),
        "array of arrays": lib.Array(lib.Array("double")),
        "array of any": lib.Array(lib.AnyType()),
        "array of objects": lib.Array(person),
        "object": person,
        "map": lib.Map("long"),
        "map of any": lib.Map(lib.AnyType()),
        "any": lib.AnyType(),
    }


CELLS = {
    "none": None,
    "empty list": [],
    "ints": [1, 2],
    "floats": [1.5, 2],
    "texts": ["a", "b"],
    "ints and a gap": [1, None],
    "array": np.array([1, 2]),
    "array of floats": np.array([1.5, 2]),
    "lists": [[1.5], [2.5, 3]],
    "dict": {"name": "x", "age": 3},
    "dict without the optional": {"name": "x"},
    "dict without the required": {"age": 3},
    "dict with more": {"name": "x", "size": 1},
    "dict of the wrong type": {"name": "x", "age": "old"},
    "dict of ints": {"u": 1, "v": 2},
    "empty dict": {},
    "dict of numbered names": {1: 2},
    "dicts": [{"name": "x"}, {"name": "y", "age": 2}],
    "number": 3,
}
for kind in (
    "array of longs",
    "array of doubles",
    "array of arrays",
    "array of any",
    "array of objects",
    "object",
    "map",
    "map of any",
    "any",
):
    for label, given in CELLS.items():
        for required in (True, False):

            def fit_cell(lib, kind=kind, given=given, required=required, label=label):
                copied = json.loads(json.dumps(given)) if isinstance(given, (dict, list)) and "numbered" not in label else given
                found = lib.Schema([lib.ColSpec(nested(lib)[kind], "c", required=required)])
                return lib.enforce(pd.DataFrame({"c": [copied]}), found)

            if required or given is None or label.startswith("empty"):
                case(f"cell: {label} as {kind}{'' if required else ', optional'}", fit_cell)


# ── tensors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def tensors(lib, *specs):
    return lib.Schema([lib.TensorSpec(np.dtype(kind), shape, name) for kind, shape, name in specs])


ARRAYS = {
    "2x3": np.ones((2, 3)),
    "2x3 float32": np.ones((2, 3), dtype="float32"),
    "2x3 int": np.ones((2, 3), dtype="int64"),
    "3": np.ones(3),
    "texts": np.array([["a", "bb", "ccc"]]),
    "ragged": np.array([np.ones(2), np.ones(3)], dtype="object"),
    "csr": sparse.csr_matrix(np.eye(3)),
    "csc float32": sparse.csc_matrix(np.eye(3, dtype="float32")),
    "list": [[1.0, 2.0, 3.0]],
    "dict": {"a": np.ones((2, 3))},
    "dict of lists": {"a": [[1.0, 2.0, 3.0]]},
    "frame of three columns": pd.DataFrame(np.ones((2, 3))),
    "frame of two columns": pd.DataFrame(np.ones((2, 2))),
    "frame of scalars": pd.DataFrame({"a": [1.0, 2.0]}),
    "frame of lists": pd.DataFrame({"a": [[1, 2, 3], [4, 5, 6]]}),
    "frame of short lists": pd.DataFrame({"a": [[1, 2], [4, 5]]}),
    "frame of arrays": pd.DataFrame({"a": [np.ones(3), np.ones(3)]}),
    "frame of texts": pd.DataFrame({"a": [{"x": 1}]}),
    "empty frame": pd.DataFrame(),
}
SHAPES = {
    "(-1, 3)": [("float64", (-1, 3), None)],
    "(2, 3)": [("float64", (2, 3), None)],
    "(-1,)": [("float64", (-1,), None)],
    "(-1, -1, 2)": [("float64", (-1, -1, 2), None)],
    "texts (-1, 3)": [("str", (-1, 3), None)],
    "objects (-1,)": [("object", (-1,), None)],
    "a (-1, 3)": [("float64", (-1, 3), "a")],
}
for label, given in ARRAYS.items():
    for shape, specs in SHAPES.items():
        case(f"tensor: {label} as {shape}", lambda lib, given=given, specs=specs: lib.enforce(given, tensors(lib, *specs)))
TWO = [("float64", (-1, 3), "a"), ("float64", (-1,), "b")]
case("tensor: two", lambda lib: lib.enforce({"a": np.ones((2, 3)), "b": np.ones(2), "c": 1}, tensors(lib, *TWO)))
case("tensor: one of two", lambda lib: lib.enforce({"a": np.ones((2, 3))}, tensors(lib, *TWO)))
case("tensor: array for two", lambda lib: lib.enforce(np.ones((2, 3)), tensors(lib, *TWO)))


# ── params ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def params(lib):
    return lib.ParamSchema(
        [
            lib.ParamSpec("n", "long", 1),
            lib.ParamSpec("i", "integer", 2),
            lib.ParamSpec("f", "float", 0.5),
            lib.ParamSpec("d", "double", 0.25),
            lib.ParamSpec("s", "string", "x"),
            lib.ParamSpec("b", "boolean", default=True),
            lib.ParamSpec("t", "datetime", TODAY),
            lib.ParamSpec("l", "double", [1.0, 2.0], (-1,)),
            lib.ParamSpec("o", lib.Object([lib.Property("k", "string")]), {"k": "v"}),
        ]
    )


PARAMS = {
    "none": None,
    "empty": {},
    "list": [1],
    "unknown": {"nope": 1},
    "numbered name": {1: 2},
    "None": {"n": None},
    "int as long": {"n": 3},
    "float as long": {"n": 3.5},
    "bool as long": {"n": True},
    "text as long": {"n": "3"},
    "numpy as long": {"n": np.int64(3)},
    "numpy int32 as long": {"n": np.int32(3)},
    "numpy int64 as integer": {"i": np.int64(3)},
    "int as float": {"f": 3},
    "double as float": {"f": np.float64(3.5)},
    "numpy int as double": {"d": np.int32(3)},
    "numpy float32 as double": {"d": np.float32(0.5)},
    "text as double": {"d": "0.5"},
    "list as double": {"d": [0.5]},
    "int as text": {"s": 5},
    "bytes as text": {"s": b"5"},
    "numpy text as text": {"s": np.str_("y")},
    "int as boolean": {"b": 1},
    "numpy as boolean": {"b": np.bool_(False)},
    "date text": {"t": "2024-02-03"},
    "datetime text": {"t": "2024-02-03T04:05:06"},
    "date": {"t": dt.date(2024, 1, 2)},
    "numpy datetime": {"t": np.datetime64("2024-01-02T03:04")},
    "nanoseconds": {"t": np.datetime64("2024-01-02T03:04:05.123456789")},
    "nonsense as datetime": {"t": "soon"},
    "list of ints": {"l": [1, 2]},
    "array": {"l": np.array([1.5, 2.5])},
    "tuple": {"l": (1.0, 2.0)},
    "scalar as list": {"l": 1.0},
    "lists as list": {"l": [[1.0], [2.0]]},
    "texts as list of doubles": {"l": ["a"]},
    "dict": {"o": {"k": "w"}},
    "dict without a member": {"o": {}},
    "dict with more": {"o": {"k": "w", "m": 1}},
    "text as dict": {"o": "w"},
}
for label, given in PARAMS.items():
    case(f"params: {label}", lambda lib, given=given: lib.params(given if given is None else given.copy(), params(lib)))
    if label in ("none", "empty", "list", "unknown"):
        case(f"params without a schema: {label}", lambda lib, given=given: lib.params(given, None))


# ── inference, and back ──────────────────────────────────────────────────────────────────────────────────────────────

MIXED = pd.DataFrame(
    {
        "i": [1, 2],
        "s": pd.Series([1, 2], dtype="int32"),
        "f": [0.5, None],
        "t": ["a", None],
        "d": [TODAY, None],
        "c": pd.Categorical(["a", "b"]),
        "l": [["a"], []],
        "o": [{"x": 1, "y": [1.5]}, {"x": 2}],
        "b": [True, None],
        "y": [b"x", b"y"],
    }
)
DATA = {
    "frame": MIXED.drop(columns="c"),
    "frame with categories": MIXED,
    "frame without names": pd.DataFrame([[1, "a"], [2, "b"]]),
    "frame of mixed values": pd.DataFrame({"a": [1, "a"]}),
    "frame of Int64": pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": pd.array(["a", None], dtype="string")}),
    "frame of twice one name": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "empty frame": pd.DataFrame({"a": []}),
    "series": pd.Series([1.5, 2], name="y"),
    "series without a name": pd.Series(["a", "b"]),
    "series with a gap": pd.Series(["a", None]),
    "array": np.ones((2, 3)),
    "array of one dimension": np.array([1, 2]),
    "array of texts": np.array(["a", "bb"]),
    "array of no dimension": np.array(1.5),
    "arrays": {"a": np.ones((2, 3)), "b": np.array([b"x"])},
    "csr": sparse.csr_matrix(np.eye(3)),
    "csc": sparse.csc_matrix(np.eye(3, dtype="float32")),
    "int": 3,
    "float": 0.5,
    "text": "x",
    "bytes": b"x",
    "datetime": TODAY,
    "numpy float32": np.float32(0.5),
    "NaN": float("nan"),
    "list": ["a", "b"],
    "list of ints": [1, 2],
    "list of mixed values": [1, "a"],
    "list with a gap": [1, None],
    "list of lists": [["a"], ["b", None], []],
    "list of bytes": [bytearray(b"x")],
    "empty list": [],
    "empty dict": {},
    "dict": {"a": 1, "b": "x", "c": None},
    "dict of lists": {"a": [1, 2], "b": ["x", None], "c": []},
    "dict of dicts": {"m": {"role": "user", "parts": [{"x": 1}, {"x": 2, "y": None}]}},
    "dict of numbers as names": {1: "a"},
    "dict of an array": {"a": np.array([1, 2]), "b": [1]},
    "dict of an empty array": {"a": {"b": np.array([])}},
    "rows": [{"a": 1, "b": "x"}, {"a": 2}, {"a": None, "b": "y"}],
    "rows of objects": [{"o": {"x": 1}}, {"o": {"x": 2, "y": "a"}}, {"o": None}],
    "rows of several types": [{"a": 1}, {"a": "x"}],
    "set": {1, 2},
    "tuple": (1, 2),
    "messages": [{"role": "user", "content": "hi"}],
}
DEFAULTS = {
    "scalars": {"n": 1, "f": 0.5, "s": "x", "b": True, "t": TODAY},
    "numpy": {"i": np.int32(1), "f": np.float32(0.5), "t": np.datetime64("2024-01-02T03:04:05")},
    "lists": {"l": [1, 2], "t": ["a", "b"], "a": np.array([1.5]), "d": [TODAY]},
    "dicts": {"o": {"k": 1, "l": ["a"]}},
    "nested lists": {"l": [[1], [2]]},
    "None": {"x": None},
    "bytes": {"x": b"x"},
    "not a dict": [1],
    "mixed list": {"x": [1, "a"]},
}


def plain(found, lib):
    again = lib.signature.from_dict(found.to_dict())
    assert again == found
    assert again.to_dict() == found.to_dict()
    return f"{found.to_dict()} {found!r}"


for label, given in DATA.items():
    case(f"infer: {label}", lambda lib, given=given: plain(lib.infer(given), lib))
for label, given in DEFAULTS.items():
    case(f"infer params: {label}", lambda lib, given=given: plain(lib.infer([1], ["a"], params=given), lib))


# ── examples ─────────────────────────────────────────────────────────────────────────────────────────────────────────

EXAMPLES = {
    "frame": pd.DataFrame({"a": [1.5, None], "b": ["x", None], "t": [TODAY, TODAY]}, index=[3, 4]),
    "frame of bytes": pd.DataFrame({"y": [b"x", b"yy" * 60]}),
    "frame of objects": pd.DataFrame({"o": [{"x": 1}, {"x": 2}], "l": [["a"], []]}),
    "frame without names": pd.DataFrame(np.ones((2, 2))),
    "array": np.array([[1.5, np.nan], [2.5, 3.0]]),
    "array of texts": np.array(["a", "b"]),
    "arrays": {"a": np.ones((1, 2)), "b": np.array([1])},
    "array and list": {"a": np.ones((1, 2)), "b": [1]},
    "csr": sparse.csr_matrix(np.eye(3)),
    "csc": sparse.csc_matrix(np.eye(3)),
    "dict": {"a": 1, "b": [1.5], "c": None},
    "messages": {"messages": [{"role": "user", "content": "hi"}]},
    "list": ["a", "b"],
    "list of arrays": [np.ones(2)],
    "rows": [{"a": 1}, {"a": 2}],
    "text": "x",
    "number": 3.5,
    "datetime": TODAY,
    "with params": (pd.DataFrame({"a": [1, 2]}), {"n": 3}),
    "with numpy params": (["x"], {"n": np.int64(3)}),
    "with empty params": (["x"], {}),
    "messages with params": ({"messages": []}, {"n": 3}),
    "with wrong params": (["x"], {"n": [[1]]}),
    "series": pd.Series([1, 2]),
    "none": None,
}


def kept(lib, given):
    with tempfile.TemporaryDirectory() as folder:
        info = lib.save(folder, given)
        files = {path.name: path.read_text() for path in sorted(Path(folder).iterdir())}
        data = given[0] if isinstance(given, tuple) else given
        loaded = [described(lib.load(folder, info, signature)) for signature in (None, lib.infer(data))]
        return json.dumps([info, files, loaded, described(lib.load_params(folder, info))])


for label, given in EXAMPLES.items():
    if given is not None:
        case(f"example: {label}", lambda lib, given=given: kept(lib, given))


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────────

REQUESTS = {
    "split": {"dataframe_split": {"columns": ["a", "t"], "data": [[1, "2024-01-01"], [2, "2024-01-02"]]}},
    "split with an index": {"dataframe_split": {"columns": ["a", "t"], "index": [4], "data": [[1, "2024-01-01"]]}},
    "split without data": {"dataframe_split": {"columns": ["a"]}},
    "split of a list": {"dataframe_split": [1]},
    "split that is uneven": {"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1]]}},
    "records": {"dataframe_records": [{"a": 1, "t": "2024-01-01"}, {"a": 2, "t": "2024-01-02"}]},
    "records of a dict": {"dataframe_records": {"a": 1}},
    "text as long": {"dataframe_records": [{"a": "x", "t": "2024-01-01"}]},
    "inputs": {"inputs": {"a": [1, 2], "t": ["2024-01-01", "2024-01-02"]}},
    "inputs of rows": {"inputs": [{"a": 1, "t": "2024-01-01"}]},
    "inputs of texts as long": {"inputs": {"a": ["x"], "t": ["2024-01-01"]}},
    "inputs of a list": {"inputs": [1, 2]},
    "inputs of a number": {"inputs": 5},
    "instances": {"instances": [{"a": 1, "t": "2024-01-01"}, {"a": 2, "t": "2024-01-02"}]},
    "instances that are uneven": {"instances": [{"a": 1, "t": "2024-01-01"}, {"a": 2}]},
    "instances of a list": {"instances": [[1.5, 2], [3, 4]]},
}
WITH = {
    "columns": lambda lib: lib.Schema([lib.ColSpec("long", "a"), lib.ColSpec("datetime", "t")]),
    "one column": lambda lib: lib.Schema([lib.ColSpec("double", "a")]),
    "a tensor": lambda lib: tensors(lib, ("float32", (-1, 2), None)),
    "nothing": lambda _lib: None,
}
for label, given in REQUESTS.items():
    for known, made in WITH.items():

        def read(lib, given=given, made=made):
            return lib.request(json.loads(json.dumps(given)), made(lib))

        if (label, known) != ("text as long", "a tensor"):  # which column MLflow names is by chance
            case(f"request: {label}, with {known}", read)


# ── type hints ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Part(pydantic.BaseModel):
    """A class of pydantic's that is a field's type."""

    size: float
    note: str | None = None


class Order(pydantic.BaseModel):
    """A class of pydantic's."""

    id: int
    parts: list[Part]
    extra: dict[str, str] | None = None


HINTS = {
    "texts": list[str],
    "texts, as before 3.9": typing.List[str],  # noqa: UP006
    "ints": list[int],
    "days": list[dt.datetime],
    "anything": list[typing.Any],
    "lists": list[list[float]],
    "dictionaries": list[dict[str, int]],
    "either": list[int | str],
    "objects": list[Order],
    "dictionaries of numbered names": list[dict[int, str]],
    "optional elements": list[str | None],
    "sets": list[set],
}
GIVEN = {
    "texts": ["a", "b"],
    "ints": [1, 2],
    "a text": "a",
    "mixed": [1, "a", None],
    "days": [TODAY],
    "lists": [[1.5], []],
    "dictionaries": [{"a": 1}, {}],
    "dictionaries of texts": [{"a": "x"}],
    "orders": [{"id": 1, "parts": [{"size": 1.5}]}, {"id": 2, "parts": [], "extra": {"a": "b"}}],
    "frame": pd.DataFrame({"x": ["a", "b"]}),
    "frame of two columns": pd.DataFrame({"id": [1], "parts": [[]]}),
}
for label, hint in HINTS.items():
    case(f"hint: {label}", lambda lib, hint=hint: lib.hinted(hint).to_json())
    if label in ("texts", "ints", "days", "anything", "lists", "dictionaries", "either", "objects"):
        for name, given in GIVEN.items():

            def take(lib, given=given, hint=hint):
                return lib.fitted(given, hint)

            case(f"hinted: {name} as {label}", take)


def answer(lib, function):
    try:
        found = function(lib)
        return {"value": found if isinstance(found, str) else described(found)}
    except Exception as error:  # noqa: BLE001 -- all of them are answers
        return {"error": getattr(error, "message", None) or str(error), "type": type(error).__name__}


def main():
    name, target = sys.argv[1:]
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    lib = library(name)
    Path(target).write_text(json.dumps({label: answer(lib, function) for label, function in CASES.items()}))


if __name__ == "__main__":
    main()
