"""Packed search: contexts, index files, queries and responses."""

import copy
import pickle
import stat
import threading

import numpy
import pytest
from conftest import PASSPHRASE, distances
from test_context import Kms

import hushvec

DIMENSIONS = 64
#: A block and a tail.
COUNT = 4096 + 60


@pytest.fixture(scope="module")
def hamming():
    return hushvec.PackedContext.create(PASSPHRASE, "hamming", DIMENSIONS)


@pytest.fixture(scope="module")
def inner():
    return hushvec.PackedContext.create(PASSPHRASE, "inner_product", DIMENSIONS)


@pytest.fixture(scope="module")
def bits():
    return numpy.random.default_rng(3).integers(0, 2, (COUNT, DIMENSIONS), dtype=numpy.uint8)


@pytest.fixture(scope="module")
def reals():
    return numpy.random.default_rng(4).standard_normal((COUNT, DIMENSIONS)).astype(numpy.float32)


def written(path, context, vectors, ids=None):
    with hushvec.PackedIndexWriter(path, context) as writer:
        writer.append(vectors, ids)
    return hushvec.PackedIndex(path)


@pytest.fixture
def index(hamming, bits, tmp_path):
    return written(tmp_path / "bits.hvx", hamming, bits)


@pytest.fixture(scope="module")
def evaluator(hamming):
    return hushvec.PackedEvaluator(hamming.public_context())


def plain_nearest(queries, rows, ids, k):
    """Returns ids and distances from plain vectors, the lower id first for equal distances."""
    found = [sorted(zip(distances(query, rows), ids, strict=True))[:k] for query in queries]
    return [[i for _, i in row] for row in found], [[d for d, _ in row] for row in found]


def check_nearest(found, expected):
    ids, nearest = found
    assert (ids.tolist(), nearest.tolist()) == expected and nearest.dtype == numpy.uint32


def cosines(queries, rows):
    def unit(x):
        return x / numpy.linalg.norm(x.astype("f8"), axis=1, keepdims=True)

    return unit(queries) @ unit(rows).T


def test_hamming_distances_through_files(hamming, evaluator, index, bits, tmp_path):
    queries = numpy.random.default_rng(5).integers(0, 2, (3, DIMENSIONS), dtype=numpy.uint8)
    expected = plain_nearest(queries, bits, range(COUNT), 5)
    query = hamming.encrypt_query(queries)
    assert len(query) == 3 and query.public_id == hamming.public_id and len(query.id) == 32
    query.save(tmp_path / "query.hvq")

    received = evaluator.load_query(tmp_path / "query.hvq")
    made = evaluator.aggregate(received, index, tmp_path / "response.hvr")
    response = hushvec.PackedResponse(tmp_path / "response.hvr")
    for of in (made, response):
        assert (of.queries, of.query_id, of.public_id) == (3, query.id, hamming.public_id)
    assert response.path == tmp_path / "response.hvr"

    loaded = hushvec.PackedQuery.load(tmp_path / "query.hvq")
    assert loaded.id == query.id
    check_nearest(response.nearest(hamming, 5), expected)
    check_nearest(response.nearest(hamming, k=5, query=loaded), expected)
    check_nearest(index.nearest(hamming, queries, 5), expected)
    check_nearest(index.nearest(hamming, numpy.packbits(queries, axis=1), 5), expected)
    ids, scores = response.scores(hamming, query=query)
    assert ids.shape == (COUNT,) and scores.shape == (3, COUNT) and scores.dtype == numpy.uint32
    assert sorted(ids.tolist()) == list(range(COUNT))
    assert (scores == [distances(query, bits[ids]) for query in queries]).all()
    # A response to another query.
    other = hamming.encrypt_query(queries)
    for read in (lambda: response.nearest(hamming, query=other), lambda: response.scores(hamming, query=other)):
        with pytest.raises(hushvec.InputError, match=f"response.hvr.*another query.*{query.id}.*{other.id}"):
            read()


