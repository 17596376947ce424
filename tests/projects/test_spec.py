"""MLproject files: what they load to, and what is said of the slips in them."""

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlctl.errors import ProjectError
from mlctl.projects import command, document, params, spec
from mlctl.projects.entities import EntryPoint, Parameter

HOSTILE = "it's a; $(touch pwned) \u2603"


def entry(parameters="", line="python train.py", name="main"):
    """A file with one entry point, whose parameters start in line 3."""
    declared = f"    parameters:\n{parameters}" if parameters else ""
    return f"entry_points:\n  {name}:\n{declared}    command: {line}\n"


@pytest.fixture
def project(tmp_path):
    """A folder with an unpleasant name and a function that writes its MLproject file."""
    folder = tmp_path / HOSTILE
    folder.mkdir()

    class Made:
        path = folder

        def __call__(self, text, name="MLproject"):
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
            return folder

    return Made()


def refusal(folder):
    """The error that a folder is refused with."""
    with pytest.raises(ProjectError) as caught:
        spec.load(folder)
    return caught.value


def the_finding(folder, text):
    """The one finding that holds a text."""
    found = [item for item in spec.check(folder) if text in f"{item} {item.hint}"]
    assert len(found) == 1, [f"{item} {item.hint}" for item in spec.check(folder)]
    return found[0]


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["MLproject", "mlproject", "MLProject", "MLPROJECT"])
def test_any_case(project, name):
    folder = project("name: x\n", name)
    assert spec.find_file(folder) == folder / name
    assert spec.load(folder).name == "x"


@pytest.mark.parametrize("name", ["MLproject.yaml", "mlproject.yml"])
def test_with_an_extension(project, name):
    loaded = spec.load(project(entry(), name))
    assert list(loaded.entry_points) == ["main"]
    assert [(found.level, found.file) for found in loaded.findings] == [("warning", name)]


def test_the_plain_name_wins(project):
    project("name: other\n" + entry(), "MLproject.yaml")
    folder = project("name: x\n" + entry())
    assert spec.load(folder).name == "x"
    assert "MLproject.yaml beside it is ignored" in the_finding(folder, "beside").message


def test_other_names_are_none(project):
    assert spec.find_file(project("name: x\n", "MLproject.txt")) is None
    assert spec.load(project.path) == spec.Project(project.path)


def test_a_folder_of_that_name_is_none(project):
    (project.path / "mlproject").mkdir()
    assert spec.find_file(project.path) is None


def test_no_folder(tmp_path):
    assert "absent" in refusal(tmp_path / "absent").message
    with pytest.raises(ProjectError):
        spec.check(tmp_path / "absent")


def test_a_dangling_link(project):
    (project.path / "MLproject").symlink_to("absent")
    assert "No such file" in refusal(project.path).message


def test_a_relative_folder(project, monkeypatch):
    monkeypatch.chdir(project(entry()))
    (project.path / "conda.yaml").touch()
    assert spec.load(Path()).env.file == project.path / "conda.yaml"


@pytest.mark.parametrize(
    "text", ["\ufeffname: x\r\nentry_points:\r\n  m:\r\n    command: a\r\n", "name: x\rentry_points: {m: {command: a}}\r"]
)
def test_marks_and_line_ends(project, text):
    loaded = spec.load(project(text))
    assert (loaded.name, loaded.entry_points["m"].command) == ("x", "a")


def test_not_utf8(project):
    error = refusal(project("name: x\n# \xe9t\xe9\n".encode("latin-1")))
    assert error.message.startswith("MLproject:2: The file is not UTF-8")
    assert "UTF-8" in error.hint


def test_unicode(project):
    loaded = spec.load(project(entry("      größe: {type: str, default: ☃}\n", "python 学.py {größe}", "mañana")))
    assert command.substitute(loaded.entry_points["mañana"], {"größe": "☃"}) == "python 学.py '☃'"


# ── environments ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_environment(project):
    assert spec.load(project(entry())).env == spec.DeclaredEnv("none")


