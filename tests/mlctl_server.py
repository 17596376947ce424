"""`mlctl server` as a user runs it: a process of its own, which can be stopped and started again at its address."""

import os
import socket
import subprocess
import sys


class Server:
    """A server over a store of its own in ``folder``."""

    def __init__(self, folder, *options):
        self.folder, self._options = folder, options
        folder.mkdir(exist_ok=True)
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            self.port = bound.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._process = None

    def start(self):
        """Start it; it answers when this returns."""
        argv = [sys.executable, "-m", "mlctl", "server", "--port", str(self.port), "--no-access-log"]
        environ = {name: value for name, value in os.environ.items() if not name.endswith("TRACKING_URI")}
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True}
        self._process = subprocess.Popen([*argv, *self._options], cwd=self.folder, env=environ, **streams)
        assert "serving" in self._process.stderr.readline()

    def stop(self):
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=30)
            self._process = None