@pytest.mark.parametrize("bits_per_component", [4, 5, 8])
def test_cosines_through_files(bits_per_component, reals, tmp_path):
    context = hushvec.PackedContext.create(PASSPHRASE, embedding_length=DIMENSIONS, bits=bits_per_component)
    assert (context.metric, context.bits) == ("inner_product", bits_per_component)
    index = written(tmp_path / "reals.hvx", context, reals)
    assert (index.metric, index.bits, index.embedding_length) == ("inner_product", bits_per_component, DIMENSIONS)
    queries, most = reals[[7, 4100]] * 3, 7 * context.cosine_error
    response = hushvec.PackedEvaluator(context.public_context()).aggregate(
        context.encrypt_query(queries), index, tmp_path / "response.hvr"
    )
    truth = cosines(queries, reals)
    ids, scores = response.scores(context)
    assert scores.dtype == numpy.float64 and abs(scores - truth[:, ids]).max() < most
    for ids, found in (index.nearest(context, queries, 20), response.nearest(context, 20)):
        assert ids.shape == found.shape == (2, 20) and ids[:, 0].tolist() == [7, 4100]
        assert found.dtype == numpy.float64 and (numpy.diff(found) <= 0).all()
        assert abs(found - numpy.take_along_axis(truth, ids.astype(int), axis=1)).max() < most
        assert (numpy.sort(truth)[:, -20] - found[:, -1] < 2 * most).all()


def test_precision_of_bits():
    errors = [hushvec.PackedContext.create("p", bits=bits).cosine_error for bits in (4, 5, 8)]
    assert errors == sorted(errors, reverse=True) and errors[0] < 0.008


def test_more_neighbours_than_vectors(hamming, bits, tmp_path):
    index = written(tmp_path / "few.hvx", hamming, bits[:5])
    ids, found = index.nearest(hamming, bits[:2], 1000)
    assert ids.shape == found.shape == (2, 5)
    empty = written(tmp_path / "none.hvx", hamming, bits[:0])
    ids, found = empty.nearest(hamming, bits[:2])
    assert ids.shape == found.shape == (2, 0) and len(empty) == 0 and empty.ids.tolist() == []


def test_ids_of_strings(hamming, evaluator, bits, tmp_path):
    names = [f"page {number}" for number in range(COUNT)]
    with hushvec.PackedIndexWriter(tmp_path / "names.hvx", hamming) as writer:
        writer.append(bits[:30], names[:30])
        writer.append(numpy.packbits(bits[30:], axis=1), numpy.array(names[30:]))
    index = hushvec.PackedIndex(tmp_path / "names.hvx")
    assert sorted(index.ids.tolist()) == sorted(names)
    expected = plain_nearest(bits[4:5], bits, names, 3)
    check_nearest(index.nearest(hamming, bits[4:5], 3), expected)
    response = evaluator.aggregate(hamming.encrypt_query(bits[4:5]), index, tmp_path / "r.hvr")
    check_nearest(response.nearest(hamming, 3), expected)


def test_appending_in_pieces(hamming, evaluator, bits, tmp_path):
    path, rows = tmp_path / "index.hvx", numpy.tile(bits, (4, 1))
    reported = []
    with hushvec.PackedIndexWriter(path, hamming, mode="a") as writer:
        writer.append(rows[:3000])
        assert len(writer) == writer.appended == 3000 and writer.torn_bytes == 0
    assert hushvec.PackedIndex(path).tail == 3000
    with hushvec.PackedIndexWriter(path, hamming, mode="a") as writer:
        # The first block fills that of the tail.
        writer.append(rows[3000:12288], progress=reported.append)
        assert reported[0] == 1096 and reported[-1] == 9288 and all(done % 4096 == 1096 for done in reported)
        writer.sync()
        assert hushvec.PackedIndex(path).tail == 0
        writer.append(rows[12288:12300])
    index = hushvec.PackedIndex(path)
    assert (len(index), index.tail, index.deleted) == (12300, 12, 0)
    evaluator.verify(index)
    check_nearest(index.nearest(hamming, rows[5:6], 9), plain_nearest(rows[5:6], rows[:12300], range(12300), 9))


