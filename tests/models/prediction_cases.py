"""Predictions for files with a model that the real MLflow saves: `prediction_cases.py answers.json`; what was written, or the error."""

import json
import logging
import sys
import warnings
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature

import mlctl.pyfunc
from mlctl.errors import MlctlError
from mlctl.models import prediction

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)

ROWS = pd.DataFrame(
    {"x": [1.0, 2.0, 3.0, 4.0], "code": ["007", "008", "009", "010"], "day": pd.to_datetime(["2024-01-01"] * 3 + ["2024-01-02"])}
)


class Shaped(mlflow.pyfunc.PythonModel):
    """Answers in the shape that the param asks for."""

    def predict(self, context, model_input, params=None):
        shape, x = params["shape"], model_input["x"]
        shapes = {
            "series": lambda: x * params["factor"],
            "array": lambda: x.to_numpy() * params["factor"],
            "matrix": lambda: np.column_stack([x, x * 2]),
            "frame": lambda: pd.DataFrame({"code": model_input["code"], "weekday": model_input["day"].dt.weekday}),
            "list": lambda: [f"#{code}" for code in model_input["code"]],
            "dict": lambda: {"sum": x.sum()},
            "sizes": lambda: [len(model_input)] * len(model_input),
        }
        return shapes[shape]()


CSV = ROWS.to_csv(index=False)
SPLIT = {"columns": ["x", "code", "day"], "data": [[1.0, "007", "2024-01-01"], [2.0, "008", "2024-01-02"]]}
RECORDS = [{"x": 1.0, "code": "007", "day": "2024-01-01"}, {"x": 2.0, "code": "008", "day": "2024-01-02"}]


def lines(rows):
    return "".join(f"{json.dumps(row)}\n" for row in rows)


# label → input, its kind, kind of the output, rows a chunk, params
CASES = {
    "csv, series": (CSV, "csv", "json", 0, {}),
    "csv in chunks, series": (CSV, "csv", "json", 3, {}),
    "csv in chunks, frame": (CSV, "csv", "csv", 2, {"shape": "frame"}),
    "csv in chunks, matrix": (CSV, "csv", "csv", 2, {"shape": "matrix"}),
    "csv in chunks, sizes": (CSV, "csv", "json", 3, {"shape": "sizes"}),
    "csv of whole numbers": ("x,code,day\n1,007,2024-01-01\n", "csv", "json", 0, {}),
    "csv, more columns in another order": ("day,more,code,x\n2024-01-01,?,7,1.5\n", "csv", "jsonl", 0, {"shape": "frame"}),
    "csv, dict": (CSV, "csv", "json", 0, {"shape": "dict"}),
    "csv in chunks, dict": (CSV, "csv", "json", 2, {"shape": "dict"}),
    "csv, dict as csv": (CSV, "csv", "csv", 0, {"shape": "dict"}),
    "csv without a column": ("x,code\n1,2\n", "csv", "json", 0, {}),
    "csv with texts for numbers": ("x,code,day\none,2,2024-01-01\n", "csv", "json", 0, {}),
    "csv with nonsense for a day": ("x,code,day\n1,2,soon\n", "csv", "json", 0, {}),
    "csv that is uneven": ('x,code,day\n1,2,3\n1,2,3,4,5\n"', "csv", "json", 0, {}),
    "csv that is empty": ("", "csv", "json", 0, {}),
    "csv without rows": ("x,code,day\n", "csv", "json", 0, {}),
    "csv that is binary": ("\0\0", "csv", "json", 0, {}),
    "split": (json.dumps({"dataframe_split": SPLIT, "params": {"factor": 10.0}}), "json", "json", 5, {}),
    "split, param wins": (json.dumps({"dataframe_split": SPLIT, "params": {"factor": 10.0}}), "json", "json", 5, {"factor": 3}),
    "bare split": (json.dumps(SPLIT), "json", "json", 5, {"shape": "list"}),
    "records": (json.dumps({"dataframe_records": RECORDS}), "json", "csv", 5, {"shape": "list"}),
    "bare records": (json.dumps(RECORDS), "json", "jsonl", 5, {"shape": "frame"}),
    "inputs": (json.dumps({"inputs": RECORDS}), "json", "json", 5, {}),
    "instances": (json.dumps({"instances": RECORDS}), "json", "json", 5, {}),
    "two formats": (json.dumps({"inputs": [], "instances": []}), "json", "json", 5, {}),
    "json of something": (json.dumps({"x": 1}), "json", "json", 5, {}),
    "no json": ("{", "json", "json", 5, {}),
    "params that are none": (json.dumps({"inputs": RECORDS, "params": 3}), "json", "json", 5, {}),
    "unfit param": (CSV, "csv", "json", 0, {"factor": "x"}),
    "lines in chunks": (lines(RECORDS * 2), "jsonl", "jsonl", 3, {"shape": "sizes"}),
    "lines with a slip": (lines(RECORDS) + "\n{]\n", "jsonl", "jsonl", 3, {}),
    "parquet in chunks": (ROWS, "parquet", "json", 3, {"shape": "sizes"}),
    "parquet, frame": (ROWS, "parquet", "parquet", 3, {"shape": "frame"}),
    "no parquet": ("x", "parquet", "json", 0, {}),
}


def shout(model_input: list[str]) -> list[str]:
    return [text.upper() for text in model_input]


class Shouting(mlflow.pyfunc.PythonModel):
    """A model with type hints."""

    def predict(self, model_input: list[str], params=None) -> list[str]:
        return shout(model_input)


HINTED = {
    "hints, inputs": ('{"inputs": ["a", "b"]}', "json", "json", 0, {}),
    "hints, bare list": ('["a"]', "json", "jsonl", 0, {}),
    "hints, lines of csv": ("text\na\nb\n", "csv", "csv", 1, {}),
    "hints, unfit": ('{"inputs": [1]}', "json", "json", 0, {}),
}


def answer(case, model="model"):
    content, kind, target_kind, chunk_rows, params = case
    source, target = Path("input"), Path("output")
    target.unlink(missing_ok=True)
    content.to_parquet(source) if isinstance(content, pd.DataFrame) else source.write_text(content)
    try:
        rows = prediction.predict(
            model, source=str(source), kind=kind, target=str(target), target_kind=target_kind, params=params, chunk_rows=chunk_rows
        )
    except MlctlError as error:
        return {"error": str(error), "left": sorted(item.name for item in Path().iterdir())}
    return {"rows": rows, "text": pd.read_parquet(target).to_csv(index=False) if target_kind == "parquet" else target.read_text()}


def main():
    signature = infer_signature(ROWS, None, params={"shape": "series", "factor": 2.0})
    mlflow.pyfunc.save_model("model", python_model=Shaped(), signature=signature, pip_requirements=[])
    found = {label: answer(case) for label, case in CASES.items()}
    mlflow.pyfunc.save_model("theirs", python_model=Shouting(), pip_requirements=[])
    mlctl.pyfunc.save_model("ours", python_model=shout, pip_requirements=[])
    for model in ("theirs", "ours"):
        found |= {f"{label}: {model}": answer(case, model) for label, case in HINTED.items()}
    loaded = mlflow.pyfunc.load_model("ours")
    signatures = [str(mlflow.models.Model.load(model).signature.inputs) for model in ("theirs", "ours")]
    found["in MLflow"] = [loaded.predict(["x"]), signatures]
    Path(sys.argv[1]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
