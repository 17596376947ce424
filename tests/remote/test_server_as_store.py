"""The way to a server: framing, repeating, time-outs, credentials, proxies, TLS, forks."""

import contextlib
import gzip
import os
import shutil
import ssl
import subprocess
import threading
import time

import pytest
from scripted_server import DROP, Scripted, reply

from mlctl.errors import ExistsError, InvalidValueError, NotFoundError, StoreError, UnreachableError
from mlctl.remote import address as http_address
from mlctl.remote import transport as http_transport
from mlctl.remote.connection import Connection
from mlctl.remote.store import HttpStore
from mlctl.tracking.entities import Metric, Param, RunTag
from mlctl.tracking.opening import open_store

EXPERIMENT = {"experiment": {"experiment_id": "0", "name": "Default"}}
FOUND = reply(200, EXPERIMENT)


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    http_address._given.clear()
    http_transport._answered.clear()


@pytest.fixture
def ask():
    """A function that gives a store whose server answers what it is told, and that server."""
    with contextlib.ExitStack() as stack:

        def make(*replies, address="{address}", **options):
            server = stack.enter_context(Scripted(*replies, **options))
            store = HttpStore(address.format(address=server.address, port=server.port))
            stack.callback(store.close)
            return store, server

        yield make


def get(store):
    return store.get_experiment("0").name


def create(store):
    return store.create_experiment("new")


def log(store):
    store.log_batch("r", metrics=[Metric("m", 1.0, 0)])


class TestFraming:
    """An answer ends where it says, however it says so."""

    BODY = b'{"experiment":{"experiment_id":"0","name":"Default"}}'

    @pytest.mark.parametrize(
        "answer",
        [
            FOUND,
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + FOUND,
            (reply(200, BODY, length=False), "close"),
            b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\n" + BODY[:5] + b"\r\n30\r\n" + BODY[5:] + b"\r\n0\r\nX: y\r\n\r\n",
            reply(200, gzip.compress(BODY), "Content-Encoding: gzip"),
            reply(200, BODY, f"Content-Length: {len(BODY)}"),
            b"HTTP/1.1 200 OK\nContent-Length: 53\n\n" + BODY,
        ],
    )
    def test_read(self, ask, answer):
        store, server = ask(answer, FOUND)
        assert len(self.BODY) == 53
        assert get(store) == get(store) == "Default"
        assert server.requests[0].headers["accept-encoding"] == "gzip"

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + BODY,
            b"HTTP/1.1 200 OK\r\nContent-Length: 53\r\nContent-Length: 54\r\n\r\n" + BODY,
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + BODY,
            b"HTTP/1.1 200 OK\r\nContent-Length: 53\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + BODY,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n" + BODY,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n" + BODY + b"\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n35\r\n" + BODY + b"\r\n",
            b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300,
            b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000,
            b"HTTP/1.1 2000 OK\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"HTTP/2 200\r\n\r\n",
        ],
    )
    def test_refused(self, ask, answer):
        store, _ = ask(*[(answer, "close")] * 50)
        with pytest.raises(UnreachableError, match="gave no answer"):
            create(store)

    @pytest.mark.parametrize("answer", [b"[]", b"<html>", b"{", b'"x"', gzip.compress(b"{}", mtime=0)[:10]])
    def test_no_json(self, ask, answer):
        store, _ = ask(reply(200, answer))
        with pytest.raises(StoreError, match="no JSON"):
            get(store)


