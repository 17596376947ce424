"""Cases: artifacts and datasets."""

import json
import os
import tempfile
from pathlib import Path

from calls import FOLDER, case, client, error, exp, mlflow, rows, run

(FOLDER / "file.txt").write_text("hello")
(FOLDER / "é odd 'name'.txt").write_text("odd")
(FOLDER / "tree" / "sub").mkdir(parents=True)
(FOLDER / "tree" / "a.txt").write_text("a")
(FOLDER / "tree" / "sub" / "b.txt").write_text("b")
(FOLDER / "empty").mkdir()


def listed(run_id, path=None):
    return [[file.path, file.is_dir, file.file_size] for file in client.list_artifacts(run_id, path)]


def everything(run_id, path=None):
    found = []
    for name, is_dir, size in listed(run_id, path):
        found += [[name, size]] if not is_dir else [[name, None], *everything(run_id, name)]
    return found


def kept(function, *args, **kwargs):
    """The files of a run after one fluent call."""
    with mlflow.start_run(experiment_id=exp()) as found:
        outcome = error(function, *args, **kwargs)
    return [outcome, everything(found.info.run_id)]


def content(function, name, *args, **kwargs):
    """What a file of a run holds after one fluent call that writes it."""
    with mlflow.start_run(experiment_id=exp()) as found:
        function(*args, **kwargs)
        with tempfile.TemporaryDirectory() as folder:
            return Path(client.download_artifacts(found.info.run_id, name, folder)).read_text()


rows(
    "artifacts",
    {
        "a file": lambda: kept(mlflow.log_artifact, str(FOLDER / "file.txt")),
        "a file in a folder": lambda: kept(mlflow.log_artifact, str(FOLDER / "file.txt"), "data/subfolder"),
        "a folder by log_artifact": lambda: kept(mlflow.log_artifact, str(FOLDER / "tree")),
        "a folder by log_artifact, in a folder": lambda: kept(mlflow.log_artifact, str(FOLDER / "tree"), "deep"),
        "odd name": lambda: kept(mlflow.log_artifact, str(FOLDER / "é odd 'name'.txt"), "sub dir/é"),
        "a Path": lambda: kept(mlflow.log_artifact, FOLDER / "file.txt"),
        "absent file": lambda: kept(mlflow.log_artifact, str(FOLDER / "absent.txt")),
        "folder": lambda: kept(mlflow.log_artifacts, str(FOLDER / "tree")),
        "folder in a folder": lambda: kept(mlflow.log_artifacts, str(FOLDER / "tree"), "x/y"),
        "absent folder": lambda: kept(mlflow.log_artifacts, str(FOLDER / "absent")),
        "climbing out": lambda: kept(mlflow.log_artifact, str(FOLDER / "file.txt"), "../up"),
        "absolute path": lambda: kept(mlflow.log_artifact, str(FOLDER / "file.txt"), "/up"),
        "path that is not plain": lambda: kept(mlflow.log_artifact, str(FOLDER / "file.txt"), "a//b"),
        "text": lambda: content(mlflow.log_text, "t.txt", "é\nb", "t.txt"),
        "text in a folder": lambda: content(mlflow.log_text, "a/b/t.html", "<h1>", "a/b/t.html"),
        "dictionary as JSON": lambda: content(mlflow.log_dict, "d.json", {"b": 1, "a": [1, None, "é"]}, "d.json"),
        "dictionary as YAML": lambda: content(mlflow.log_dict, "d.yml", {"b": 1, "a": ["x"]}, "d.yml"),
        "dictionary without extension": lambda: content(mlflow.log_dict, "d", {"a": 1}, "d"),
        "list as JSON": lambda: content(mlflow.log_dict, "l.json", [1, 2], "l.json"),
        "text, climbing out": lambda: kept(mlflow.log_text, "x", "../t.txt"),
        "text without a name": lambda: kept(mlflow.log_text, "x", ""),
        "list of an unknown folder": lambda: listed(run(), "nowhere"),
        "list of a run without files": lambda: listed(run()),
        "list of an unknown run": lambda: listed("0" * 32),
        "list, climbing out": lambda: listed(run(), "../.."),
        "download of what is absent": lambda: error(client.download_artifacts, run(), "nothing.txt"),
        "download, climbing out": lambda: error(client.download_artifacts, run(), "../../x"),
        "uri": lambda: [mlflow.start_run(experiment_id=exp()).info.status, mlflow.get_artifact_uri(), mlflow.get_artifact_uri("a/b.txt")],
        "uri is the run's": lambda: [mlflow.start_run(experiment_id=exp()).info.artifact_uri == mlflow.get_artifact_uri()],
    },
)


@case("artifacts: list of a folder, of a file")
def _():
    found = run()
    client.log_artifacts(found, str(FOLDER / "tree"))
    return [listed(found), listed(found, "sub"), listed(found, "a.txt"), listed(found, "sub/b.txt")]


