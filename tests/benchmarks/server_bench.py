"""The server's rows of `make bench`: mlctl server, MLflow's (two workers) and FastTrackML, on the same data, asked in turn.

Each has 500 runs of 10 params and 10 metrics and one history of 50,000 points, written through its own API by one client. wrk asks with
four connections. Points are always new and runs full, so that neither deduplication nor emptiness flatters; new runs go to an experiment
of their own. Every row's answer is looked at once before it is measured. Needs wrk.
"""

import contextlib
import http.client
import json
import random
import shutil
import socket
import statistics
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import psutil

HERE = Path(__file__).parent
API = "/api/2.0/mlflow/"
RUNS = 500
PARAMS = METRICS = 10
POINTS = 50_000
PAGE = 25_000
CONNECTIONS = 4
READERS = 2
START_MS = 1_700_000_000_000
ROWS = {
    "log-metric": "log-metric",
    "log-batch": "log-batch of 100 points",
    "create-run": "create run",
    "get-run": "get run",
    "search": "search by metric and param, ordered by a metric",
    "newest": "newest 100 runs",
    "history": f"history of {PAGE:,} points",
}
OURS = "mlctl"


class Side(NamedTuple):
    """A server of the comparison: how it is started on a port in a folder."""

    name: str
    command: list[str]


class Server:
    """A server that runs, and the facts about it that are measured on the way."""

    def __init__(self, side, folder, env):
        self.name, self.folder = side.name, folder
        folder.mkdir(parents=True)
        self.port = free_port()
        marks = {"PORT": str(self.port), "FOLDER": str(folder)}
        self.command = [word.format(**marks) for word in side.command]
        self.env = env
        self.facts = {}
        self.offset = 0

    def start(self):
        """Start it; seconds until it has answered."""
        began = time.perf_counter()
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(self.command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while True:
            if self.process.poll() is not None or time.perf_counter() - began > 120:
                raise SystemExit(f"{self.name} does not start; see {self.folder / 'log'}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", "/health")[0] == 200:
                    return time.perf_counter() - began
            time.sleep(0.005)

    def stop(self):
        """End it and all that it started."""
        parts = [self.process, *psutil.Process(self.process.pid).children(recursive=True)]
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            for part in parts:
                with contextlib.suppress(psutil.NoSuchProcess):
                    part.kill()

    def memory(self):
        """Resident MB of all its processes."""
        root = psutil.Process(self.process.pid)
        return sum(part.memory_info().rss for part in [root, *root.children(recursive=True)]) / 1e6

    def connected(self):
        """A connection that is closed in the end; servers close one themselves when it is idle."""
        return contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=300))

    def ask(self, method, path, body=None, connection=None):
        """Status and parsed answer."""
        link = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        text = None if body is None else json.dumps(body)
        link.request(method, path, body=text, headers={"Content-Type": "application/json"} if text else {})
        found = link.getresponse()
        data = found.read()
        if connection is None:
            link.close()
        is_json = found.headers.get("content-type", "").startswith("application/json")
        return found.status, json.loads(data) if is_json and data else data

    def post(self, name, connection=None, /, **body):
        """The answer to a POST that must succeed."""
        status, found = self.ask("POST", API + name, body, connection)
        if status != 200:
            raise SystemExit(f"{self.name}: {name} was answered with {status}: {found}")
        return found

    def load(self, row, seconds, connections=CONNECTIONS):
        """Let wrk send one row's requests; what it found."""
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", HERE / "server_load.lua"]
        self.offset += 20_000_000
        command += [f"http://127.0.0.1:{self.port}", "--", row, self.folder / "ids", self.offset, self.facts["experiment"]]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        if found["failed"]:
            raise SystemExit(f"{self.name}: {row}: {found['failed']} of {found['requests']} requests failed")
        return found

    def rate(self, row, seconds):
        """Requests a second; a server that is so slow that there were none gets more time."""
        before = self.cpu()
        found = self.load(row, seconds)
        if not found["requests"]:
            found = self.load(row, 20 * seconds)
        self.facts["cpu_us"] = 1e6 * (self.cpu() - before) / max(1, found["requests"])
        return max(1, found["requests"]) / found["seconds"]

    def cpu(self):
        """Seconds of processor time that all its processes have had."""
        root = psutil.Process(self.process.pid)
        return sum(sum(part.cpu_times()[:2]) for part in [root, *root.children(recursive=True)])