@pytest.mark.parametrize(
    ("names", "kind"), [(["conda.yaml", "python_env.yaml"], "python_env"), (["conda.yaml"], "conda_env"), ([], "none")]
)
def test_picked_up(project, names, kind):
    for name in names:
        (project.path / name).touch()
    for text in (None, entry(), "conda_env:\n" + entry(), "docker_env: {}\n" + entry()):
        found = spec.load(project(text) if text else project.path).env
        assert (found.kind, found.file) == (kind, project.path / names[-1] if names else None)
        assert found.declared == (kind == "none")


@pytest.mark.parametrize("written", ["envs/my env.yaml", "./envs/my env.yaml", "<MLFLOW_PROJECT_DIRECTORY>/envs/my env.yaml"])
@pytest.mark.parametrize("key", ["conda_env", "python_env"])
def test_declared_file(project, key, written):
    (project.path / "envs").mkdir()
    (project.path / "envs" / "my env.yaml").touch()
    (project.path / "conda.yaml").touch()
    found = spec.load(project(f"{key}: {written}\n{entry()}")).env
    assert found == spec.DeclaredEnv(key, project.path / "envs" / "my env.yaml")


def test_an_absolute_file(project, tmp_path):
    file = tmp_path / "shared.yaml"
    file.touch()
    assert spec.load(project(f"python_env: {file}\n{entry()}")).env.file == file


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("name: x\nconda_env: conda.yml\n", 2, "conda_env", "Did you mean conda.yaml?"),
        ("python_env: envs\\other.yaml\n", 1, "python_env", "Write envs/other.yaml, with /."),
        ("python_env: nowhere.yaml\n", 1, "python_env", "does not exist"),
        ("python_env: {python: 3.9}\n", 1, "python_env", "takes the name of a file"),
        ("conda_env:\n  - numpy\n", 1, "conda_env", "takes the name of a file"),
        ("conda_env: 5\n", 1, "conda_env", "takes the name of a file"),
        ("conda_env: conda.yaml\ndocker_env: {image: x}\n", 1, "conda_env", "docker_env and conda_env are both given"),
        ("docker_env: {image: x}\npython_env:\n", 2, "python_env", "both given"),
        ("docker_env: my-image\n", 1, "docker_env", "docker_env: {image: my-image}"),
        ("docker_env: {volumes: [a]}\n", 1, "docker_env", "has no image"),
        ("docker_env:\n  Image: x\n", 1, "docker_env", "Did you mean image for Image?"),
        ("docker_env:\n  image:\n", 2, "docker_env.image", "has no image"),
        ("docker_env:\n  image: x\n  volumes: a:b\n", 3, "docker_env.volumes", "list of texts"),
        ("docker_env:\n  image: x\n  volumes: [1]\n", 3, "docker_env.volumes", "list of texts"),
        ("docker_env:\n  image: x\n  environment: {A: B}\n", 3, "docker_env.environment", "list of names"),
        ("docker_env:\n  image: x\n  environment: [{A: B}]\n", 3, "docker_env.environment", "list of names"),
        ("databricks_spark_job: {}\n", 1, "databricks_spark_job", "needs a python_file"),
        ("databricks_spark_job: train.py\n", 1, "databricks_spark_job", "python_file: train.py"),
        (f"databricks_spark_job: {{python_file: a}}\n{entry()}", 1, "databricks_spark_job", "exclude each other"),
        (f"docker_env: {{}}\ndatabricks_spark_job: {{}}\n{entry()}", 1, "docker_env", "together with databricks_spark_job"),
    ],
)
def test_environment_slips(project, text, line, key, words):
    (project.path / "envs").mkdir()
    (project.path / "envs" / "other.yaml").touch()
    (project.path / "conda.yaml").touch()
    error = refusal(project(text))
    assert error.message.startswith(f"MLproject:{line}: {key}: ")
    assert words in f"{error.message} {error.hint}"
    assert the_finding(project.path, words).level == "error"


def test_docker_settings_stand_as_they_are(project):
    options = {"image": "x", "environment": ["A", ["B", "c d"]], "volumes": ["/a:/b"], "build_context": "."}
    text = 'docker_env:\n  image: x\n  environment: [A, [B, "c d"]]\n  volumes: ["/a:/b"]\n  build_context: .\n'
    assert spec.load(project(text + entry())).env == spec.DeclaredEnv("docker_env", options=options)


