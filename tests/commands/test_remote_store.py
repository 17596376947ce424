"""The commands that look at runs, with the store of a server: a real `mlctl server`, in a process of its own."""


def test_looking_at_runs(mlctl, make_run, served):
    a = make_run(
        "first",
        params={"alpha": "1"},
        metrics={"loss": [2.0, 1.0]},
        files={"mlctl/packages.txt": "numpy==1.0\n", "mlctl/output.log": "a\n"},
    )
    b = make_run("second", params={"alpha": "2"}, metrics={"loss": [float("nan"), 0.5]}, files={"mlctl/packages.txt": "numpy==2.0\n"})
    here = [mlctl(*command, check=0).stdout for command in looks(a, b)]
    served()
    assert [mlctl(*command, check=0).stdout for command in looks(a, b)] == here
    assert "numpy = 2.0" in here[1]


def looks(a, b):
    return [
        ("runs", "compare", a[:8], "@last"),
        ("runs", "diff", "@last~1", b),
        ("runs", "metrics", b),
        ("runs", "metrics", a, "loss", "--output", "csv"),
        ("runs", "metrics", a, "--plot"),
        ("runs", "tag", a, b),
    ]


def test_tags_and_notes(mlctl, make_run, served):
    run_id = make_run(tags={"old": "1"})
    served()
    mlctl("runs", "tag", run_id, "team=vision", "--delete", "old", check=0)
    mlctl("runs", "note", run_id, "good", check=0)
    mlctl("experiments", "tag", "Default", "x=1", "y=2", check=0)
    mlctl("experiments", "tag", "Default", "--delete", "x", check=0)
    mlctl("experiments", "note", "Default", "all of it", check=0)
    assert "8000" in mlctl("runs", "note", run_id, "x" * 8001, check=124).stderr
    found = mlctl.json("runs", "tag", run_id)["data"][0]["tags"]
    assert found["team"] == "vision"
    assert "old" not in found
    assert mlctl("runs", "note", run_id, check=0).stdout == "good\n"
    assert "y" in mlctl("experiments", "show", "Default", check=0).stdout
    assert mlctl("experiments", "note", "Default", check=0).stdout == "all of it\n"
    mlctl("experiments", "note", "Default", "--delete", check=0)
    assert mlctl("experiments", "note", "Default", check=0).stdout == ""


def test_system_metrics(mlctl, project, make_run, served, monkeypatch):
    make_run()
    served()
    monkeypatch.setenv("MLCTL_SYSTEM_METRICS_INTERVAL_S", "0.2")
    folder = project("entry_points:\n  main:\n    command: python -c 'import time; time.sleep(7)'\n")
    mlctl("run", folder, check=0)
    (row,) = mlctl.json("runs", "metrics", "@last", "system/disk_usage_percentage")["data"]["metrics"]
    steps = [point["step"] for point in row["points"]]
    assert steps == list(range(len(steps)))
    assert steps


def test_gates_reports_repeats_and_completion(mlctl, project, place, served):
    text = "entry_points:\n  main:\n    parameters:\n      x: {type: float, default: 2}\n    command: python main.py {x}\n"
    project(text, main__py="import sys, mlctl\nmlctl.log_metric('m', float(sys.argv[1]))\n")
    mlctl("run", "project", "-P", "x=3", check=0)
    served()
    mlctl("runs", "check", "@last", "metrics.m = 3 AND (params.x = 3 OR metrics.none > 1)", check=0)
    mlctl("runs", "check", "@last", "metrics.m.max > 3", check=1)
    (place / "project" / "more.txt").write_text("new")
    done = mlctl("runs", "rerun", "@last", "-P", "x=4", check=0)
    assert "not the same" not in done.stderr
    mlctl("runs", "check", "@last", "metrics.m = baseline + 1", "--baseline", "@last~1", check=0)
    assert "4 ▲ 33.3 %" in mlctl("runs", "report", "@last", "--baseline", "@last~1", check=0).stdout
    last, first = (run["info"]["run_id"] for run in mlctl.runs())
    found = mlctl("__complete", "fish", "runs", "show", "", check=0).stdout
    assert {last[:12], first[:12]} <= {line.split("\t")[0] for line in found.splitlines()}
