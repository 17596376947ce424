"""Parameters: what fits, what does not and how that is said, and commands that no value can break out of."""

import http.server
import os
import random
import shlex
import subprocess
import threading
from pathlib import Path

import pytest

from mlctl.errors import ParameterError, ProjectError, UsageError
from mlctl.projects import command, params
from mlctl.projects.entities import BoundParams, EntryPoint, Parameter

HOSTILE = [
    "",
    " ",
    "a b",
    "it's",
    '"',
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "&& touch pwned",
    "| tee pwned",
    "> pwned",
    "a\nb\n",
    "\n",
    "-rf",
    "--",
    "*",
    "~",
    "$HOME ${HOME} \\$HOME",
    "\\",
    "a\\",
    "'\\''",
    "{b} {} {{x}}",
    "%s %(x)s",
    "=a=b=",
    "☃ \U0001f600 é",
    "\x01\x7f",
    "#",
    "!x",
    "\t",
]


def entry(*parameters, line="run"):
    """An entry point with parameters, each ``(name, type)`` or ``(name, type, default)``, or a Parameter."""
    declared = [one if isinstance(one, Parameter) else Parameter(*one) for one in parameters]
    return EntryPoint("main", line, {one.name: one for one in declared}, line=1)


@pytest.fixture
def bind(tmp_path):
    """`params.bind` with a caller's folder and a project's folder."""
    for name in ("caller", "project"):
        (tmp_path / name).mkdir()

    def bound(point, given=None, **options):
        folders = {"caller_folder": tmp_path / "caller", "project_folder": tmp_path / "project"}
        return params.bind(point, given or {}, **{**folders, **options})

    return bound


def refusal(call, *args, **options):
    """The error that a call is refused with."""
    with pytest.raises(ParameterError) as caught:
        call(*args, **options)
    return caught.value


# ── -P ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("value", HOSTILE)
def test_any_value(value):
    assert params.parse_assignments([f"alpha={value}", "b b=1"]) == {"alpha": value, "b b": "1"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["alpha"], ["'alpha' is not of the form NAME=VALUE", "-P alpha=0.5"]),
        (["=5"], ["'=5' is not of the form"]),
        ([""], ["'' is not of the form"]),
        (["a=1", "a=2"], ["-P a is given twice: '1' and '2'"]),
        (["a=1", "a=1"], ["given twice"]),
    ],
)
def test_wrong_assignments(given, words):
    with pytest.raises(UsageError) as caught:
        params.parse_assignments(given)
    assert all(word in f"{caught.value.message} {caught.value.hint}" for word in words)
    assert caught.value.exit_code == 2


# ── types ────────────────────────────────────────────────────────────────────────────────────────────────────────────