def test_deleting_and_compacting(hamming, evaluator, bits, tmp_path):
    path = tmp_path / "index.hvx"
    with hushvec.PackedIndexWriter(path, hamming) as writer:
        writer.append(bits, ids=numpy.arange(100, 100 + COUNT))
        assert writer.delete([100, 4200]) == 2
        assert writer.delete([100, 101], missing_ok=True) == 1
        with pytest.raises(hushvec.InputError, match="7"):
            writer.delete([102, 7])
        assert (len(writer), writer.appended) == (COUNT - 3, COUNT)
    # Deleting takes no key.
    assert hushvec.PackedIndex.delete(path, [4201]) == 1
    with pytest.raises(hushvec.InputError, match="4201"):
        hushvec.PackedIndex.delete(path, [102, 4201])
    assert hushvec.PackedIndex.delete(path, [102, 4201], missing_ok=True) == 1
    kept = [number for number in range(100, 100 + COUNT) if number not in (100, 101, 102, 4200, 4201)]
    expected = plain_nearest(bits[:1], bits[[number - 100 for number in kept]], kept, 4)
    index = hushvec.PackedIndex(path)
    assert (len(index), index.deleted) == (COUNT - 5, 5)
    check_nearest(index.nearest(hamming, bits[:1], 4), expected)
    response = evaluator.aggregate(hamming.encrypt_query(bits[:1]), index, tmp_path / "r.hvr")
    check_nearest(response.nearest(hamming, 4), expected)
    facts = hushvec.PackedIndex.compact(path, hamming)
    assert (facts["kept"], facts["removed"]) == (COUNT - 5, 5) and facts["bytes_after"] == path.stat().st_size
    index = hushvec.PackedIndex(path)
    assert index.deleted == 0 and index.ids.dtype == numpy.uint64 and index.ids.tolist() == kept
    check_nearest(index.nearest(hamming, bits[:1], 4), expected)
    evaluator.verify(index)


def test_merging(hamming, bits, tmp_path):
    for number, part in enumerate((bits[:4100], bits[4100:])):
        written(tmp_path / f"{number}.hvx", hamming, part, numpy.arange(len(part)) + 4100 * number)
    paths, reported = [tmp_path / "0.hvx", tmp_path / "1.hvx"], []
    assert hushvec.PackedIndex.merge(paths, tmp_path / "all.hvx", reported.append) == COUNT
    assert reported[-1] == COUNT
    merged = hushvec.PackedIndex(tmp_path / "all.hvx")
    assert merged.ids.tolist() == list(range(COUNT)) and merged.tail == 60
    check_nearest(merged.nearest(hamming, bits[9:10], 4), plain_nearest(bits[9:10], bits, range(COUNT), 4))
    with pytest.raises(hushvec.InputError, match="id 0"):
        hushvec.PackedIndex.merge([paths[0], paths[0]], tmp_path / "twice.hvx")
    with pytest.raises(hushvec.FileError, match="all.hvx"):
        hushvec.PackedIndex.merge(paths, tmp_path / "all.hvx")


def test_interrupted_appends_are_removed(hamming, index, bits):
    with open(index.path, "ab") as file:
        file.write(b"\1" * 1000)
    assert hushvec.PackedIndex(index.path).torn_bytes == 1000 and index.torn_bytes == 0
    with hushvec.PackedIndexWriter(index.path, hamming, mode="a") as writer:
        assert writer.torn_bytes == 1000 and len(writer) == COUNT
        writer.append(bits[:1])
    assert len(hushvec.PackedIndex(index.path)) == COUNT + 1


def test_renaming(hamming, bits, tmp_path):
    writer = hushvec.PackedIndexWriter(tmp_path / "part.hvx", hamming)
    writer.append(bits[:3])
    writer.rename(tmp_path / "whole.hvx")
    assert len(hushvec.PackedIndex(tmp_path / "whole.hvx")) == 3 and not (tmp_path / "part.hvx").exists()
    with pytest.raises(hushvec.InputError, match="closed"):
        writer.append(bits[:1])


