"""`mlctl models list | show | download | compare`, with models that the real MLflow has logged to mlctl's server."""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from mlctl_server import Server

from mlctl import predictions

HERE = Path(__file__).parent
pytestmark = pytest.mark.engine("mlflow")


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """The folder of a store with models, and the ids of the models by name."""
    folder = tmp_path_factory.mktemp("models") / "it's a place"
    server = Server(folder)
    server.start()
    try:
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
        argv = [os.environ["MLCTL_MLFLOW"], HERE / "models_of_mlflow.py", server.address]
        done = subprocess.run(argv, env=environment, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return folder, json.loads(done.stdout.splitlines()[-1])
    finally:
        server.stop()


@pytest.fixture
def there(logged, monkeypatch):
    """The ids of the models by name; the current folder is the store's."""
    folder, ids = logged
    monkeypatch.chdir(folder)
    return ids


def test_commands_in_the_docs_run(mlctl, there):
    section = re.search(r"^## Models\n(.*?)^## ", (HERE.parents[1] / "docs" / "commands.md").read_text(), re.MULTILINE | re.DOTALL)[1]
    lines = [line for block in re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL) for line in block.splitlines()]
    assert len(lines) >= 5
    for line in lines:
        mlctl(*shlex.split(line)[1:], check=0)


class TestList:
    def test_the_newest_first_with_metrics_and_versions(self, mlctl, there):
        found = mlctl.json("models", "list")["data"]
        assert [item["model_id"] for item in found] == [there["scaled"], there["tree 3"], there["tree 2"]]
        assert found[2]["metrics"] == {"rmse": 0.5}
        assert (found[2]["params"], found[2]["versions"], found[2]["status"]) == ({"depth": "2"}, ["houses/1"], "READY")
        shown = mlctl("models", "list", check=0).stdout.splitlines()
        assert shown[0].split() == ["MODEL_ID", "NAME", "STATUS", "CREATED", "RUN", "TYPE", "VERSIONS", "RMSE"]
        assert "houses/1" in shown[3]
        assert "0.5" in shown[3]

    def test_filters_order_and_limits(self, mlctl, there):
        def ids(*arguments):
            return mlctl("models", "list", "--quiet", *arguments, check=0).stdout.split()

        assert ids("--filter", "params.depth = '3'") == [there["tree 3"]]
        assert ids("--order-by", "metrics.rmse DESC")[0] == there["tree 2"]
        assert ids("--order-by", "metrics.rmse")[0] == there["tree 3"]
        assert ids("--experiment", "Default") == []
        assert ids("-x", "houses", "-n", "1") == [there["scaled"]]
        assert ids("--run", "@last~1") == [there["scaled"]]
        assert "there are more" in mlctl("models", "list", "-n", "1", check=0).stderr
        assert "neither ASC nor DESC" in mlctl("models", "list", "--order-by", "name sideways", check=2).stderr