FITS = {
    "int": ["5", "-5", "+5", "0", "1_000", " 7 ", "007", "123456789012345678901234567890"],
    "float": ["5", "-0.5", "1e-3", "1E5", ".5", "5.", "inf", "-inf", "nan", "1_0.5"],
    "bool": ["true", "True", "FALSE", "yes", "No", "on", "OFF", "1", "0"],
    "boolean": ["true", "off"],
    "string": [*HOSTILE, "5"],
    "str": HOSTILE,
    "uri": ["s3://bucket/key", "file:///x", "runs:/1/model", "http://h", "dbfs:/x", "S3://B"],
    "list[int]": ["[1, 2]", "[]", "[ -1 ]", "[1,2,]", "[010]"],
    "list[float]": ["[1, 2.5]", "[1e-3]", "[.inf]"],
    "list[bool]": ["[true, no]", "[1, 0]"],
    "list[str]": ["[a, b]", "['a b', \"c\"]", "[1, x]", '["it\'s"]'],
    "list[path]": ["[a.csv, b.csv]"],
    "wibble": ["anything", ""],
}
MISFITS = {
    "int": ["abc", "1.5", "", "1e3", "0x10", "None", "true", "[1]", "5 5", "--5"],
    "float": ["abc", "", "1,5", "None", "0x1", "1e", "[1.0]"],
    "bool": ["maybe", "", "2", "y", "None", "truee"],
    "uri": ["data/x", "./x", "/abs", "", "://x", "5:x"],
    "list[int]": ["1, 2", "5", "[1.5]", "[a]", "", "[1", "{a: 1}", "[[1]]", "[1] x", "[true]", "- 1"],
    "list[float]": ["0.5", "[x]", "[~]"],
    "list[bool]": ["[2]", "true"],
    "list[str]": ["a", "[a: b]", "[[a]]", "[*x]", "[!!python/name:os.system x]"],
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in FITS.items() for value in values])
def test_fits(bind, kind, value):
    bound = bind(entry(("p", kind), line="run {p}"), {"p": value})
    assert bound.declared == {"p": value}  # recorded and passed on as it was typed
    assert command.render(entry(("p", kind), line="run {p}"), bound) == f"run {shlex.quote(value)}"


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in MISFITS.items() for value in values])
def test_misfits(bind, kind, value):
    error = refusal(bind, entry(("p", kind)), {"p": value})
    assert error.message.startswith(f"Parameter p of entry point 'main': {value!r} is not ")
    assert error.message.endswith(f"(type {kind}).")
    assert "--no-type-check" in error.hint
    assert bind(entry(("p", kind)), {"p": value}, check_types=False).declared == {"p": value}


def test_objects_are_taken_as_their_text(bind):
    point = entry(("a", "int"), ("b", "bool"), ("c", "float"), ("d", "list[int]"), ("e", "string"))
    given = {"a": 5, "b": True, "c": 1e-5, "d": [1, 2], "e": None}
    assert bind(point, given).declared == {"a": "5", "b": "True", "c": "1e-05", "d": "[1, 2]", "e": "None"}
    assert "'5.0' is not a whole number" in refusal(bind, point, {**given, "a": 5.0}).message


@pytest.mark.parametrize(
    ("declared", "value", "words"),
    [
        (Parameter("p", "string", choices=("a", "b")), "c", "is not one of a, b"),
        (Parameter("p", "int", choices=(1, 2)), "3", "is not one of 1, 2"),
        (Parameter("p", "list[str]", choices=("a", "b")), "[a, c]", "is not one of a, b"),
        (Parameter("p", "int", minimum=0), "-1", "is below the minimum 0"),
        (Parameter("p", "float", maximum=0.5), "0.6", "is above the maximum 0.5"),
        (Parameter("p", "float", minimum=0, maximum=1), "nan", "is below the minimum 0"),
        (Parameter("p", "float", maximum=1_000_000), "inf", "is above the maximum 1000000"),
        (Parameter("p", "list[float]", maximum=1), "[0.5, 2]", "is above the maximum 1"),
    ],
)
def test_choices_and_bounds(bind, declared, value, words):
    assert words in refusal(bind, entry(declared), {"p": value}).message
    assert bind(entry(declared), {"p": value}, check_types=False).declared == {"p": value}


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (Parameter("p", "float", choices=(0.1, 1)), "0.10"),
        (Parameter("p", "bool", choices=(True,)), "yes"),
        (Parameter("p", "string", choices=(1, 2)), "1"),
        (Parameter("p", "int", minimum=1, maximum=1), "1"),
        (Parameter("p", "string", minimum=5), "a"),
    ],
)
def test_within_choices_and_bounds(bind, declared, value):
    assert bind(entry(declared), {"p": value}).declared == {"p": value}


def test_a_default_is_not_checked(bind):
    point = entry(("a", "int", "None"), ("b", "bool", 5), ("c", "list[int]", 0.75), Parameter("d", "int", 9, maximum=3))
    assert bind(point).declared == {"a": "None", "b": "5", "c": "0.75", "d": "9"}


def test_a_uri_default_is_checked(bind):
    point = entry(("a", "uri", "data/x"))
    assert "'data/x' is not a URI" in refusal(bind, point).message
    assert bind(point, {"a": "s3://b"}).declared == {"a": "s3://b"}