def test_types_of_floats(inner, reals, tmp_path):
    """All become the same vectors. Scores of the tail have no noise, so they are equal."""
    rows = reals[:40].astype("f2").astype("f4")
    expected = written(tmp_path / "f4.hvx", inner, rows).nearest(inner, rows[:3], 40)
    wide = rows.astype("f8")
    unaligned = numpy.frombuffer(b"\0" + wide.tobytes(), numpy.uint8)[1:].view("f8").reshape(rows.shape)
    assert not unaligned.flags.aligned
    strided = numpy.repeat(rows, 2, axis=0)[::2]
    frozen = rows.copy()
    frozen.flags.writeable = False
    given = [
        *(rows.astype(kind) for kind in ("f2", ">f2", ">f4", "f8", ">f8")),
        *(unaligned, strided, frozen, numpy.asfortranarray(rows), numpy.asfortranarray(wide), rows[::-1][::-1]),
        *(rows.tolist(), list(rows), [tuple(row) for row in rows.tolist()]),
    ]
    for number, vectors in enumerate(given):
        index = written(tmp_path / f"{number}.hvx", inner, vectors)
        ids, found = index.nearest(inner, vectors[:3], 40)
        assert (ids == expected[0]).all() and (found == expected[1]).all(), number
    assert len(written(tmp_path / "none.hvx", inner, [])) == 0


@pytest.mark.parametrize("kind", [bool, "u1", "i1", "i8", "f4"])
def test_types_of_bits(hamming, bits, kind, tmp_path):
    given = bits[:40].astype(kind)
    index = written(tmp_path / "index.hvx", hamming, given)
    check_nearest(index.nearest(hamming, given[:2], 3), plain_nearest(bits[:2], bits[:40], range(40), 3))


def test_errors_name_bad_vectors(hamming, inner, bits, reals, tmp_path):
    for kind in ("u1", "i1", "i8", bool, "c8", "longdouble"):
        given = numpy.ones((2, DIMENSIONS), kind)
        with pytest.raises(hushvec.InputError, match=rf"{given.dtype} of shape \(2, 64\); expected \(N, 64\) of float16"):
            inner.encrypt_query(given)
    with pytest.raises(hushvec.InputError, match=r"int64 of shape \(1, 64\); expected \(N, 64\) of float16"):
        inner.encrypt_query([[1] * DIMENSIONS])
    with pytest.raises(hushvec.InputError, match=r"float32 of shape \(64,\); expected \(N, 64\)"):
        inner.encrypt_query(reals[0])
    with pytest.raises(hushvec.InputError, match=r"float32 of shape \(4156, 63\); expected \(N, 64\)"):
        inner.encrypt_query(reals[:, 1:])
    with pytest.raises(hushvec.InputError, match="an array or a list of lists, not str"):
        inner.encrypt_query("0110")
    with pytest.raises(hushvec.InputError, match="not an array of floats"):
        inner.encrypt_query([[0.5] * DIMENSIONS, [0.5]])
    with pytest.raises(hushvec.InputError, match=r"uint8 of shape \(4156, 63\); expected \(N, 64\) of 0 and 1"):
        hamming.encrypt_query(bits[:, 1:])
    bad = bits.astype("i4")
    bad[3, 5] = 7
    with pytest.raises(hushvec.InputError, match="row 3, column 5"):
        hamming.encrypt_query(bad)
    floats = reals.copy()
    floats[4150, 9] = numpy.nan
    with hushvec.PackedIndexWriter(tmp_path / "index.hvx", inner) as writer:
        with pytest.raises(hushvec.InputError, match="row 5150, column 9 is not a number"):
            writer.append(floats, first_row=1000)
        # The block before it is kept.
        assert len(writer) == 4096


def test_numbers_of_queries(hamming, bits):
    assert len(hamming.encrypt_query(bits[: hamming.most_queries])) == hamming.most_queries
    for count in (0, hamming.most_queries + 1):
        with pytest.raises(hushvec.InputError, match=f"from 1 to {hamming.most_queries} queries of 64 dimensions"):
            hamming.encrypt_query(bits[:count])