def test_docker_pairs_of_other_lengths(project):
    folder = project("docker_env: {image: x, environment: [[A, B, C], [D, 5]]}\n" + entry())
    assert spec.load(folder).env.kind == "docker_env"
    assert [found.level for found in spec.check(folder)] == ["warning", "warning"]


def test_spark_settings(project):
    loaded = spec.load(project("databricks_spark_job: {python_file: a.py}\n"))
    assert loaded.env.options == {"python_file": "a.py", "parameters": [], "python_libraries": []}
    assert not loaded.findings


def test_spark_takes_no_paths(project):
    error = refusal(project("databricks_spark_job: {}\n" + entry("      data: path\n")))
    assert error.message.startswith("MLproject:5: entry_points: A Spark job cannot have a parameter of type path, such as data")


@pytest.mark.parametrize("text", ["python_env: .\n", "conda_env: requirements.txt\n"])
def test_odd_environment_files_load(project, text):
    (project.path / "requirements.txt").touch()
    assert [found.level for found in spec.load(project(text + entry())).findings] == ["warning"]


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_parameters(project):
    text = """      alpha: {type: float, default: 0.5, description: how much, min: 0, max: 1}
      kind: {default: a, choices: [a, b]}
      short: int
      empty: {}
      blank: {default: ""}
"""
    loaded = spec.load(project(entry(text, "run {alpha} {kind} {short} {empty} {blank}")))
    assert loaded.entry_points["main"].parameters == {
        "alpha": Parameter("alpha", "float", 0.5, "how much", (), 0, 1, line=4),
        "kind": Parameter("kind", "string", "a", choices=("a", "b"), line=5),
        "short": Parameter("short", "int", line=6),
        "empty": Parameter("empty", line=7),
        "blank": Parameter("blank", default="", line=8),
    }
    assert [found.required for found in loaded.entry_points["main"].parameters.values()] == [False, False, True, True, False]
    assert not loaded.findings


def test_extra_keys_are_nobodys_business(project):
    text = "meta_data: {a: 1}\ntarget: x\nr_env: y\nkubernetes_env: z\nsignature: [s]\nuser_options: {command_line: 5}\n"
    assert spec.check(project(text + entry())) == ()


@pytest.mark.parametrize(
    "merged",
    [
        "base: &base\n  alpha: float\n",
        "base: &base {alpha: float}\n",
    ],
)
def test_anchors_and_merges(project, merged):
    text = f"{merged}entry_points:\n  main:\n    parameters:\n      <<: *base\n      beta: int\n    command: run {{alpha}} {{beta}}\n"
    loaded = spec.load(project(text))
    assert sorted(loaded.entry_points["main"].parameters) == ["alpha", "beta"]
    assert not loaded.findings


@pytest.mark.parametrize("key", ["1", "on", "~", "1.5", "2024-01-02", ".nan"])
def test_names_that_are_not_text(project, key):
    loaded = spec.load(project(f"entry_points: {{{key}: {{parameters: {{{key}: {{default: q}}}}, command: run}}}}\n"))
    (name,) = loaded.entry_points
    assert list(loaded.entry_points[name].parameters) == [name]
    assert command.substitute(EntryPoint("e", f"run {{{name}}}", loaded.entry_points[name].parameters), {name: "q"}) == "run q"


def test_text_comes_before_other_types(project):
    loaded = spec.load(project('entry_points: {"1": {command: text}, 1: {command: number}}\n'))
    assert loaded.entry_points["1"].command == "text"


