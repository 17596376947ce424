"""Completion, in the shells themselves: a line is typed into a terminal, TAB is pressed, and what the shell then has is printed."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

MLPROJECT = """\
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
      solver: {type: string, default: sgd, choices: [adam, sgd]}
      data: path
    command: python main.py
  evaluate:
    parameters:
      depth: {type: int, default: 3}
    command: python evaluate.py
"""
START = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}
PREPARE = {"bash": "", "zsh": "autoload -U compinit && compinit -u -D && bindkey -e; "}


class Shell:
    """An interactive shell in a terminal."""

    def __init__(self, name, env):
        self.name = name
        master, slave = pty.openpty()
        self.fd = master
        self.heard = ""
        self.process = subprocess.Popen(START[name], stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True)
        os.close(slave)
        self.send(f"{PREPARE[name]}source <(mlctl completion {name}); PS1='R''EADY>'; printf 'set''-up'\n")
        self.until("set-up")
        self.until("READY>")

    def send(self, text):
        os.write(self.fd, text.encode())

    def until(self, text, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while text not in self.heard:
            assert time.monotonic() < deadline, f"{self.name} did not say {text!r}: {self.heard!r}"
            if select.select([self.fd], [], [], 0.1)[0]:
                self.heard += os.read(self.fd, 1 << 16).decode(errors="replace")
        seen, found, self.heard = self.heard.partition(text)
        return seen + found

    def words(self, line, *, tabs=1):
        """The words that the shell has after TAB was pressed behind the line; a word that can go on is not ended."""
        self.send(line + "\t" * tabs)
        self.send("|end\x01printf '<%s>' \x05\n".replace("|end", "E'ND'"))
        seen = self.until("END>")
        self.until("READY>")
        found = re.findall(r"<([^<>]*)>", seen[seen.rindex("<mlctl>") :])
        return [*found[:-1], found[-1].removesuffix("END")]

    def listed(self, line):
        """What is listed when TAB is pressed twice."""
        self.send(line + "\t\t")
        time.sleep(1.0)
        self.send("\x01: \x05 'E''ND'; printf 'li''sted'\n")
        return self.until("listed")

    def close(self):
        os.close(self.fd)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def shell_environment(place, tmp_path, monkeypatch, mlctl):
    """Commands on PATH, a project with a run, an experiment with a blank in its name, and a warm cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "mlctl").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mlctl "$@"\n')
    (folder / "mlctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (place / "pro").mkdir()
    (place / "pro" / "MLproject").write_text(MLPROJECT)
    (place / "pro" / "main.py").write_text("import mlctl\nmlctl.log_metric('rmse', 1)\n")
    mlctl("run", "pro", "-P", "data=pro", "--run-name", "the first", "--experiment-name", "my experiment", check=0)
    return {**os.environ, "TERM": "dumb"}


@pytest.fixture
def run_id(shell_environment, mlctl):
    return mlctl.runs()[0]["info"]["run_id"]


@pytest.fixture(params=["bash", pytest.param("zsh", marks=pytest.mark.engine("zsh"))])
def shell(request, shell_environment):
    found = Shell(request.param, shell_environment)
    yield found
    found.close()


def test_a_shell_completes(shell, run_id):
    assert shell.words("mlctl ru", tabs=1)[:2] == ["mlctl", "run"]
    assert shell.words("mlctl exper") == ["mlctl", "experiments", ""]
    assert shell.words(f"mlctl runs show {run_id[:5]}") == ["mlctl", "runs", "show", run_id[:12], ""]
    assert shell.words("mlctl runs list --experiment my") == ["mlctl", "runs", "list", "--experiment", "my experiment", ""]
    assert shell.words("mlctl run pro --entry-point eval")[-2] in ("evaluate", "--entry-point")
    assert shell.words("mlctl run pro -P al") == ["mlctl", "run", "pro", "-P", "alpha="]
    assert shell.words("mlctl run pro -P solver=ad") == ["mlctl", "run", "pro", "-P", "solver=adam", ""]
    assert shell.words("mlctl run pro -e evaluate -P de") == ["mlctl", "run", "pro", "-e", "evaluate", "-P", "depth="]
    assert shell.words("mlctl run --env-manager virt") == ["mlctl", "run", "--env-manager", "virtualenv", ""]
    assert shell.words("mlctl run --env-manager=virt") == ["mlctl", "run", "--env-manager=virtualenv", ""]
    assert shell.words("mlctl runs list --output mark") == ["mlctl", "runs", "list", "--output", "markdown", ""]
    assert shell.words(f"mlctl artifacts show {run_id} mlctl/out") == ["mlctl", "artifacts", "show", run_id, "mlctl/output.log", ""]
    assert shell.words("mlctl runs metrics @last rm") == ["mlctl", "runs", "metrics", "@last", "rmse", ""]
    assert shell.words("mlctl run pr")[2].rstrip("/") == "pro"
    assert shell.words("mlctl nonsense x") == ["mlctl", "nonsense", "x"]


def test_names_of_runs_are_listed(shell, run_id):
    assert "the first" in shell.listed("mlctl runs show ")


@pytest.mark.engine("fish")
def test_fish_completes(shell_environment, run_id):
    def complete(line):
        script = f"mlctl completion fish | source; complete -C '{line}'"
        done = subprocess.run(["fish", "--no-config", "-c", script], env=shell_environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return dict((*text.split("\t"), "")[:2] for text in done.stdout.splitlines())

    assert complete("mlctl exper") == {"experiments": "List, show, annotate, create, rename, delete and restore experiments."}
    assert complete("mlctl runs show ")[run_id[:12]].startswith("the first  FINISHED".replace("  ", " "))
    assert "my experiment" in complete("mlctl runs list --experiment my")
    assert set(complete("mlctl run pro -e ")) == {"main", "evaluate", "main.py"}
    assert set(complete("mlctl run pro -P ")) == {"alpha=", "solver=", "data="}
    assert set(complete("mlctl run pro -P alpha=1 -P ")) == {"solver=", "data="}
    assert set(complete("mlctl run pro -P solver=")) == {"solver=adam", "solver=sgd"}
    assert "--env-manager=virtualenv" in complete("mlctl run --env-manager=vi")
    assert "pro/" in complete("mlctl run p")


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def ask(mlctl):
    """The candidates for the words after the program's name, the last of them unfinished."""

    def words(*typed):
        lines = mlctl("__complete", "fish", *typed, check=0).stdout.splitlines()
        return [line.split("\t")[0] for line in lines[1:]] if lines[:1] == ["words"] else lines

    return words


def test_options_and_commands(ask, place):
    assert "run" in ask("")
    assert "__complete" not in ask("")
    assert {"list", "show", "check", "report", "rerun", "compare"} <= set(ask("runs", ""))
    assert {"--param-list", "--help", "--env-manager", "--no-system-metrics"} <= set(ask("run", "--"))
    assert "--events-fd" not in ask("run", "--")
    assert ask("run", "--ver") == ["--version"]
    assert ask("runs", "list", "--view", "a") == ["active_only", "all"]
    assert ask("completion", "") == ["bash", "zsh", "fish"]
    assert ask("run", "--", "--ver") == ["folders"]


def test_nothing_is_made_and_nothing_is_said_where_there_is_nothing(ask, mlctl, place):
    assert ask("runs", "show", "") == ["@last"]
    assert ask("run", "nowhere", "-P", "") == []
    (place / "MLproject").write_text("entry_points: [")
    assert ask("run", ".", "-P", "") == []
    assert [path.name for path in place.iterdir()] == ["MLproject"]
    assert mlctl("__complete", check=0).stderr == ""


def test_runs_of_a_server_that_is_not_there(ask, place, monkeypatch):
    monkeypatch.setenv("MLCTL_TRACKING_URI", "http://127.0.0.1:9")
    assert ask("runs", "show", "") == []


def test_parameters_of_the_run_that_is_repeated(ask, run_id):
    assert ask("runs", "rerun", run_id, "-P", "so") == ["solver="]


def test_a_tab_imports_no_command_and_no_typer(ask, run_id):
    ask("runs", "show", "")  # the commands' options are in the cache from now on
    probe = "import sys\nfrom mlctl.cli import main\nmain(['__complete', 'fish', 'runs', 'show', ''])\nprint(*sys.modules, file=sys.stderr)"
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert run_id[:12] in found.stdout
    modules = set(found.stderr.split())
    assert not modules & {"typer", "click", "rich", "yaml", "tabulate", "mlctl.commands.runs", "mlctl.runner", "asyncio", "ssl"}


def test_a_changed_command_is_seen(ask, place):
    ask("run", "")
    folder = Path(os.environ["MLCTL_CACHE_DIR"]) / "completion"
    (file,) = folder.glob("*.json")
    file.write_text("broken")
    assert "--param-list" in ask("run", "--par")


def test_it_is_installed(mlctl, place, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for shell, name in (("bash", ".local/share/bash-completion/completions/mlctl"), ("zsh", ".zfunc/_mlctl")):
        done = mlctl("completion", shell, "--install", check=0)
        assert done.stdout.strip() == str(tmp_path / "home" / name)
        assert (tmp_path / "home" / name).read_text() == mlctl("completion", shell, check=0).stdout
    mlctl("completion", "fish", "--install", check=0)
    assert (tmp_path / "home/.config/fish/completions/mlctl.fish").exists()
    assert "Shells: bash, zsh, fish" in mlctl("completion", "tcsh", check=2).stderr
