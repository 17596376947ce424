"""Env files: their syntax, what goes before what, what reaches the job, and what is recorded."""

import json
import subprocess
from pathlib import Path

import pytest
from projects.git_places import commit, new_repository

from mlctl import variables
from mlctl.errors import UsageError

SYNTAX = r"""
# a comment
A=1
export B = two words  # behind a space
C='si#ng $le ${A} \n'
D="do\"u\nble ${A} \${A}" # x
E=
F=a#b
G=${A}-${NOPE:-def}-${HOME}-${ABSENT}
H="several
lines"
I=#nothing
J = ' spaced '
K=pa$$word
L=a="b"
M.N-O=1
"""


def test_syntax():
    found, slips = variables.parse(SYNTAX, {"HOME": "/home/me"})
    assert slips == []
    assert found == {
        "A": "1",
        "B": "two words",
        "C": "si#ng $le ${A} \\n",
        "D": 'do"u\nble 1 ${A}',
        "E": "",
        "F": "a#b",
        "G": "1-def-/home/me-",
        "H": "several\nlines",
        "I": "",
        "J": " spaced ",
        "K": "pa$$word",
        "L": 'a="b"',
        "M.N-O": "1",
    }


@pytest.mark.parametrize("line", ["garbage", "= 1", "1A=2", 'A="unterminated', "A='b' c", "A: 1"])
def test_lines_that_say_nothing(line):
    found, slips = variables.parse(f"X=1\n{line}\nY=2\n", {})
    assert found == {"X": "1", "Y": "2"}
    assert [slip.line for slip in slips] == [2]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HF_TOKEN", "abcdefgh", True),
        ("AWS_SECRET_ACCESS_KEY", "/abc+def/ghi", True),
        ("AWS_ACCESS_KEY_ID", "AKIAXXXX", True),
        ("db_password", "hunter2", True),
        ("API_KEY", "12345678", True),
        ("PGPASSWORD", "hunter22", True),
        ("API_KEY", "12345", False),
        ("PWD", "/home/me/project", False),
        ("SSH_AUTH_SOCK", "/tmp/agent.1", False),
        ("MAX_TOKENS", "1000000", False),
        ("TOKENIZERS_PARALLELISM", "false-ish", False),
        ("KEYBOARD", "qwertyuiop", False),
        ("PASSWORD_FILE", "/run/secrets/x", False),
        ("EDITOR", "long-name-of-an-editor", False),
        ("DATABASE_URL", "postgresql://me:s3cr3t@host/db", True),
        ("INDEX", "https://host/simple", False),
    ],
)
def test_which_of_the_caller_s_variables_are_secret(name, value, expected):
    assert bool(variables.secrets({name: value}, {})) is expected


def test_a_key_that_is_a_file_is_none(tmp_path):
    file = tmp_path / "id_rsa"
    assert variables.secrets({"SSH_KEY": str(file)}, {}) != ()
    file.write_text("x")
    assert variables.secrets({"SSH_KEY": str(file)}, {}) == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a-long-value", True), ("short", False), ("123456.789", False), ("/data/training set", False), ("./relative/x", False), ("", False)],
)
def test_which_values_of_env_files_are_secret(value, expected):
    assert bool(variables.secrets({}, {"ANYTHING": value})) is expected