# ── the data ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def seed(servers):
    """Write the data through the API on one connection each, the servers in turn; runs a second of each."""
    dice = {server: random.Random(1) for server in servers}
    ids, seconds = {server: [] for server in servers}, dict.fromkeys(servers, 0.0)
    for start in range(0, RUNS, 50):
        for server in servers:
            with server.connected() as link:
                began = time.perf_counter()
                ids[server] += [add_run(server, link, index, dice[server]) for index in range(start, start + 50)]
                seconds[server] += time.perf_counter() - began
    for server in servers:
        add_histories(server, ids[server][0])
        (server.folder / "ids").write_text("\n".join(ids[server]) + "\n")
        server.facts["experiment"] = server.post("experiments/create", name="made")["experiment_id"]
    return {server.name: [RUNS / seconds[server]] for server in servers}


def add_histories(server, run_id):
    """A long one, and one of a page's length: FastTrackML gives whole histories only, so that is what the row reads."""
    with server.connected() as link:
        for key, count in (("loss", POINTS), ("half", PAGE)):
            for start in range(0, count, 1000):
                points = [point(key, step) for step in range(start, start + 1000)]
                server.post("runs/log-batch", link, run_id=run_id, metrics=points)


def point(key, step):
    return {"key": key, "value": 1 / (1 + step), "timestamp": START_MS + step, "step": step}


def add_run(server, link, index, dice):
    tags = [{"key": "mlflow.user", "value": "ada"}, {"key": "mlflow.source.name", "value": "train.py"}]
    made = server.post("runs/create", link, experiment_id="0", user_id="ada", start_time=START_MS + index, tags=tags)
    run_id = made["run"]["info"]["run_id"]
    params = [{"key": f"param_{number}", "value": f"value {(index + number) % 5}"} for number in range(PARAMS)]
    metrics = [{"key": f"metric_{number}", "value": dice.random(), "timestamp": START_MS, "step": 0} for number in range(METRICS)]
    server.post("runs/log-batch", link, run_id=run_id, params=params, metrics=metrics)
    return run_id


def look(server):
    """Make sure that what is going to be measured is a real answer."""
    run_id = (server.folder / "ids").read_text().split()[0]
    _, found = server.ask("GET", f"{API}runs/get?run_id={run_id}")
    data = found["run"]["data"]
    assert len(data["params"]) == PARAMS, data
    assert len(data["metrics"]) == METRICS + 2, data
    text = "metrics.metric_3 > 0.5 and params.param_1 = 'value 2'"
    found = server.post("runs/search", experiment_ids=["0"], filter=text, order_by=["metrics.metric_0 DESC"], max_results=100)
    server.facts["found"] = len(found["runs"])
    found = server.post("runs/search", experiment_ids=["0"], max_results=100)
    assert len(found["runs"]) == 100
    assert all(len(run["data"]["params"]) == PARAMS for run in found["runs"])
    _, found = server.ask("GET", f"{API}metrics/get-history?run_id={run_id}&metric_key=half&max_results={PAGE}")
    assert len(found["metrics"]) == PAGE


# ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────────


