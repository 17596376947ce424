"""Requests made from the OpenAPI document, with a fixed seed: half sense, half nonsense. No 5xx, no hang, nothing broken."""

import contextlib
import http.client
import json
import random
import re
import signal
import sqlite3
from urllib.parse import quote_from_bytes

import pytest

SEED = 20_261
REQUESTS = 20_000
TEXTS = [
    *[
        "",
        " ",
        "0",
        "1",
        "-1",
        "a",
        "NaN",
        "Infinity",
        "1e400",
        "null",
        "true",
        "é",
        "\N{SNOWMAN}",
        "\x00",
        "\u202e",
        "\ud83d",
        "'",
        '"',
        "`",
    ],
    *["\\", "%", "../..", "a/b", "mlflow.runName", "' OR 1=1 --", "x" * 251, "y" * 6001, "z" * 20_000, "9" * 30, "{}", "[]", "(((((((((("],
    *["metrics.m > 0", "params.p = 'a' and tags.t != 'b'", "a = ", "metrics.m DESC", "start_time", "nonsense ASC", "run_id IN ('a', 'b')"],
    *["attributes.status = 'FINISHED'", "tags.`a b` LIKE '%x%'", "NOT (metrics.m BETWEEN 1 AND 2)", "params.p RLIKE '(a+)+$'"],
    *["datasets.name = 'd'", "eyJvZmZzZXQiOiAxfQ=="],
]
MODEL = '{"artifact_path": "a", "flavors": {}, "utc_time_created": "b", "run_id": "c"}'
NUMBERS = [0, 1, -1, 2, 1000, 25_000, 50_001, 2**31, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**40, 0.5, -0.0, 1e308, 1.7e12, True]
ODD = [None, True, False, [], {}, [[]], [None], {"key": "a"}, [{"key": "a", "value": "b"}], "x", 7, 1.5, [1, "a"]]


class Maker:
    """Makes requests. ``runs`` and ``experiments`` are ids that exist, so that not everything is refused at the door."""

    def __init__(self, document, *, runs, experiments, models, registered):
        self.dice = random.Random(SEED)
        self.schemas = document["components"]["schemas"]
        self.operations = [(method, path, found) for path, row in document["paths"].items() for method, found in row.items()]
        self.runs, self.experiments, self.models, self.registered = runs, experiments, models, registered

    def request(self):
        """Method, path, body and headers."""
        method, path, operation = self.dice.choice(self.operations)
        care = self.dice.choice([0.5, 0.9, 1.0])
        self.ends = path.endswith(("registered-models/delete", "registered-models/rename"))  # few models come to an end
        parameters = operation.get("parameters", [])
        address = path
        for item in parameters:
            if item["in"] == "path":
                text = self.a_string(item["name"], item["schema"], care)
                address = address.replace(f"{{{item['name']}}}", quote_from_bytes(text.encode("utf-8", "replace"), safe="") or "%20")
        if method == "get":
            return method.upper(), path, f"{address}?{self.query([item for item in parameters if item['in'] == 'query'], care)}", None, {}
        body = json.dumps(self.value("", operation["requestBody"]["content"]["application/json"]["schema"], care)).encode(
            "utf-8", "replace"
        )
        kind = (
            "application/json" if self.dice.random() < 0.97 else self.dice.choice(["text/plain", "", "application/json; charset=latin-1"])
        )
        return method.upper(), path, address, self.broken(body) if self.dice.random() < 0.05 else body, {"Content-Type": kind}

    def query(self, parameters, care):
        pairs = []
        for item in parameters:
            if item["required"] or self.dice.random() < 0.6:
                value = self.value(item["name"], item["schema"], care)
                for one in value if isinstance(value, list) else [value]:
                    text = one if isinstance(one, str) else json.dumps(one)
                    pairs.append(f"{item['name']}={quote_from_bytes(text.encode('utf-8', 'replace'))}")
        if self.dice.random() < 0.03:
            pairs.append(self.dice.choice(["%", "%zz", "a=%ff%fe", "=", "&&", "run_id=%00", "x" * 5000]))
        return "&".join(pairs)

    def broken(self, body):
        place = self.dice.randrange(len(body) + 1)
        return self.dice.choice([body[:place], body[:place] + bytes([self.dice.randrange(256)]) + body[place:], b"", b"[" * 5000, body * 2])

    def value(self, name, schema, care):
        """A value of a schema, or with probability 1 - care of none."""
        dice = self.dice
        if dice.random() > care:
            return dice.choice([*ODD, *TEXTS, *NUMBERS])
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        if "anyOf" in schema:
            schema = dice.choice(schema["anyOf"])
        if "enum" in schema:
            return dice.choice(schema["enum"])
        return getattr(self, f"a_{schema.get('type', 'string')}")(name, schema, care)

    def a_string(self, name, schema, care):
        if name in ("run_id", "run_uuid", "run_ids") and self.dice.random() < 0.9:
            return self.dice.choice(self.runs)
        if name in ("experiment_id", "experiment_ids") and self.dice.random() < 0.9:
            return self.dice.choice(self.experiments)
        if name in ("filter", "page_token", "only_over", "only_from") and self.dice.random() < 0.4:
            return ""
        if name in ("by", "columns") and self.dice.random() < 0.8:
            return self.dice.choice(["params.p", "metrics.m", "tags.t", "status"])
        if name == "order_by" and self.dice.random() < 0.6:
            return self.dice.choice(["name", "start_time", "creation_time DESC", "metrics.m"])
        if name == "model_id" and self.dice.random() < 0.9:
            return self.dice.choice(self.models)
        if name in ("key", "metric_key", "tag_key") and self.dice.random() < 0.8:
            return self.dice.choice(["m", "p", "t", "a b"])
        if name == "name" and self.dice.random() < 0.8:
            return self.dice.choice(self.registered[:4] if self.ends else self.registered)
        if name == "version" and self.dice.random() < 0.8:
            return self.dice.choice(["1", "2", "3"])
        if name == "only_from" and self.dice.random() < 0.9:
            return "None"
        if name in ("stage", "stages") and self.dice.random() < 0.8:
            return self.dice.choice(["None", "Staging", "production", "Archived"])
        if name == "alias" and self.dice.random() < 0.8:
            return self.dice.choice(["best", "latest"])
        if name == "source" and self.dice.random() < 0.8:
            return self.dice.choice(["s3://bucket/model", f"models:/{self.registered[0]}/1"])
        if name in ("field_name", "dataset_name") and self.dice.random() < 0.9:
            return self.dice.choice(["name", "metrics.m", "creation_time"])
        if name == "model_json" and self.dice.random() < 0.5:
            return MODEL
        return self.dice.choice(TEXTS) if self.dice.random() < 0.8 else "".join(chr(self.dice.randrange(1, 0x3000)) for _ in range(9))

    def a_integer(self, name, schema, care):
        return self.dice.choice(NUMBERS) if self.dice.random() < 0.4 else self.dice.randrange(1, 2000)

    def a_number(self, name, schema, care):
        return self.dice.choice([*NUMBERS, "NaN", "Infinity", "-Infinity"])

    def a_boolean(self, name, schema, care):
        return self.dice.random() < 0.5

    def a_array(self, name, schema, care):
        return [self.value(name, schema.get("items", {}), care) for _ in range(self.dice.choice([0, 1, 1, 2, 3]))]

    def a_object(self, name, schema, care):
        required = schema.get("required", [])
        fields = schema.get("properties", {})
        return {key: self.value(key, inner, care) for key, inner in fields.items() if key in required or self.dice.random() < 0.7}


