"""Artifacts in S3: experiments that keep them there, a server that does, addresses, parts, and what is told when it does not work."""

import contextlib
import json
import os
import subprocess

import pytest
import s3_server

from mlctl.errors import NotFoundError, StoreError
from mlctl.files import addresses
from mlctl.files.s3 import S3Artifacts
from mlctl.server import s3_tree
from mlctl.server.multipart import Multipart
from mlctl.sql.sqlite import SqliteStore

pytestmark = pytest.mark.engine("s3")

LOG = """
import mlctl
mlctl.log_text("hello", "notes/hello.txt")
print(mlctl.get_artifact_uri())
"""


def keys(address, bucket):
    found = s3_server.client(address).list_objects_v2(Bucket=bucket.removeprefix("s3://").split("/")[0])
    return [item["Key"] for item in found.get("Contents", [])]


@pytest.fixture
def address(_s3_address):
    return _s3_address


def test_a_run_of_an_experiment_that_keeps_its_files_there(mlctl, project, bucket, address):
    mlctl("experiments", "create", "far", "--artifact-location", f"{bucket}/far", check=0)
    folder = project("entry_points:\n  main:\n    command: python log.py\n", log__py=LOG)
    mlctl("run", folder, "--env-manager", "local", "--experiment-name", "far", check=0)
    (run,) = mlctl.runs("--experiment", "far")
    run_id = run["info"]["run_id"]
    below = f"far/{run_id}/artifacts"
    assert {f"{below}/notes/hello.txt", f"{below}/mlctl/output.log"} <= set(keys(address, bucket))
    assert mlctl("runs", "logs", "@last", check=0).stdout == f"{bucket}/{below}\n"
    assert "notes/hello.txt" in mlctl("artifacts", "list", "@last", "-r", check=0).stdout
    assert addresses.load_text(f"{bucket}/{below}/notes/hello.txt") == "hello"
    assert [item.path for item in addresses.list_artifacts(f"{bucket}/{below}/notes")] == ["notes/hello.txt"]


def test_what_goes_with_an_upload(bucket, address, tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text("{}")
    monkeypatch.setenv("MLFLOW_S3_UPLOAD_EXTRA_ARGS", '{"Metadata": {"team": "red"}}')
    S3Artifacts(f"{bucket}/x").put_file(str(tmp_path / "a.json"))
    found = s3_server.client(address).head_object(Bucket=bucket.removeprefix("s3://"), Key="x/a.json")
    assert (found["ContentType"], found["Metadata"]) == ("application/json", {"team": "red"})
    monkeypatch.setenv("MLFLOW_S3_UPLOAD_EXTRA_ARGS", "[]")
    with pytest.raises(StoreError, match="no JSON object"):
        S3Artifacts(f"{bucket}/x").put_file(str(tmp_path / "a.json"))


def test_what_does_not_work_is_told(bucket, tmp_path, monkeypatch):
    (tmp_path / "a").write_text("a")
    with pytest.raises(StoreError, match="no bucket 'nowhere'"):
        S3Artifacts("s3://nowhere/x").put_file(str(tmp_path / "a"))
    with pytest.raises(StoreError, match="names no bucket"):
        S3Artifacts("s3:///x")
    with pytest.raises(NotFoundError):
        S3Artifacts(bucket).download("none", str(tmp_path))
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreError, match="cannot be reached"):
        S3Artifacts(bucket).list()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        S3Artifacts(bucket).list()
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint


def test_without_boto3(bucket, monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "http://another.example")
    with pytest.raises(StoreError, match="boto3") as caught:
        S3Artifacts(bucket)
    assert "mlctl[s3]" in caught.value.hint
    with contextlib.closing(SqliteStore(str(tmp_path / "mlctl.db"))) as store:  # whoever keeps files here needs none
        assert store.artifacts(store.create_run("0").info).list() == []