class TestConnections:
    """They are kept, and never trusted."""

    def test_one_for_many_calls(self, ask):
        store, server = ask()
        for _ in range(20):
            log(store)
        assert (server.connections, len(server.requests)) == (1, 20)

    def test_closed_by_the_server_meanwhile(self, ask):
        store, server = ask((FOUND, "close"), (reply(200, {"experiment_id": "1"}), "close"), FOUND)
        assert get(store) == "Default"
        time.sleep(0.1)
        assert create(store) == "1"
        time.sleep(0.1)
        assert get(store) == "Default"
        assert server.connections == 3

    def test_a_server_that_says_close(self, ask):
        store, server = ask(reply(200, EXPERIMENT, "Connection: close"), FOUND)
        assert get(store) == get(store) == "Default"
        assert server.connections == 2

    def test_a_client_that_was_idle_does_not_risk_a_request_that_cannot_be_repeated(self, ask, monkeypatch):
        store, server = ask(FOUND, FOUND, reply(200, {"experiment_id": "1"}))
        get(store)
        monkeypatch.setattr(http_transport, "_IDLE_S", -1.0)
        get(store)
        assert server.connections == 1
        create(store)
        assert server.connections == 2

    def test_threads(self, ask):
        store, server = ask()
        threads = [threading.Thread(target=lambda: [log(store) for _ in range(20)]) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.requests) == 120
        assert server.connections <= 6

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
    def test_a_child_opens_its_own(self, ask):
        store, server = ask()
        log(store)
        pid = os.fork()
        if not pid:
            try:
                log(store)
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0
        log(store)
        assert (server.connections, len(server.requests)) == (2, 3)


class TestRepeating:
    """Only what may be done twice is done twice; a server that asks for it is asked again."""

    @pytest.mark.parametrize("answer", [DROP, reply(502), reply(503), reply(504), reply(408), reply(429)])
    def test_reads_and_writes_that_may_be_repeated(self, ask, answer):
        store, server = ask(answer, answer, FOUND, answer, reply())
        assert get(store) == "Default"
        log(store)
        assert len(server.requests) == 5
        assert server.requests[3].body == server.requests[4].body

    @pytest.mark.parametrize("answer", [DROP, reply(502), reply(503), reply(500)])
    def test_others_are_not(self, ask, answer):
        store, server = ask(answer, reply(200, {"experiment_id": "1"}))
        with pytest.raises(StoreError):
            create(store)
        assert len(server.requests) == 1

    def test_what_broke_down_is_not_asked_again(self, ask):
        store, server = ask(reply(500, {"error_code": "INTERNAL_ERROR", "message": "boom\x1b[2J"}))
        with pytest.raises(StoreError, match=r"failed \(500 INTERNAL_ERROR\): boom") as caught:
            get(store)
        assert "\x1b" not in str(caught.value)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_server_that_names_a_time(self, ask, status):
        store, server = ask(reply(status, b"", "Retry-After: 0"), reply(200, {"experiment_id": "1"}))
        assert create(store) == "1"
        assert len(server.requests) == 2

    def test_a_time_beyond_patience(self, ask, monkeypatch):
        monkeypatch.setenv("MLCTL_HTTP_PATIENCE_S", "5")
        store, server = ask(reply(429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "too many"}, "Retry-After: 3600"))
        with pytest.raises(StoreError, match="too many"):
            get(store)
        assert len(server.requests) == 1

    def test_a_server_that_starts_again(self):
        with Scripted(FOUND) as first, contextlib.closing(HttpStore(first.address)) as store:
            get(store)
            first.__exit__()
            started = []
            timer = threading.Timer(0.5, lambda: started.append(Scripted(reply(200, {"experiment_id": "7"}), port=first.port)))
            timer.start()
            assert create(store) == "7"
            timer.join()
            with started[0] as second:
                assert [asked.method for asked in second.requests] == ["POST"]

    def test_a_server_that_says_nothing(self, ask, monkeypatch):
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "0.2")
        monkeypatch.setenv("MLCTL_HTTP_PATIENCE_S", "0")
        store, _ = ask((lambda _: time.sleep(1), "close"))
        with pytest.raises(UnreachableError, match="nothing came in time") as caught:
            get(store)
        assert "not known" in caught.value.hint