class Link:
    """One connection, opened again where the server closes it."""

    def __init__(self, port):
        self.port = port
        self.open()

    def open(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def ask(self, method, path, body=None, headers=None):
        try:
            self.connection.request(method, path, body=body, headers=headers or {})
            found = self.connection.getresponse()
            return found.status, found.read(), found.headers.get("content-type", "")
        except (http.client.RemoteDisconnected, ConnectionError):
            self.open()
            return 0, b"", ""

    def post(self, name, /, **fields):
        status, found, _ = self.ask("POST", f"/api/2.0/mlflow/{name}", json.dumps(fields), {"Content-Type": "application/json"})
        assert status == 200, found
        return json.loads(found)


def wrong(status, body, kind):
    """What is wrong with an answer."""
    if status == 0:
        return "no answer"
    if status >= 500:
        return f"status {status}"
    if not kind.startswith("application/json"):
        return f"{status} is {kind}" if status != 404 else ""
    found = json.loads(body)
    if status >= 400 and not (found.get("error_code") and found.get("message")):
        return f"{status} without code or message"
    return "leaks SQL or a path" if re.search(rb"sqlite|Traceback|SELECT |/mlctl/", body) and status >= 400 else ""


@pytest.mark.timeout(300)
def test_many_thousand_requests(mlctl, place):
    process = mlctl.start("server", "--port", "0", "--no-access-log", cwd=place)
    try:
        link = Link(int(re.search(r"127\.0\.0\.1:(\d+)", process.stderr.readline())[1]))
        experiments = ["0", *[link.post("experiments/create", name=f"e{index}")["experiment_id"] for index in range(3)]]
        runs = [link.post("runs/create", experiment_id=experiments[index % 4])["run"]["info"]["run_id"] for index in range(12)]
        models = [link.post("logged-models", experiment_id=experiments[index % 4])["model"]["info"]["model_id"] for index in range(60)]
        for model_id in models:
            link.ask("PATCH", f"/api/2.0/mlflow/logged-models/{model_id}/tags", json.dumps({"tags": [{"key": "t", "value": "x"}]}))
        registered = [f"model {number}" for number in range(40)]
        for name in registered:
            link.post("registered-models/create", name=name)
            for _ in range(3):
                link.post("model-versions/create", name=name, source="s3://bucket/model")
            link.post("registered-models/alias", name=name, alias="best", version="2")
        document = json.loads(link.ask("GET", "/api/openapi.json")[1])
        maker = Maker(document, runs=runs, experiments=experiments, models=models, registered=registered)
        seen = {}
        for number in range(REQUESTS):
            method, route, path, body, headers = maker.request()
            status, answer, kind = link.ask(method, path, body, headers)
            problem = wrong(status, answer, kind)
            assert not problem, f"request {number}: {problem}\n{method} {path}\n{headers}\n{body!r}\n→ {answer[:2000]!r}"
            seen.setdefault((method, route), set()).add(status)
        assert link.ask("GET", "/health")[0] == 200
        assert link.post("runs/create", experiment_id=link.post("experiments/create", name="after")["experiment_id"])
        assert len(seen) == len(maker.operations)
        assert not [route for route, statuses in seen.items() if 200 not in statuses], "never sense"
        assert len([route for route, statuses in seen.items() if 400 in statuses]) > 0.9 * len(seen), "never nonsense"
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        link.connection.close()
    assert "Traceback" not in errors
    with contextlib.closing(sqlite3.connect(place / "mlruns" / "mlctl.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
