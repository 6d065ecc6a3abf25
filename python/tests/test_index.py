"""Index files, queries and responses."""

import numpy
import pytest
from conftest import DIMENSIONS, distances

import hushvec


@pytest.fixture
def evaluator(subgroup):
    return hushvec.Evaluator(subgroup.public_context())


@pytest.fixture
def index(subgroup, rows, tmp_path):
    path = tmp_path / "numbers.hvx"
    with hushvec.IndexWriter(path, subgroup) as writer:
        writer.append(rows)
    return hushvec.Index(path)


def plain_nearest(queries, rows, ids, k):
    """Returns ids and distances from plain vectors, the lower id first for equal distances."""
    found = [sorted(zip(distances(query, rows), ids, strict=True))[:k] for query in queries]
    return [[i for _, i in row] for row in found], [[d for d, _ in row] for row in found]


def check_nearest(found, expected):
    ids, nearest = found
    assert (ids.tolist(), nearest.tolist()) == expected and nearest.dtype == numpy.uint32


def test_all_three_roles_through_files(subgroup, evaluator, index, rows, tmp_path):
    queries = numpy.random.default_rng(2).integers(0, 2, (3, DIMENSIONS), dtype=numpy.uint8)
    expected = plain_nearest(queries, rows, range(40), 5)
    query = subgroup.encrypt_query(queries)
    assert len(query) == 3 and query.public_id == subgroup.public_id
    query.save(tmp_path / "query.hvq")

    received = evaluator.load_query(tmp_path / "query.hvq")
    response = evaluator.aggregate(received, index, tmp_path / "response.hvr")
    assert (len(response), response.queries, response.public_id) == (40, 3, subgroup.public_id)

    response = hushvec.Response(tmp_path / "response.hvr")
    check_nearest(response.nearest(subgroup, 5), expected)
    check_nearest(response.nearest(subgroup.homomorphic, 5, query=query), expected)
    ids, found = response.distances(subgroup, query=query)
    assert ids.tolist() == list(range(40)) and found.tolist() == [distances(query, rows) for query in queries]
    check_nearest(index.nearest(subgroup, queries, 5), expected)
    # A query can also be created from ciphertexts.
    again = hushvec.Query(subgroup.encrypt_vec_batch(queries), evaluator)
    check_nearest(evaluator.aggregate(again, index, tmp_path / "again.hvr").nearest(subgroup, 5), expected)
    # It has another id.
    for read in (lambda: response.nearest(subgroup, 5, query=again), lambda: response.distances(subgroup, query=again)):
        with pytest.raises(hushvec.InputError, match=f"another query.*{query.id}.*{again.id}"):
            read()
    assert hushvec.Query(subgroup.encrypt_vec_batch(queries), evaluator, query.id).id == query.id
    for wrong in ("", query.id[1:], "0" * 32, "x" * 32):
        with pytest.raises(hushvec.InputError, match="32 hexadecimal digits"):
            hushvec.Query(subgroup.encrypt_vec_batch(queries), evaluator, wrong)
    loaded = hushvec.Query.load(tmp_path / "query.hvq", subgroup)
    assert loaded.id == query.id == response.query_id != again.id and len(loaded) == 3


def test_more_neighbours_than_vectors(subgroup, index, rows):
    ids, found = index.nearest(subgroup, rows[:2], 1000)
    assert ids.shape == found.shape == (2, 40)


def test_ids_of_strings(subgroup, evaluator, rows, tmp_path):
    names = [f"page {number}" for number in range(40)]
    with hushvec.IndexWriter(tmp_path / "names.hvx", subgroup) as writer:
        writer.append(rows[:30], names[:30])
        writer.append(numpy.packbits(rows[30:], axis=1), numpy.array(names[30:]))
    index = hushvec.Index(tmp_path / "names.hvx")
    assert index.ids.tolist() == names
    check_nearest(index.nearest(subgroup, rows[4:5], 3), plain_nearest(rows[4:5], rows, names, 3))
    ids, stored = index.export(evaluator)
    assert ids.tolist() == names and (subgroup.homomorphic.decrypt_vec_batch(stored) == rows).all()


