"""Many clients, slow ones and ones that go away."""

import concurrent.futures
import json
import re
import socket
import time

import numpy
import pytest
import servers
from conftest import DIMENSIONS, distances

servers.require()

COUNT, UNIQUE = 40_000, 50


@pytest.fixture(scope="module")
def filled(tmp_path_factory, subgroup):
    """A server with more vectors than fit the buffers of a connection; the knowledge base and the plain vectors."""
    bits = numpy.random.default_rng(9).integers(0, 2, (UNIQUE, DIMENSIONS), dtype=numpy.uint8)
    ciphertexts = subgroup.encrypt_vec_batch(bits)
    with servers.Server(tmp_path_factory.mktemp("load") / "data", "--max-chunks", "5000") as server:
        base = server.prepare(subgroup)
        for _ in range(COUNT // 5000):
            status, reply = server.insert(subgroup, base, [""] * 5000, ciphertexts.repeat(5000 // UNIQUE, axis=0))
            assert status == 200, reply
        yield server, base, bits.repeat(5000 // UNIQUE, axis=0), ciphertexts


def metric(server, name):
    request = servers.urllib.request.Request(server.url + "/metrics", headers={"x-xtrace-key": server.admin_key, "x-xtrace-org-id": "default"})
    with servers.urllib.request.urlopen(request) as reply:
        return float(re.search(rf"^hushvec_{name}_total (\S+)$", reply.read().decode(), re.M)[1])


def connect(server, context, base, query, receive=None):
    """Begins a search: the connection, with nothing read yet."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.socket()
    if receive:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    connection.connect((host, int(port)))
    body = json.dumps({"kb_id": base, "context_id": context.id, "query": [servers.wire(query)]}).encode()
    head = f"POST /v1/compute_hamming/default HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-api-key: {server.admin_key}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def read(connection):
    """The whole body of a reply in chunks."""
    with connection, connection.makefile("rb") as stream:
        assert b"200" in stream.readline()
        while stream.readline() != b"\r\n":
            pass
        body = bytearray()
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            assert stream.readline() == b"\r\n"
        return bytes(body)


def rows(body, context):
    """Chunks and distances of a MessagePack reply, read by hand: every row is as long as every other but for its id."""
    assert body[0] == 0xDC and int.from_bytes(body[1:3], "big") == COUNT
    at, ids, ciphertexts = 3, [], []
    while at < len(body):
        assert body[at : at + 3] == b"\x92\x91\xc5"
        size = int.from_bytes(body[at + 3 : at + 5], "big")
        ciphertexts.append(body[at + 5 : at + 5 + size])
        at += 5 + size
        width = {0xCC: 1, 0xCD: 2, 0xCE: 4}.get(body[at], 0)
        ids.append(int.from_bytes(body[at + 1 : at + 1 + width], "big") if width else body[at])
        at += 1 + width
    return ids, ciphertexts


def test_searches_share_what_is_read(filled, subgroup):
    server, base, plain, ciphertexts = filled
    blocks, wanted = metric(server, "blocks"), metric(server, "wanted_blocks")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda i: read(connect(server, subgroup, base, ciphertexts[i])), range(8)))
    assert metric(server, "wanted_blocks") - wanted > metric(server, "blocks") - blocks
    for query, body in enumerate(bodies):
        ids, encrypted = rows(body, subgroup)
        # Whoever joins later begins in the middle.
        assert sorted(ids) == list(range(1, COUNT + 1))
        some = numpy.random.default_rng(query).integers(0, COUNT, 200)
        decoded = subgroup.decode_hamming_client_batch([[encrypted[i]] for i in some])
        expected = distances(plain[query * (5000 // UNIQUE)], plain)
        assert decoded == [expected[(ids[i] - 1) % 5000] for i in some]


def test_slow_clients_hold_nobody_up(filled, subgroup):
    server, base, _, ciphertexts = filled
    slow = [connect(server, subgroup, base, ciphertexts[0], receive=4096) for _ in range(4)]
    time.sleep(0.5)
    for connection in slow:
        connection.setblocking(True)
        assert connection.recv(10)
    for query in range(3):
        assert len(read(connect(server, subgroup, base, ciphertexts[query]))) > COUNT * 512
    # And they get all of theirs, when they want it.
    ids, _ = rows(read_rest(slow[0]), subgroup)
    assert sorted(ids) == list(range(1, COUNT + 1))
    for connection in slow[1:]:
        connection.close()


def read_rest(connection):
    """[`read`] behind the ten bytes that were read to see that it had begun."""
    with connection, connection.makefile("rb") as stream:
        while stream.readline() != b"\r\n":
            pass
        body = bytearray()
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            stream.readline()
        return bytes(body)


def test_who_has_gone_is_not_computed_for(filled, subgroup):
    server, base, _, ciphertexts = filled
    before = metric(server, "distances")
    for _ in range(10):
        connection = connect(server, subgroup, base, ciphertexts[0], receive=4096)
        connection.recv(10)
        connection.close()
    # Nothing goes on that nobody waits for.
    time.sleep(1)
    after = metric(server, "distances")
    time.sleep(0.5)
    assert metric(server, "distances") == after
    assert after - before < 10 * COUNT


def test_memory_does_not_grow_with_the_vectors(filled, subgroup):
    server, base, _, ciphertexts = filled
    slow = [connect(server, subgroup, base, ciphertexts[0], receive=4096) for _ in range(8)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: read(connect(server, subgroup, base, ciphertexts[i])), range(12)))
    status = open(f"/proc/{server.process.pid}/status").read()
    anonymous = int(re.search(r"RssAnon:\s+(\d+)", status)[1])
    # Twelve answers and eight that wait are 410 MB; a few blocks of each are in memory.
    assert anonymous < 200_000, f"{anonymous} kB"
    for connection in slow:
        connection.close()
