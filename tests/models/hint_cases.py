"""Models in Python with type hints, written or loaded by mlctl or by MLflow: ``hint_cases.py LIBRARY write|read FOLDER ANSWERS …``."""

import datetime as dt
import importlib
import json
import os
import sys
import typing
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pydantic
import yaml

LIBRARY = sys.argv[1]
pyfunc = importlib.import_module(f"{LIBRARY}.pyfunc")


class Row(pydantic.BaseModel):
    number: int
    words: list[str] | None = None
    more: dict[str, float] = {}


class OfRows(pyfunc.PythonModel):
    def predict(self, context, model_input: list[Row], params=None) -> list[str]:
        return [f"{type(row).__name__} {row}" for row in model_input]


class OfTexts(pyfunc.PythonModel):
    def predict(self, model_input: list[str]) -> list[str]:
        return [type(model_input).__name__, *model_input]


class OfDictionaries(pyfunc.PythonModel):
    def predict(self, model_input: list[dict[str, float]]):
        return [sum(item.values()) for item in model_input]


class OfLists(pyfunc.PythonModel):
    def predict(self, model_input: list[list[bool]]) -> list[list[bool]]:
        return [item[::-1] for item in model_input]


class WrongOutput(pyfunc.PythonModel):
    def predict(self, model_input: list[float]) -> list[str]:
        return [2 * item for item in model_input]


class OfFrames(pyfunc.PythonModel):
    def predict(self, model_input: pd.DataFrame) -> pd.Series:
        return model_input["a"]


class OfTimes(pyfunc.PythonModel):
    def predict(self, model_input: list[dt.datetime], params: dict | None = None) -> list[int]:
        return [item.year + (params or {}).get("later", 0) for item in model_input]


class NoList(pyfunc.PythonModel):
    def predict(self, model_input: str):
        return model_input


class Either(pyfunc.PythonModel):
    def predict(self, model_input: list[int | str]) -> typing.Any:
        return [str(item) for item in model_input]


def doubled(model_input: list[int]) -> list[int]:
    return [2 * item for item in model_input]


MODELS = {
    "rows": (OfRows(), [{"number": 1}]),
    "texts": (OfTexts(), ["a", "b"]),
    "texts without example": (OfTexts(), None),
    "dictionaries": (OfDictionaries(), [{"a": 1.5}]),
    "lists": (OfLists(), [[True, False]]),
    "wrong output": (WrongOutput(), [1.0]),
    "frames": (OfFrames(), pd.DataFrame({"a": [1, 2]})),
    "times": (OfTimes(), ([dt.datetime(2020, 1, 2, tzinfo=dt.timezone.utc)], {"later": 3})),
    "no list": (NoList(), None),
    "either": (Either(), [1]),
    "function": (doubled, [1]),
}
FRAME = pd.DataFrame({"number": [1, 2]})
INPUTS = {
    "rows": [
        [{"number": 1, "words": ["x"]}],
        [{"number": "1"}],
        [{"words": None}],
        {"number": 1},
        FRAME,
        [7],
        [{"number": 1, "more": {"a": 1}}],
    ],
    "texts": [["a"], "a", [1, 2, 3, 4, 5, 6, 7], pd.DataFrame({"x": ["a", "b"]}), np.array(["a"])],
    "dictionaries": [[{"a": 1.0, "b": 2.0}], [{"a": 1}], [{1: 1.0}], [[]]],
    "lists": [[[True], []], [[1]], [True], pd.DataFrame({"x": [np.array([True, False])]})],
    "wrong output": [[1.5], [1]],
    "frames": [pd.DataFrame({"a": [3]}), pd.DataFrame({"b": [3]})],
    "times": [[dt.datetime(2024, 5, 6, tzinfo=dt.timezone.utc)], ["2024-05-06"]],
    "no list": ["text"],
    "either": [[1, "a", 1.5]],
    "function": [[3], [3.5], FRAME],
}


def write(folder):
    found = {}
    for name, (model, example) in MODELS.items():
        pyfunc.save_model(folder / name, python_model=model, input_example=example, pip_requirements=["pydantic"])
        said = yaml.safe_load((folder / name / "MLmodel").read_text())
        kept = ("signature", "is_signature_from_type_hint", "type_hint_from_example", "saved_input_example_info")
        found[name] = {key: said.get(key) for key in kept}
    return found


def read(folder):
    found = {}
    for name, inputs in INPUTS.items():
        loaded = pyfunc.load_model(str(folder / name))
        found[name] = [answer(loaded, data) for data in inputs]
    found["later"] = loaded_years(folder)
    return found


def loaded_years(folder):
    return pyfunc.load_model(str(folder / "times")).predict([dt.datetime(2024, 5, 6, tzinfo=dt.timezone.utc)], params={"later": 10})


def answer(model, data):
    try:
        found = model.predict(data)
    except Exception as error:  # noqa: BLE001 -- of either library
        return f"refused: {str(error).split(' error: ')[0].splitlines()[0]}"
    return found.tolist() if hasattr(found, "tolist") else found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for start in range(2, len(sys.argv), 3):
        what, where, target = sys.argv[start : start + 3]
        Path(target).write_text(json.dumps((write if what == "write" else read)(Path(where)), default=str))
    sys.stdout.flush()
    os._exit(0)
