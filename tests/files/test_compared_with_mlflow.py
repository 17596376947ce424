"""MLflow itself as the yardstick of files, images, tables and datasets: the same calls leave the same behind."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

DIFFERENT = {
    "download in place": "what is on this machine is not copied, as MLflow's documentation has it",
    "inputs none": "MLflow crashes with an AttributeError",
}
"""Calls whose outcome differs on purpose, with the reason."""


def run(script, *arguments, place):
    """What a script prints, run by the Python that has MLflow. It is copied, so that no repository is around it."""
    shutil.copy(HERE / script, place / Path(script).name)
    environment = {"PATH": os.environ["PATH"], "HOME": str(place), "PYTHONPATH": str(ROOT), "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [os.environ["MLCTL_MLFLOW"], Path(script).name, *map(str, arguments)]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=170)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What each of the two made."""
    return run("compared_files.py", ".", place=tmp_path_factory.mktemp("compared"))


@pytest.mark.engine("mlflow")
class TestFiles:
    def test_the_same_answers(self, made):
        theirs, ours = (made[name]["answers"] for name in ("mlflow", "mlctl"))
        assert len(ours) > 80
        assert ours.keys() == theirs.keys()
        differing = {label for label in ours if self.outcome(ours[label]) != self.outcome(theirs[label])}
        assert differing == set(DIFFERENT), {label: (theirs[label], ours[label]) for label in differing ^ set(DIFFERENT)}

    @staticmethod
    def outcome(answer):
        return answer.get("gives", "an error")

    def test_errors_are_of_kinds_that_scripts_catch(self, made):
        theirs, ours = (made[name]["answers"] for name in ("mlflow", "mlctl"))
        both = [label for label in ours if "raises" in ours[label] and "raises" in theirs[label]]
        assert len(both) > 20
        for label in both:
            assert set(theirs[label]["raises"]) <= set(ours[label]["raises"]), (label, theirs[label], ours[label])
            assert ours[label]["error"].split(":")[0] in ("ArgumentError", "InvalidValueError", "NotFoundError"), ours[label]

    def test_the_same_files(self, made):
        theirs, ours = (dict(made[name]["files"]) for name in ("mlflow", "mlctl"))
        assert ours == theirs
        assert len([path for path in ours if path.startswith(("images/", "table_images/"))]) >= 6

    def test_the_same_tags_and_inputs(self, made):
        assert made["mlctl"]["tags"] == made["mlflow"]["tags"]
        assert set(made["mlctl"]["tags"]) == {"mlflow.loggedImages", "mlflow.loggedArtifacts"}
        assert made["mlctl"]["inputs"] == made["mlflow"]["inputs"]
        assert len(made["mlctl"]["inputs"]) == 5


@pytest.mark.engine("mlflow")
@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_description_of_random_data(tmp_path, seed):
    found = run("compared_data.py", seed, 150, place=tmp_path)
    assert found["differing"] == []
    assert found["agreed"] > 300


WITHOUT_PILLOW = """
import sys, warnings
sys.modules["PIL"] = None
import numpy as np
import mlctl
from pathlib import Path

pixels = (np.arange(40 * 60 * 4) * 7 % 256).astype("uint8").reshape(40, 60, 4)
arrays = {"rgba": pixels, "rgb": pixels[:, :, :3], "grey": pixels[:, :, 0], "one": pixels[:, :, :1], "float": pixels / 255,
          "bool": pixels[:, :, 0] > 9, "view": pixels[::2, ::3], "thin": pixels[:1, :1]}
with mlctl.start_run() as run:
    for name, array in arrays.items():
        mlctl.log_image(array, name + ".png")
    mlctl.log_image(pixels, key="k")
    image = mlctl.Image(pixels)
    facts = [image.size, image.to_list()[1], image.to_array().tolist() == pixels.tolist()]
    errors = []
    for call in (lambda: mlctl.log_image(pixels, "a.jpg"), lambda: image.resize((1, 1)), lambda: mlctl.Image("x.png"),
                 lambda: mlctl.artifacts.load_image(mlctl.get_artifact_uri("rgb.png"))):
        try:
            call()
        except mlctl.errors.ArgumentError as error:
            errors.append("pillow" in error.hint)
root = Path(run.info.artifact_uri)
del sys.modules["PIL"]
import json
import PIL.Image
same = {name: np.array(PIL.Image.open(root / (name + ".png"))).tolist() == np.array(PIL.Image.fromarray(
        array[:, :, 0] if name == "one" else (array * 255).astype("uint8") if name in ("float", "bool") else array)).tolist()
        for name, array in arrays.items()}
print(json.dumps({"same": same, "facts": facts, "errors": errors, "series": [path.suffix for path in (root / "images").iterdir()]}))
"""


@pytest.mark.engine("mlflow")
def test_images_without_pillow(tmp_path):
    (tmp_path / "source").mkdir()
    script = tmp_path / "source" / "without_pillow.py"
    script.write_text(WITHOUT_PILLOW)
    found = run(script, place=tmp_path)
    assert set(found["same"].values()) == {True}
    assert found["facts"] == [[60, 40], [28, 35, 42, 49], True]
    assert found["errors"] == [True] * 4
    assert found["series"] == [".png"]