# ── slips that MLflow refuses, too ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "empty"),
        ("# nothing\n", 1, "empty"),
        ("- a\n", 1, "not a mapping"),
        ("name\n", 1, "not a mapping"),
        ("name: x\nentry_points:\n", 2, "left empty"),
        ("entry_points:\n- main\n", 1, "Remove the dashes"),
        ("entry_points: main\n", 1, "not a mapping of names"),
        ("entry_points:\n  main:\n", 2, 'The entry point is left empty. Write main: {command: "python train.py"}'),
        ("entry_points:\n  main:\n  command: x\n", 2, "Indent command and parameters below main"),
        ("entry_points:\n  command: x\n", 2, "such as main:, is missing"),
        ("entry_points:\n  main: python train.py\n", 2, 'main: {command: "python train.py"}'),
        ("entry_points:\n  main: [python]\n", 2, "mapping with a command"),
        ("entry_points:\n  main:\n    parameters:\n    command: x\n", 3, "parameters is left empty"),
        ("entry_points:\n  main:\n    parameters:\n    - alpha\n    command: x\n", 3, "parameters is a list"),
        ("entry_points:\n  main:\n    parameters: alpha\n    command: x\n", 3, "not a mapping"),
        ("entry_points:\n  main:\n    parameters: 5\n    command: x\n", 3, "not a mapping"),
        (entry("      alpha: 5\n"), 4, "alpha: {default: 5}"),
        (entry("      alpha: yes\n"), 4, "alpha: {default: yes}"),
        (entry("      alpha:\n"), 4, "Nothing follows"),
        (entry("      alpha: [float, 5]\n"), 4, "not by a list"),
    ],
)
def test_structure(project, text, line, words):
    error = refusal(project(text))
    assert f"MLproject:{line}: " in error.message
    assert words in f"{error.message} {error.hint}"
    assert {found.line for found in spec.check(project.path) if words in f"{found.message} {found.hint}"} == {line}


def test_all_refusals_at_once(project):
    error = refusal(project(entry("      a: 5\n      b:\n") + "conda_env: no.yaml\n"))
    assert [line.split(": ")[0] for line in error.message.splitlines()] == ["MLproject:7", "MLproject:4", "MLproject:5"]
    assert [found.line for found in spec.check(project.path) if found.level == "error"] == [4, 5, 7]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("entry_points:\n\tmain:\n\t\tcommand: x\n", 2, "A tab stands"),
        ("name: x\n---\nname: y\n", 2, "several YAML documents"),
        ('name: x\nentry_points: {main: {command: "python train.py}}\n\n', 2, "never closed"),
        ("name: x\nentry_points:\n  main: {command: 'python\n", 3, "never closed"),
        ("name: {{ cookiecutter.slug }}\n", 1, "template"),
        ("name: {% if x %}\n", 1, "cannot start with this character"),
        ("name: a: b\n", 1, "second colon"),
        ("name x\nconda_env: y\n", 2, "second colon"),
        ("name: x\nconda_env\nentry_points: {}\n", 2, "no colon"),
        ("entry_points:\n  main:\n    command: x\n   parameters: {}\n", 4, "indentation"),
        (entry("      p: {type: list[int], default: [1]}\n"), 4, '"list[int]"'),
        (entry("      p: {type: int default: 1}\n"), 4, "A comma"),
        (entry("      p: {type: int, default: 1\n"), 5, "closing brace"),
        (entry("      p: {default: *.nc}\n"), 4, "alias"),
        (entry("      p: {default: *all}\n"), 4, "alias"),
        (entry("      p: {default: @home}\n"), 4, "quotes"),
        (entry('      p: {default: "C:\\Users\\x"}\n'), 4, "backslash in double quotes"),
        (entry('      p: {default: "\\d"}\n'), 4, "backslash in double quotes"),
        (entry("      p: {default: 2024-13-45}\n"), 4, "month must be in 1..12"),
        (entry("      p: {default: !!int x}\n"), 4, "invalid literal"),
        ("name: !!python/name:os.system\n", 1, "tag"),
        ("name: x\x07\n", 1, "control character"),
        ("name: |x\n  y\n", 1, "| or >"),
        ("? [a]\n: b\n", 1, "A key cannot be a list"),
        ("name: " + "[" * 1000 + "\n", 0, "nested too deeply"),
        ("name: " + "{a: " * 5000 + "\n", 0, "nested too deeply"),
        ("- " * 200_000 + "a\n", 0, "nested too deeply"),
        ("? " * 200_000 + "a\n", 0, "nested too deeply"),
        ("-\t" * 20_000 + "a\n", 1, "A tab"),
    ],
)
def test_yaml(project, text, line, words):
    error = refusal(project(text))
    assert error.message.startswith(f"MLproject:{line}: " if line else "MLproject")
    assert words in f"{error.message} {error.hint}"
    assert "<" not in error.message
    assert "Traceback" not in error.message
    assert len(spec.check(project.path)) == 1