# ── behind a server ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_large_upload_in_parts(bucket, address, monkeypatch):
    """Parts that S3 itself may put together, and small ones at the end and between."""
    tree = s3_tree.S3Tree(f"{bucket}/artifacts")
    uploads = Multipart(tree, most_bytes=1 << 40)
    parts = [os.urandom(size) for size in (5 << 20, 6 << 20, 100, 300, 5 << 20, 7)]
    for given in (parts, parts[:1], [b""], [b"a", b"b"]):
        upload_id, secret = uploads.create(("run", "model.bin"), len(given))
        for number, content in enumerate(given, 1):
            tree.write(uploads.place_of(upload_id, str(number), secret=secret), content)
        uploads.complete(("run", "model.bin"), upload_id, list(range(1, len(given) + 1)))
        assert tree.content(("run", "model.bin")) == b"".join(given)
    assert keys(address, bucket) == ["artifacts/run/model.bin"]


def test_what_nobody_completes(bucket, address):
    tree = s3_tree.S3Tree(f"{bucket}/artifacts")
    uploads = Multipart(tree, most_bytes=1 << 40)
    uploads.create(("a",), 2)
    assert len(keys(address, bucket)) == 1
    tree.remove_stale((".uploads.part",), 4e9)
    assert keys(address, bucket) == []
    draft = tree.draft(("big",))
    draft.write([bytes(s3_tree.PART_BYTES), b"more"])
    draft.close()
    assert keys(address, bucket) == []
    assert "Uploads" not in s3_server.client(address).list_multipart_uploads(Bucket=bucket.removeprefix("s3://"))


def test_a_part_of_an_object(bucket):
    tree = s3_tree.S3Tree(bucket)
    tree.write(("a",), b"0123456789")
    reader, facts = tree.open(("a",))
    assert (facts.st_size, reader.read(3, 2), reader.read(2, 5), reader.read(9, 0)) == (10, b"234", b"56", b"012345678")
    tree.write(("a",), b"replaced..")
    reader.close()
    assert reader.read(3, 0) == b""  # another object: what was begun cannot be ended
    reader.close()


@pytest.mark.engine("mlflow")
@pytest.mark.engine("postgres")
def test_mlflows_client(mlctl, bucket, address, database, place):
    """The real client logs through a server whose runs are in PostgreSQL and whose files are in S3."""
    process = mlctl.start("server", "--port", 0, "--no-access-log", "--store", database, "--artifacts-destination", f"{bucket}/team")
    try:
        server = process.stderr.readline().split("MLFLOW_TRACKING_URI=")[1].strip()
        code = (
            "import mlflow, json\nmlflow.set_experiment('e')\nwith mlflow.start_run() as run:\n"
            "    mlflow.log_metric('m', 1.5)\n    mlflow.log_dict({'a': 1}, 'd/a.json')\n"
            "print(run.info.artifact_uri, mlflow.artifacts.load_dict(run.info.artifact_uri + '/d/a.json'), [f.path for f in "
            "mlflow.MlflowClient().list_artifacts(run.info.run_id, 'd')])"
        )
        env = {"PATH": os.environ["PATH"], "HOME": str(place), "MLFLOW_TRACKING_URI": server, "GIT_PYTHON_REFRESH": "quiet"}
        done = subprocess.run([os.environ["MLCTL_MLFLOW"], "-c", code], capture_output=True, text=True, env=env, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        uri, rest = done.stdout.strip().splitlines()[-1].split(" ", 1)
        assert (uri.startswith("mlflow-artifacts:/1/"), rest) == (True, "{'a': 1} ['d/a.json']")
        assert keys(address, bucket) == [f"team/artifacts/1/{uri.split('/')[2]}/artifacts/d/a.json"]
        assert json.loads(s3_server.client(address).get_object(Bucket=bucket[5:], Key=keys(address, bucket)[0])["Body"].read()) == {"a": 1}
    finally:
        process.terminate()
        process.communicate()