class TestErrors:
    """What a server refuses is an error of mlctl's tree."""

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("RESOURCE_DOES_NOT_EXIST", NotFoundError),
            ("RESOURCE_ALREADY_EXISTS", ExistsError),
            ("INVALID_PARAMETER_VALUE", InvalidValueError),
            ("BAD_REQUEST", InvalidValueError),
        ],
    )
    def test_codes(self, ask, code, kind):
        store, _ = ask(reply(400, {"error_code": code, "message": "no. Try it.", "hint": "Try it."}))
        with pytest.raises(kind) as caught:
            get(store)
        assert (caught.value.message, caught.value.hint) == ("no.", "Try it.")

    def test_files_of_mlflows_server(self, ask):
        store, _ = ask(reply(400, {"detail": "a folder"}))
        with pytest.raises(InvalidValueError, match="a folder"):
            get(store)

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (reply(401), "does not let you"),
            (reply(403, b"Invalid Host header", "Content-Type: text/plain"), "Invalid Host header"),
            (reply(404, b"<html>nothing</html>"), "has nothing at /api/2.0/mlflow/experiments/get"),
            (reply(405), "has nothing at"),
            (reply(301, b"", "Location: https://there.example/"), "https://there.example/"),
            (reply(501, {"error_code": "NOT_IMPLEMENTED", "message": "x"}), "has nothing at"),
            (reply(418, b"short and stout"), "short and stout"),
        ],
    )
    def test_others(self, ask, answer, said):
        store, _ = ask(answer)
        with pytest.raises(StoreError, match=said) as caught:
            get(store)
        assert type(caught.value) is not NotFoundError

    def test_a_name_that_nobody_knows(self):
        store = HttpStore("http://nobody.invalid:5000")
        with pytest.raises(UnreachableError, match=r"http://nobody\.invalid:5000 cannot be reached"):
            get(store)

    @pytest.mark.parametrize("name", ["..", "", ".", "../../etc/passwd", "a/b", "/etc/passwd", "nul\0"])
    def test_a_listing_that_leads_out(self, ask, tmp_path, name):
        listing = reply(200, {"files": [{"path": name, "is_dir": False, "file_size": 3}]})
        store, _ = ask(listing, listing)
        files = store.artifacts(_run("mlflow-artifacts:/0/r/artifacts"))
        with pytest.raises(StoreError, match="no name"):
            files.download("", str(tmp_path / "in"))
        assert not (tmp_path / "in").exists() or not any((tmp_path / "in").iterdir())


def _run(uri):
    from mlctl.tracking.entities import RunInfo

    return RunInfo("r", "", "0", "", "RUNNING", 0, None, uri)


class TestAddresses:
    """What an address may be, and what is shown of it."""

    @pytest.mark.parametrize(
        ("address", "uri"),
        [
            ("http://localhost:5000", "http://localhost:5000"),
            ("HTTP://LocalHost:5000/", "http://localhost:5000"),
            ("http://localhost:80/a/b/", "http://localhost/a/b"),
            ("https://ml.example.org/mlflow", "https://ml.example.org/mlflow"),
            ("https://ada:s%3Acret@ml.example.org:8443/x", "https://ml.example.org:8443/x"),
            ("http://[::1]:5000/x", "http://[::1]:5000/x"),
            ("http://under_score:1", "http://under_score:1"),
        ],
    )
    def test_good(self, address, uri):
        store = open_store(address)
        assert (store.uri, store.read_only) == (uri, False)
        assert open_store(store.uri).uri == uri

    @pytest.mark.parametrize(
        "address",
        [
            "http://",
            "http://:secret@",
            "http://u:secret@host:99999",
            "http://u:secret@ho st",
            "http://u:secret@h/x?y=1",
            "http://u:secret@h/\r\nX: y",
        ],
    )
    def test_bad(self, address):
        with pytest.raises(StoreError, match="is not an address") as caught:
            open_store(address)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("prefix", ["", "/deep/er"])
    def test_a_path_in_front(self, ask, prefix):
        store, server = ask(FOUND, address="{address}" + prefix + "/")
        get(store)
        assert server.requests[0].target == prefix + "/api/2.0/mlflow/experiments/get?experiment_id=0"
        assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"

    @pytest.mark.parametrize(
        ("uri", "path"),
        [
            ("mlflow-artifacts:/0/r/artifacts", "0/r/artifacts"),
            ("mlflow-artifacts:///x", "x"),
            ("mlflow-artifacts://127.0.0.1:{port}/x/y", "x/y"),
            ("http://127.0.0.1:{port}/api/2.0/mlflow-artifacts/artifacts/x", "x"),
        ],
    )
    def test_artifacts_of_the_server(self, ask, uri, path):
        store, server = ask(reply(200, b"text"))
        files = store.artifacts(_run(uri.format(port=server.port)))
        assert b"".join(files.read("a b/\N{SNOWMAN}#?.txt")) == b"text"
        assert server.requests[0].target == f"/api/2.0/mlflow-artifacts/artifacts/{path}/a%20b/%E2%98%83%23%3F.txt"

    @pytest.mark.parametrize("uri", ["mlflow-artifacts://elsewhere:5000/x", "gs://bucket/x", "http://elsewhere/x"])
    def test_artifacts_elsewhere(self, ask, uri):
        store, server = ask()
        with pytest.raises(StoreError, match=r"elsewhere|s3"):
            store.artifacts(_run(uri))
        assert server.connections == 0

    def test_artifacts_in_a_local_folder(self, ask, tmp_path):
        store, _ = ask()
        (tmp_path / "x").write_text("1")
        files = store.artifacts(_run(f"file://{tmp_path}"))
        assert [item.path for item in files.list()] == ["x"]
        assert store.artifact_root(_run(str(tmp_path))) == str(tmp_path)