def test_everything_wrong_at_once(bind):
    point = entry(("a", "int"), ("b", "float"), ("c", "string"), ("d", "path"), ("e", "bool", True))
    error = refusal(bind, point, {"a": "x", "b": "y", "d": "nowhere"})
    lines = error.message.splitlines()
    assert lines[0] == "4 parameters of entry point 'main' cannot be used:"
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["a", "b", "d", "c"]
    assert error.hint == "Add -P c=…. Correct the values, or pass them unchecked with --no-type-check."


def test_missing(bind):
    error = refusal(bind, entry(("alpha", "float"), ("b", "int", 1), ("c", "string")), {"alhpa": "1"})
    assert "did you mean -P alpha=… where you wrote -P alhpa=…?" in error.message
    assert "c: no value is given, and it has no default" in error.message
    assert error.hint == "Add -P alpha=… -P c=…."


def test_a_long_value_is_cut_in_messages(bind):
    assert len(refusal(bind, entry(("a", "int")), {"a": "x" * 100_000}).message) < 300
    assert len(refusal(bind, entry(("a", "int")), {"a": "9" * 100_000}).message) < 300


def test_order_and_extras(bind):
    bound = bind(entry(("b", "int", 2), ("a", "int")), {"z": "1", "a": "3", "y": ""})
    assert list(bound.declared.items()) == [("b", "2"), ("a", "3")]
    assert list(bound.extra.items()) == [("z", "1"), ("y", "")]
    assert bound.logged == {"b": "2", "a": "3", "z": "1", "y": ""}
    assert bound.notes == ()


def test_an_extra_that_resembles_a_declared_name(bind):
    bound = bind(entry(("l1_ratio", "float", 0.5)), {"l1-ratio": "1"})
    assert bound.extra == {"l1-ratio": "1"}
    assert "did you mean l1_ratio?" in bound.notes[0]


@pytest.mark.parametrize("text", ["a\0b", "\udcff"])
@pytest.mark.parametrize("check_types", [True, False])
def test_what_no_process_takes(bind, text, check_types):
    error = refusal(bind, entry(("a", "string")), {"a": text, f"extra{text}": "x"}, check_types=check_types)
    assert len(error.message.splitlines()) == 3
    assert "--no-type-check" not in error.hint


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def data(tmp_path, bind):
    """Files of the caller's and of the project's."""
    for name in ("caller/mine.csv", "caller/both.csv", "project/its.csv", "project/both.csv", "caller/a: b's $x.csv"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("given", ["mine.csv", "./mine.csv", "../caller/mine.csv", "both.csv", ".", "a: b's $x.csv"])
def test_given_paths_are_the_callers(bind, data, given):
    point = entry(("d", "path"), line="run {d}")
    bound = bind(point, {"d": given})
    assert bound.declared == {"d": given}
    expected = os.path.normpath(data / "caller" / given)
    assert command.render(point, bound) == f"run {shlex.quote(expected)}"


@pytest.mark.parametrize(("default", "folder"), [("its.csv", "project"), ("both.csv", "project"), ("mine.csv", "caller"), (".", "project")])
def test_default_paths_are_the_projects(bind, data, default, folder):
    bound = bind(entry(("d", "path", default)))
    assert bound.declared == {"d": default}
    assert bound.resolved == {"d": os.path.normpath(data / folder / default)}


def test_absolute_and_file_uris(bind, data):
    for given in (str(data / "caller" / "mine.csv"), (data / "caller" / "a: b's $x.csv").as_uri(), f"file://localhost{data}/caller"):
        found = bind(entry(("d", "path")), {"d": given})
        assert found.declared == {"d": given}
        assert Path(found.resolved["d"]).exists()
        assert Path(found.resolved["d"]).is_absolute()


def test_relative_folders(data, monkeypatch):
    monkeypatch.chdir(data)
    bound = params.bind(entry(("d", "path")), {"d": "mine.csv"}, caller_folder=Path("caller"), project_folder=Path("project"))
    assert bound.resolved == {"d": str(data / "caller" / "mine.csv")}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("its.csv", "no file or folder (looked for"),
        ("", "is empty"),
        ("/no/such", "no file or folder"),
        ("file:///no/such", "no file or folder"),
        ("file://other/host", "another machine"),
        ("s3://bucket/key", "is remote, and this version"),
        ("runs:/1/model", "declare the parameter as uri"),
        ("x" * 5000, "no file or folder"),
    ],
)
def test_paths_that_cannot_be(bind, data, given, words):
    error = refusal(bind, entry(("d", "path")), {"d": given})
    assert error.message.startswith("Parameter d of entry point 'main': ")
    assert words in error.message
    assert "--no-type-check" in error.hint


