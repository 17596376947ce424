"""How results look: the envelope that programs rely on, the formats, and terminals."""

import contextlib
import csv
import io
import json
import subprocess
import sys

import pytest

from mlctl.tracking.opening import open_store
from mlctl.tracking.registry import ModelSource

COMMANDS = [
    ("runs", "list"),
    ("runs", "show", "@last"),
    ("runs", "delete", "@last"),
    ("runs", "restore", "@last"),
    ("runs", "metrics", "@last"),
    ("runs", "diff", "@last", "@last"),
    ("runs", "tag", "@last", "team=vision"),
    ("runs", "tag", "@last"),
    ("runs", "note", "@last"),
    ("runs", "note", "@last", "good"),
    ("experiments", "tag", "Default", "team=vision"),
    ("experiments", "note", "Default", "good"),
    ("experiments", "list"),
    ("experiments", "show", "Default"),
    ("experiments", "create", "new one"),
    ("experiments", "rename", "Default", "renamed"),
    ("experiments", "delete", "Default"),
    ("registry", "list"),
    ("registry", "list", "--versions"),
    ("registry", "show", "lines"),
    ("registry", "show", "lines/1"),
    ("registry", "register", "s3://bucket/model", "lines"),
    ("registry", "promote", "lines/1", "--to", "Staging", "--if", "status = 'FINISHED'"),
    ("registry", "alias", "lines/1", "best"),
    ("registry", "tag", "lines", "a=b"),
    ("registry", "describe", "lines/1", "text"),
    ("registry", "history", "lines"),
    ("registry", "delete", "lines"),
    ("project", "show", "project"),
    ("project", "check", "project"),
    ("env", "list"),
    ("env", "gc"),
    ("run", "project"),
    ("run", "project", "--dry-run"),
    ("run", "project", "--detach"),
]

BAD = [
    (("runs", "show", "nonsense"), 124, "RESOURCE_DOES_NOT_EXIST"),
    (("runs", "show", "@last", "--no-such-option"), 2, "INVALID_PARAMETER_VALUE"),
    (("runs", "nonsense"), 2, "INVALID_PARAMETER_VALUE"),
    (("nonsense",), 2, "INVALID_PARAMETER_VALUE"),
    (("runs", "list", "--filter", "metrics.x ! 1"), 124, "INVALID_PARAMETER_VALUE"),
    (("runs", "list", "--experiment", "nonsense"), 124, "RESOURCE_DOES_NOT_EXIST"),
    (("runs", "stop", "@last"), 124, "INVALID_PARAMETER_VALUE"),
    (("runs", "compare", "@last"), 2, "INVALID_PARAMETER_VALUE"),
    (("runs", "compare", "@last", "nonsense"), 124, "RESOURCE_DOES_NOT_EXIST"),
    (("runs", "diff", "@last", "nonsense"), 124, "RESOURCE_DOES_NOT_EXIST"),
    (("runs", "diff", "@last", "@last", "--only", "nonsense"), 2, "INVALID_PARAMETER_VALUE"),
    (("runs", "metrics", "@last", "nonsense"), 124, "RESOURCE_DOES_NOT_EXIST"),
    (("runs", "tag", "team=vision"), 2, "INVALID_PARAMETER_VALUE"),
    (("runs", "tag", "@last", "team"), 124, "RESOURCE_DOES_NOT_EXIST"),
    (("runs", "tag", "@last", "--delete", "team"), 124, "RESOURCE_DOES_NOT_EXIST"),
    (("runs", "note", "@last", "--edit"), 2, "INVALID_PARAMETER_VALUE"),
    (("experiments", "tag", "Default", "team"), 2, "INVALID_PARAMETER_VALUE"),
    (("experiments", "tag", "Default", "--delete", "team"), 124, "RESOURCE_DOES_NOT_EXIST"),
    (("experiments", "note", "nonsense"), 124, "RESOURCE_DOES_NOT_EXIST"),
    (("experiments", "create", "Default"), 124, "RESOURCE_ALREADY_EXISTS"),
    (("registry", "show", "nonsense"), 124, "RESOURCE_DOES_NOT_EXIST"),
    (("registry", "register", "runs:/@last/nonsense", "lines"), 124, "RESOURCE_DOES_NOT_EXIST"),
    (("registry", "promote", "lines/1", "--to", "nonsense"), 124, "INVALID_PARAMETER_VALUE"),
    (("registry", "promote", "lines/1", "--from", "Staging", "--to", "Production"), 124, "RESOURCE_CONFLICT"),
    (("run", "no-such-folder"), 122, "SOURCE_UNAVAILABLE"),
    (("run", "project", "-e", "nonsense"), 121, "INVALID_PROJECT"),
    (("run", "project", "-P", "n=abc"), 121, "INVALID_PARAMETER_VALUE"),
    (("run", "project", "-P", "n"), 2, "INVALID_PARAMETER_VALUE"),
    (("run", "project", "-P", "n=1", "-P", "n=2"), 2, "INVALID_PARAMETER_VALUE"),
    (("run", "project", "--experiment-name", "a", "--experiment-id", "0"), 2, "INVALID_PARAMETER_VALUE"),
    (("run", "project", "--env-manager", "nonsense"), 2, "INVALID_PARAMETER_VALUE"),
    (("run", "project", "--backend", "nonsense"), 2, "INVALID_PARAMETER_VALUE"),
    (("env", "show", "nonsense"), 123, "ENVIRONMENT_FAILED"),
]

