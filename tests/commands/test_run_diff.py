"""`mlctl runs diff`: values, code, environment and log."""

import math
import subprocess

import pytest

from mlctl.commands import text_diff


def sections(mlctl, a, b, *arguments):
    return {section["name"]: section for section in mlctl.json("runs", "diff", a, b, *arguments)["data"]["sections"]}


def changes(section):
    return {change["key"]: (change["a"], change["b"]) for change in section["changes"]}


def test_values(mlctl, make_run):
    a = make_run(
        params={"alpha": "1", "gone": "x"}, metrics={"rmse": 0.5, "nan": math.nan}, tags={"team": "a", "mlflow.note.content": "one\ntwo"}
    )
    b = make_run(
        params={"alpha": "2", "new": "y"}, metrics={"rmse": 0.25, "nan": math.nan}, tags={"team": "b", "mlflow.note.content": "one\nthree"}
    )
    found = sections(mlctl, a, b)
    assert changes(found["params"]) == {"alpha": ("1", "2"), "gone": ("x", None), "new": (None, "y")}
    assert changes(found["metrics"]) == {"rmse": (0.5, 0.25)}
    assert changes(found["tags"]) == {"team": ("a", "b")}
    assert "-two\n+three" in found["note"]["diff"]
    text = mlctl("runs", "diff", a, b, check=0).stdout.splitlines()
    assert text[0].startswith(f"--- {a[:8]}")
    assert text[1].startswith(f"+++ {b[:8]}")
    assert text[text.index("params") + 1 :][:4] == ["- alpha = 1", "+ alpha = 2", "- gone = x", "+ new = y"]
    assert "+ rmse = 0.25  (-50 %)" in text


def test_exit_codes(mlctl, make_run):
    a, b, c = make_run("n", params={"p": "1"}), make_run("n", params={"p": "1"}), make_run("n", params={"p": "2"})
    mlctl("runs", "diff", a, c, check=0)
    mlctl("runs", "diff", a, c, "--exit-code", check=1)
    assert "No difference" in mlctl("runs", "diff", a, b, "--exit-code", check=0).stdout
    mlctl("runs", "diff", a, c, "--exit-code", "--only", "metrics", "--only", "log", check=0)


def test_environments(mlctl, make_run):
    a = make_run(tags={"mlctl.python": "3.10.1"}, files={"mlctl/packages.txt": "numpy==1.26.4\npandas==2.0\nodd @ file:///x\n-e ./here\n"})
    b = make_run(tags={"mlctl.python": "3.11.2"}, files={"mlctl/packages.txt": "numpy==2.0.1\nodd @ file:///x\nscipy==1.0\n"})
    c = make_run()
    found = changes(sections(mlctl, a, b)["environment"])
    assert found == {
        "python": ("3.10.1", "3.11.2"),
        "numpy": ("1.26.4", "2.0.1"),
        "pandas": ("2.0", None),
        "scipy": (None, "1.0"),
        "-e ./here": ("", None),
    }
    done = mlctl("runs", "diff", a, c, "--only", "environment", check=0)
    assert "numpy" not in done.stdout
    assert f"{c[:8]} has no list of packages" in done.stderr


def test_logs(mlctl, make_run):
    a = make_run(files={"mlctl/output.log": b"epoch 1\n10%\r50%\r100%\n\x1b[32mgood\x1b[0m\n" + b"".join(b"a%d\n" % n for n in range(100))})
    b = make_run(files={"mlctl/output.log": b"epoch 1\n20%\r100%\ngood\n" + b"".join(b"b%d\n" % n for n in range(100)) + b"\xff\n"})
    lines = mlctl("runs", "diff", a, b, "--only", "log", check=0).stdout.splitlines()
    assert "-a0" in lines
    assert not [line for line in lines if "%" in line and line[0] in "-+"], "a progress bar counts as it ended"
    assert lines[-1] == "  … 164 more lines; --full shows them"
    assert "+b99" in mlctl("runs", "diff", a, b, "--only", "log", "--full", check=0).stdout.splitlines()


@pytest.fixture
def repository(place, project):
    """A project in a git repository, and a function that commits."""
    folder = project("entry_points:\n  main:\n    command: python main.py\n", main__py="print('one')\n")

    def commit(text=None):
        if text is not None:
            (folder / "main.py").write_text(text)
        for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "change"]):
            subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)

    commit()
    return folder, commit


def newest(mlctl):
    return mlctl.runs()[0]["info"]["run_id"]


def test_code(mlctl, repository):
    folder, commit = repository
    mlctl("run", folder, check=0)
    a = newest(mlctl)
    commit("print('two')\n")
    (folder / "main.py").write_text("print('three')\n")
    mlctl("run", folder, check=0)
    found = sections(mlctl, a, newest(mlctl))
    assert {"commit", "uncommitted changes"} <= set(changes(found["code"]))
    assert "-print('one')\n+print('two')" in found["code"]["diff"]
    assert "+print('three')" in found["code"]["diff"]
    assert found["log"]["diff"].endswith("-one\n+three")


def test_code_of_two_checkouts(mlctl, repository):
    folder, commit = repository
    mlctl("run", folder, "--version", "HEAD", check=0)
    a = newest(mlctl)
    commit("print('two')\n")
    mlctl("run", folder, "--version", "HEAD", check=0)
    b = newest(mlctl)
    subprocess.run(["rm", "-rf", folder], check=True)
    assert "-print('one')\n+print('two')" in sections(mlctl, a, b)["code"]["diff"]


def test_code_that_is_not_here(mlctl, make_run):
    a, b = (make_run(tags={"mlflow.source.git.commit": letter * 40, "mlctl.cwd": "/no/such/folder"}) for letter in "ab")
    done = mlctl("runs", "diff", a, b, check=0)
    assert "no repository here has both" in done.stderr
    assert f"- commit = {'a' * 40}" in done.stdout


def test_hostile_values_do_not_reach_the_terminal(make_run, in_terminal):
    a = make_run(params={"p": "x\ny\r\t\x1b]0;title\x07"}, files={"mlctl/output.log": "\x1b[2Jgone\x07\n"})
    b = make_run(params={"p": "\u202edesrever"}, files={"mlctl/output.log": "here\n"})
    out = in_terminal("runs", "diff", a, b)
    assert "\x1b]" not in out
    assert "\x1b[2J" not in out
    assert "\x07" not in out
    assert "\u202e" not in out
    assert "\x1b[31m- p = x\\ny\\r\\t\\x1b]0;title\\x07\x1b[0m" in out
    assert "\x1b[1mparams\x1b[0m" in out


def test_texts_of_any_size():
    assert text_diff.unified("", "") == []
    assert text_diff.unified("a\r\nb", "a\nb\n") == []
    long = "".join(f"{number}\n" for number in range(20_000))
    found = text_diff.unified(long, long.replace("15000\n", "other\n"))
    assert "-15000" in found
    assert "+other" in found
    assert len(found) == 7
