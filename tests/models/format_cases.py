"""Writes or reads one model of each kind, by mlctl or by MLflow: ``format_cases.py LIBRARY write|read FOLDER ANSWERS …``."""

import importlib
import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from sklearn.ensemble import RandomForestClassifier

LIBRARY = sys.argv[1]
library = importlib.import_module(LIBRARY)
pyfunc = importlib.import_module(f"{LIBRARY}.pyfunc")
sk = importlib.import_module(f"{LIBRARY}.sklearn")
models = importlib.import_module(f"{LIBRARY}.models")
EXAMPLE = pd.DataFrame({"a": [0.5, 1.5, 2.5], "b": [3.0, 1.0, 2.0]})

MODULE = "def twice(values):\n    return [2 * value for value in values]\n"
LOADER = """
from pathlib import Path

class Lengths:
    def __init__(self, words):
        self.words = words

    def predict(self, data, params=None):
        return [len(self.words) + float(value) for value in data["a"]]

def _load_pyfunc(path):
    return Lengths(Path(path).read_text().split())
"""
SCRIPT = """
from mlflow.models import ModelConfig, set_model
from mlflow.pyfunc import PythonModel

config = ModelConfig(development_config={"offset": 1000})

class Added(PythonModel):
    def load_context(self, context):
        with open(context.artifacts["number"]) as file:
            self.number = float(file.read())

    def predict(self, context, model_input, params=None):
        return [value + self.number + config.get("offset") + context.model_config["offset"] for value in model_input["a"]]

set_model(Added())
"""


class Scaled(pyfunc.PythonModel):
    def load_context(self, context):
        self.number = float(Path(context.artifacts["number"]).read_text())

    def predict(self, context, model_input, params=None):
        factor = (params or {}).get("factor", 1.0) * context.model_config.get("scale", 1)
        return [float(value) * factor + self.number for value in model_input["a"]]


class Plain(pyfunc.PythonModel):
    def predict(self, model_input):
        import of_the_model

        return of_the_model.twice(list(model_input["b"]))


class Streaming(pyfunc.PythonModel):
    def predict(self, model_input):
        return list(model_input)

    def predict_stream(self, model_input):
        yield from model_input


def a_function(model_input):
    return model_input["a"] + model_input["b"]


def forest():
    generator = np.random.default_rng(7)
    data = pd.DataFrame(generator.random((40, 2)), columns=["a", "b"])
    return RandomForestClassifier(n_estimators=4, random_state=1).fit(data, (data["a"] > data["b"]).astype(int))


def write(folder):
    material = folder / "material"
    material.mkdir(parents=True)
    for name, text in (("of_the_model.py", MODULE), ("loads_it.py", LOADER), ("words.txt", "three little words"), ("number.txt", "40")):
        (material / name).write_text(text)
    (material / "script.py").write_text(SCRIPT)
    sys.path.insert(0, str(material))
    same = {"pip_requirements": ["numpy", "pandas"]}
    for kind in ("pickle", "cloudpickle"):
        trained = forest()
        sk.save_model(trained, folder / f"forest {kind}", serialization_format=kind, input_example=EXAMPLE, **same)
    sk.save_model(forest(), folder / "forest skops", serialization_format="skops", skops_trusted_types=["sklearn.tree._tree.Tree"], **same)
    sk.save_model(
        forest(), folder / "probabilities", serialization_format="pickle", pyfunc_predict_fn="predict_proba", metadata={"k": 1}, **same
    )
    own = {"artifacts": {"number": str(material / "number.txt")}, **same}
    with_params = (EXAMPLE, {"factor": 2.0})
    pyfunc.save_model(folder / "class", python_model=Scaled(), model_config={"scale": 3}, input_example=with_params, **own)
    pyfunc.save_model(folder / "code", python_model=Plain(), code_paths=[str(material / "of_the_model.py")], input_example=EXAMPLE, **same)
    pyfunc.save_model(folder / "function", python_model=a_function, input_example=EXAMPLE, **same)
    pyfunc.save_model(folder / "script", python_model=str(material / "script.py"), model_config={"offset": 5}, **own)
    pyfunc.save_model(folder / "stream", python_model=Streaming(), **same)
    data = {"data_path": str(material / "words.txt"), "code_paths": [str(material / "loads_it.py")]}
    pyfunc.save_model(folder / "data", loader_module="loads_it", **data, **same)
    sys.path.remove(str(material))
    sys.modules.pop("of_the_model", None)


def plain(value):
    value = value.to_numpy() if hasattr(value, "to_numpy") else value
    return value.tolist() if hasattr(value, "tolist") else value


def read(folder):
    found = {}
    for place in sorted(path for path in folder.iterdir() if (path / "MLmodel").exists()):
        loaded = pyfunc.load_model(str(place))
        signature = loaded.metadata.signature
        answer = {"predictions": plain(loaded.predict(EXAMPLE)), "signature": signature and signature.to_dict()}
        if loaded.metadata.saved_input_example_info:
            answer["example"] = plain(loaded.metadata.load_input_example(str(place)))
            answer["serving"] = json.loads(loaded.metadata.get_serving_input(str(place)))
        if "sklearn" in loaded.metadata.flavors:
            answer["native"] = plain(sk.load_model(str(place)).predict(EXAMPLE))
        answer["info"] = sorted(models.get_model_info(str(place)).flavors)
        answer["requirements"] = Path(pyfunc.get_model_dependencies(str(place))).read_text().splitlines()[1:]
        found[place.name] = answer
    params = pyfunc.load_model(str(folder / "class")).predict(EXAMPLE, params={"factor": 10.0})
    configured = pyfunc.load_model(str(folder / "script"), model_config={"offset": 7}).predict(EXAMPLE)
    unwrapped = type(pyfunc.load_model(str(folder / "class")).unwrap_python_model()).__name__
    streamed = list(pyfunc.load_model(str(folder / "stream")).predict_stream({"text": "x"}))
    refused = [refusal(folder / "class", EXAMPLE.drop(columns="a")), refusal(folder / "forest pickle", EXAMPLE.assign(a=["x", "y", "z"]))]
    return {**found, "params": params, "configured": configured, "unwrapped": unwrapped, "streamed": streamed, "refused": refused}


def refusal(place, data):
    try:
        return f"predicted {pyfunc.load_model(str(place)).predict(data)}"
    except Exception as error:  # noqa: BLE001 -- of either library
        return str(error).splitlines()[0]


def files(folder):
    """What each folder holds, and what its MLmodel says but for what differs from one model to the next."""
    found = {}
    for place in sorted(path for path in folder.iterdir() if (path / "MLmodel").exists()):
        said = yaml.safe_load((place / "MLmodel").read_text())
        for name in ("model_uuid", "model_size_bytes", "utc_time_created"):
            assert said.pop(name)
        held = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        conda = yaml.safe_load((place / "conda.yaml").read_text())
        for entry in [said["flavors"]["python_function"]]:
            entry["model_code_path"] = Path(entry.get("model_code_path", "")).name  # MLflow notes where the script was
            for artifact in entry.get("artifacts", {}).values():
                artifact["uri"] = Path(artifact["uri"]).name
        found[place.name] = {"said": said, "held": held, "conda": conda, "python": yaml.safe_load((place / "python_env.yaml").read_text())}
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    steps = [sys.argv[2:][start : start + 3] for start in range(0, len(sys.argv[2:]), 3)]
    for what, where, target in steps:
        if what == "write":
            write(Path(where))
        answers = files(Path(where)) if what == "write" else read(Path(where))
        Path(target).write_text(json.dumps(answers, default=str))
    sys.stdout.flush()
    os._exit(0)