def test_errors_name_bad_input(hamming, inner, subgroup, evaluator, index, bits, tmp_path):
    with pytest.raises(hushvec.FileError, match="bits.hvx"):
        hushvec.PackedIndexWriter(index.path, hamming)
    with pytest.raises(hushvec.InputError, match='the mode is "w", expected "x" or "a"'):
        hushvec.PackedIndexWriter(index.path, hamming, mode="w")
    with pytest.raises(hushvec.FileError, match="nowhere.hvx"):
        hushvec.PackedIndex(tmp_path / "nowhere.hvx")
    for wrong in (subgroup, "context", None):
        with pytest.raises(hushvec.InputError, match="expected a PackedContext, not <class .*>"):
            index.nearest(wrong, bits[:1])
        with pytest.raises(hushvec.InputError, match="expected a PackedContext, not <class .*>"):
            hushvec.PackedIndexWriter(tmp_path / "new.hvx", wrong)
    with hushvec.PackedIndexWriter(index.path, hamming, mode="a") as writer:
        with pytest.raises(hushvec.InputError, match="39 ids were given for 40 vectors"):
            writer.append(bits[:40], range(39))
        with pytest.raises(hushvec.InputError, match="7"):
            writer.append(bits[:2], [5000, 7])
        with pytest.raises(hushvec.InputError, match='"seven" among integers'):
            writer.append(bits[:1], ["seven"])
    with pytest.raises(hushvec.InputError, match="closed"):
        writer.append(bits[:1])
    assert len(hushvec.PackedIndex(index.path)) == COUNT
    with pytest.raises(hushvec.InputError, match="progress is 7"):
        index.nearest(hamming, bits[:1], progress=7)
    with pytest.raises(hushvec.InputError, match="either a public context's text or its path"):
        hushvec.PackedEvaluator()
    # Files of the other scheme.
    with pytest.raises(hushvec.InputError, match="bits.hvx.*packed"):
        hushvec.Index(index.path)
    with hushvec.IndexWriter(tmp_path / "paillier.hvx", subgroup) as writer:
        writer.append(numpy.zeros((1, 96)))
    with pytest.raises(hushvec.InputError, match="paillier.hvx.*packed search"):
        hushvec.PackedIndex(tmp_path / "paillier.hvx")
    with pytest.raises(hushvec.InputError):
        hushvec.PackedEvaluator(subgroup.public_context())
    with pytest.raises(hushvec.InputError):
        hushvec.Evaluator(hamming.public_context())


def test_other_keys_are_refused(hamming, evaluator, index, bits, tmp_path):
    other = hushvec.PackedContext.create("p", "hamming", DIMENSIONS)
    assert other != hamming
    with pytest.raises(hushvec.InputError, match="bits.hvx: an index belongs to the key"):
        index.nearest(other, bits[:1])
    for call in (hushvec.PackedIndexWriter, hushvec.PackedIndex.compact):
        with pytest.raises(hushvec.InputError, match="bits.hvx.*key"):
            call(index.path, other, *(["a"] if call is hushvec.PackedIndexWriter else []))
    query = hamming.encrypt_query(bits[:1])
    query.save(tmp_path / "query.hvq")
    foreign = hushvec.PackedEvaluator(other.public_context())
    with pytest.raises(hushvec.InputError, match="query.hvq: the query belongs to the key"):
        foreign.load_query(tmp_path / "query.hvq")
    with pytest.raises(hushvec.InputError, match="key"):
        foreign.aggregate(query, index, tmp_path / "r.hvr")
    with pytest.raises(hushvec.InputError, match="bits.hvx.*key"):
        foreign.verify(index)
    assert not (tmp_path / "r.hvr").exists()
    response = evaluator.aggregate(query, index, tmp_path / "r.hvr")
    with pytest.raises(hushvec.InputError, match="r.hvr"):
        response.nearest(other)


def test_errors_name_damaged_files(hamming, evaluator, index, bits, tmp_path):
    with hushvec.PackedIndexWriter(index.path, hamming, mode="a") as writer:
        writer.append(bits)
    data = bytearray(index.path.read_bytes())
    data[100_000] ^= 1
    (tmp_path / "damaged.hvx").write_bytes(data)
    damaged = hushvec.PackedIndex(tmp_path / "damaged.hvx")
    query = hamming.encrypt_query(bits[:1])
    for read in (
        lambda: evaluator.verify(damaged),
        lambda: damaged.nearest(hamming, bits[:1]),
        lambda: evaluator.aggregate(query, damaged, tmp_path / "r.hvr"),
    ):
        with pytest.raises(hushvec.InputError, match="damaged.hvx"):
            read()
    response = evaluator.aggregate(query, index, tmp_path / "r.hvr")
    whole = response.path.read_bytes()
    (tmp_path / "short.hvr").write_bytes(whole[:-1])
    with pytest.raises(hushvec.InputError, match="short.hvr"):
        hushvec.PackedResponse(tmp_path / "short.hvr")
    query.save(tmp_path / "query.hvq")
    data = bytearray((tmp_path / "query.hvq").read_bytes())
    data[5000] ^= 1
    (tmp_path / "query.hvq").write_bytes(data)
    with pytest.raises(hushvec.InputError, match="query.hvq"):
        hushvec.PackedQuery.load(tmp_path / "query.hvq")


