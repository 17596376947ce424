"""The same files logged through MLflow and through mlctl, run by a Python that has both: FOLDER. Prints what each made, as JSON."""
# ruff: noqa: E402, BLE001

import hashlib
import io
import json
import logging
import os
import re
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
os.chdir(sys.argv[1])

import matplotlib as mpl

mpl.use("agg")
mpl.rcParams["svg.hashsalt"] = "the same ids"
import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
import PIL.Image

import mlctl
import mlctl.artifacts
import mlctl.data

os.environ["MLCTL_TRACKING_URI"] = str(Path("ours").absolute())

np.random.seed(0)
PIXELS = np.random.randint(0, 256, (40, 60, 4), dtype=np.uint8)
PICTURE = PIL.Image.fromarray(PIXELS[:, :, :3])
FIGURE, AXES = plt.subplots()
AXES.plot([1, 3, 2])
FRAME = pd.DataFrame(
    {"n": [1, 2], "x": [0.1 + 0.2, None], "t": pd.to_datetime(["2020-01-01T00:00:00", "2021-02-03T04:05:06"]), "é": ["a", "b"]}
)


class Circle(dict):
    """What JSON cannot hold."""


CIRCLE = Circle()
CIRCLE["me"] = CIRCLE

CALLS = {
    "text": lambda m: m.log_text("é \n\r\n", "a/b/t.txt"),
    "text html": lambda m: m.log_text("<h1>x</h1>", "index.html"),
    "text in a normalised place": lambda m: m.log_text("x", "a/./c/../t2.txt"),
    "text outside": lambda m: m.log_text("x", "../out.txt"),
    "text absolute": lambda m: m.log_text("x", "/out.txt"),
    "text that is none": lambda m: m.log_text(5, "n.txt"),
    "dict": lambda m: m.log_dict({"k": [1, None, 2.5, "é"], "d": {"x": Path("p")}}, "d/d.json"),
    "dict yaml": lambda m: m.log_dict({"k": [1, None, 2.5, "é"], "d": {"x": 1}}, "d.yaml"),
    "dict yml": lambda m: m.log_dict({"b": 1, "a": 2}, "d.yml"),
    "dict of another ending": lambda m: m.log_dict({"k": 1}, "d.YAML"),
    "dict that is a list": lambda m: m.log_dict([1, 2], "list"),
    "dict circle": lambda m: m.log_dict(CIRCLE, "circle.json"),
    "stream": lambda m: m.log_stream(io.BytesIO(b"\0\1" * 10000), "s/s.bin"),
    "figure": lambda m: m.log_figure(FIGURE, "f/f.png", save_kwargs={"dpi": 40}),
    "figure svg": lambda m: m.log_figure(FIGURE, "f.svg", save_kwargs={"metadata": {"Date": None}}),
    "figure none": lambda m: m.log_figure("x", "f2.png"),
    "image": lambda m: m.log_image(PIXELS, "i/rgba.png"),
    "image rgb": lambda m: m.log_image(PIXELS[:, :, :3], "rgb.png"),
    "image grey": lambda m: m.log_image(PIXELS[:, :, 0], "grey.png"),
    "image grey 3d": lambda m: m.log_image(PIXELS[:, :, :1], "grey3.png"),
    "image float": lambda m: m.log_image(PIXELS / 255.0, "float.png"),
    "image float beyond": lambda m: m.log_image(PIXELS * 3.0 - 7, "beyond.png"),
    "image float32": lambda m: m.log_image((PIXELS / 255.0).astype("f4"), "float32.png"),
    "image bool": lambda m: m.log_image(PIXELS[:, :, 0] > 100, "bool.png"),
    "image int64": lambda m: m.log_image(PIXELS.astype("i8"), "int64.png"),
    "image int beyond": lambda m: m.log_image(PIXELS.astype("i8") + 1, "x.png"),
    "image int below": lambda m: m.log_image(PIXELS.astype("i8") - 1, "x.png"),
    "image complex": lambda m: m.log_image(PIXELS.astype("c8"), "x.png"),
    "image 1d": lambda m: m.log_image(PIXELS[0, 0], "x.png"),
    "image 2 channels": lambda m: m.log_image(PIXELS[:, :, :2], "x.png"),
    "image none": lambda m: m.log_image([[1, 2]], "x.png"),
    "image path": lambda m: m.log_image("grey.png", "x.png"),
    "image pil": lambda m: m.log_image(PICTURE, "pil.png"),
    "image own": lambda m: m.log_image(m.Image(PIXELS), "own.png"),
    "image own list": lambda m: m.log_image(m.Image([[0, 255], [7, 8]]), "own list.png"),
    "image jpg": lambda m: m.log_image(PICTURE, "p.jpg"),
    "image unknown ending": lambda m: m.log_image(PICTURE, "p.xyz"),
    "image both": lambda m: m.log_image(PICTURE, "p.png", key="k"),
    "image step without key": lambda m: m.log_image(PICTURE, "p.png", step=1),
    "image neither": lambda m: m.log_image(PICTURE),
    "image key": lambda m: m.log_image(PIXELS, key="dogs/a b.c-d_e", step=3, timestamp=1234567890123, synchronous=True),
    "image key wide": lambda m: m.log_image(PIXELS[:7], key="wide", timestamp=5, synchronous=True),
    "image key bad": lambda m: m.log_image(PIXELS, key="dogs%"),
    "table": lambda m: m.log_table(FRAME, "t/frame.json"),
    "table again": lambda m: m.log_table({"n": [3], "x": [7.0], "t": [None], "é": ["c"]}, "t/frame.json"),
    "table of a dict": lambda m: m.log_table({"a": [1, 2], "b": ["x", "y"]}, "dict.json"),
    "table of one row": lambda m: m.log_table({"a": 1, "b": "x"}, "row.json"),
    "table parquet": lambda m: m.log_table(FRAME, "frame.parquet"),
    "table parquet again": lambda m: m.log_table(FRAME, "frame.parquet"),
    "table images": lambda m: m.log_table({"q": ["a", "b"], "i": [m.Image(PIXELS), m.Image(PIXELS[:9])]}, "im/age.json"),
    "table pil images": lambda m: m.log_table({"i": [PICTURE]}, "pil.json"),
    "table mixed images": lambda m: m.log_table({"i": [m.Image(PIXELS), "x"]}, "mixed.json"),
    "table csv": lambda m: m.log_table({"a": [1]}, "t.csv"),
    "table bad name": lambda m: m.log_table({"a": [1]}, "t[1].json"),
    "table none": lambda m: m.log_table([1, 2], "none.json"),
    "load": lambda m: m.load_table("t/frame.json", run_ids=[RUNS[m.__name__]]).to_json(orient="split"),
    "load columns": lambda m: list(m.load_table("dict.json", extra_columns=["run_id", "a", "status", "params.p", "start_time"]).columns),
    "load values": lambda m: m.load_table("dict.json", extra_columns=["params.p", "tags.g", "metrics.m"]).to_dict("list"),
    "load parquet": lambda m: m.load_table("frame.parquet").to_json(orient="split"),
    "load nothing": lambda m: m.load_table("no such.json"),
    "load other runs": lambda m: m.load_table("dict.json", run_ids=["f" * 32]),
    "load bad name": lambda m: m.load_table("a:b.json"),
    "artifact uri": lambda m: m.get_artifact_uri("a/b").endswith(f"{RUNS[m.__name__]}/artifacts/a/b"),
    "list": lambda m: paths(m.artifacts.list_artifacts(run_id=RUNS[m.__name__])),
    "list folder": lambda m: paths(m.artifacts.list_artifacts(run_id=RUNS[m.__name__], artifact_path="a")),
    "list uri": lambda m: paths(m.artifacts.list_artifacts(f"runs:/{RUNS[m.__name__]}/a/b")),
    "list path": lambda m: paths(m.artifacts.list_artifacts(m.get_artifact_uri("a/b"))),
    "list file": lambda m: paths(m.artifacts.list_artifacts(run_id=RUNS[m.__name__], artifact_path="d.yml")),
    "list nothing": lambda m: paths(m.artifacts.list_artifacts(run_id=RUNS[m.__name__], artifact_path="nothing")),
    "list both": lambda m: m.artifacts.list_artifacts("runs:/x/y", run_id="x"),
    "list neither": lambda m: m.artifacts.list_artifacts(),
    "download file": lambda m: within(
        m.artifacts.download_artifacts(run_id=RUNS[m.__name__], artifact_path="a/b/t.txt", dst_path="to1/x"), "to1"
    ),
    "download folder": lambda m: within(m.artifacts.download_artifacts(f"runs:/{RUNS[m.__name__]}/a", dst_path="to2"), "to2"),
    "download path": lambda m: within(m.artifacts.download_artifacts(m.get_artifact_uri("a/b/t.txt"), dst_path="to3"), "to3"),
    "download in place": lambda m: m.artifacts.download_artifacts(f"runs:/{RUNS[m.__name__]}/a/b").endswith("artifacts/a/b"),
    "download nothing": lambda m: m.artifacts.download_artifacts(f"runs:/{RUNS[m.__name__]}/nothing", dst_path="to4"),
    "download uri and path": lambda m: m.artifacts.download_artifacts(f"runs:/{RUNS[m.__name__]}/a", artifact_path="b"),
    "load_text": lambda m: m.artifacts.load_text(f"runs:/{RUNS[m.__name__]}/a/b/t.txt").replace("\r\n", "\n"),
    "load_text binary": lambda m: m.artifacts.load_text(f"runs:/{RUNS[m.__name__]}/rgb.png"),
    "load_dict": lambda m: m.artifacts.load_dict(m.get_artifact_uri("d/d.json")),
    "load_dict no json": lambda m: m.artifacts.load_dict(m.get_artifact_uri("d.yaml")),
    "load_image": lambda m: np.array(m.artifacts.load_image(m.get_artifact_uri("i/rgba.png"))).sum().item(),
    "load_image none": lambda m: m.artifacts.load_image(m.get_artifact_uri("d.yaml")),
    "own list": lambda m: m.Image(PIXELS[:1, :2]).to_list(),
    "own array": lambda m: m.Image(PIXELS).to_array().tolist() == PIXELS.tolist(),
    "own size": lambda m: [list(m.Image(PIXELS).size), list(m.Image(PICTURE).resize((3, 4)).size), m.Image(PICTURE).to_pil() is PICTURE],
    "own none": lambda m: m.Image(5),
    "input": lambda m: m.log_input(m.data.from_pandas(FRAME, source="f.csv", name="n", targets="n"), context="train", tags={"a": "b"}),
    "input numpy": lambda m: m.log_input(m.data.from_numpy(PIXELS, source="s3://b/f", targets=PIXELS[0])),
    "input code": lambda m: m.log_input(m.data.from_numpy({"a": PIXELS}, name="code")),
    "input no targets": lambda m: m.data.from_pandas(FRAME, targets="none"),
    "input unknown scheme": lambda m: m.data.from_pandas(FRAME, source="nonsense://x"),
    "input twice": lambda m: m.log_input(m.data.from_pandas(FRAME, source="f.csv", name="n", targets="n"), context="test"),
    "input none": lambda m: m.log_input(None, context="train"),
    "input wrong": lambda m: m.log_input(5),
    "inputs context of none": lambda m: m.log_inputs([None], ["c"], [None]),
    "inputs none": lambda m: m.log_inputs([None], [None], [None]),
    "dict of tuples": lambda m: m.log_dict({(1, 2): 3}, "tuples.json"),
    "inputs": lambda m: m.log_inputs(
        [m.data.from_numpy(PIXELS, source="x", name="1"), m.data.from_numpy(PIXELS[1], source="y")], ["c", None], [None, {"t": "u"}]
    ),
    "inputs of other lengths": lambda m: m.log_inputs([m.data.from_numpy(PIXELS)], [], []),
    "source": lambda m: m.data.get_source(m.data.from_pandas(FRAME, source="https://h/x")).to_json(),
}