def test_merges_of_merges_end(project):
    layers = "".join(f"l{at}: &l{at} {{<<: [{', '.join([f'*l{at - 1}'] * 9)}]}}\n" for at in range(1, 12))
    started = time.monotonic()
    assert "merged" in refusal(project(f"l0: &l0 {{a: 1}}\n{layers}")).message
    assert time.monotonic() - started < 10


def test_aliases_of_aliases_end(project):
    layers = "".join(f"l{at}: &l{at} [{', '.join([f'*l{at - 1}'] * 9)}]\n" for at in range(1, 20))
    text = f"l0: &l0 [a]\n{layers}entry_points: {{main: {{parameters: {{p: {{default: *l19}}}}, command: 'run {{p}}'}}}}\n"
    started = time.monotonic()
    assert "more than 10000 items" in the_finding(project(text), "items").message
    assert time.monotonic() - started < 10


def test_mappings_of_mappings_end(project):
    layers = "".join(f"l{at}: &l{at} {{a: *l{at - 1}, b: *l{at - 1}, c: *l{at - 1}}}\n" for at in range(1, 30))
    text = f"l0: &l0 x\n{layers}entry_points: {{main: {{parameters: {{p: {{default: *l29}}}}, command: 'run {{p}}'}}}}\n"
    assert the_finding(project(text), "items").level == "error"


@pytest.mark.parametrize(("text", "expected"), [("name: x\n", 1), ("entry_points: {}\n", 1), (entry(), 0), ("entry_points:\n", 0)])
def test_no_entry_points(project, text, expected):
    found = [item.level for item in spec.check(project(text)) if "no entry points; only scripts" in item.message]
    assert found == ["warning"] * expected


def test_values_are_those_of_yaml(project):
    """Where libyaml and PyYAML read a text differently, PyYAML is right, because it is what MLflow reads with."""
    yaml = pytest.importorskip("yaml")
    for text in ("a:\n\ufeff  b: c\n", "a: 'x\u2028y'\n", "a: x\x85b: y\n", "a: [1, 010, 1:30, 1e3, 0x1f, ~, yes]\n"):
        parsed = document.parse(text, file="f")
        assert isinstance(parsed, document.Document)
        assert parsed.root.value == yaml.safe_load(text)


