"""Encryption and search on a cluster of two nodes on this machine."""

import os
import pickle
import signal
import time

import numpy
import pytest
from conftest import DIMENSIONS

import hushvec

# Nodes connect through loopback, which is Ray's default on other systems than Linux. Usage statistics are off.
os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
if os.environ.get("HUSHVEC_REQUIRE_SDK") != "1":
    pytest.importorskip("ray")

import pyarrow
import pyarrow.parquet
import ray
from ray.cluster_utils import Cluster

import hushvec.ray
from hushvec.ray.keys import Portable
from hushvec.ray.shards import Shard

ROWS = 20_000


@pytest.fixture(scope="module")
def cluster():
    node = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 100 << 20}
    cluster = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
    cluster.add_node(**node)
    ray.init(address=cluster.address, log_to_driver=False)
    assert ray.cluster_resources()["CPU"] == 2 and len(ray.nodes()) == 2
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="module")
def vectors():
    return numpy.random.default_rng(5).integers(0, 2, (ROWS, DIMENSIONS), dtype=numpy.uint8)


@pytest.fixture(scope="module")
def shards(vectors, tmp_path_factory):
    """One shard of each form: bits, packed bits, floats, and lists in Parquet."""
    folder, parts, paths = tmp_path_factory.mktemp("shards"), numpy.split(vectors, 4), []
    for number, part in enumerate(parts[:3]):
        paths.append(folder / f"{number}.npy")
        numpy.save(paths[-1], (part, numpy.packbits(part, axis=1), numpy.where(part, 0.5, -0.5).astype("f4"))[number])
    paths.append(folder / "3.parquet")
    values = pyarrow.array(parts[3].ravel())
    lists = pyarrow.FixedSizeListArray.from_arrays(values, DIMENSIONS)
    pyarrow.parquet.write_table(pyarrow.table({"v": lists}), paths[-1], row_group_size=1000)
    return paths


@pytest.fixture(scope="module")
def segments(cluster, shards, subgroup, tmp_path_factory):
    """The segments of all shards."""
    return hushvec.ray.encrypt(shards, tmp_path_factory.mktemp("segments"), subgroup)


def worker_of(path):
    """Returns the process that has a file open, or None if it was just closed."""
    for process in os.listdir("/proc"):
        if process.isdigit() and int(process) != os.getpid():
            try:
                files = [os.readlink(f"/proc/{process}/fd/{fd}") for fd in os.listdir(f"/proc/{process}/fd")]
            except OSError:
                continue
            if str(path) in files:
                return int(process)
    return None


def size(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # The segment is finished, and was renamed.


def test_nothing_is_lost_when_a_worker_is_killed(cluster, shards, vectors, tmp_path, monkeypatch):
    # The slowest scheme leaves time to kill a worker.
    context = hushvec.ExecutionContext.create("p", "paillier", DIMENSIONS)
    killed = []

    def kill(done):
        # Kills a worker in the middle of a segment.
        for part in tmp_path.glob("*.part"):
            if not killed and size(part) > 1_000_000 and (worker := worker_of(part)):
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)

    monkeypatch.setattr(hushvec.ray.dataset, "TICK", 0.02)
    made = hushvec.ray.encrypt(shards, tmp_path, context, progress=kill)
    assert killed, "no worker was found at work"
    assert not list(tmp_path.glob("*.part"))
    evaluator, first = hushvec.Evaluator(context.public_context()), 0
    for segment in made:
        index = hushvec.Index(segment.path)
        index.verify(evaluator)
        ids, stored = index.export(evaluator)
        assert ids.tolist() == list(range(first, first + segment.vectors))
        rows = vectors[first : first + segment.vectors]
        assert (context.homomorphic.decrypt_vec_batch(stored) == rows).all()
        first += segment.vectors
    assert first == ROWS


def test_finished_segments_are_not_redone(segments, shards, subgroup):
    before = [segment.path.stat() for segment in segments]
    reported = []
    assert hushvec.ray.encrypt(shards, segments[0].path.parent, subgroup, progress=reported.append) == segments
    assert [segment.path.stat().st_ino for segment in segments] == [status.st_ino for status in before]
    assert [segment.path.stat().st_mtime_ns for segment in segments] == [status.st_mtime_ns for status in before]