class TestShow:
    def test_all_that_is_known(self, mlctl, there):
        text = mlctl("models", "show", "models:/houses@champion", check=0).stdout
        lines = [line.split() for line in text.splitlines()]
        assert ["model", "models:/houses@champion", "tree"] in lines
        assert ["version", "houses/1", "@champion", "None"] in lines
        assert ["id", there["tree 2"]] in lines
        assert "depth 2" in text
        assert "rooms (" in text, "the data that its run used"
        assert "sklearn (" in text
        assert ["scikit-learn==1.9.0"] in lines
        assert lines[lines.index(["signature"]) + 1 :] == [
            ["PART", "NAME", "TYPE", "REQUIRED", "DEFAULT"],
            ["inputs", "rooms", "double", "yes", "-"],
            ["inputs", "area", "double", "yes", "-"],
            ["outputs", "area", "double", "yes", "-"],
        ]

    def test_the_same_in_json(self, mlctl, there):
        found = mlctl.json("models", "show", there["scaled"][:12])["data"]
        assert found["signature"]["inputs"][2] == {"type": "string", "name": "city", "required": True}
        assert [item["name"] for item in found["signature"]["params"]] == ["factor", "names"]
        assert found["requirements"] == ["mlflow==3.17.2", "pandas"] or found["requirements"] == ["pandas"]
        assert found["size_bytes"] == sum(found["files"].values()) > 500
        assert found["run"]["run_name"] == "function"
        assert found["mlmodel"]["flavors"]["python_function"]["loader_module"] == "mlflow.pyfunc.model"
        params = [
            line.split() for line in mlctl("models", "show", there["scaled"], check=0).stdout.splitlines() if line.startswith("params ")
        ]
        assert params == [["params", "factor", "double", "no", "2.0"], ["params", "names", "string,", "a", "list", "no", '["x"]']]

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("houses", "tree 3"),
            ("houses/1", "tree 2"),
            ("houses@champion", "tree 2"),
            ("models:/houses/latest", "tree 3"),
            ("models:/houses/None", "tree 3"),
            ("runs:/@last~1/scaled", "scaled"),
            ("models:/{scaled}", "scaled"),
        ],
    )
    def test_how_a_model_is_named(self, mlctl, there, text, name):
        found = mlctl.json("models", "show", text.format_map(there))["data"]
        assert found["logged_model"]["model_id"] == there[name]

    def test_a_model_among_a_runs_files(self, mlctl, there):
        found = mlctl.json("models", "show", "runs:/@last/old style")["data"]
        assert found["logged_model"] is None
        assert found["run"]["run_id"] == there["run"]
        assert found["signature"] is None
        assert "signature: none" in mlctl("models", "show", f"runs:/{there['run']}/old style", check=0).stdout

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("nope", "no model 'nope'"),
            ("houses/7", "houses"),
            ("houses@nobody", "nobody"),
            ("models:/houses/Production", "Production"),
            ("m-z", "no logged model"),
            ("m-'", "no logged model"),
            ("runs:/@last/nope", "no MLmodel file"),
            ("runs:/@last/nope", "old style"),
            ("runs:/ffff/x", "ffff"),
            ("ftp://host/model", "cannot reach"),
        ],
    )
    def test_what_is_no_model(self, mlctl, there, text, said):
        done = mlctl("models", "show", text, check=124)
        assert said in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_folder_without_any_store(self, mlctl, place):
        folder = place / "my model"
        folder.mkdir()
        assert "no MLmodel file" in mlctl("models", "show", folder, check=124).stderr
        (folder / "MLmodel").write_text("flavors: {python_function: {loader_module: mine}}\n")
        assert mlctl.json("models", "show", "my model")["data"]["files"] == {"MLmodel": 50}
        assert not (place / "mlruns").exists()

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("!!python/object/apply:os.system ['touch pwned']", "not YAML"),
            ("flavors: [a", "not YAML"),
            ("[]", "no flavors"),
            ("flavors: {f: {}}\n" + "#" * 10_000_001, "too large"),
        ],
    )
    def test_hostile_ones(self, mlctl, place, content, said):
        folder = place / "model"
        folder.mkdir()
        (folder / "MLmodel").write_text(content)
        assert said in mlctl("models", "show", "model", check=124).stderr
        assert not (place / "pwned").exists()

    def test_a_broken_signature_is_told(self, mlctl, place):
        (place / "model").mkdir()
        (place / "model" / "MLmodel").write_text('flavors: {f: {}}\nsignature: {inputs: \'[{"type": "complex"}]\'}\n')
        assert "signature: cannot be read: " in mlctl("models", "show", "model", check=0).stdout


class TestDownload:
    def test_into_a_folder(self, mlctl, there, tmp_path):
        target = tmp_path / "to" / "here"
        assert mlctl("models", "download", "houses/1", "--to", target, "--quiet", check=0).stdout.strip() == str(target)
        assert {"MLmodel", "model.pkl", "requirements.txt"} <= {item.name for item in target.iterdir()}
        assert mlctl.json("models", "show", target)["data"]["mlmodel"]["model_id"] == there["tree 2"]
        assert "is there already" in mlctl("models", "download", "houses/1", "--to", target, check=124).stderr

    def test_over_http_and_without_a_name(self, mlctl, logged, place):
        folder, ids = logged
        server = Server(folder)
        with contextlib.ExitStack() as stack:
            server.start()
            stack.callback(server.stop)
            environment = {**os.environ, "MLCTL_TRACKING_URI": server.address}
            mlctl("models", "download", "houses@champion", check=0, cwd=place, env=environment)
            mlctl("models", "download", "runs:/@last/old style", check=0, cwd=place, env=environment)
            assert mlctl.json("models", "show", "houses", env=environment)["data"]["logged_model"]["model_id"] == ids["tree 3"]
        assert (place / "houses-1" / "MLmodel").exists()
        assert (place / "old style" / "model.pkl").exists()


class TestCompare:
    def test_side_by_side(self, mlctl, there):
        first, second = f"models:/{there['tree 2']}", "models:/houses/2"
        found = mlctl.json("models", "compare", first, second)["data"]
        rows = {(row["section"], row["key"]): row for row in found["rows"]}
        assert rows["params", "depth"]["values"] == {first: "2", second: "3"}
        assert rows["metrics", "rmse"]["best"] == [second]
        assert rows["inputs", "rooms"]["values"] == {first: "double", second: None}
        assert not rows["inputs", "area"]["different"]
        assert rows["requirements", "numpy"]["values"] == {first: "2.0", second: "3.0"}
        assert not rows["requirements", "scikit-learn"]["different"]
        text = mlctl("models", "compare", there["tree 2"], "houses/2", "-d", check=0).stdout
        assert "*0.333333" in text
        assert "scikit-learn" not in text

    def test_a_runs_params_stand_in_and_exit_codes(self, mlctl, there):
        rows = mlctl.json("models", "compare", "runs:/@last/old style", "houses/1", "--exit-code", check=1)["data"]["rows"]
        assert {row["key"] for row in rows if row["section"] == "params"} == {"fit", "depth"}
        assert mlctl("models", "compare", there["tree 2"], "houses/1", "--exit-code", check=0)
        assert "two models" in mlctl("models", "compare", "houses", check=2).stderr
        assert "different models" in mlctl("models", "compare", "houses/1", "models:/houses/1", check=2).stderr