def test_a_default_that_is_nowhere(bind, data):
    message = refusal(bind, entry(("d", "path", "no.csv"))).message
    assert str(data / "project" / "no.csv") in message
    assert str(data / "caller" / "no.csv") in message


def test_unchecked_paths(bind, data):
    point = entry(("new", "path"), ("remote", "path"), ("default", "path", "out.csv"))
    bound = bind(point, {"new": "out/new.csv", "remote": "s3://b/k"}, check_types=False)
    assert bound.resolved == {"new": str(data / "caller" / "out" / "new.csv"), "default": str(data / "project" / "out.csv")}


class Answers(http.server.BaseHTTPRequestHandler):
    """A server with one file, one that ends early and nothing else."""

    def do_GET(self):
        self.send_response(200 if "absent" not in self.path else 404)
        self.send_header("Content-Length", "100" if "short" in self.path else "4")
        self.end_headers()
        self.wfile.write(b"a,b\n")

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    """The address of a server on the loopback."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as found:
        threading.Thread(target=found.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


def test_download(bind, server, tmp_path):
    storage = tmp_path / "new" / "storage"
    point = entry(("x", "int", 1), ("d", "path"), ("e", "path"), line="run {d} {e}")
    uri = f"{server}/sub/my%20data.csv?token=secret"
    bound = bind(point, {"d": uri, "e": f"{server}/"}, storage_folder=storage)
    assert bound.declared == {"x": "1", "d": uri, "e": f"{server}/"}
    files = sorted(path for path in storage.rglob("*") if path.is_file())
    assert [(path.parent.name, path.name) for path in files] == [("param_1", "my data.csv"), ("param_2", "download")]
    assert [bound.resolved[name] for name in "de"] == [str(path) for path in files]
    assert files[0].read_bytes() == b"a,b\n"
    assert len(list(storage.iterdir())) == 1


@pytest.mark.parametrize("name", ["..%2f..%2fevil", "..", "%2e%2e", "a%00b", "x" * 3000])
def test_names_of_downloads_stay_inside(bind, server, tmp_path, name):
    bound = bind(entry(("d", "path")), {"d": f"{server}/{name}"}, storage_folder=tmp_path / "storage")
    assert Path(bound.resolved["d"]).resolve().parent.name == "param_0"
    assert Path(bound.resolved["d"]).is_relative_to(tmp_path / "storage")


@pytest.mark.parametrize(("address", "words"), [("absent", "404"), ("short", "4 of 100 bytes")])
def test_failed_downloads(bind, server, tmp_path, address, words):
    error = refusal(bind, entry(("d", "path")), {"d": f"{server}/{address}?token=secret"}, storage_folder=tmp_path / "storage")
    assert error.message.startswith("Parameter d: ")
    assert words in error.message
    assert "secret" not in error.message


def test_nothing_is_downloaded_when_something_is_wrong(bind):
    fetched = []

    def fetch(uri, index):
        fetched.append(uri)
        return "/x"

    point = entry(("d", "path"), ("a", "int"))
    refusal(bind, point, {"d": "http://127.0.0.1:9/x", "a": "x"}, fetch=fetch)
    assert fetched == []
    bind(point, {"d": "http://127.0.0.1:9/x", "a": "1"}, fetch=fetch)
    assert fetched == ["http://127.0.0.1:9/x"]


def test_own_fetch(bind):
    bound = bind(entry(("a", "int", 1), ("d", "path")), {"d": "https://h.example/x"}, fetch=lambda uri, index: f"/got/{index}/{uri[-1]}")
    assert bound.resolved == {"d": "/got/1/x"}


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("run {a}", "run 'x y'"),
        ("run {a}{a}", "run 'x y''x y'"),
        ("run {{a}}", "run {a}"),
        ("run {{{a}}}", "run {'x y'}"),
        ("run {{{{", "run {{"),
        ("${{HOME}} {b-c}", "${HOME} 1"),
        ("{1} {d.e} {é}", "one dot accent"),
        ("", ""),
        ("}}{{", "}{"),
        ("a\n{a}\n", "a\n'x y'\n"),
    ],
)
def test_fields(line, expected):
    values = {"a": "x y", "b-c": 1, "1": "one", "d.e": "dot", "é": "accent"}
    point = EntryPoint("main", line, {name: Parameter(name) for name in values})
    assert command.substitute(point, values) == expected


def test_plain_braces_are_those_of_python():
    """Whatever a command has of braces and plain names: either Python formats it to the same text, or both refuse it."""
    source = random.Random(1)
    values = {"a": "1", "b-c": "2"}
    for _ in range(3000):
        line = "".join(source.choice(["{", "}", "{", "}", "a", "b-c", "{a}", " ", "x"]) for _ in range(source.randrange(8)))
        try:
            expected = line.format(**values)
        except (ValueError, KeyError, IndexError):
            expected = None
        try:
            found = command.substitute(EntryPoint("main", line, {name: Parameter(name) for name in values}), values)
        except ProjectError:
            found = None
        assert found == expected, line


def test_all_slips_of_a_command_in_one_error():
    with pytest.raises(ProjectError) as caught:
        command.substitute(EntryPoint("main", "run {x} {a.b} }", {"a": Parameter("a")}, line=7), {"a": "1"})
    assert caught.value.message.startswith("The command of entry point 'main' (line 7) has 3 slips:")
    assert len(caught.value.message.splitlines()) == 4


def test_a_field_without_a_value():
    with pytest.raises(ParameterError, match="No value for a of entry point 'main'"):
        command.substitute(entry(("a", "int"), line="run {a} {a}"), {})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("run", "run --x 1"),
        ("run\n", "run --x 1"),
        ("run \\\n", "run \\\n --x 1"),
        ("a\nrun\n\n", "a\nrun --x 1"),
    ],
)
def test_extra_parameters_belong_to_the_last_command(line, expected):
    assert command.substitute(EntryPoint("main", line), {}, extra={"x": 1}) == expected


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_no_value_breaks_out(bind, tmp_path, monkeypatch, value, shell):
    if not Path(shell).exists():
        pytest.skip(f"needs {shell}")
    monkeypatch.chdir(tmp_path)
    point = entry(("a", "string"), line="printf '%s\\037' one {a} {a}{a}")
    name = f"n{value}"
    line = command.render(point, bind(point, {"a": value, name: value}))
    ran = subprocess.run([shell, "-c", line], capture_output=True, text=True, check=True, env={"HOME": "/home/x"})
    assert ran.stdout.split("\037")[:-1] == ["one", value, value * 2, f"--{name}", value]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["caller", "project"]


QUOTED = [
    "echo '{a}'",
    'echo "{a}"',
    'bash -c "echo {a}"',
    'echo "$(echo "{a}")"',
    "cat <<E\n{a}\nE\n",
    'echo "it\'s {a}"',
    "echo \"`echo '{a}'`\"",
]


@pytest.mark.parametrize("line", QUOTED)
@pytest.mark.parametrize("check_types", [True, False])
def test_values_inside_quotes(bind, tmp_path, monkeypatch, line, check_types):
    """Quotes of the command's own undo the quoting of values: what the shell would act on is refused, anything else is as in MLflow."""
    monkeypatch.chdir(tmp_path)
    point = entry(("a", "string"), line=line)
    for value in HOSTILE:
        try:
            text = command.render(point, bind(point, {"a": value}, check_types=check_types))
        except ParameterError as error:
            assert "remove the quotes around {a}" in error.message  # noqa: PT017 -- either outcome is right, see below
            continue
        assert text == line.replace("{a}", shlex.quote(value))
        subprocess.run(["/bin/bash", "-c", text], capture_output=True, check=False)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["caller", "project"], value
    for value in ("abc", "a b", "0.5", "/x/y-z", "s3://b/k?a=1"):
        assert command.render(point, bind(point, {"a": value})) == line.replace("{a}", shlex.quote(value))
    if "<<" not in line:
        with pytest.raises(ParameterError):
            bind(point, {"a": "$(touch pwned) `touch pwned`; touch pwned"})


