"""`mlctl ui` as a user starts it."""

import signal
import socket
import urllib.request

import pytest

pytestmark = pytest.mark.engine("chromium")  # as these need the built pages


def test_a_taken_port_is_said_and_the_next_one_serves_the_pages(place, mlctl):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = mlctl.start("ui", "--port", str(port), "--no-browser")
        told = process.stderr.readline()
        assert f"port {port} is taken" in told
        address = process.stderr.readline().split(" at ")[1].split()[0]
        assert int(address.rsplit(":", 1)[1]) > port
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert b'<div id="app">' in answer.read()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def test_an_address_that_others_reach_is_refused(place, mlctl):
    found = mlctl("ui", "--host", "0.0.0.0", "--no-browser", check=2)
    assert "asks nobody for a login" in found.stderr
