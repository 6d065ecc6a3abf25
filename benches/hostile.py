#!/usr/bin/env python3
"""Measures latency for other organisations while one organisation attacks a server with slow filters and half-open requests.

    cargo build --release && python3 benches/hostile.py [BINARY]

Needs the Python package (python/test.sh makes an environment with it). BINARY is the `hushvec` binary, by default
target/release/hushvec.
"""

import base64
import http.client
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import numpy

import hushvec

from interleaved import seconds, timed

BINARY = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1] / "target/release/hushvec"
CHUNKS, FACETS, HOSTILE, HALF_OPEN, PROBES = 200, 256, 100, 1024, 50


class Server:
    """A server, with an organisation that is created if it does not exist."""

    def __init__(self, folder, organisation):
        command = [BINARY, "serve", "--data", folder, "--listen", "127.0.0.1:0", "--device", "cpu", "--org", organisation]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"http://([\d.]+):(\d+)", line):
                break
        self.address = found[1], int(found[2])
        self.key = self.process.stdout.readline().split()[-1]
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def memory(self, name):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+)", status)[1]) // 1024


class Organisation:
    def __init__(self, server, name, key):
        self.server, self.name, self.key = server, name, key

    def call(self, method, path, body=None, timeout=120):
        connection = http.client.HTTPConnection(*self.server.address, timeout=timeout)
        headers = {"x-api-key": self.key, "x-xtrace-key": self.key, "x-xtrace-org-id": self.name, "content-type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            connection.close()

    def ok(self, *request):
        status, reply = self.call(*request)
        assert status == 200, reply
        return reply


def measure(name, probe):
    """Prints the median and the maximum latency of calls."""
    times = [1e3 * seconds(probe) for _ in range(PROBES)]
    print(f"{name}: median {statistics.median(times):.1f} ms, longest {max(times):.1f} ms", flush=True)


def fill(organisation):
    context = hushvec.ExecutionContext.create("bench", "paillier_subgroup", embedding_length=16)
    wire = base64.b64encode(bytes(context.encrypt_vec_batch(numpy.ones((1, 16), dtype=numpy.uint8))[0])).decode()
    organisation.ok("POST", f"/v1/exec_context/{organisation.name}", {"context_id": context.id, "data": context.to_dict_enc()})
    base = organisation.ok("POST", "/v1/kbs", {"name": "base"})["id"]
    chunk = {"chunk_content": "", "index": [wire], "meta_data": {"facets": [f"{facet:064}" for facet in range(FACETS)]}}
    organisation.ok("POST", f"/v1/chunk/{organisation.name}", {"kb_id": base, "context_id": context.id, "chunks": [chunk] * CHUNKS})
    return {"kb_id": base, "context_id": context.id}


def attack(organisation, where, number, stopped):
    """Sends slow requests, one after the other. A quarter of the threads send dry runs, and a quarter time out early."""
    all_of = {"facets": {"$all": [f"{facet:064}" for facet in range(255)] + [f"x{facet}" for facet in range(255)]}}
    none_of = {"$and": [{"facets": {"$none": [f"{number} {value}" for value in range(12)]}} for number in range(31)] + [{"facets": "x"}]}
    filter = all_of if number % 2 else none_of
    while not stopped.is_set():
        try:
            if number % 4 == 0:
                body = {**where, "meta_filter": filter, "patch": {"tag1": "x"}, "dry_run": True}
                organisation.call("PATCH", f"/v1/chunk/by-meta/{organisation.name}", body)
            else:
                timeout = 0.2 if number % 4 == 1 else 120
                organisation.call("POST", f"/v1/chunk/meta/{organisation.name}", {**where, "meta_filter": filter}, timeout)
        except OSError:
            pass


with tempfile.TemporaryDirectory() as folder:
    server = Server(folder, "other")
    key = server.key
    server.stop()
    server = Server(folder, "greedy")
    greedy, other = Organisation(server, "greedy", server.key), Organisation(server, "other", key)
    where, memory = fill(greedy), server.memory("VmRSS")
    listing = lambda: other.ok("GET", "/v1/kbs")
    measure("GET /v1/kbs alone", listing)

    facets = [f"{facet:064}" for facet in range(255)] + [f"x{facet}" for facet in range(255)]
    all_of = {**where, "meta_filter": {"facets": {"$all": facets}}}
    took, (status, _) = timed(lambda: greedy.call("POST", "/v1/chunk/meta/greedy", all_of))
    print(f"$all of 510 values over {CHUNKS} chunks of {FACETS} facets: {took * 1e3:.0f} ms, status {status}", flush=True)

    stopped = threading.Event()
    threads = [threading.Thread(target=attack, args=(greedy, where, number, stopped)) for number in range(HOSTILE)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    measure(f"GET /v1/kbs during {HOSTILE} slow requests", listing)
    measure("POST /v1/kbs during them", lambda: other.ok("POST", "/v1/kbs", {"name": "mine"}))
    stopped.set()
    for thread in threads:
        thread.join()
    measure("GET /v1/kbs after them", listing)

    half = []
    for _ in range(HALF_OPEN):
        client = socket.create_connection(server.address)
        client.sendall(b"GET /v1/kbs HTTP/1.1\r\nhost: x\r\n")
        half.append(client)
    measure(f"GET /v1/kbs with {HALF_OPEN} half-open connections", listing)
    print(f"memory: {memory} MiB before the attacks, peak {server.memory('VmHWM')} MiB; {os.cpu_count()} cores", flush=True)
    server.stop()
