"""Nothing is answered before the guard has looked: the whole table of routes, and each way to be refused."""

import base64
import json

import pytest

from mlctl.server.app import App
from mlctl.server.guard import OPEN_PATHS, Guard
from mlctl.server.routes import ROUTES

JSON = (b"content-type", b"application/json")
LOCAL = (b"host", b"127.0.0.1:5000")
RUNS = "/api/2.0/mlflow/runs/create"


def check(*headers, method="POST", path=RUNS, hosts=None, token=""):
    refusal = Guard(hosts, token).check(method, path, headers)
    return refusal and refusal.status


def every_route(proxy):
    table = [(route.method, path) for route in ROUTES for path in route.paths()]
    files = [(method, path + "x" if path.endswith("/") else path) for method, path in proxy]
    plain = [("GET", path) for path in App._plain if path not in OPEN_PATHS]
    absent = [("GET", "/nothing"), ("POST", "/api/2.0/mlflow/registered-models/create"), ("OPTIONS", RUNS)]
    return [*table, *files, *plain, *absent]


def test_every_route_is_behind_the_guard(serve_app, tmp_path):
    client = serve_app(Guard(None, token="s3cret"))
    right = {"Authorization": "Bearer s3cret", "Content-Type": "application/json"}
    routes = every_route(client.artifact_routes)
    assert len(routes) > 60
    for method, path in routes:

        def ask(headers, method=method, path=path):
            return client.send(method, path, body=b"{}", headers=headers).status

        assert ask({**right, "Host": "evil.example"}) == 403, (method, path)
        assert ask({**right, "Authorization": "Bearer wrong"}) == 401, (method, path)
        assert ask({"Content-Type": "application/json"}) == 401, (method, path)
        if method not in ("GET", "HEAD", "OPTIONS"):
            assert ask({**right, "Origin": "http://evil.example"}) == 403, (method, path)
            assert ask({**right, "Sec-Fetch-Site": "cross-site"}) == 403, (method, path)
        if method == "POST" and "upload-artifact" not in path:
            assert ask({**right, "Content-Type": "text/plain"}) == 400, (method, path)
        assert ask(right) not in (401, 403), (method, path)


def test_a_prefix_is_no_way_around_the_guard(serve_app):
    client = serve_app(Guard(None, token="s3cret"), static_prefix="/p")
    for method, path in every_route(client.artifact_routes):
        for prefix in ("", "/p", "//p", "/p/p", "/p/../p", "/P"):
            status = client.send(method, prefix + path, body=b"{}", headers={"Content-Type": "application/json"}).status
            assert status == 401, (method, prefix + path)


def test_only_probes_are_open(serve_app):
    client = serve_app(Guard(None, token="s3cret"))
    assert {path for path in OPEN_PATHS if client.send("GET", path, headers={"Host": "evil.example"}).status == 200} == {
        "/health",
        "/version",
    }


@pytest.mark.parametrize(
    "host",
    [b"localhost", b"LOCALHOST:80", b"127.0.0.1:5000", b"[::1]:5000", b"10.0.0.7", b"192.168.1.2:1", b"localhost.", b"a.localhost:3"],
)
def test_own_names(host):
    assert check((b"host", host), JSON) is None


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"evil.example",
        b"localhost.evil.example",
        b"8.8.8.8",
        b"localhost:80@evil.example",
        b"127.0.0.1.evil.example",
        b"localhost\xff",
        b"[::1",
    ],
)
def test_foreign_names(host):
    assert check((b"host", host), JSON) == 403


def test_one_host_header():
    assert check(LOCAL, (b"host", b"evil.example"), JSON) == 400
    assert check(JSON) == 403


def test_named_hosts():
    assert check((b"host", b"ml.example:5000"), JSON, hosts=["ml.example"]) is None
    assert check((b"host", b"ml.example:5000"), JSON, hosts=["ml.example:5000"]) is None
    assert check((b"host", b"ml.example:5001"), JSON, hosts=["ml.example:5000"]) == 403
    assert check(LOCAL, JSON, hosts=["ml.example"]) == 403
    assert check((b"host", b"anything.example"), JSON, hosts=["*"]) is None


@pytest.mark.parametrize(
    "origin", [b"http://evil.example", b"null", b"http://127.0.0.1.evil.example", b"http://localhost@evil.example", b"x", b"file://"]
)
def test_pages_of_other_sites(origin):
    assert check(LOCAL, JSON, (b"origin", origin)) == 403
    assert check(LOCAL, (b"origin", origin), method="GET") is None


@pytest.mark.parametrize("origin", [b"http://127.0.0.1:5000", b"http://localhost:3000", b"http://[::1]:5000"])
def test_own_pages(origin):
    assert check(LOCAL, JSON, (b"origin", origin)) is None


def test_same_origin_of_a_named_host():
    assert check((b"host", b"ml.example"), (b"origin", b"https://ml.example"), JSON, hosts=["ml.example"]) is None


def test_browsers_that_send_no_origin():
    assert check(LOCAL, JSON, (b"sec-fetch-site", b"cross-site")) == 403


def basic(user, password):
    return (b"authorization", b"Basic " + base64.b64encode(f"{user}:{password}".encode()))


def test_tokens():
    assert check(LOCAL, JSON, (b"authorization", b"Bearer t"), token="t") is None
    assert check(LOCAL, JSON, (b"authorization", b"bearer t"), token="t") is None
    for user, password in (("anyone", "t"), ("t", ""), ("t", "x")):
        assert check(LOCAL, JSON, basic(user, password), token="t") is None
    wrong = [basic("a", "b"), (b"authorization", b"Bearer tt"), (b"authorization", b"Basic !!"), (b"authorization", b"t"), (b"x", b"t")]
    assert [check(LOCAL, JSON, header, token="t") for header in wrong] == [401] * len(wrong)


def test_content_type():
    assert check(LOCAL, (b"content-type", b"Application/JSON; charset=utf-8")) is None
    for wrong in (b"text/plain", b"application/jsonx", b"", b"multipart/form-data"):
        assert check(LOCAL, (b"content-type", wrong)) == 400
    assert check(LOCAL) == 400
    assert check(LOCAL, method="PUT", path="/api/2.0/mlflow-artifacts/artifacts/x") is None
    assert check(LOCAL, method="PUT", path="/api/2.0/mlflow-artifacts/other") == 400


@pytest.mark.parametrize("changes", [{"pid": -1}, {"pid": 0}, {"pid": 2**63}, {"host": "h" * 501}, {"pid": "x"}, {"boot_id": 5}])
def test_owners_that_are_no_processes(serve_app, changes):
    client = serve_app()
    owner = {"host": "h", "boot_id": "b", "pid": 2, "pid_started": 0, **changes}
    for name in ("set-owner", "finish", "create"):
        fields = {"run_id": client.run(), "owner": owner, "only_owner": owner, "status": "FAILED", "end_time": 1, "experiment_id": "0"}
        reply = client.send("POST", f"/api/2.0/mlctl/runs/{name}", json.dumps(fields), {"Content-Type": "application/json"})
        assert (reply.status, reply.code) == (400, "INVALID_PARAMETER_VALUE"), name
