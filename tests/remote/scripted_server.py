"""A server that answers what it is told to, byte by byte: what real servers do seldom, or should not do at all."""

import contextlib
import json
import socket
import threading


def reply(status=200, body=b"{}", *headers, length=True):
    """The bytes of an answer; a dictionary as the body is JSON."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    lines = [f"HTTP/1.1 {status} X", *headers, *([f"Content-Length: {len(data)}"] if length else [])]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


DROP = b""
"""Instead of an answer, the connection is closed."""


class Scripted:
    """Answers requests with what is in ``replies``, in that order, then always with ``{}``. A reply may be bytes, or bytes and "close"."""

    def __init__(self, *replies, wrap=None, port=0):
        self.replies = list(replies)
        self.requests = []
        self.connections = 0
        self._wrap = wrap
        self._bound = socket.socket()
        self._bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._bound.bind(("127.0.0.1", port))
        self._bound.listen(16)
        self.port = self._bound.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._open = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._bound.shutdown(socket.SHUT_RDWR)
        self._bound.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _accept(self):
        while True:
            try:
                connection, _ = self._bound.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection):
        with connection:
            try:
                self._talk(self._wrap(connection) if self._wrap else connection)
            except OSError:
                return

    def _talk(self, connection):
        with connection, connection.makefile("rb") as file:
            while True:
                request = self._read(file)
                if request is None:
                    return
                self.requests.append(request)
                answer = self.replies.pop(0) if self.replies else reply()
                data, *rest = (answer,) if isinstance(answer, bytes) else answer
                if callable(data):
                    data(connection)
                else:
                    connection.sendall(data)
                if rest or data == DROP:
                    return

    def _read(self, file):
        line = file.readline()
        if not line:
            return None
        headers = {}
        while True:
            header = file.readline().strip()
            if not header:
                break
            name, _, value = header.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = file.read(int(headers.get("content-length", 0)))
        method, target, _ = line.decode().split(" ")
        return Asked(method, target, headers, body)


class Asked:
    """A request."""

    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body

    @property
    def json(self):
        return json.loads(self.body)