def test_what_goes_before_what(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("A=own\nB=own\nC=own\nD=${C}!\n")
    (tmp_path / "one.env").write_text("B=one\nC=one\n")
    (tmp_path / "two.env").write_text("C=two${B}\n")
    monkeypatch.setenv("A", "caller")
    files = [tmp_path / "one.env", tmp_path / "two.env"]
    found = variables.collect(tmp_path, files)
    assert found.values == {"B": "one", "C": "twoone", "D": "own!"}
    assert found.notes == ("the env file's A is not used: it is set already",)
    assert variables.collect(tmp_path, files, with_project=False).values == {"B": "one", "C": "twoone"}
    assert "own" not in repr(found)


def test_the_run_s_own_variables_stay(tmp_path):
    (tmp_path / ".env").write_text("MLFLOW_TRACKING_URI=http://x\nPATH=/x\nMLFLOW_RUN_ID=1\nMLFLOW_S3_ENDPOINT_URL=y\nnonsense\n")
    found = variables.collect(tmp_path)
    assert found.values == {"MLFLOW_S3_ENDPOINT_URL": "y"}
    said = " ".join(found.notes)
    assert ".env:5: the line is not NAME=value" in said
    assert "MLFLOW_RUN_ID, MLFLOW_TRACKING_URI" in said


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        variables.collect(tmp_path, [tmp_path / "absent"])
    (tmp_path / "bad").write_text("A=1\nnonsense\n")
    with pytest.raises(UsageError, match=r"bad:2: the line is not NAME=value"):
        variables.collect(tmp_path, [tmp_path / "bad"])
    (tmp_path / ".env").write_bytes(b"A=\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        variables.collect(tmp_path)


# ── in a run ─────────────────────────────────────────────────────────────────────────────────────────────────────────

SECRET, OTHER = "hunter2-hunter3", "it's; a $secret value"
MLPROJECT = "entry_points:\n  main:\n    parameters: {key: {type: string, default: none}}\n    command: python main.py {key}\n"
PRINTS = """
import json, os, sys, time
json.dump({name: os.environ.get(name) for name in ("MY_TOKEN", "OTHER", "PLAIN", "PYTHONPATH")}, open("got.json", "w"))
os.write(1, b"hunter2-"); time.sleep(0.1); os.write(2, b"hunter2-hunter3\\n"); os.write(1, b"hunter3 ")
print(os.environ["OTHER"], sys.argv[1], "hunter2", flush=True)
"""


def test_in_a_run(mlctl, place, monkeypatch):
    folder = new_repository(place / "project")
    (folder / ".env").write_text(f'MY_TOKEN="{SECRET}"\nPLAIN=12\nPYTHONPATH=/some/where\n')
    (place / "more.env").write_text(f'OTHER="{OTHER.replace("$", chr(92) + "$")}"\n')
    commit(folder, MLproject=MLPROJECT, main__py=PRINTS)
    with (folder / "main.py").open("a") as file:
        file.write(f"# {SECRET}\n")
    arguments = ("run", folder, "-P", f"key={OTHER}", "--env-file", "more.env", "--tag", f"note=uses {SECRET}")
    dry = mlctl(*arguments, "--dry-run", check=0)
    done = mlctl(*arguments, check=0)
    got = json.loads((folder / "got.json").read_text())
    assert (got["MY_TOKEN"], got["OTHER"]) == (SECRET, OTHER)
    assert got["PLAIN"] == "12"
    assert got["PYTHONPATH"].endswith("/some/where")
    assert SECRET in done.stdout  # what is shown is what was printed
    log = mlctl("runs", "logs", "@last", check=0).stdout
    assert sorted(log.split()) == sorted(["***", "***", "***", "***", "hunter2"])
    (run,) = mlctl.runs()
    assert run["data"]["params"] == {"key": "***"}
    tags = run["data"]["tags"]
    assert (tags["note"], tags["mlctl.variables"], tags["mlctl.command"]) == (
        "uses ***",
        "MY_TOKEN, OTHER, PLAIN, PYTHONPATH",
        "python main.py '***'",
    )
    assert "+# ***" in (Path(run["info"]["artifact_uri"]) / "mlctl" / "source.diff").read_text()
    assert "MY_TOKEN=***" in dry.stdout
    for text in (dry.stdout, dry.stderr, done.stderr.replace(f"{SECRET}\n", "")):
        assert SECRET not in text
        assert OTHER not in text
    kept = subprocess.run(
        ["grep", "-rlE", f"{SECRET}|a .secret value", "mlruns"], capture_output=True, text=True, check=False, cwd=place
    ).stdout
    assert kept == ""


def test_left_out(mlctl, project):
    folder = project('entry_points:\n  main:\n    command: test -z "$FROM_FILE"\n', __env="FROM_FILE=1\n")
    mlctl("run", folder, check=1)
    mlctl("run", folder, "--no-env-file", check=0)
    mlctl("run", folder, "--env-file", "absent", check=2)
    assert len(mlctl.runs()) == 2


def test_the_caller_s_own_secrets(mlctl, project, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefgh")
    folder = project("entry_points:\n  main:\n    command: echo $HF_TOKEN; exit 3\n")
    mlctl("run", folder, check=3)
    assert mlctl("runs", "logs", "@last", check=0).stdout == "***\n"
