"""Schemas and signatures where there is no numpy; with it they are compared with MLflow's in test_schemas_compared."""

import datetime as dt
import importlib
import importlib.util
import json
from dataclasses import dataclass

import pytest

import mlctl.models
import mlctl.types
from mlctl.errors import MlctlError, SchemaError
from mlctl.models import enforcement, examples
from mlctl.models.schema import AnyType, Array, ColSpec, DataType, Map, Object, ParamSchema, ParamSpec, Property, Schema, TensorSpec
from mlctl.models.signature import ModelSignature, infer_signature

pytestmark = pytest.mark.skipif(importlib.util.find_spec("numpy") is not None, reason="there is numpy here")


def text(*columns):
    return json.dumps(list(columns))


EVERYTHING = {
    "inputs": text(
        {"type": "long", "name": "n", "required": True},
        {"type": "array", "items": {"type": "array", "items": {"type": "double"}}, "name": "l", "required": False},
        {
            "type": "object",
            "properties": {"k": {"type": "any", "required": False}, "m": {"type": "map", "values": {"type": "binary"}, "required": True}},
            "name": "o",
            "required": True,
        },
        {"type": "sparkml_vector", "name": "v", "required": True},
    ),
    "outputs": text({"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}),
    "params": text(
        {"name": "t", "default": "2024-01-02T03:04:05", "shape": None, "type": "datetime"},
        {"name": "l", "default": [1.0, 2.0], "shape": [-1], "type": "double"},
    ),
}


class TestMlmodel:
    def test_there_and_back(self):
        found = ModelSignature.from_dict(EVERYTHING)
        assert found.to_dict() == EVERYTHING
        assert found == ModelSignature.from_dict(found.to_dict())
        assert repr(found) == (
            "inputs: \n  ['n': long (required), 'l': Array(Array(double)) (optional), "
            "'o': {k: Any (optional), m: Map(str -> DataType.binary) (required)} (required), 'v': SparkML vector (required)]\n"
            "outputs: \n  [Tensor('float32', (-1, 2))]\n"
            "params: \n  ['t': datetime (default: 2024-01-02 03:04:05), 'l': double (default: [1.0, 2.0]) (shape: (-1,))]\n"
        )

    def test_older_forms(self):
        old = {"inputs": '[{"name": "x", "type": "double"}]', "outputs": None, "params": '[{"name": "a", "dtype": "long", "default": 1}]'}
        found = ModelSignature.from_dict(old)
        assert found.inputs == Schema([ColSpec("double", "x", required=True)])
        assert found.params == ParamSchema([ParamSpec("a", "long", 1)])

    @pytest.mark.parametrize(
        ("inputs", "said"),
        [
            ("nonsense", "not JSON"),
            ('{"a": 1}', "list of dictionaries"),
            ("[]", "one column"),
            ('[{"name": "a"}]', "'type'"),
            ('[{"name": "a", "type": "complex"}]', "complex"),
            ('[{"type": "array"}]', "items"),
            ('[{"type": "object", "properties": {}}]', "one Property"),
            ('[{"type": "tensor", "tensor-spec": {"dtype": "float32"}}]', "'shape'"),
            ('[{"type": "long", "name": "a"}, {"type": "long"}]', "names"),
            ('[{"type": "long", "required": false}]', "required"),
        ],
    )
    def test_what_is_no_schema(self, inputs, said):
        with pytest.raises(SchemaError, match=said):
            ModelSignature.from_dict({"inputs": inputs})

    def test_no_signature_at_all(self):
        with pytest.raises(MlctlError):
            ModelSignature()
        with pytest.raises(TypeError):
            ModelSignature(inputs=[1])
        with pytest.raises(TypeError):
            ModelSignature(params=[1])


class TestSchemas:
    def test_what_can_be_asked(self):
        found = Schema([ColSpec("long", "a"), ColSpec("string", "b", required=False)])
        assert (len(found), found.input_names(), found.input_types()) == (2, ["a", "b"], [DataType.long, DataType.string])
        assert (found.required_input_names(), found.optional_input_names()) == (["a"], ["b"])
        assert found.input_types_dict() == {"a": DataType.long, "b": DataType.string}
        assert found.has_input_names()
        assert not found.is_tensor_spec()
        bare = Schema([ColSpec("long"), ColSpec(Array("string"))])
        assert bare.input_names() == [0, 1]
        for question in (bare.input_dict, bare.pandas_types, bare.numpy_types):
            with pytest.raises(SchemaError):
                question()

    def test_tensors_by_name(self):
        found = Schema([TensorSpec("float32", (-1, 2), "x"), TensorSpec("str", [-1], "y")])
        assert found == Schema.from_json(found.to_json()) != Schema([TensorSpec("float64", (-1, 2), "x"), TensorSpec("str", [-1], "y")])
        with pytest.raises(SchemaError, match="not both"):
            Schema([TensorSpec("float32", (-1, 2), "x"), ColSpec("long", "y")])
        with pytest.raises(SchemaError, match="has a name"):
            Schema([TensorSpec("float32", (-1, 2)), TensorSpec("float32", (-1, 2))])
        with pytest.raises(SchemaError, match=r"numpy\.dtype"):
            TensorSpec(float, (-1, 2))
        with pytest.raises(SchemaError, match="shape"):
            TensorSpec("float32", 3)

    def test_what_makes_no_sense(self):
        for make in (
            lambda: ColSpec("complex"),
            lambda: Array(int),
            lambda: Map("words"),
            lambda: Property(1, "long"),
            lambda: Object([]),
            lambda: Object([Property("a", "long"), Property("a", "long")]),
            lambda: ParamSpec("p", "binary", b""),
            lambda: ParamSpec("p", Array("long"), [1]),
            lambda: ParamSpec("p", "long", "x"),
            lambda: ParamSpec("p", "long", [1], (2,)),
            lambda: ParamSchema([ParamSpec("p", "long", 1), ParamSpec("p", "long", 1)]),
            lambda: ParamSchema([1]),
        ):
            with pytest.raises(SchemaError):
                make()

    def test_params(self):
        found = ParamSchema([ParamSpec("n", "long", 1), ParamSpec("t", "datetime", "2024-01-02"), ParamSpec("l", "double", [1], (-1,))])
        given = enforcement.enforce_params({"n": 5, "l": [2, 3.5], "more": 1}, found)
        assert given == {"n": 5, "l": [2.0, 3.5], "t": dt.date(2024, 1, 2)}
        with pytest.raises(SchemaError, match="Can not safely convert"):
            enforcement.enforce_params({"n": "five"}, found)


class TestInference:
    def test_without_numpy(self):
        with pytest.warns(UserWarning, match="integer columns"):
            found = infer_signature([{"a": 1, "b": "x"}, {"a": 2, "b": None}], "text", {"n": 0.5, "on": True})
        assert found == ModelSignature(
            Schema([ColSpec("long", "a"), ColSpec("string", "b", required=False)]),
            Schema([ColSpec("string")]),
            ParamSchema([ParamSpec("n", "double", 0.5), ParamSpec("on", "boolean", default=True)]),
        )

    def test_what_has_no_type(self, caplog):
        assert infer_signature({1, 2}).inputs == Schema([ColSpec(AnyType())])
        assert "builtins.set" in caplog.text

    def test_dataclasses(self):
        @dataclass
        class Part:
            size: float
            names: list[str]

        @dataclass
        class Order:
            id: int
            note: str | None
            parts: list[Part]
            first: Part

        part = Object([Property("size", "float"), Property("names", Array("string"))])
        wanted = [ColSpec("long", "id"), ColSpec("string", "note", required=False), ColSpec(Array(part), "parts"), ColSpec(part, "first")]
        assert ModelSignature(Order).inputs == Schema(wanted)

        @dataclass
        class Odd:
            either: int | str

        with pytest.raises(SchemaError, match=r"Odd\.either"):
            ModelSignature(Odd)


class TestExamples:
    def test_there_and_back(self, tmp_path):
        info = examples.save_example(tmp_path, ([{"a": 1}], {"n": 2}))
        assert info == {
            "artifact_path": "input_example.json",
            "params": "true",
            "type": "json_object",
            "serving_input_path": "serving_input_example.json",
        }
        assert examples.load_example(tmp_path, info) == [{"a": 1}]
        assert examples.load_example_params(tmp_path, info) == {"n": 2}
        assert json.loads(examples.load_serving_example(tmp_path)) == {"inputs": [{"a": 1}], "params": {"n": 2}}
        assert examples.load_example(tmp_path, None) is None

    def test_a_model_from_elsewhere_names_no_other_file(self, tmp_path):
        with pytest.raises(SchemaError, match="beside MLmodel"):
            examples.load_example(tmp_path, {"artifact_path": "../secret.json", "type": "json_object"})

    def test_what_is_no_example(self, tmp_path):
        with pytest.raises(SchemaError, match=r"builtins\.set"):
            examples.save_example(tmp_path, {1})
        with pytest.raises(SchemaError, match="JSON"):
            examples.save_example(tmp_path, [object()])
        (tmp_path / "input_example.json").write_text("{")
        with pytest.raises(SchemaError, match="not JSON"):
            examples.load_example(tmp_path, {"type": "json_object"})


def test_names():
    assert mlctl.models.infer_signature is infer_signature
    assert mlctl.models.ModelSignature is ModelSignature
    assert mlctl.models.validate_schema is enforcement.validate_schema
    assert mlctl.types.Schema is Schema

    assert importlib.import_module("mlctl.types.schema").Array is Array