MLPROJECT = "entry_points:\n  main:\n    parameters:\n      n: {type: int, default: 1}\n    command: echo {n}\n"


@pytest.fixture
def with_run(mlctl, project, place):
    project(MLPROJECT)
    mlctl("run", "project", "-P", "a note=first\tline\nsecond", check=0)
    with contextlib.closing(open_store()) as store:
        (run,) = store.search_runs(["0"])
        store.create_registered_model("lines")
        store.create_model_version("lines", ModelSource("s3://bucket/model", run.info.run_id))
    return place


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_the_same_envelope(mlctl, with_run, command):
    found = mlctl.json(*command)
    assert list(found) == ["mlctl", "command", "ok", "data", "error", "notes"]
    assert found["mlctl"] == 1
    assert found["command"] == (command[0] if command[0] == "run" else " ".join(command[:2]))
    assert found["ok"] is True
    assert found["error"] is None
    assert found["data"] is not None
    assert isinstance(found["notes"], list)


@pytest.mark.parametrize(("command", "code", "name"), BAD, ids=[" ".join(row[0]) for row in BAD])
def test_errors_come_in_the_envelope_too(mlctl, with_run, command, code, name):
    done = mlctl(*command, "--output", "json", check=code)
    found = json.loads(done.stdout)
    assert list(found) == ["mlctl", "command", "ok", "data", "error", "notes"]
    assert found["ok"] is False
    assert found["error"]["code"] == name
    assert found["error"]["exit_code"] == code
    assert found["error"]["origin"] == "mlctl"
    assert found["error"]["message"]
    assert done.stderr == ""


@pytest.mark.parametrize(("command", "code", "name"), BAD, ids=[" ".join(row[0]) for row in BAD])
def test_errors_for_people_are_one_message_and_no_traceback(mlctl, with_run, command, code, name):
    done = mlctl(*command, check=code)
    assert done.stdout == ""
    assert "mlctl: error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert len(mlctl.runs()) == 1, "a refused request must leave no run"


def test_shape_of_a_run_in_json(mlctl, with_run):
    (run,) = mlctl.runs()
    assert set(run) == {"info", "data"}
    expected = {
        "run_id",
        "run_name",
        "experiment_id",
        "user_id",
        "status",
        "start_time",
        "end_time",
        "artifact_uri",
        "lifecycle_stage",
        "lost",
    }
    assert set(run["info"]) == expected
    assert set(run["data"]) == {"metrics", "params", "tags"}
    assert run["data"]["params"] == {"n": "1", "a note": "first\tline\nsecond"}