@case("artifacts: client")
def _():
    found = run()
    client.log_artifact(found, str(FOLDER / "file.txt"), "one")
    client.log_artifacts(found, str(FOLDER / "tree"), "two")
    client.log_text(found, "x", "three/t.txt")
    client.log_dict(found, {"a": 1}, "four.json")
    return everything(found)


@case("artifacts: a file again, with other content")
def _():
    found = run()
    client.log_text(found, "long text", "t.txt")
    client.log_text(found, "short", "t.txt")
    return everything(found)


@case("artifacts: download to a folder")
def _():
    found = run()
    client.log_artifacts(found, str(FOLDER / "tree"), "top")
    with tempfile.TemporaryDirectory() as folder:
        local = client.download_artifacts(found, "top", folder)
        files = sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*"))
        return [os.path.relpath(local, folder), files]


@case("artifacts: download into a folder that is absent")
def _():
    found = run()
    client.log_text(found, "x", "t.txt")
    return error(client.download_artifacts, found, "t.txt", str(FOLDER / "not there"))


@case("artifacts: module")
def _():
    with mlflow.start_run(experiment_id=exp()) as found:
        mlflow.log_text("text", "t.txt")
        mlflow.log_dict({"a": [1]}, "d.json")
        mlflow.log_text("deep", "x/y/t.txt")
        uri = mlflow.get_artifact_uri("t.txt")
    there = mlflow.artifacts
    return [
        sorted(file.path for file in there.list_artifacts(run_id=found.info.run_id)),
        sorted(file.path for file in there.list_artifacts(run_id=found.info.run_id, artifact_path="x")),
        there.load_text(uri),
        there.load_text(f"runs:/{found.info.run_id}/x/y/t.txt"),
        there.load_dict(f"runs:/{found.info.run_id}/d.json"),
        Path(there.download_artifacts(run_id=found.info.run_id, artifact_path="x/y/t.txt")).read_text(),
        Path(there.download_artifacts(artifact_uri=uri)).read_text(),
        error(there.download_artifacts),
        error(there.load_dict, uri),
        error(there.load_text, f"runs:/{found.info.run_id}/absent"),
    ]


@case("artifacts: nothing goes to a deleted run")
def _():
    found = run()
    client.delete_run(found)
    return error(client.log_text, found, "x", "t.txt")


# ── figures, images, tables ──────────────────────────────────────────────────────────────────────────────────────────


@case("artifacts: figure")
def _():
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    with mlflow.start_run(experiment_id=exp()) as found:
        mlflow.log_figure(figure, "plots/f.png")
        mlflow.log_figure(figure, "f.svg")
    return [name for name, _ in everything(found.info.run_id)]


@case("artifacts: image as a file")
def _():
    import numpy as np

    pixels = (np.arange(48).reshape(4, 4, 3) * 5).astype("uint8")
    with mlflow.start_run(experiment_id=exp()) as found:
        mlflow.log_image(pixels, "i.png")
        mlflow.log_image(pixels[:, :, 0] / 255.0, "grey.png")
    loaded = [mlflow.artifacts.load_image(f"runs:/{found.info.run_id}/{name}") for name in ("i.png", "grey.png")]
    return [[image.mode, list(image.size), np.asarray(image).tolist()] for image in loaded]


@case("artifacts: images that make no sense")
def _():
    import numpy as np

    with mlflow.start_run(experiment_id=exp()):
        return [
            error(mlflow.log_image, np.zeros((2, 2, 5), "uint8"), "a.png"),
            error(mlflow.log_image, np.zeros((2,), "uint8"), "a.png"),
            error(mlflow.log_image, np.full((2, 2), 7.0), "a.png"),
            error(mlflow.log_image, np.full((2, 2), 700), "a.png"),
            error(mlflow.log_image, "text", "a.png"),
            error(mlflow.log_image, np.zeros((2, 2), "uint8")),
        ]


@case("artifacts: image with key and step")
def _():
    import numpy as np

    with mlflow.start_run(experiment_id=exp()) as found:
        for step in (0, 1):
            mlflow.log_image(np.zeros((2, 2, 3), "uint8"), key="dogs", step=step, timestamp=5, synchronous=True)
    names = [name for name, _ in everything(found.info.run_id)]
    cut = sorted({name.split("%timestamp%")[0].split("+timestamp+")[0] for name in names})
    return [cut, len(names), client.get_run(found.info.run_id).data.tags.get("mlflow.loggedImages")]


TABLE = {"question": ["a", "b"], "score": [1, 2.5]}