@pytest.mark.parametrize("metric", ["hamming", "inner_product"])
def test_contexts_are_saved_and_loaded(metric, bits, reals, tmp_path):
    path, vectors = tmp_path / "context.json", bits if metric == "hamming" else reals
    context = hushvec.PackedContext.create("correct horse", metric, DIMENSIONS, path=path, device="cpu", threads=1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    index = written(tmp_path / "index.hvx", context, vectors[:9])
    load = hushvec.PackedContext.load_from_disk
    for loaded in (
        load(path, "correct horse"),
        load(str(path), hushvec.PassphraseKeyProvider("correct horse"), device="auto", threads=1),
        load(path, "correct horse", threads=1),
        hushvec.PackedContext.from_serialized(context.serialize(), "correct horse"),
    ):
        assert loaded == context and hash(loaded) == hash(context) and loaded.id == context.id == context.public_id
        assert (loaded.metric, loaded.embedding_length) == (metric, DIMENSIONS)
        assert (loaded.bits, loaded.cosine_error is None) == ((None, True) if metric == "hamming" else (4, False))
        assert index.nearest(loaded, vectors[:1], 1)[0].tolist() == [[0]]
    assert context.device == load(path, "correct horse").device == "cpu"
    assert load(path, "correct horse", device="auto").device == "auto"
    with pytest.raises(hushvec.InputError, match="context.json: .*passphrase"):
        load(path, "wrong")
    with pytest.raises(FileNotFoundError, match="cannot read .*none.json"):
        load(tmp_path / "none.json", "x")
    # A new key replaces no file; the same key may.
    with pytest.raises(hushvec.FileError, match="context.json"):
        hushvec.PackedContext.create("p", metric, DIMENSIONS, path=path)
    with pytest.raises(hushvec.FileError, match="context.json"):
        hushvec.PackedContext.create("p", metric, DIMENSIONS).save_to_disk(path)
    context.save_to_disk(path)
    text = path.read_text()
    path.write_text(text.replace(str(DIMENSIONS), str(DIMENSIONS + 1), 1))
    with pytest.raises(hushvec.InputError, match="context.json"):
        load(path, "correct horse")
    (tmp_path / "public.json").write_text(context.public_context())
    public = hushvec.PackedEvaluator(path=tmp_path / "public.json", device="cpu", threads=1)
    assert (public.public_id, public.metric, public.embedding_length) == (context.public_id, metric, DIMENSIONS)
    assert public.public_context() == context.public_context() and public.device_used


def test_contexts_of_the_other_scheme_are_refused(hamming, subgroup, tmp_path):
    hamming.save_to_disk(tmp_path / "packed.json")
    with pytest.raises(hushvec.InputError, match="packed.json"):
        hushvec.ExecutionContext.load_from_disk(PASSPHRASE, tmp_path / "packed.json")
    subgroup.save_to_disk(tmp_path / "paillier.json")
    with pytest.raises(hushvec.InputError, match="paillier.json: .*packed search"):
        hushvec.PackedContext.load_from_disk(tmp_path / "paillier.json", PASSPHRASE)


def test_key_providers():
    provider = hushvec.AWSKMSKeyProvider.create(Kms(), "alias/x")
    made = hushvec.PackedContext.create(provider, "hamming", DIMENSIONS)
    again = hushvec.AWSKMSKeyProvider.from_wrapped(b"wrapped", kms_client=Kms(), key_id="alias/x")
    assert hushvec.PackedContext.from_serialized(made.serialize(), again) == made
    with pytest.raises(hushvec.InputError, match="key_provider"):
        hushvec.PackedContext.from_serialized(made.serialize(), "p")
    for wrong in (b"correct horse", None):
        with pytest.raises(hushvec.InputError, match="expected a passphrase or a key provider, not"):
            hushvec.PackedContext.create(wrong)


def test_errors_name_bad_arguments():
    create = hushvec.PackedContext.create
    with pytest.raises(hushvec.InputError, match='metric is "cosine", expected "hamming" or "inner_product"'):
        create("p", "cosine")
    with pytest.raises(hushvec.InputError, match="bits is 6, expected 4, 5 or 8"):
        create("p", bits=6)
    with pytest.raises(hushvec.InputError, match="bits is 8, but only inner products have bits"):
        create("p", "hamming", bits=8)
    with pytest.raises(hushvec.InputError, match="from 64 to 2048 dimensions"):
        create("p", embedding_length=63)
    with pytest.raises(hushvec.InputError, match="threads must be at least 1"):
        create("p", threads=0)
    with pytest.raises(hushvec.InputError, match="threads"):
        create("p", threads=999_999)
    with pytest.raises(hushvec.DeviceError, match="toaster"):
        create("p", device="toaster")
    with pytest.raises(TypeError, match="PackedContext.create"):
        hushvec.PackedContext()


def test_secrets_do_not_leak(hamming, index, evaluator, bits, tmp_path):
    assert repr(hamming) == f"<PackedContext {hamming.public_id}, hamming, 64 dimensions>"
    query = hamming.encrypt_query(bits[:1])
    response = evaluator.aggregate(query, index, tmp_path / "r.hvr")
    for one in (hamming, hamming.serialize(), query, index, evaluator, response, hamming.public_context()):
        assert PASSPHRASE not in repr(one)
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled, because it holds a secret key"):
            copied(hamming)
        with pytest.raises(TypeError):
            copied(hamming._packed_keys)
    assert '"sealed"' not in hamming.public_context()


def test_progress(hamming, evaluator, index, bits, tmp_path):
    reported = []
    response = evaluator.aggregate(hamming.encrypt_query(bits[:3]), index, tmp_path / "r.hvr", reported.append)
    assert reported[-1] == 3 * COUNT
    reported.clear()
    response.nearest(hamming, progress=reported.append)
    assert reported[-1] == 3 * COUNT
    reported.clear()
    evaluator.verify(index, reported.append)
    assert reported[-1] == COUNT
    reported.clear()
    hushvec.PackedIndex.delete(index.path, [0])
    hushvec.PackedIndex.compact(index.path, hamming, reported.append)
    assert reported[-1] == COUNT - 1

    class Enough(Exception):
        pass

    def stop(_):
        raise Enough

    with pytest.raises(Enough), hushvec.PackedIndexWriter(tmp_path / "new.hvx", hamming) as writer:
        writer.append(bits, progress=stop)


def test_threads_at_once(hamming, index, bits, tmp_path):
    expected = plain_nearest(bits[:20], bits, range(COUNT), 3)
    found, errors = {}, []

    def run(number, work):
        try:
            found[number] = work()
        except Exception as error:
            errors.append(error)

    writer = hushvec.PackedIndexWriter(tmp_path / "both.hvx", hamming)
    works = [lambda: index.nearest(hamming, bits[:20], 3)] * 2
    works += [lambda: writer.append(bits, numpy.arange(COUNT)), lambda: writer.append(bits, numpy.arange(COUNT) + COUNT)]
    threads = [threading.Thread(target=run, args=(number, work)) for number, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert not errors
    check_nearest(found[0], expected)
    check_nearest(found[1], expected)
    both = hushvec.PackedIndex(tmp_path / "both.hvx")
    assert sorted(both.ids.tolist()) == list(range(2 * COUNT))
    ids, nearest = both.nearest(hamming, bits[:1], 2)
    assert ids.tolist() == [[0, COUNT]] and nearest.tolist() == [[0, 0]]


def test_other_threads_run(inner, reals, tmp_path):
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(None)

    thread = threading.Thread(target=tick)
    thread.start()
    written(tmp_path / "index.hvx", inner, numpy.tile(reals, (10, 1)))
    done.set()
    thread.join()
    assert len(ticks) > 5