# ── slips that MLflow passes over ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("entry points:\n  main: {command: x}\n", 1, "entry points", "Did you mean entry_points? With an underscore"),
        ("Entry_Points: {}\n", 1, "Entry_Points", "Did you mean entry_points?"),
        ("entrypoints: {}\n", 1, "entrypoints", "Did you mean entry_points?"),
        ("conda: conda.yaml\n" + entry(), 1, "conda", "Did you mean conda_env?"),
        ("conda-env: conda.yaml\n" + entry(), 1, "conda-env", "Did you mean conda_env?"),
        ("nmae: x\n" + entry(), 1, "nmae", "Did you mean name?"),
        ("main:\n  command: x\n", 1, "main", "Indent it below entry_points"),
        ("name: [a]\n" + entry(), 1, "name", "not text"),
        ("name: x\n" + entry() + "name: y\n", 5, "name", "stands in line 1 already"),
        (entry() + "    command: y\n", 4, "entry_points.main.command", "stands in line 3 already"),
        ("conda_env:\n" + entry(), 1, "conda_env", "counts as absent"),
        ("entry_points:\n  main: {cmd: x}\n", 2, "entry_points.main.cmd", "Did you mean command?"),
        ("entry_points:\n  main: {command: x, conda_env: y}\n", 2, "entry_points.main.conda_env", "top level"),
    ],
)
def test_passed_over(project, text, line, key, words):
    folder = project(text)
    found = the_finding(folder, words)
    assert (found.level, found.file, found.line, found.key) == ("warning", "MLproject", line, key)
    assert found in spec.load(folder).findings


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ("{type:int, default: 10}", "Did you mean type: int?"),
        ("{type: int, default:10}", "Did you mean default: 10?"),
        ("{type str, default: x}", "Did you mean type: str?"),
        ("type:int", "Did you mean {type: int}?"),
        ("{type: int, defulat: 10}", "Did you mean default?"),
        ("{type: int, descripton: x}", "Did you mean description?"),
        ("{type: int, Default: 10}", "Did you mean default?"),
        ("{type: int, help: x}", "Did you mean description?"),
        ("{type: int, minimum: 1}", "Did you mean min?"),
        ("{type: integer}", "Did you mean int?"),
        ("{type: Float}", "Did you mean float?"),
        ("flaot", "Did you mean float?"),
        ("{type: list}", "Did you mean list[str]?"),
        ("epochs", "behaves as string"),
        ("'{type: int}'", "Remove the quotes"),
        ("float default 0.5", "Write {type: float, default: 0.5}"),
        ("{type: }", "left empty"),
        ("{type: int, default: 1.50}", "'1.5' is not a whole number"),
        ("{type: int, default: None}", "'None' is not a whole number"),
        ("{type: float, default: abc}", "'abc' is not a number"),
        ("{type: bool, default: maybe}", "'maybe' is not true or false"),
        ("{type: 'list[int]', default: 5}", "'5' is not a list of int"),
        ("{type: 'list[int]', default: [a]}", "is not a list of int"),
        ("{default: c, choices: [a, b]}", "'c' is not one of a, b"),
        ("{type: int, default: 5, max: 3}", "'5' is above the maximum 3"),
        ("{type: float, min: 1e-3}", "Write 0.001"),
        ("{type: str, max: 3}", "mean nothing for the type str"),
        ("{type: int, min: 3, max: 1}", "min is above max"),
        ("{choices: a}", "not a list"),
        ("{choices: [yes, no]}", "Quote them"),
        ("{type: str, default: 1.10}", "1.10 reaches the command as 1.1"),
        ("{default: yes}", "yes reaches the command as True"),
        ("{type: int, default: 010}", "010 reaches the command as 8"),
        ("{type: int, default: 1:30}", "1:30 reaches the command as 90"),
        ("{type: str, default: 1_000}", "1_000 reaches the command as 1000"),
        ("{type: int, default: }", "a value must be given"),
        ("{type: path, default: no/such}", "Declare it as string if the script makes it"),
        ("{type: path, default: data\\x.csv}", "Write paths with /."),
    ],
)
def test_parameter_slips(project, declared, words):
    folder = project(entry(f"      p: {declared}\n", "run {p}"))
    found = the_finding(folder, words)
    assert (found.level, found.line) == ("warning", 4)
    assert found.key.startswith("entry_points.main.parameters.p")
    assert spec.load(folder).entry_points["main"].parameters["p"].name == "p"