@pytest.mark.parametrize(
    "line",
    [
        "echo {a}",
        "echo '' {a}",
        'echo "x" {a}',
        'echo "$(echo {a})"',
        "echo \\' {a}",
        "# it's\necho {a}",
        "echo a#'b' {a}",
        'echo "`echo {a}`"',
        "x <<< y {a}",
    ],
)
def test_values_outside_quotes_are_never_refused(bind, line):
    point = entry(("a", "string"), line=line)
    for value in HOSTILE:
        assert bind(point, {"a": value}).declared == {"a": value}


def test_a_default_inside_quotes_is_the_projects_own(bind):
    point = entry(("a", "string", "$(date)"), line='echo "{a}"')
    assert command.render(point, bind(point)) == "echo \"'$(date)'\""


def test_bound_params_render_what_was_resolved():
    bound = BoundParams({"d": "x.csv"}, {"e": "1"}, {"d": "/abs/x.csv"})
    assert command.render(entry(("d", "path"), line="run {d}"), bound) == "run /abs/x.csv --e 1"


@pytest.mark.parametrize(
    ("line", "marks"),
    [
        ("a 'b' c", "..''..."),
        ('a "b" c', '..""...'),
        ("a \"b 'c' d\" e", '..""""""""...'),
        ("'a \\' b 'c'", "''''....''."),
        ('"a \\" b" c', '"""""""...'),
        ("\\'a\\\" b", "......."),
        ('"a $(b "c" \'d\' (e) f) g" h', '"""....""..' + "''......." + '"""'),
        ('"a `b "c" d` e" f', '"""...""..."""'),
        ("a # b 'c\nd 'e'", "...........''."),
        ("#'\n'a'", "...''."),
        ("a#'b'", "..''."),
        ("a <<E\n'b' \"c\"\nE\n", "....." + "<" * 11),
        ("a <<<'b'\n'c'", ".....''..''."),
        ("a < b\n'c'", "......''."),
        ("(a ')' b)", "...''...."),
    ],
)
def test_what_encloses_each_character(line, marks):
    """A quote belongs to what it opens, its end does not."""
    assert "".join({"": ".", "<<": "<"}.get(one, one) for one in command.contexts(line)).rstrip(".") == marks.rstrip(".")
    assert len(command.contexts(line)) == len(line)


def test_one_slip_and_its_hint():
    with pytest.raises(ProjectError) as caught:
        command.substitute(EntryPoint("main", "run { }", {"a": Parameter("a")}, line=7), {"a": "1"})
    assert (
        caught.value.message == "The command of entry point 'main' (line 7): { } has no name: values are put in by name only; declared: a."
    )
    assert caught.value.hint == "Write {{}} for literal braces."
    with pytest.raises(ProjectError) as caught:
        command.substitute(EntryPoint("main", "run }"), {})
    assert caught.value.hint == "Write }} for a literal }."