class TestCredentials:
    """They reach the server and nobody else."""

    @pytest.mark.parametrize(
        ("variables", "header"),
        [
            ({}, None),
            ({"MLFLOW_TRACKING_TOKEN": "t"}, "Bearer t"),
            ({"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "é:x"}, "Basic YWRhOsOpOng="),
            ({"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "p", "MLFLOW_TRACKING_TOKEN": "t"}, "Basic YWRhOnA="),
            ({"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_TOKEN": "t"}, "Bearer t"),
            ({"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "p", "MLCTL_TRACKING_TOKEN": "t"}, "Bearer t"),
            ({"MLCTL_TRACKING_TOKEN": "mine", "MLFLOW_TRACKING_TOKEN": "t"}, "Bearer mine"),
        ],
    )
    def test_from_variables(self, ask, monkeypatch, variables, header):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        store, server = ask(FOUND)
        get(store)
        assert server.requests[0].headers.get("authorization") == header

    def test_from_the_address(self, ask, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t")
        store, server = ask(reply(401), FOUND, address="http://ada:s%3Acr%40t@127.0.0.1:{port}")
        with pytest.raises(StoreError) as caught:
            get(store)
        assert "cr@t" not in repr(caught.value)
        assert "s%3A" not in repr(caught.value)
        again = open_store(store.uri)
        assert again.get_experiment("0").name == "Default"
        again.close()
        assert [asked.headers["authorization"] for asked in server.requests] == ["Basic YWRhOnM6Y3JAdA=="] * 2
        assert "ada" not in store.uri

    @pytest.mark.parametrize("token", ["a b", "a\r\nX: y", "é"])
    def test_tokens_that_are_none(self, monkeypatch, token):
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
        with pytest.raises(StoreError, match="token"):
            open_store("http://localhost:5000")


class TestProxies:
    """The environment's proxy, unless it excepts the server."""

    def test_plain(self, ask, monkeypatch):
        _, proxy = ask(FOUND)
        monkeypatch.setenv("http_proxy", f"http://me:pass@127.0.0.1:{proxy.port}")
        store = HttpStore("http://ml.example.org/x")
        assert get(store) == "Default"
        store.close()
        assert proxy.requests[0].target == "http://ml.example.org/x/api/2.0/mlflow/experiments/get?experiment_id=0"
        assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6cGFzcw=="
        assert proxy.requests[0].headers["host"] == "ml.example.org"

    def test_a_tunnel_that_is_refused(self, ask, monkeypatch):
        _, proxy = ask(*[(reply(403), "close")] * 9)
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
        with pytest.raises(UnreachableError, match=r"through the proxy 127\.0\.0\.1:.*answers 403"):
            get(HttpStore("https://ml.example.org"))
        assert (proxy.requests[0].method, proxy.requests[0].target) == ("CONNECT", "ml.example.org:443")

    @pytest.mark.parametrize(
        ("no_proxy", "host", "direct"),
        [
            ("", "ml.example.org", False),
            ("*", "ml.example.org", True),
            ("example.org", "ml.example.org", True),
            (".example.org", "ml.example.org", True),
            ("other, ml.example.org:8080", "ml.example.org:8080", True),
            ("ml.example.org:81", "ml.example.org", False),
            ("ample.org", "ml.example.org", False),
            ("10.0.0.0/8", "10.1.2.3", True),
            ("10.0.0.0/8", "11.1.2.3", False),
            ("10.0.0.0/8", "ml.example.org", False),
            ("", "localhost", True),
            ("", "127.0.0.1", True),
            ("", "[::1]", True),
        ],
    )
    def test_exceptions(self, monkeypatch, no_proxy, host, direct):
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
        monkeypatch.setenv("NO_PROXY", no_proxy)
        assert (http_address.server(f"http://{host}").proxy is None) is direct

    def test_a_kind_that_is_not_known(self, monkeypatch):
        monkeypatch.setenv("ALL_PROXY", "socks5://me:secret@proxy.example:1080")
        with pytest.raises(StoreError, match="cannot be used") as caught:
            open_store("http://ml.example.org")
        assert "secret" not in str(caught.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Files of a certificate for localhost that nobody knows: certificate, and certificate with key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    argv = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        "key",
        "-out",
        "cert",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run([*argv, "-addext", "subjectAltName=DNS:localhost,DNS:ml.example.org"], cwd=folder, check=True, capture_output=True)
    (folder / "both").write_bytes((folder / "cert").read_bytes() + (folder / "key").read_bytes())
    return folder


class TestTls:
    """A server must prove who it is, unless told otherwise."""

    @pytest.fixture
    def wrap(self, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "both")
        return lambda connection: context.wrap_socket(connection, server_side=True)

    def test_an_unknown_certificate(self, ask, wrap):
        store, _ = ask(address="https://localhost:{port}", wrap=wrap)
        with pytest.raises(UnreachableError, match="certificate is not good") as caught:
            get(store)
        assert "MLFLOW_TRACKING_SERVER_CERT_PATH" in caught.value.hint

    def test_a_known_certificate(self, ask, wrap, certificate, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate / "cert"))
        store, server = ask(FOUND, FOUND, address="https://localhost:{port}", wrap=wrap)
        assert get(store) == get(store) == "Default"
        assert len(server.requests) == 2
        other, _ = ask(FOUND, address="https://127.0.0.1:{port}", wrap=wrap)
        with pytest.raises(UnreachableError, match="certificate"):
            get(other)

    def test_any_certificate(self, ask, wrap, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
        store, _ = ask(FOUND, address="https://127.0.0.1:{port}", wrap=wrap)
        assert get(store) == "Default"
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "x")
        with pytest.raises(StoreError, match="and not to be checked"):
            open_store("https://localhost")

    def test_the_clients_own_certificate(self, ask, certificate, monkeypatch):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "both")
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate / "cert")
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate / "cert"))
        monkeypatch.setenv("MLFLOW_TRACKING_CLIENT_CERT_PATH", str(certificate / "both"))
        store, _ = ask(FOUND, address="https://localhost:{port}", wrap=lambda plain: context.wrap_socket(plain, server_side=True))
        assert get(store) == "Default"

    def test_files_that_are_not_there(self, ask, wrap, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "/no/such/file")
        store, _ = ask(address="https://localhost:{port}", wrap=wrap)
        with pytest.raises(StoreError, match="No such file"):
            get(store)

    def test_through_a_tunnel(self, ask, certificate, monkeypatch):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "both")
        asked = []

        def tunnel(plain):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += plain.recv(1)
            asked.append(head.splitlines()[0])
            plain.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return context.wrap_socket(plain, server_side=True)

        _, proxy = ask(FOUND, wrap=tunnel)
        monkeypatch.setenv("https_proxy", proxy.address)
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate / "cert"))
        store = HttpStore("https://ml.example.org")
        assert get(store) == "Default"
        store.close()
        assert asked == [b"CONNECT ml.example.org:443 HTTP/1.1"]
        assert proxy.requests[0].target == "/api/2.0/mlflow/experiments/get?experiment_id=0"