@pytest.mark.parametrize(
    "declared",
    [
        "{type: int, default: 5}",
        "{type: int, default: 0x1F}",
        "{type: int, default: 1_000}",
        "{type: float, default: 1}",
        "{type: float, default: 1e-3}",
        "{type: float, default: 0.00006}",
        "{type: float, default: .inf}",
        "{type: bool, default: yes}",
        "{type: boolean, default: 0}",
        "{type: str, default: a b}",
        "{default: 0.00006}",
        "{default: 2024-01-02}",
        "{type: 'list[int]', default: [1, 2]}",
        "{type: 'list[str]', default: '[a, \"b\"]'}",
        "{type: 'list[float]', default: []}",
        "{type: uri, default: 's3://b/k'}",
        "{type: path, default: 'MLproject'}",
        "{type: path, default: 's3://b/k'}",
        "{type: float, default: 0.5, min: 0, max: 1, choices: [0.5, 1]}",
        "path",
    ],
)
def test_right_parameters(project, declared):
    assert spec.check(project(entry(f"      p: {declared}\n", "run {p}"))) == ()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("run {beta}", "Declare it under parameters"),
        ("run {alhpa}", "Did you mean {alpha}?"),
        ("run {alpha }", "Did you mean {alpha}?"),
        ("run {}", "has no name"),
        ("run {alpha.upper}", "more than a name"),
        ("run {alpha[0]}", "more than a name"),
        ("run {alpha!r}", "more than a name"),
        ("run {alpha:>5}", "more than a name"),
        ("awk '{print $1}' {alpha}", "{{print $1}}"),
        ("run }", "without its {"),
        ("run {alpha", "without its }"),
    ],
)
def test_command_errors(project, line, words):
    folder = project(entry("      alpha: {default: x}\n", f'"{line}"'))
    found = the_finding(folder, words)
    assert (found.level, found.line, found.key) == ("error", 5, "entry_points.main.command")
    loaded = spec.load(folder)  # another entry point may be the one that is run
    with pytest.raises(ProjectError) as caught:
        command.substitute(loaded.entry_points["main"], {"alpha": "x"})
    assert words in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("run {alpha} \\ --beta", "joins that space"),
        ("run {alpha} \\", "ends in a backslash"),
        ("python src\\train.py {alpha}", "Write paths with /"),
        ("run --alpha='{alpha}'", "stands inside single quotes"),
        ('run --alpha="{alpha}"', "stands inside double quotes"),
        ("python train.py", "--alpha {alpha}"),
        ("''", "is empty"),
    ],
)
def test_command_warnings(project, line, words):
    folder = project(entry("      alpha: {default: x}\n", line))
    assert the_finding(folder, words).level == "warning"
    assert command.substitute(spec.load(folder).entry_points["main"], {"alpha": "x"}) is not None


def test_the_line_inside_a_command(project):
    folder = project(entry(line="|\n      python train.py \\\n        --a {nothing} \\\n        --b {all}"))
    assert [(found.line, found.level) for found in spec.check(folder)] == [(5, "error"), (6, "error")]


@pytest.mark.parametrize("written", ["", "    command:\n", "    command: [python, train.py]\n", "    command: 5\n"])
def test_no_command(project, written):
    folder = project(f"entry_points:\n  main:\n    parameters: {{}}\n{written}  other: {{command: x}}\n")
    assert "command" in the_finding(folder, "ommand").message
    loaded = spec.load(folder)
    assert loaded.entry_points["main"].command is None
    with pytest.raises(ProjectError, match="has no command"):
        command.substitute(loaded.entry_points["main"], {})
    assert command.substitute(loaded.entry_points["other"], {}) == "x"


def test_a_uri_default_is_an_error(project):
    found = the_finding(project(entry("      p: {type: uri, default: data/x}\n", "run {p}")), "scheme")
    assert (found.level, found.line) == ("error", 4)


def test_findings_of_one_entry_point(project):
    loaded = spec.load(project("nmae: x\nentry_points:\n  a: {command: 'run {x}'}\n  ab: {command: 'run {y}'}\n"))
    assert [found.key for found in spec.findings_of(loaded, loaded.entry_points["a"])] == ["nmae", "entry_points.a.command"]


# ── entry points ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_declared_entry_point(project):
    loaded = spec.load(project(entry(name="train.py")))
    assert spec.entry_point(loaded, "train.py").command == "python train.py"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mian", ["There are: main, train", "Did you mean -e main?"]),
        ("x", ["There are: main, train"]),
        ("", ["There are: main, train"]),
        ("absent.py", ["no script 'absent.py'", "main, train"]),
        ("trian.py", ["Did you mean train.py?"]),
        ("sub/trian.py", ["Did you mean sub/train.py?"]),
        ("../outside.py", ["outside the project"]),
        ("sub/../../outside.py", ["outside the project"]),
        ("/outside.py", ["outside the project"]),
        ("a\0.py", ["no script"]),
        ("fti.R", ["Did you mean fit.R?"]),
        ("folder.py", ["no script"]),
    ],
)
def test_unknown_entry_points(project, name, words):
    (project.path.parent / "outside.py").touch()
    (project.path / "sub").mkdir()
    (project.path / "folder.py").mkdir()
    for script in ("train.py", "sub/train.py", "fit.R"):
        (project.path / script).touch()
    loaded = spec.load(project("entry_points:\n  main: {command: x}\n  train: {command: y}\n"))
    with pytest.raises(ProjectError) as caught:
        spec.entry_point(loaded, name)
    for word in words:
        assert word in f"{caught.value.message} {caught.value.hint}"


