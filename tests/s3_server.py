"""A server that speaks the protocol of S3, in a process of its own: moto's, which keeps objects in memory."""

import contextlib
import functools
import itertools
import os
import socket
import subprocess
import time

_KEYS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "geheim", "AWS_DEFAULT_REGION": "us-east-1"}
_START_S = 40
_numbers = itertools.count(1)


def variables(address):
    """What a client of it needs in its environment."""
    return {**_KEYS, "MLFLOW_S3_ENDPOINT_URL": address, "AWS_EC2_METADATA_DISABLED": "true"}


@contextlib.contextmanager
def serving():
    """The server's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [os.environ["MLCTL_MOTO"], "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@functools.cache
def client(address):
    """boto3's own client of it."""
    import boto3

    return boto3.client("s3", endpoint_url=address, aws_access_key_id="tester", aws_secret_access_key="geheim", region_name="us-east-1")


def bucket(address):
    """The address of a new bucket."""
    name = f"bucket-{os.getpid()}-{next(_numbers)}"
    client(address).create_bucket(Bucket=name)
    return f"s3://{name}"