def test_csv_reads_back(mlctl, with_run):
    text = mlctl("runs", "list", "--output", "csv", "--columns", "run_id,status,params.a note,params.n", check=0).stdout
    header, row = list(csv.reader(io.StringIO(text)))
    assert header == ["run_id", "status", "a note", "n"]
    assert row[1:] == ["FINISHED", "first\tline\nsecond", "1"]
    assert len(row[0]) == 32


@pytest.mark.parametrize(
    ("name", "sign"), [("markdown", "|"), ("html", "<table>"), ("latex", "\\begin{tabular}"), ("github", "|"), ("rst", "==")]
)
def test_formats_of_tabulate(mlctl, with_run, name, sign):
    assert sign in mlctl("runs", "list", "--output", name, check=0).stdout


def test_unknown_format(mlctl, with_run):
    done = mlctl("runs", "list", "--output", "nonsense", check=2)
    assert "json" in done.stderr


def test_quiet_gives_ids_only(mlctl, with_run):
    (run,) = mlctl.runs()
    assert mlctl("runs", "list", "--quiet", check=0).stdout == run["info"]["run_id"] + "\n"
    assert mlctl("experiments", "list", "-q", check=0).stdout == "0\n"
    done = mlctl("run", "project", "-q", check=0)
    assert done.stdout.strip() == mlctl.runs()[0]["info"]["run_id"]


def test_pipe_gets_plain_text(mlctl, with_run):
    out = mlctl("runs", "list", check=0).stdout
    assert "\x1b" not in out
    assert out.splitlines()[0].startswith("RUN_ID")
    assert "first\\tline\\nsecond" in out, "control characters are made visible"
    assert len(out.splitlines()) == 2


def test_prefixes_and_last(mlctl, with_run):
    (run,) = mlctl.runs()
    run_id = run["info"]["run_id"]
    for name in (run_id, run_id[:6], "@last"):
        assert mlctl.json("runs", "show", name)["data"]["info"]["run_id"] == run_id


def test_runs_before_the_last(mlctl, with_run):
    mlctl("run", "project", check=0)
    newest, first = (run["info"]["run_id"] for run in mlctl.runs())
    for name, run_id in (("@last~0", newest), ("@last~1", first), ("@last~", first)):
        assert mlctl.json("runs", "show", name)["data"]["info"]["run_id"] == run_id
    assert "there are 2 runs" in mlctl("runs", "show", "@last~2", check=124).stderr
    for name in ("@last-1", "@last~x", "@lastly", "@last~99999999"):
        assert name in mlctl("runs", "show", name, check=124).stderr


def test_a_prefix_of_several_runs_lists_them(mlctl, with_run):
    for _ in range(17):  # seventeen ids have sixteen first characters
        mlctl("run", "project", "-q", check=0)
    ids = [run["info"]["run_id"] for run in mlctl.runs()]
    twice = next(first for first in "0123456789abcdef" if sum(item.startswith(first) for item in ids) > 1)
    done = mlctl("runs", "show", twice, check=124)
    assert "more than one" in done.stderr


def test_filter_order_and_columns(mlctl, with_run):
    for value in (3, 2):
        mlctl("run", "project", "-P", f"n={value}", check=0)
    assert [run["data"]["params"]["n"] for run in mlctl.runs("--order-by", "params.n DESC")] == ["3", "2", "1"]
    assert [run["data"]["params"]["n"] for run in mlctl.runs("--filter", "params.n = '2'")] == ["2"]
    assert len(mlctl.runs("--limit", "1")) == 1
    done = mlctl("runs", "list", "--columns", "nonsense", check=124)
    assert "nonsense" in done.stderr
    done = mlctl("runs", "list", "--filter", "params.n = 2 AND =", check=124)
    assert "^" in done.stderr, "the place is pointed at"


