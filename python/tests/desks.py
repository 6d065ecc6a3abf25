"""Desks for tests: a folder in which the command line is called, and servers that fail it."""

import contextlib
import http.server
import json
import os
import subprocess
import threading

import servers

PASSPHRASE = "correct horse"


class Desk:
    """A folder to work in, and who is asked there."""

    def __init__(self, folder, url="http://127.0.0.1:1", key="nobody"):
        self.folder, self.url, self.key = folder, url, key

    def start(self, *arguments, passphrase=PASSPHRASE, **environment):
        env = {**os.environ, "HUSHVEC_API_KEY": self.key, **environment}
        env.pop("HUSHVEC_PASSPHRASE", None)
        if passphrase is not None:
            env["HUSHVEC_PASSPHRASE"] = passphrase
        return subprocess.Popen(
            [servers.BINARY, *map(str, arguments)], cwd=self.folder, env=env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, *arguments, code=0, **options):
        """What it prints on standard output, or, if it should fail, on standard error."""
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, err
        return out if code == 0 else err

    def push(self, *arguments, **options):
        out = self.run("push", *arguments, "--server", self.url, "--json", **options)
        return json.loads(out) if options.get("code", 0) == 0 else out

    def search(self, *arguments, **options):
        out = self.run("search", *arguments, "--server", self.url, "--json", **options)
        return json.loads(out)["results"] if options.get("code", 0) == 0 else out


class Failing(http.server.BaseHTTPRequestHandler):
    """A server that stores what comes, until `on_insert` says otherwise."""

    protocol_version = "HTTP/1.1"

    def answer(self, status, value, **headers):
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.asked.append(self.headers["x-api-key"])
        if self.path.endswith("/context"):
            return self.answer(200, {"context_ids": []})
        if self.path.endswith("/moved"):
            return self.answer(307, {}, location=self.server.elsewhere)
        return self.answer(404, {"message": f"no such thing, {self.headers['x-api-key']}\x1b[31m"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.startswith("/v1/exec_context"):
            return self.answer(200, {"context_id": body["context_id"]})
        status, value = self.server.on_insert(len(body["chunks"]))
        return self.answer(status, value)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def failing_server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        server.url, server.asked = f"http://127.0.0.1:{server.server_port}", []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
