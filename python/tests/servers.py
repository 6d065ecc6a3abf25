"""Servers for tests: `hushvec serve` on a folder and a free port."""

import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

BINARY = pathlib.Path(os.environ.get("HUSHVEC_BINARY", pathlib.Path(__file__).parents[2] / "target/release/hushvec"))


def require():
    """Skips the module if there is no binary, or fails it if HUSHVEC_REQUIRE_SDK is set."""
    if not BINARY.exists():
        reason = f"there is no {BINARY}: cargo build --release"
        if os.environ.get("HUSHVEC_REQUIRE_SDK") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason, allow_module_level=True)


def wire(ciphertext):
    """Encodes the little-endian bytes of a ciphertext as the SDK does."""
    return base64.b64encode(bytes(ciphertext)).decode()


class Server:
    """A running server. It prints its admin key when the folder is new; `restarted` passes the key on."""

    def __init__(self, folder, *arguments, admin_key=None, wrapper=(), device="cpu"):
        self.folder, self.arguments = folder, arguments
        command = [*wrapper, BINARY, "serve", "--data", folder, "--listen", "127.0.0.1:0", "--device", device, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.admin_key, self.url, self.log = admin_key, None, []
        for line in self.process.stderr:
            self.log.append(line)
            if found := re.search(r"listening on (https?://\S+)", line):
                self.url = found[1]
                break
        else:
            raise RuntimeError("".join(self.log))
        # Read the log, or the server would block when the pipe is full.
        self.reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True)
        self.reader.start()
        if admin_key is None:
            self.admin_key = self.process.stdout.readline().removeprefix("admin key: ").strip()

    def call(self, method, path, body=None, accept="application/json"):
        """Returns status and reply of a request with the admin key. Raises OSError if the server stops."""
        headers = {"x-api-key": self.admin_key, "x-xtrace-key": self.admin_key, "x-xtrace-org-id": "default", "accept": accept}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["content-type"] = "application/json"
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def prepare(self, context):
        """Stores a context and creates a knowledge base. Returns the id of the knowledge base."""
        assert self.call("POST", "/v1/exec_context/default", {"context_id": context.id, "data": context.to_dict_enc()})[0] == 200
        status, base = self.call("POST", "/v1/kbs", {"name": "base"})
        assert status == 200
        return base["id"]

    def insert(self, context, base, contents, ciphertexts):
        """Stores chunks with these contents and ciphertexts (rows of bytes)."""
        chunks = [{"chunk_content": content, "index": [wire(c)], "name": content} for content, c in zip(contents, ciphertexts)]
        return self.call("POST", "/v1/chunk/default", {"kb_id": base, "context_id": context.id, "chunks": chunks})

    def distances(self, context, base, query):
        """Returns the distance of each chunk to an encrypted query."""
        body = {"kb_id": base, "context_id": context.id, "query": [wire(query)]}
        status, rows = self.call("POST", "/v1/compute_hamming/default", body)
        assert status == 200, rows
        decoded = context.decode_hamming_client_batch([row[0] for row in rows])
        return {row[1]: distance for row, distance in zip(rows, decoded)}

    def stop(self, signal_number=signal.SIGTERM):
        """Stops the server, and returns its log."""
        self.process.send_signal(signal_number)
        return self.ended()

    def ended(self):
        """Waits for the server to end, and returns its log."""
        self.process.wait(timeout=60)
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return "".join(self.log)

    def restarted(self):
        return type(self)(self.folder, *self.arguments, admin_key=self.admin_key)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()