def test_delete_and_restore(mlctl, with_run):
    mlctl("runs", "delete", "@last", check=0)
    assert mlctl.runs() == []
    assert len(mlctl.runs("--view", "deleted_only")) == 1
    run_id = mlctl.runs("--view", "all")[0]["info"]["run_id"]
    mlctl("runs", "restore", run_id[:8], check=0)
    assert len(mlctl.runs()) == 1


def test_an_empty_place_shows_what_to_do_and_writes_nothing(mlctl, place):
    done = mlctl("runs", "list", check=0)
    assert "mlctl run" in done.stderr
    assert done.stdout == ""
    assert list(place.iterdir()) == []


# ── terminals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_terminal_gets_a_table_with_colours(with_run, in_terminal):
    out = in_terminal("runs", "list")
    assert "\x1b[" in out
    assert "─" in out


def test_no_color(with_run, in_terminal):
    out = in_terminal("runs", "list", env={"NO_COLOR": "1"})
    assert "\x1b[3" not in out
    assert "FINISHED" in out


def test_narrow_terminal_drops_columns_and_says_so(with_run, in_terminal):
    out = in_terminal("runs", "list", columns=40)
    assert "left out" in out
    assert "FINISHED" in out
    assert max(len(line) for line in out.splitlines() if "FINISHED" in line) < 90  # escapes included


def test_a_job_has_a_terminal_where_mlctl_has_one(project, mlctl, in_terminal):
    project("entry_points:\n  main:\n    command: python -c 'import sys; print(sys.stdout.isatty(), sys.stderr.isatty())'\n")
    assert "True True" in in_terminal("run", "project")
    assert "False False" in mlctl("run", "project", check=0).stdout


def test_broken_pipe(mlctl, with_run):
    line = f"{sys.executable} -m mlctl runs list --output csv --columns all | head -c 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.stderr == ""


def test_logs_come_in_the_envelope_too(mlctl, with_run):
    found = mlctl.json("runs", "logs", "@last")
    assert found["data"] == {"run_id": mlctl.runs()[0]["info"]["run_id"], "log": "1 --a note 'first\tline\nsecond'\n".replace("'", "")}


@pytest.mark.parametrize(
    "command", [("runs", "show", "@last"), ("project", "show", "project"), ("run", "project", "--dry-run")], ids=" ".join
)
def test_what_has_no_table_of_its_own_has_fields_in_csv(mlctl, with_run, command):
    header, *rows = csv.reader(io.StringIO(mlctl(*command, "--output", "csv", check=0).stdout))
    assert header == ["field", "value"]
    assert len(rows) > 5
    assert "field" in mlctl(*command, "--output", "markdown", check=0).stdout.splitlines()[0]


def test_findings_in_csv(mlctl, project):
    folder = project("entry_points:\n  main:\n    parameters:\n      n: {type: int, defulat: 1}\n    command: echo {n}\n")
    header, *rows = csv.reader(io.StringIO(mlctl("project", "check", folder, "--output", "csv").stdout))
    assert header[:2] == ["level", "file"]
    assert rows


def test_a_value_that_looks_like_an_option_is_none(mlctl, with_run):
    done = mlctl("run", "project", "-P", "--output=json", check=0)
    assert "1" in done.stdout
    assert '"mlctl"' not in done.stdout


def test_a_tag_that_is_wrong_is_called_a_tag(mlctl, with_run):
    assert "--tag 'nonsense'" in mlctl("run", "project", "--tag", "nonsense", check=2).stderr


def test_standard_output_that_cannot_be_written(mlctl, with_run):
    line = f"{sys.executable} -m mlctl runs list > /dev/full"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 120
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_defect_has_its_own_exit_code(tmp_path, with_run):
    code = "import mlctl.commands.runs as r, mlctl.cli as c\nr._data = lambda *_: 1 / 0\n"
    code += "raise SystemExit(c.main(['runs', 'list', '--output', 'json']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 120
    assert json.loads(done.stdout)["error"]["code"] == "INTERNAL_ERROR"
    assert "Traceback" in done.stderr