class TestPredict:
    @pytest.fixture
    def local(self, there, monkeypatch):
        """Ids of the models; ``python`` is one with the libraries."""
        monkeypatch.setenv("PATH", f"{Path(os.environ['MLCTL_MLFLOW']).parent}{os.pathsep}{os.environ['PATH']}")
        return there

    def test_a_file(self, mlctl, local, tmp_path):
        source, target = tmp_path / "in put.csv", tmp_path / "out.csv"
        source.write_text("rooms,area,city\n1,30,Bern\n2,60,Thun\n5,150,Biel\n")
        done = mlctl(
            "models", "predict", "-m", "houses@champion", "-i", source, "-o", target, "--env-manager", "local", "--chunk-rows", "1"
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("['city']") == len(done.stderr.splitlines()) == 1, "said once, not of every chunk"
        assert done.stdout.startswith(f"3 rows → {target} (")
        assert [float(line) for line in target.read_text().splitlines()[1:]] == [31.0, 151.0, 271.0]

    def test_a_request_through_pipes(self, mlctl, local):
        request = {
            "dataframe_split": {"columns": ["rooms", "area", "city"], "data": [[1.0, 30.0, "x"], [2.0, 60.0, "y"]]},
            "params": {"factor": 3.0},
        }
        argv = [*mlctl.argv, "models", "predict", "runs:/@last~1/scaled", "--env-manager", "local"]
        done = subprocess.run(argv, input=json.dumps(request), capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (0, '{"predictions": [90.0, 180.0]}\n'), done.stderr

    def test_in_the_envelope_with_a_param(self, mlctl, local, tmp_path):
        (tmp_path / "rows.json").write_text('[{"rooms": 1.0, "area": 30.0, "city": "x"}]')
        asked = ("models", "predict", local["scaled"], "-i", tmp_path / "rows.json", "--env-manager", "local", "-P")
        assert mlctl.json(*asked, "factor=0.5")["data"]["predictions"] == [15.0]
        assert "Can not safely convert" in mlctl(*asked, "factor=much", check=124).stderr

    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupt_leaves_nothing(self, mlctl, local, tmp_path, signum):
        with (tmp_path / "rows.csv").open("w") as file:
            file.write("rooms,area,city\n")
            file.writelines("1,30,Bern\n" for _ in range(200_000))
        target = tmp_path / "out.csv"
        asked = ("models", "predict", "houses/1", "-i", tmp_path / "rows.csv", "-o", target, "--env-manager", "local", "--chunk-rows", "10")
        running = mlctl.start(*asked, start_new_session=True)
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("*.partial")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(running.pid, signum)
        _, said = running.communicate(timeout=60)
        assert running.returncode == 128 + signum, said
        assert "Traceback" not in said
        assert [item.name for item in tmp_path.iterdir()] == ["rows.csv"]

    def test_an_environment_of_its_own(self, mlctl, place):
        folder = place / "a model"
        folder.mkdir()
        (folder / "MLmodel").write_text("flavors: {python_function: {loader_module: mlflow.sklearn, model_path: model.pkl}}\n")
        (folder / "model.pkl").write_bytes(b"csklearn.tree\nDecisionTreeRegressor\n.")
        (place / "rows.csv").write_text("a\n1\n")
        asked = ("models", "predict", "a model", "-i", "rows.csv")
        assert "no python_env.yaml" in mlctl(*asked, check=123).stderr
        (folder / "python_env.yaml").write_text("dependencies: []\n")
        done = mlctl(*asked, check=123)
        assert "needs the package" in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize(
        ("loader", "requirements", "found"),
        [
            ("mlflow.sklearn", "mlflow==3.17.2\npandas==3.1\n", True),
            ("mlflow.sklearn", "mlflow-skinny\n# x\npandas\n", True),
            ("mlflow.sklearn", "mlflow==3.17.2\n", False),
            ("mlflow.sklearn", "pandas\n", False),
            ("mlflow.pyfunc.model", "mlflow\npandas\n", False),
            ("mlflow.spacy", "mlflow\npandas\n", False),
            ("mine", "mlflow\npandas\n", False),
        ],
    )
    def test_whether_mlflow_is_left_out(self, place, loader, requirements, found):
        (place / "requirements.txt").write_text(requirements)
        assert predictions.needs_no_mlflow(place, {"flavors": {"python_function": {"loader_module": loader}}}) is found

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ((), "Name one model"),
            (("a", "-m", "b"), "Name one model"),
            (("a", "-i", "nope.csv"), "no file 'nope.csv'"),
            (("a", "-t", "xml"), "'xml'"),
            (("a", "-P", "x"), "NAME=VALUE"),
        ],
    )
    def test_slips(self, mlctl, place, arguments, said):
        assert said in mlctl("models", "predict", *arguments, check=2).stderr