def paths(found):
    return [[item.path, item.is_dir, item.file_size] for item in found if not item.path.startswith("images/")]


def within(path, folder):
    top = Path(folder).absolute()
    return [Path(path).absolute().relative_to(top).as_posix(), sorted(item.relative_to(top).as_posix() for item in top.rglob("*"))]


def plain(value):
    """A value without what differs from run to run."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<uuid>", json.dumps(value, default=str))
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00:00", "<time>", text)
    return json.loads(re.sub(r"[0-9a-f]{32}", "<run>", text))


def content(path):
    if path.suffix in (".png", ".webp", ".jpg"):
        with PIL.Image.open(path) as image:
            return [image.format, image.mode, image.size, hashlib.sha256(image.tobytes()).hexdigest()]
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_json(orient="split")
    return path.read_bytes().decode("latin-1")


def called(module, function):
    try:
        return {"gives": plain(function(module))}
    except Exception as error:
        kinds = [kind.__name__ for kind in (TypeError, ValueError) if isinstance(error, kind)]
        return {"raises": kinds, "error": f"{type(error).__name__}: {error}"}


RUNS = {}
made = {}
for module in (mlctl, mlflow):
    if module is mlflow:
        Path("theirs").mkdir()
        mlflow.set_tracking_uri(f"sqlite:///{Path('theirs/mlflow.db').absolute()}")
        mlflow.create_experiment("e", artifact_location=str(Path("theirs/files").absolute()))
        mlflow.set_experiment("e")
    with module.start_run() as run:
        RUNS[module.__name__] = run.info.run_id
        module.log_param("p", 5)
        module.log_metric("m", 0.5)
        module.set_tag("g", "h")
        Path(module.__name__).mkdir()  # downloads go there
        here = Path.cwd()
        answers = {}
        for name, function in CALLS.items():
            if name.startswith("download"):
                os.chdir(module.__name__)
            answers[name] = called(module, function)
            os.chdir(here)
    client = module.MlflowClient()
    found = client.get_run(run.info.run_id)
    tags = {key: value for key, value in found.data.tags.items() if key.startswith("mlflow.logged")}
    facts = ("name", "digest", "source_type", "source", "schema", "profile")
    inputs = sorted(
        [*(getattr(item.dataset, fact) for fact in facts), *sorted([tag.key, tag.value] for tag in item.tags)]
        for item in found.inputs.dataset_inputs
    )
    root = Path(run.info.artifact_uri)
    files = sorted([plain(path.relative_to(root).as_posix()), plain(content(path))] for path in root.rglob("*") if path.is_file())
    made[module.__name__] = {"answers": answers, "tags": plain(tags), "inputs": inputs, "files": files}

print(json.dumps(made))
