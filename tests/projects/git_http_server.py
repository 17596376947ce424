"""A web server in front of ``git http-backend``: ``python git_http_server.py ROOT LOG``; prints its port and serves until it is ended.

Repositories below ROOT/private need one of LOGINS. LOG gets a line of JSON for each request.
"""

import base64
import gzip
import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

USER, PASSWORD = "someone", "s3cr=t@word"
LOGINS = (f"{USER}:{PASSWORD}", "x-access-token:t0ken-of-mine")
ROOT, LOG = sys.argv[1:3]
BACKEND = Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()) / "git-http-backend"


class Bridge(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])) if "Content-Length" in self.headers else self.chunks()
        self.answer(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)

    def chunks(self):
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        return found

    def answer(self, body):
        path, _, query = self.path.partition("?")
        fetches = b"command=fetch" in body or b"want " in body
        with Path(LOG).open("a") as log:
            log.write(json.dumps({"method": self.command, "path": path, "fetches": fetches, "login": self.login()}) + "\n")
        if path.startswith("/private/") and self.login() not in LOGINS:
            self.reply(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
        elif path.startswith("/broken/"):
            self.reply(503, [], b"")
        else:
            self.bridge(path, query, body)

    def login(self):
        kind, _, code = self.headers.get("Authorization", "").partition(" ")
        return base64.b64decode(code).decode() if kind == "Basic" else None

    def bridge(self, path, query, body):
        variables = {
            "GIT_PROJECT_ROOT": ROOT,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run([BACKEND], input=body, env={**os.environ, **variables}, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
        self.reply(status, [each for each in headers if each[0] != "Status"], content)

    def reply(self, status, headers, content):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bridge)
    print(server.server_address[1], flush=True)
    server.serve_forever()