class TestBatches:
    """What is more than a server takes is sent in portions, params first."""

    @pytest.mark.parametrize(
        ("metrics", "params", "tags", "portions"),
        [
            (0, 0, 0, [(0, 0, 0)]),
            (1, 1, 1, [(1, 1, 1)]),
            (1000, 0, 0, [(1000, 0, 0)]),
            (1001, 0, 0, [(1000, 0, 0), (1, 0, 0)]),
            (900, 100, 0, [(900, 100, 0)]),
            (900, 100, 1, [(899, 100, 1), (1, 0, 0)]),
            (5, 250, 130, [(0, 100, 0), (0, 100, 0), (0, 50, 100), (5, 0, 30)]),
        ],
    )
    def test_portions(self, ask, metrics, params, tags, portions):
        store, server = ask()
        store.log_batch(
            "r",
            metrics=[Metric("m", 1.0, 0, step) for step in range(metrics)],
            params=[Param(f"p{number}", "x") for number in range(params)],
            tags=[RunTag(f"t{number}", "x") for number in range(tags)],
        )
        sent = [asked.json for asked in server.requests]
        assert [tuple(len(body.get(name, [])) for name in ("metrics", "params", "tags")) for body in sent] == portions
        assert [point["step"] for body in sent for point in body.get("metrics", [])] == list(range(metrics))

    def test_nothing_is_sent_of_a_call_that_is_refused(self, ask):
        store, server = ask()
        with pytest.raises(InvalidValueError):
            store.log_batch("r", metrics=[Metric("m", 1.0, 0, step) for step in range(1500)] + [Metric("../x", 1.0, 0)])
        assert server.requests == []