def test_the_slip_that_hides_all_entry_points(project):
    loaded = spec.load(project("entry points:\n  main: {command: x}\n"))
    with pytest.raises(ProjectError, match="There is no entry point 'main'") as caught:
        spec.entry_point(loaded, "main")
    assert "MLproject:1" in caught.value.hint
    assert "Did you mean entry_points?" in caught.value.hint


@pytest.mark.parametrize("name", ["job.sh", f"{HOSTILE}.sh", "-e.sh", "a{b}c.sh", "sub dir/x.sh", "./job.sh", "{{x}}.sh"])
def test_scripts_run(project, name, monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/sh")
    script = project.path / name
    script.parent.mkdir(exist_ok=True)
    script.write_text('printf "%s|" ran "$@"\n')
    found = spec.entry_point(spec.load(project.path), name)
    line = command.substitute(found, {}, extra={"a b": "$(touch pwned); 'x"})
    ran = subprocess.run(["/bin/sh", "-c", line], cwd=project.path, capture_output=True, text=True, check=True)
    assert ran.stdout == "ran|--a b|$(touch pwned); 'x|"
    assert not (project.path / "pwned").exists()
    assert found.parameters == {}


def test_program_of_a_script(project, monkeypatch):
    for name in ("t.py", "t.sh"):
        (project.path / name).touch()
    loaded = spec.load(project.path)
    assert spec.entry_point(loaded, "t.py").command == "python t.py"
    monkeypatch.setenv("SHELL", "/opt/my shell/zsh")
    assert shlex.split(spec.entry_point(loaded, "t.sh").command or "") == ["/opt/my shell/zsh", "t.sh"]
    monkeypatch.delenv("SHELL")
    assert spec.entry_point(loaded, "t.sh").command == "bash t.sh"


# ── speed ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_speed(project):
    parameters = "".join(f"      p{at}: {{type: float, default: {at}.5, description: some words about it}}\n" for at in range(12))
    folder = project("name: x\n" + entry(parameters, "python train.py " + " ".join(f"--p{at} {{p{at}}}" for at in range(12))))
    spec.load(folder)
    best = min(_seconds(folder) for _ in range(20))
    assert best < 0.003


def _seconds(folder):
    started = time.perf_counter()
    spec.load(folder)
    return time.perf_counter() - started


def test_yaml_is_imported_only_for_a_file(tmp_path):
    code = "import sys, pathlib; from mlctl.projects import spec; spec.load(pathlib.Path(sys.argv[1])); print('yaml' in sys.modules)"
    argv = [sys.executable, "-c", code, tmp_path]
    assert subprocess.run(argv, capture_output=True, check=True, cwd=Path(spec.__file__).parents[2]).stdout.strip() == b"False"


def test_check_says_that_there_is_no_file(tmp_path):
    (found,) = spec.check(tmp_path)
    assert found.level == "warning"
    assert "no MLproject file" in found.message


@pytest.mark.parametrize("name", ["fit.R", "fit.r", "sub/a b.R", "it's.R"])
def test_r_scripts(project, name, tmp_path):
    (project.path / "sub").mkdir()
    (project.path / name).write_text("")
    entry = spec.entry_point(spec.load(project("name: x\n")), name)
    fake = tmp_path / "bin" / "Rscript"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    bound = params.bind(entry, {"alpha": "0.5 $x"}, caller_folder=project.path, project_folder=project.path)
    path = f"{fake.parent}:{os.environ['PATH']}"
    said = subprocess.run(["sh", "-c", command.render(entry, bound)], env={"PATH": path}, capture_output=True, text=True, check=True).stdout
    quoted = name.replace("'", "\\'")
    assert said.splitlines() == ["-e", f"mlflow::mlflow_source('{quoted}')", "--args", "--alpha", "0.5 $x"]