def test_a_sharded_search_is_a_search(segments, subgroup, vectors, tmp_path):
    paths = [segment.path for segment in segments]
    hushvec.Index.merge(paths, tmp_path / "all.hvx")
    whole = hushvec.Index(tmp_path / "all.hvx")
    queries = numpy.concatenate([vectors[[7, 12_345]], 1 - vectors[:1]])
    # 20,000 distances of up to 96 have many ties.
    expected = whole.nearest(subgroup, queries, 50)
    with hushvec.ray.Search(paths, subgroup) as search:
        assert len(search) == ROWS
        check_equal(search.nearest(queries, 50), expected)
        # A lost worker is restarted.
        os.kill(search.processes()[0], signal.SIGKILL)
        check_equal(search.nearest(queries, 1), (expected[0][:, :1], expected[1][:, :1]))
        with pytest.raises(hushvec.InputError, match=r"shape \(3, 95\); expected \(N, 96\)"):
            search.nearest(queries[:, 1:])
    # Workers with the public key only.
    with hushvec.ray.Search(paths, subgroup.public_context()) as search:
        check_equal(search.nearest(queries, 50, subgroup), expected)
        with pytest.raises(hushvec.InputError, match="give the context that decrypts"):
            search.nearest(queries)


def test_a_worker_is_lost_while_it_sends(segments, subgroup, vectors):
    class Killing:
        """The owner's keys, whose first use kills a worker."""

        public_id, encrypt_vec_batch, worker = subgroup.public_id, subgroup.encrypt_vec_batch, None

        @property
        def _keys(self):
            if self.worker is not None:
                os.kill(self.worker, signal.SIGKILL)
                self.worker = None
            return subgroup._keys

    # Three responses of 20 MB: after the first, more pieces are left than may wait.
    queries, rows = vectors[:8], vectors[: 3 * ROWS // 4]
    with hushvec.ray.Search([segment.path for segment in segments[:3]], subgroup.public_context(), devices=["cpu"]) as search:
        keys = Killing()
        (keys.worker,) = search.processes()
        ids, found = search.nearest(queries, 5, keys)
        assert keys.worker is None
    for query, near, far in zip(queries, ids, found, strict=True):
        away = (rows != query).sum(axis=1)
        order = numpy.argsort(away, kind="stable")[:5]
        assert near.tolist() == order.tolist() and far.tolist() == away[order].tolist()


def check_equal(found, expected):
    assert found[0].tolist() == expected[0].tolist() and found[1].tolist() == expected[1].tolist()


def test_ids_of_strings_and_few_vectors(cluster, subgroup, rows, tmp_path):
    names = [f"page {number}" for number in range(40)]
    for part, where in (("a", slice(0, 15)), ("b", slice(15, 40))):
        table = {"name": names[where], "lists": rows[where].tolist(), "more": [[1]] * len(names[where])}
        pyarrow.parquet.write_table(pyarrow.table(table), tmp_path / f"{part}.parquet")
    shards, options = [tmp_path / "a.parquet", tmp_path / "b.parquet"], {"column": "lists", "id_column": "name"}
    # The public key can encrypt too.
    evaluator = hushvec.Evaluator(subgroup.public_context())
    made = hushvec.ray.encrypt(shards, tmp_path / "segments", evaluator, **options, devices=["cpu"])
    paths = [segment.path for segment in made]
    hushvec.Index.merge(paths, tmp_path / "all.hvx")
    expected = hushvec.Index(tmp_path / "all.hvx").nearest(subgroup, rows[:2], 100)
    assert expected[0].shape == (2, 40)
    with hushvec.ray.Search(paths, subgroup, devices=[("cpu", {"num_cpus": 0.5}), "cpu"]) as search:
        check_equal(search.nearest(rows[:2], 100), expected)
    with pytest.raises(hushvec.InputError, match="expected one column of lists, found 'lists', 'more': choose a column with column="):
        hushvec.ray.encrypt(shards, tmp_path / "again", subgroup)


def test_errors_name_bad_shards(cluster, subgroup, rows, tmp_path):
    numpy.save(tmp_path / "good.npy", rows)
    bad = numpy.where(numpy.tile(rows, (500, 1)), 1.0, -1.0)
    bad[17_000, 5] = numpy.nan
    numpy.save(tmp_path / "bad.npy", bad)
    shards = [tmp_path / "bad.npy", tmp_path / "good.npy"]
    with pytest.raises(hushvec.InputError, match=r"bad.npy: row 17000, column 5 is not a number"):
        hushvec.ray.encrypt(shards, tmp_path / "segments", subgroup)
    assert len(hushvec.Index(tmp_path / "segments/good.hvx")) == 40
    assert not (tmp_path / "segments/bad.hvx").exists()
    # The corrected shard is another file, so it is encrypted from the start.
    bad[17_000, 5] = 1
    numpy.save(tmp_path / "bad.npy", bad)
    made = hushvec.ray.encrypt(shards, tmp_path / "segments", subgroup)
    assert [segment.vectors for segment in made] == [20_000, 40]
    assert hushvec.Index(made[1].path).ids.tolist() == list(range(20_000, 20_040))

    lists = [[0] * DIMENSIONS] * 3 + [[0] * 7]
    pyarrow.parquet.write_table(pyarrow.table({"v": lists}), tmp_path / "lists.parquet")
    with pytest.raises(hushvec.InputError, match="lists.parquet: row 3 has 7 numbers, row 0 has 96"):
        hushvec.ray.encrypt([tmp_path / "lists.parquet"], tmp_path / "segments", subgroup)
    with pytest.raises(hushvec.FileError, match="nowhere.npy: No such file"):
        hushvec.ray.encrypt([tmp_path / "nowhere.npy"], tmp_path / "segments", subgroup)
    (tmp_path / "notes.txt").write_text("to do")
    with pytest.raises(hushvec.InputError, match="notes.txt: expected a file that ends in .npy or .parquet"):
        hushvec.ray.encrypt([tmp_path / "notes.txt"], tmp_path / "segments", subgroup)
    (tmp_path / "notes.npy").write_text("to do")
    with pytest.raises(hushvec.InputError, match="notes.npy: "):
        hushvec.ray.encrypt([tmp_path / "notes.npy"], tmp_path / "segments", subgroup)
    with pytest.raises(hushvec.InputError, match="would both become"):
        hushvec.ray.encrypt([tmp_path / "good.npy", tmp_path / "good.npy"], tmp_path / "segments", subgroup)
    with pytest.raises(hushvec.DeviceError, match="gpu:nothing like it"):
        hushvec.ray.encrypt([tmp_path / "good.npy"], tmp_path / "more", subgroup, devices=["gpu:nothing like it"])
    with hushvec.ray.Search([made[1].path], subgroup, devices=["gpu:nothing like it"]) as search:
        with pytest.raises(hushvec.DeviceError, match="gpu:nothing like it"):
            search.nearest(rows[:1])
    other = hushvec.ExecutionContext.create("p", "paillier_subgroup", DIMENSIONS)
    with pytest.raises(hushvec.InputError, match="good.hvx: its key is .*delete it to encrypt"):
        hushvec.ray.encrypt([tmp_path / "good.npy"], tmp_path / "segments", other)
    with pytest.raises(hushvec.InputError, match="good.hvx: its key is"):
        hushvec.ray.Search([made[1].path], other)
    time.sleep(0.01)
    numpy.save(tmp_path / "good.npy", rows)
    with pytest.raises(hushvec.InputError, match="it was not encrypted from the current .*good.npy"):
        hushvec.ray.encrypt([tmp_path / "good.npy"], tmp_path / "segments", subgroup)


def test_folders_and_names(cluster, subgroup, rows, tmp_path, monkeypatch):
    # Workers run in the directory in which Ray was started.
    monkeypatch.chdir(tmp_path)
    numpy.save("some [1].npy", rows)
    os.mkdir("segments")
    # An unfinished segment of another shard, whose name matches the pattern "some [1]".
    others = tmp_path / "segments/some 1.hvx.0123456789abcdef.part"
    others.touch()
    (made,) = hushvec.ray.encrypt(["some [1].npy"], "segments", subgroup)
    assert made.path == tmp_path / "segments/some [1].hvx" and others.exists()
    with hushvec.ray.Search(["segments/some [1].hvx"], subgroup.public_context()) as search:
        check_equal(search.nearest(rows[:2], 100, subgroup), hushvec.Index(made.path).nearest(subgroup, rows[:2], 100))
        other = hushvec.ExecutionContext.create("p", "paillier_subgroup", DIMENSIONS)
        with pytest.raises(hushvec.InputError, match="the segments' key is"):
            search.nearest(rows[:1], 5, other)
    with hushvec.ray.Search(["segments/some [1].hvx"], subgroup) as search:
        assert [part.shape for part in search.nearest(rows[:0], 5)] == [(0, 0), (0, 0)]
    with pytest.raises(hushvec.InputError, match="the search is closed"):
        search.nearest(rows[:1], 5, subgroup)
    with pytest.raises(hushvec.InputError, match="there are no segments"):
        hushvec.ray.Search([], subgroup)
    with pytest.raises(hushvec.FileError, match="cannot create"):
        hushvec.ray.encrypt(["some [1].npy"], "some [1].npy", subgroup)


def test_a_bad_shard_does_not_stop_others(cluster, subgroup, rows, tmp_path):
    shards = [tmp_path / f"{name}.npy" for name in "abcd"]
    for shard, vectors in zip(shards, (rows, rows[:, 1:], rows, rows + 2), strict=True):
        numpy.save(shard, vectors)
    # The cluster has no room for all of these workers.
    with pytest.raises(hushvec.InputError, match=r"[bd].npy: .* \(and 1 more\)") as failed:
        hushvec.ray.encrypt(shards, tmp_path / "segments", subgroup, devices=["cpu"] * 4)
    named = f"{failed.value} {failed.value.__notes__}"
    assert "b.npy" in named and "d.npy" in named
    assert {path.name for path in (tmp_path / "segments").glob("*.hvx")} == {"a.hvx", "c.hvx"}


def test_a_damaged_part_is_replaced(cluster, subgroup, rows, tmp_path):
    numpy.save(tmp_path / "a.npy", rows)
    shard = Shard.of(tmp_path / "a.npy", 0, None, None)
    (tmp_path / f"a.hvx.{shard.job_id(subgroup.public_id)}.part").write_bytes(bytes(1000))
    (made,) = hushvec.ray.encrypt([tmp_path / "a.npy"], tmp_path, subgroup)
    evaluator = hushvec.Evaluator(subgroup.public_context())
    assert (subgroup.homomorphic.decrypt_vec_batch(hushvec.Index(made.path).export(evaluator)[1]) == rows).all()
    assert not list(tmp_path.glob("*.part"))


def test_keys_are_opened_where_they_arrive(subgroup):
    client = pickle.loads(pickle.dumps(subgroup.homomorphic))
    client._device = "gpu:of the driver"
    keys = pickle.loads(pickle.dumps(Portable.of(client)))
    assert keys.open("cpu", 1) == subgroup.homomorphic


def test_shards_are_read_from_any_row(tmp_path, rows):
    table = pyarrow.table({"v": rows.tolist(), "id": [*range(39), None]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", row_group_size=7)
    shard = Shard.of(tmp_path / "a.parquet", 100, None, None)
    for start in (0, 6, 7, 20, 39, 40):
        blocks = list(shard.blocks(start))
        assert [id for _, ids, _ in blocks for id in ids] == list(range(100 + start, 140))
        assert sum((vectors.tolist() for _, _, vectors in blocks), []) == rows[start:].tolist()
        assert not blocks or blocks[0][0] == start
    with pytest.raises(hushvec.InputError, match="row 39 has no id"):
        list(Shard.of(tmp_path / "a.parquet", 0, "v", "id").blocks(38))
    (tmp_path / "empty.npy").touch()
    with pytest.raises(hushvec.InputError, match="empty.npy: EOF"):
        Shard.of(tmp_path / "empty.npy", 0, None, None)