class TestAServerWithoutOwners:
    """A plain MLflow server: runs have no owners, and are made as MLflow's clients make them."""

    def test_it_is_asked_once(self, ask):
        info = {"run_id": "r", "experiment_id": "0", "status": "RUNNING", "start_time": 5}
        run = reply(200, {"run": {"info": info, "data": {}}})
        from mlctl.tracking import owners

        store, server = ask(reply(404, b"<html>"), run, reply(), reply(), run)
        made = store.create_run("0", status="SCHEDULED", params=[Param("a", "1")], tags=[RunTag("t", "1")], owner=owners.current())
        assert made.info.run_id == "r"
        names = [asked.target.partition("?")[0].rpartition("2.0/")[2] for asked in server.requests]
        assert names == ["mlctl/runs/create", "mlflow/runs/create", "mlflow/runs/log-batch", "mlflow/runs/update", "mlflow/runs/get"]
        assert server.requests[3].json == {"run_id": "r", "status": "SCHEDULED"}
        assert (store.owners(), store.heartbeat("r", 1), len(server.requests)) == ([], False, 5)
        with pytest.raises(InvalidValueError, match="cannot be stopped through"):
            store.request_stop("r")
        assert store.finish_run("r", status="FINISHED", end_time=9, tags=[RunTag("why", "x")])
        assert [asked.json for asked in server.requests[5:]] == [
            {"run_id": "r", "tags": [{"key": "why", "value": "x"}]},
            {"run_id": "r", "status": "FINISHED", "end_time": 9},
        ]


def test_a_connection_closes_itself():
    with Scripted() as server:
        Connection(http_address.server(server.address), timeout_s=5.0)
        assert server.connections <= 1