def measure(sides, work, env, *, repeat, seconds):
    """All rows of all sides: ``{"what", "unit", side: median, "rounds": {side: values}}``."""
    if shutil.which("wrk") is None:
        raise SystemExit("The server's rows need wrk, which is not here: apt-get install wrk")
    shutil.rmtree(work, ignore_errors=True)
    servers = [Server(side, work / side.name, env) for side in sides]
    rows = []
    with contextlib.ExitStack() as stack:
        for server in servers:
            server.start()
            stack.callback(server.stop)
        rows.append(row("one client seeding runs", "/s", seed(servers)))
        for server in servers:
            look(server)
        rows += [rates(servers, name, repeat, seconds) for name in ROWS]
        rows.append(with_readers(servers, repeat, seconds))
        time.sleep(3)
        rows.append(row("memory of all processes at rest", "MB", {server.name: [server.memory()] for server in servers}))
    rows.append(starts(servers, repeat))
    notes = [f"{server.name}: the search finds {server.facts['found']} runs" for server in servers]
    return rows, notes


def rates(servers, name, repeat, seconds):
    """One row, the servers in turn."""
    found = {server.name: [] for server in servers}
    spent = {server.name: [] for server in servers}
    for server in servers:
        server.load(name, 1)
    for _ in range(repeat):
        for server in servers:
            found[server.name].append(server.rate(name, seconds))
            spent[server.name].append(server.facts["cpu_us"])
    return {**row(ROWS[name], "/s", found), "cpu_us": {name: round(statistics.median(values)) for name, values in spent.items()}}


def with_readers(servers, repeat, seconds):
    """Which part of its rate of log-metric each keeps while two clients read long histories."""
    found = {server.name: [] for server in servers}
    for _ in range(repeat):
        for server in servers:
            alone = server.rate("log-metric", seconds)
            with reading(server, seconds + 2):
                found[server.name].append(100 * server.rate("log-metric", seconds) / alone)
    return row("log-metric while two read histories, of its rate alone", "%", found)


@contextlib.contextmanager
def reading(server, seconds):
    command = ["wrk", "-t1", f"-c{READERS}", f"-d{seconds}s", "--timeout", "60s", "-s", HERE / "server_load.lua"]
    command += [f"http://127.0.0.1:{server.port}", "--", "history", server.folder / "ids", 0, "0"]
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
    try:
        time.sleep(1)
        yield
    finally:
        process.wait(120)


def starts(servers, repeat):
    """Seconds from the start of the process to its first answer, with the data that is there."""
    found = {server.name: [] for server in servers}
    for server in servers:
        for _ in range(repeat):
            found[server.name].append(server.start())
            server.stop()
    return row("start to first answer", "s", found)


def row(what, unit, rounds):
    return {"what": what, "unit": unit, **{name: statistics.median(values) for name, values in rounds.items()}, "rounds": rounds}


def show(rows, names):
    print(f"{'':56}" + "".join(f"{name:>14}" for name in names) + "".join(f"{'/ ' + name:>14}" for name in names[1:]))
    for item in rows:
        values = [item[name] for name in names]
        ratios = [f"{values[0] / value:13.1f}x" if item["unit"] == "/s" else f"{'':14}" for value in values[1:]]
        shown = "".join(f"{value:>14}" for value in (f"{value:,.{0 if value >= 100 else 2}f} {item['unit']}" for value in values))
        print(f"{item['what']:56}{shown}{''.join(ratios)}")
    print("\nProcessor time of a request, µs (machines that others use, too, disturb it less than the rates)")
    for item in rows:
        if "cpu_us" in item:
            print(f"{item['what']:56}" + "".join(f"{item['cpu_us'][name]:>14,}" for name in names))


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def sides(mlctl, mlflow, rival):
    """The three servers, by the folders of their virtualenvs."""
    store = ["--backend-store-uri", "sqlite:///{FOLDER}/mlflow.db", "--artifacts-destination", "{FOLDER}/artifacts"]
    return [
        Side(OURS, [f"{mlctl}/bin/mlctl", "server", "--port", "{PORT}", "--backend-store-uri", "{FOLDER}/mlruns"]),
        Side("FastTrackML", [f"{rival}/bin/fml", "server", "-a", "127.0.0.1:{PORT}", "-d", "sqlite://{FOLDER}/fml.db"]),
        Side("MLflow", [f"{mlflow}/bin/mlflow", "server", "--port", "{PORT}", "--workers", "2", *store]),
    ]
