#!/usr/bin/env python3
"""Measures a server with many vectors: filling, starting, one search, 32 clients at once, memory.

    cargo build --release && python3 benches/server.py [VECTORS]

Needs the Python package (python/test.sh makes an environment with it) and, for a million vectors of 512 dimensions, 0.7 GB of
disk space under TMPDIR. Ciphertexts repeat, so that filling measures the server and not encryption.
"""

import base64
import concurrent.futures
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
import time

import numpy

import hushvec

from interleaved import Interleaved

BINARY = pathlib.Path(__file__).parents[1] / "target/release/hushvec"
DIMENSIONS, BATCH, UNIQUE, SEARCHES = 512, 500, 20_000, 32


class Server:
    def __init__(self, folder, key=None):
        started = time.perf_counter()
        command = [BINARY, "serve", "--data", folder, "--listen", "127.0.0.1:0", "--device", "cpu", *sys.argv[2:]]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"http://([\d.]+):(\d+)", line):
                break
        self.address = found[1], int(found[2])
        self.key = key or self.process.stdout.readline().split()[-1]
        # The server logs each request. `drain` reads the log without blocking.
        os.set_blocking(self.process.stderr.fileno(), False)
        self.start_seconds = time.perf_counter() - started

    def connection(self):
        return http.client.HTTPConnection(*self.address)

    def headers(self):
        return {"x-api-key": self.key, "x-xtrace-key": self.key, "x-xtrace-org-id": "default", "content-type": "application/json"}

    def call(self, method, path, body=None, connection=None):
        connection = connection or self.connection()
        connection.request(method, path, None if body is None else json.dumps(body), self.headers())
        reply = connection.getresponse()
        content = reply.read()
        assert reply.status == 200, content
        self.drain()
        return content

    def drain(self):
        while self.process.stderr.read(1 << 16):
            pass

    def metric(self, name):
        return float(re.search(rf"^{name} (\S+)$", self.call("GET", "/metrics").decode(), re.M)[1])

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return {name: int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024 for name in ("VmRSS", "RssAnon", "VmHWM")}

    def search(self, body):
        """Sends a search and discards the reply. Returns the seconds to its first and to its last byte, and its bytes."""
        data = json.dumps(body).encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in self.headers().items())
        request = f"POST /v1/compute_hamming/default HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}content-length: {len(data)}\r\n\r\n"
        started, first, total, buffer = time.perf_counter(), None, 0, bytearray(1 << 18)
        with socket.create_connection(self.address) as client:
            client.sendall(request.encode() + data)
            while piece := client.recv_into(buffer):
                if first is None:
                    first = time.perf_counter() - started
                    assert bytes(buffer[9:12]) == b"200", bytes(buffer[:piece])
                total += piece
        return first, time.perf_counter() - started, total


count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
context = hushvec.ExecutionContext.create("bench", "paillier_subgroup", embedding_length=DIMENSIONS)
bits = numpy.random.default_rng(1).integers(0, 2, (min(UNIQUE, count), DIMENSIONS), dtype=numpy.uint8)
ciphertexts = context.encrypt_vec_batch(bits)
wire = [base64.b64encode(bytes(c)).decode() for c in ciphertexts]
with tempfile.TemporaryDirectory() as folder:
    server = Server(folder)
    connection = server.connection()
    server.call("POST", "/v1/exec_context/default", {"context_id": context.id, "data": context.to_dict_enc()}, connection)
    base = json.loads(server.call("POST", "/v1/kbs", {"name": "bench"}, connection))["id"]
    bodies = [
        json.dumps({"kb_id": base, "context_id": context.id, "chunks": [
            {"chunk_content": "x" * 200, "index": [c], "meta_data": {"tag1": str(i % 10)}, "name": ""} for i, c in enumerate(wire[first : first + BATCH])
        ]})
        for first in range(0, len(wire), BATCH)
    ]
    started = time.perf_counter()
    for number in range(count // BATCH):
        connection.request("POST", "/v1/chunk/default", bodies[number % len(bodies)], server.headers())
        reply = connection.getresponse()
        content = reply.read()
        assert reply.status == 200, content
        server.drain()
    seconds = time.perf_counter() - started
    print(f"filled with {count:,} vectors: {count / seconds:,.0f}/s")
    key = server.key
    server.process.terminate()
    server.process.wait()

    server = Server(folder, key)
    body = {"kb_id": base, "context_id": context.id, "query": [wire[3]]}
    first, _, _ = server.search(body)
    print(f"started in {server.start_seconds:.2f} s, first byte of the first search {first:.2f} s later")

    def one_round():
        before = server.metric("hushvec_computing_seconds_total")
        _, seconds, size = server.search(body)
        return {"search": seconds, "computing": server.metric("hushvec_computing_seconds_total") - before, "bytes": size}

    searches = Interleaved(one_round, 7)
    alone, computing = searches.median("search"), searches.median("computing")
    print(f"one search: {alone:.3f} s until its last byte, of which computing {computing:.3f} s = "
          f"{computing / count * 1e6:.3f} µs per vector; {searches.median('bytes') / 1e6:,.0f} MB")
    filtered = body | {"meta_filter": json.dumps({"tag1": "3"})}
    print(f"one search filtered by a tag, a tenth of the vectors: {statistics.median(server.search(filtered)[1] for _ in range(5)):.3f} s")
    blocks, wanted = server.metric("hushvec_blocks_total"), server.metric("hushvec_wanted_blocks_total")
    started = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        slowest = max(seconds for _, seconds, _ in pool.map(lambda _: server.search(body), range(SEARCHES)))
    seconds = time.perf_counter() - started
    blocks, wanted = server.metric("hushvec_blocks_total") - blocks, server.metric("hushvec_wanted_blocks_total") - wanted
    print(f"32 clients, {SEARCHES} searches: {SEARCHES / seconds:.2f}/s, one client {1 / alone:.2f}/s, ratio {SEARCHES / seconds * alone:.2f}; slowest {slowest:.1f} s; "
          f"{wanted / blocks:.1f} searches shared a block")
    print("memory, MiB: " + ", ".join(f"{name} {value:,.0f}" for name, value in server.memory().items()))
    server.process.terminate()
    server.process.wait()