def test_appending_deleting_compacting(subgroup, evaluator, rows, tmp_path):
    path = tmp_path / "index.hvx"
    with hushvec.IndexWriter(path, subgroup, mode="a") as writer:
        writer.append(rows[:10], ids=range(100, 110))
        assert len(writer) == writer.appended == 10 and writer.torn_bytes == 0
    with hushvec.IndexWriter(path, evaluator, mode="a") as writer:
        writer.append(rows[10:12])
        writer.append_ciphertexts(subgroup.encrypt_vec_batch(rows[12:20]), ids=numpy.arange(200, 208))
        assert writer.delete([100, 111, 200]) == 3
        assert writer.delete([100, 101], missing_ok=True) == 1
        with pytest.raises(hushvec.InputError, match="7"):
            writer.delete([102, 7])
        writer.flush()
        assert (len(writer), writer.appended) == (16, 20)
    index = hushvec.Index(path)
    kept = [*range(102, 111), *range(201, 208)]
    assert (len(index), index.deleted, index.embed_len, index.key_len) == (16, 4, DIMENSIONS, 1024)
    assert index.ids.dtype == numpy.uint64 and index.ids.tolist() == kept
    index.verify(evaluator, deep=True)
    facts = hushvec.Index.compact(path)
    assert (facts["kept"], facts["removed"]) == (16, 4) and facts["bytes_after"] < facts["bytes_before"]
    assert hushvec.Index(path).ids.tolist() == kept
    check_nearest(
        hushvec.Index(path).nearest(subgroup, rows[:1], 4),
        plain_nearest(rows[:1], numpy.delete(rows[:20], [0, 1, 11, 12], axis=0), kept, 4),
    )


def test_interrupted_appends_are_removed(subgroup, index, rows):
    with open(index.path, "ab") as file:
        file.write(b"\1" * 1000)
    assert hushvec.Index(index.path).torn_bytes == 1000 and index.torn_bytes == 0
    with hushvec.IndexWriter(index.path, subgroup, mode="a") as writer:
        assert writer.torn_bytes == 1000 and len(writer) == 40
        writer.append(rows[:1])
    assert len(hushvec.Index(index.path)) == 41


def test_merging(subgroup, rows, tmp_path):
    for number, part in enumerate((rows[:25], rows[25:])):
        with hushvec.IndexWriter(tmp_path / f"{number}.hvx", subgroup) as writer:
            writer.append(part, range(25 * number, 25 * number + len(part)))
    reported = []
    merged = hushvec.Index.merge([tmp_path / "0.hvx", tmp_path / "1.hvx"], tmp_path / "all.hvx", reported.append)
    assert merged == 40 and reported[-1] == 40
    assert hushvec.Index(tmp_path / "all.hvx").ids.tolist() == list(range(40))
    with pytest.raises(hushvec.InputError, match="id 0"):
        hushvec.Index.merge([tmp_path / "0.hvx", tmp_path / "0.hvx"], tmp_path / "twice.hvx")