@case("tables: from a dictionary, more rows, loaded")
def _():
    import pandas as pd

    mlflow.set_experiment(experiment_id=exp())  # where load_table looks
    with mlflow.start_run() as found:
        mlflow.log_table(TABLE, "t.json")
        mlflow.log_table(pd.DataFrame({"question": ["c"], "score": [3]}), "t.json")
        mlflow.log_table({"question": "single", "score": 1}, "one.json")
    frame = mlflow.load_table("t.json", run_ids=[found.info.run_id], extra_columns=["run_id"])
    tags = json.loads(client.get_run(found.info.run_id).data.tags["mlflow.loggedArtifacts"])
    return [list(frame.columns), frame[["question", "score"]].to_numpy().tolist(), tags, everything(found.info.run_id)[0][0]]


@case("tables: content of the file")
def _():
    return json.loads(content(mlflow.log_table, "t.json", TABLE, "t.json"))


rows(
    "tables",
    {
        "wrong extension": lambda: kept(mlflow.log_table, TABLE, "t.csv"),
        "columns of different lengths": lambda: kept(mlflow.log_table, {"a": [1], "b": [1, 2]}, "t.json"),
        "neither dictionary nor frame": lambda: kept(mlflow.log_table, [1, 2], "t.json"),
        "absent": lambda: [exp(), error(mlflow.load_table, "nowhere.json", run_ids=["0" * 32])][1],
    },
)

# ── datasets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def inputs(run_id):
    found = client.get_run(run_id).inputs.dataset_inputs
    source = [sorted(json.loads(item.dataset.source)) for item in found]
    facts = [
        [item.dataset.name, item.dataset.digest, item.dataset.source_type, item.dataset.schema, item.dataset.profile] for item in found
    ]
    return [list(pair) for pair in zip(facts, source, [[[tag.key, tag.value] for tag in item.tags] for item in found], strict=True)]


def used(make, *args, **kwargs):
    with mlflow.start_run(experiment_id=exp()) as found:
        mlflow.log_input(make(), *args, **kwargs)
    return inputs(found.info.run_id)


def frame_data(**kwargs):
    import pandas as pd

    frame = pd.DataFrame(
        {"a": [1, 2, 3], "b": [0.5, None, 1.5], "c": ["x", "y", "z"], "t": pd.to_datetime(["2024-01-01"] * 3), "f": [True, False, True]}
    )
    return mlflow.data.from_pandas(frame, **kwargs)


def array_data(**kwargs):
    import numpy as np

    return mlflow.data.from_numpy(np.arange(6.0).reshape(3, 2), **kwargs)


rows(
    "datasets",
    {
        "frame": lambda: used(lambda: frame_data(source="s3://bucket/x.csv", name="people")),
        "frame without a name": lambda: used(frame_data)[0][0],
        "frame with context": lambda: used(lambda: frame_data(name="n"), context="training"),
        "frame with tags": lambda: used(lambda: frame_data(name="n"), "eval", {"k": "v"}),
        "frame with targets": lambda: used(lambda: frame_data(name="n", targets="a"))[0][0],
        "frame with targets that are absent": lambda: error(frame_data, targets="zz"),
        "frame with a digest": lambda: used(lambda: frame_data(name="n", digest="1234"))[0][0][1],
        "array": lambda: used(lambda: array_data(name="numbers"))[0][0],
        "array with targets": lambda: used(lambda: array_data(name="n", targets=__import__("numpy").array([1, 2, 3])))[0][0],
        "arrays by name": lambda: used(lambda: mlflow.data.from_numpy({"x": __import__("numpy").zeros((2, 2))}, name="n"))[0][0],
        "file as source": lambda: used(lambda: frame_data(source=str(FOLDER / "file.txt")))[0][0][2],
        "address as source": lambda: used(lambda: frame_data(source="https://example.org/x.csv"))[0][0][2],
        "no dataset": lambda: kept(mlflow.log_input, "text")[0],
        "attributes": lambda: [
            frame_data(name="n").name,
            frame_data(name="n").digest,
            frame_data(name="n").profile,
            type(frame_data(name="n").source).__name__,
        ],
        "to_dict": lambda: sorted(frame_data(name="n").to_dict()),
    },
)


@case("datasets: twice, with another context")
def _():
    with mlflow.start_run(experiment_id=exp()) as found:
        mlflow.log_input(frame_data(name="n"), context="first")
        mlflow.log_input(frame_data(name="n"), context="second")
    return inputs(found.info.run_id)


@case("datasets: searched")
def _():
    with mlflow.start_run(experiment_id=(there := exp())):
        mlflow.log_input(frame_data(name="people"), context="training")
    filters = (
        "dataset.name = 'people'",
        "datasets.context = 'training'",
        "dataset.name LIKE 'pe%' AND dataset.context = 'x'",
        "dataset.name IN ('people', 'x')",
        "dataset.size > 1",
    )
    return [error(lambda text=text: len(client.search_runs([there], text))) for text in filters]
