"""`mlctl runs tag` and `note`, `mlctl experiments tag` and `note`."""

import os
import subprocess

import pytest

from mlctl.commands import notes


def tags(mlctl, run_id):
    return mlctl.json("runs", "show", run_id)["data"]["data"]["tags"]


def test_tags_of_several_runs(mlctl, make_run):
    a, b = make_run(tags={"old": "1"}), make_run(tags={"old": "2"})
    mlctl("runs", "tag", a[:8], b, "team=vision", "text=a = b\nc", "empty=", "--delete", "old", check=0)
    for run_id in (a, b):
        found = tags(mlctl, run_id)
        assert (found["team"], found["text"], found["empty"]) == ("vision", "a = b\nc", "")
        assert "old" not in found
    out = mlctl("runs", "tag", a, check=0).stdout
    assert "vision" in out
    assert "a = b\\nc" in out
    assert mlctl.json("runs", "tag", a, b)["data"][1]["tags"]["team"] == "vision"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{a}", "x=1", "--delete", "nonsense"], 124, "nonsense"),
        (["{a}", "nonsense", "x=1"], 124, "nonsense"),
        (["{a}", "{b}", "x=1", "--delete", "only-a"], 124, "only-a"),
        (["{a}", "x=1", "x=2"], 2, "twice"),
        (["{a}", "x=1", "=2"], 2, "KEY=VALUE"),
        (["{a}", "only-a=1", "--delete", "only-a"], 2, "at once"),
        (["x=1"], 2, "No run"),
        (["{a}", "x=1", "a*b=1"], 124, "a*b"),
        (["{a}", "x=" + "y" * 8001], 124, "8000"),
    ],
)
def test_a_mistake_changes_nothing(mlctl, make_run, arguments, code, said):
    a, b = make_run(tags={"only-a": "1"}), make_run()
    before = tags(mlctl, a), tags(mlctl, b)
    done = mlctl("runs", "tag", *(text.format(a=a, b=b) if "{" in text else text for text in arguments), check=code)
    assert said in done.stderr
    assert (tags(mlctl, a), tags(mlctl, b)) == before


def test_note(mlctl, make_run):
    run_id = make_run()
    done = mlctl("runs", "note", "@last", check=0)
    assert done.stdout == ""
    assert "no note" in done.stderr
    mlctl("runs", "note", "@last", "# Good\n\nit *works*", check=0)
    assert mlctl("runs", "note", "@last", check=0).stdout == "# Good\n\nit *works*\n"
    assert tags(mlctl, run_id)["mlflow.note.content"] == "# Good\n\nit *works*"
    assert "it *works*" in mlctl("runs", "show", "@last", check=0).stdout
    assert "unchanged" in mlctl("runs", "note", "@last", "# Good\n\nit *works*", check=0).stderr
    mlctl("runs", "note", "@last", "--delete", check=0)
    assert "mlflow.note.content" not in tags(mlctl, run_id)
    assert "8000" in mlctl("runs", "note", "@last", "x" * 8001, check=124).stderr
    assert "exclude each other" in mlctl("runs", "note", "@last", "text", "--delete", check=2).stderr


def test_the_other_spelling_of_a_note(mlctl, make_run):
    run_id = make_run(tags={"MLflow.note.content": "my run note"})
    assert mlctl("runs", "note", run_id, check=0).stdout == "my run note\n"
    page = mlctl("runs", "show", run_id, check=0).stdout
    assert page.count("my run note") == 1
    mlctl("runs", "note", run_id, "newer", check=0)
    assert mlctl("runs", "note", run_id, check=0).stdout == "newer\n"
    mlctl("runs", "note", run_id, "--delete", check=0)
    assert mlctl("runs", "note", run_id, check=0).stdout == ""


def piped(mlctl, *arguments, data):
    return subprocess.run([*mlctl.argv, *arguments], input=data, capture_output=True, check=False)


def test_note_from_standard_input(mlctl, make_run):
    make_run()
    assert piped(mlctl, "runs", "note", "@last", "-", data="Grüße\nzwei\n".encode()).returncode == 0
    assert mlctl("runs", "note", "@last", check=0).stdout == "Grüße\nzwei\n"
    refused = piped(mlctl, "runs", "note", "@last", "-", data=b"\xff\xfe")
    assert refused.returncode == 2
    assert b"UTF-8" in refused.stderr


def test_note_in_an_editor(mlctl, make_run, in_terminal, place):
    make_run(tags={"mlflow.note.content": "first"})
    editor = place / "my editor"
    editor.write_text('#!/bin/sh\necho second >> "$2"\n')
    editor.chmod(0o755)
    environment = {"EDITOR": f"'{str(editor).replace(chr(39), chr(39) + chr(92) + chr(39) + chr(39))}' --wait"}
    in_terminal("runs", "note", "@last", "--edit", env=environment)
    assert mlctl("runs", "note", "@last", check=0).stdout == "first\nsecond\n"
    assert "exit code 1" in in_terminal("runs", "note", "@last", "--edit", env={"EDITOR": "false"}, code=2)
    assert "cannot be started" in in_terminal("runs", "note", "@last", "--edit", env={"VISUAL": "no-such-editor"}, code=2)
    assert mlctl("runs", "note", "@last", check=0).stdout == "first\nsecond\n"
    assert "needs a terminal" in mlctl("runs", "note", "@last", "--edit", check=2, env={**os.environ, "EDITOR": "true"}).stderr


def test_experiments(mlctl, place):
    mlctl("experiments", "create", "wine", check=0)
    mlctl("experiments", "tag", "wine", "team=vision", "stage=a\nb", check=0)
    mlctl("experiments", "tag", "1", "x=1", check=0)
    mlctl("experiments", "tag", "wine", "--delete", "x", check=0)
    assert mlctl.json("experiments", "tag", "wine")["data"]["tags"] == {"stage": "a\nb", "team": "vision"}
    mlctl("experiments", "note", "wine", "what it is about", check=0)
    assert mlctl("experiments", "note", "wine", check=0).stdout == "what it is about\n"
    page = mlctl("experiments", "show", "wine", check=0).stdout
    assert "what it is about" in page
    assert "a\\nb" in page
    mlctl("experiments", "tag", "wine", "MLflow.note.content=the other", check=0)
    mlctl("experiments", "note", "wine", "--delete", check=0)
    assert "no note" in mlctl("experiments", "note", "wine", check=0).stderr


def test_an_old_note_is_found_under_both_keys():
    assert notes.note({"MLflow.note.content": "b", "mlflow.note.content": "a"}) == "a"
    assert notes.note({"MLflow.note.content": "b", "mlflow.note.content": ""}) == "b"
    assert notes.note({}) == ""