def test_errors_name_bad_input(subgroup, evaluator, index, rows, tmp_path):
    with pytest.raises(hushvec.FileError, match="numbers.hvx"):
        hushvec.IndexWriter(index.path, subgroup)
    with pytest.raises(hushvec.InputError, match='the mode is "w", expected "x" or "a"'):
        hushvec.IndexWriter(index.path, subgroup, mode="w")
    with pytest.raises(hushvec.FileError, match="nowhere.hvx"):
        hushvec.Index(tmp_path / "nowhere.hvx")
    (tmp_path / "notes.txt").write_text("to do" * 100)
    with pytest.raises(hushvec.InputError, match="notes.txt: not a hushvec file"):
        hushvec.Index(tmp_path / "notes.txt")
    with pytest.raises(hushvec.InputError, match="expected an ExecutionContext or a client with keys, not .*str"):
        index.nearest("context", rows[:1])
    with pytest.raises(hushvec.InputError, match="ExecutionContext, a client with keys, or an Evaluator, not .*None"):
        hushvec.IndexWriter(tmp_path / "new.hvx", None)
    with pytest.raises(RuntimeError, match="load_stringified_keys"):
        index.nearest(hushvec.PaillierSubgroupClient(DIMENSIONS, skip_key_gen=True), rows[:1])
    with hushvec.IndexWriter(index.path, subgroup, mode="a") as writer:
        with pytest.raises(hushvec.InputError, match="39 ids were given for 40 vectors"):
            writer.append(rows, range(39))
        with pytest.raises(hushvec.InputError, match="id 1 is -1, expected an integer from 0"):
            writer.append(rows[:2], [50, -1])
        with pytest.raises(hushvec.InputError, match="7"):
            writer.append(rows[:2], [50, 7])
        with pytest.raises(hushvec.InputError, match='"seven" among integers'):
            writer.append(rows[:1], ["seven"])
        with pytest.raises(hushvec.InputError, match="id 1001 is None"):
            writer.append(rows[:2], [60, None], first_row=1000)
        with pytest.raises(hushvec.InputError, match="row 1001, column 0 is 7"):
            writer.append([[0] * DIMENSIONS, [7] * DIMENSIONS], first_row=1000)
        writer.append(rows[:1], [50])
    with pytest.raises(hushvec.InputError, match="closed"):
        writer.append(rows[:1])
    assert len(hushvec.Index(index.path)) == 41
    other = hushvec.ExecutionContext.create("p", "paillier_subgroup", DIMENSIONS)
    with pytest.raises(hushvec.InputError, match="numbers.hvx: an index belongs to the key"):
        index.nearest(other, rows[:1])
    query = subgroup.encrypt_query(rows[:1])
    with pytest.raises(hushvec.InputError, match="key"):
        hushvec.Evaluator(other.public_context()).aggregate(query, index, tmp_path / "r.hvr")
    response = evaluator.aggregate(query, index, tmp_path / "r.hvr")
    with pytest.raises(hushvec.InputError, match="r.hvr"):
        response.nearest(other)


def test_errors_name_damaged_files(subgroup, evaluator, index, rows, tmp_path):
    with hushvec.IndexWriter(index.path, subgroup, mode="a") as writer:
        writer.append(rows)
    data = bytearray(index.path.read_bytes())
    data[5000] ^= 1
    (tmp_path / "damaged.hvx").write_bytes(data)
    with pytest.raises(hushvec.InputError, match="damaged.hvx"):
        hushvec.Index(tmp_path / "damaged.hvx").verify()
    response = evaluator.aggregate(subgroup.encrypt_query(rows[:1]), index, tmp_path / "r.hvr")
    whole = response.path.read_bytes()
    (tmp_path / "short.hvr").write_bytes(whole[:-1])
    with pytest.raises(hushvec.InputError, match="short.hvr"):
        hushvec.Response(tmp_path / "short.hvr")


def test_progress(subgroup, evaluator, index, rows, tmp_path):
    reported = []
    response = evaluator.aggregate(subgroup.encrypt_query(rows[:3]), index, tmp_path / "r.hvr", reported.append)
    assert reported[-1] == 120
    reported.clear()
    response.nearest(subgroup, progress=reported.append)
    assert reported[-1] == 120
    with pytest.raises(hushvec.InputError, match="progress is 7"):
        index.nearest(subgroup, rows[:1], progress=7)


def test_a_progress_bar(subgroup, index, rows, capfd):
    pytest.importorskip("tqdm")
    index.nearest(subgroup, rows[:2], progress=True)
    assert "search: 100%" in capfd.readouterr().err
