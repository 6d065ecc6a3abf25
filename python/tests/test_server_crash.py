"""What a server has acknowledged is there, whatever stops it: kill -9, and a full disk."""

import os
import random
import shutil
import signal
import subprocess
import threading
import time

import numpy
import pytest
import servers
from conftest import DIMENSIONS, distances

servers.require()

KILLS = 200 if os.environ.get("HUSHVEC_LONG_TESTS") == "1" else 12


@pytest.fixture(scope="module")
def encrypted(subgroup):
    """Some vectors, as bits and as ciphertexts."""
    bits = numpy.random.default_rng(7).integers(0, 2, (64, DIMENSIONS), dtype=numpy.uint8)
    return bits, subgroup.encrypt_vec_batch(bits)


def everything(server, context, base):
    """The name of each chunk, by its id."""
    status, page = server.call("POST", "/v1/chunk/meta/page/default", {"kb_id": base, "context_id": context.id, "sort_order": "asc", "return_content": True})
    assert status == 200
    assert all(one["name"] == one["chunk_content"] for one in page["results"])
    return {one["chunk_id"]: one["name"] for one in page["results"]}


def test_kills_lose_nothing_that_was_acknowledged(subgroup, encrypted, tmp_path):
    bits, ciphertexts = encrypted
    chance = random.Random(3)
    server = servers.Server(tmp_path / "data")
    base = server.prepare(subgroup)
    # What every chunk has to be: the number of its vector is in its name.
    stored, number, unanswered = {}, 0, 0
    for kill in range(KILLS):
        sent = {}

        def work():
            nonlocal number
            while True:
                count = chance.choice([1, 1, 2, 7, 40])
                names = [f"{number + i} {(number + i) % len(bits)}" for i in range(count)]
                number += count
                sent["names"] = names
                try:
                    status, reply = server.insert(subgroup, base, names, [ciphertexts[int(name.split()[1])] for name in names])
                    assert status == 200, reply
                    stored.update(zip(reply["chunk_ids"], names))
                    sent.pop("names")
                    if chance.random() < 0.3:
                        gone = chance.choice(sorted(stored))
                        sent["gone"] = gone
                        status, reply = server.call("DELETE", f"/v1/chunk/default?kb_id={base}&chunk_ids={gone}")
                        assert status == 200 and reply["deleted_count"] == 1
                        del stored[gone]
                        sent.pop("gone")
                except OSError:
                    return

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(chance.uniform(0.005, 0.4))
        server.process.send_signal(signal.SIGKILL)
        thread.join()
        server.ended()
        server = server.restarted()
        found = everything(server, subgroup, base)
        # The call that was cut off was done as a whole or not at all.
        new = {chunk: name for chunk, name in found.items() if chunk not in stored}
        assert new == {} or list(new.values()) == sent["names"], (kill, new, sent)
        lost = {chunk for chunk in stored if chunk not in found}
        assert lost <= {sent.get("gone")}, (kill, lost)
        unanswered += bool(new or lost)
        stored = found
    expected = {chunk: distances(bits[5], bits[int(name.split()[1])][None])[0] for chunk, name in stored.items()}
    assert server.distances(subgroup, base, ciphertexts[5]) == expected
    print(f"{KILLS} kills, {len(stored)} chunks, {unanswered} calls done but not answered")
    # Nothing is left of what was never committed but rows that nobody refers to.
    assert {path.name for path in (tmp_path / "data").iterdir()} <= {"hushvec.db", "hushvec.db-wal", "hushvec.db-shm", "segments", "lock"}
    server.stop()


@pytest.mark.parametrize("left", [None, b"", b"HVX"])
def test_a_segment_that_was_being_made(subgroup, encrypted, tmp_path, left):
    """The database knows of a segment before there is a file: none, or an unfinished one, is found after a crash."""
    bits, ciphertexts = encrypted
    server = servers.Server(tmp_path / "data")
    base = server.prepare(subgroup)
    assert server.insert(subgroup, base, ["a"], ciphertexts[:1])[0] == 200
    assert server.call("DELETE", f"/v1/chunk/default?kb_id={base}&chunk_ids=1")[0] == 200
    server.stop(signal.SIGKILL)
    [segment] = (tmp_path / "data" / "segments").iterdir()
    segment.unlink()
    if left is not None:
        segment.write_bytes(left)
    with server.restarted() as again:
        status, reply = again.insert(subgroup, base, ["b", "c"], ciphertexts[1:3])
        assert status == 200 and reply["chunk_ids"] == [2, 3]
        assert again.distances(subgroup, base, ciphertexts[5]) == dict(zip([2, 3], distances(bits[5], bits[1:3])))


def small_disk(folder, megabytes):
    """What starts a command with a disk of that size mounted on a folder; None where that is not allowed."""
    flags = "-m" if os.getuid() == 0 else "-rm"
    folder.mkdir()
    wrapper = ["unshare", flags, "sh", "-c", f'mount -t tmpfs -o size={megabytes}m none "{folder}" && exec "$@"', "sh"]
    works = shutil.which("unshare") and subprocess.run([*wrapper, "true"], capture_output=True).returncode == 0
    return wrapper if works else None


def test_a_full_disk_refuses_and_loses_nothing(subgroup, encrypted, tmp_path):
    wrapper = small_disk(tmp_path / "disk", 3)
    if wrapper is None:
        reason = "no file system can be mounted here, in a name space of one's own"
        if os.environ.get("HUSHVEC_REQUIRE_SDK") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    bits, ciphertexts = encrypted
    with servers.Server(tmp_path / "disk" / "data", wrapper=wrapper) as server:
        base = server.prepare(subgroup)
        stored, refused = {}, 0
        for number in range(1000):
            names = [f"{number} {(number + i) % len(bits)} " + "x" * length for i, length in enumerate([0, 300, 900])]
            status, reply = server.insert(subgroup, base, names, [ciphertexts[int(name.split()[1])] for name in names])
            if status == 200:
                stored.update(zip(reply["chunk_ids"], names))
                continue
            assert status == 507 and "disk is full" in reply["message"], (status, reply)
            refused += 1
            expected = {chunk: distances(bits[5], bits[int(name.split()[1])][None])[0] for chunk, name in stored.items()}
            assert server.distances(subgroup, base, ciphertexts[5]) == expected
            assert everything(server, subgroup, base) == stored
            if refused == 3:
                break
        assert refused == 3 and len(stored) > 100
        assert server.call("GET", "/ready")[0] == 200
