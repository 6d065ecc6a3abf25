"""`hushvec.Client` and `hushvec.AsyncClient` against `hushvec serve`."""

import asyncio
import warnings

import numpy
import pytest
import servers
from conftest import DIMENSIONS, PASSPHRASE

import hushvec

servers.require()


@pytest.fixture(scope="module")
def filled(client, saved, vectors):
    client.create_knowledge_base("notes", "for tests")
    pushed = client.push(
        "notes",
        saved,
        vectors,
        [f"note {number}" for number in range(len(vectors))],
        contents=[f"text {number}" for number in range(len(vectors))],
        metadata=[{"tag1": "even" if number % 2 == 0 else "odd", "facets": ["all"]} for number in range(len(vectors))],
        rerank="int8",
    )
    assert pushed == hushvec.Pushed(600, 0, 0, 0)
    return "notes"


def nearest(vectors, query, k):
    cosines = vectors @ query / numpy.linalg.norm(vectors, axis=1) / numpy.linalg.norm(query)
    return [int(place) for place in numpy.argsort(-cosines, kind="stable")[:k]], cosines


def test_search_finds_the_nearest(client, saved, vectors, filled):
    queries = vectors[[3, 100]] + 0.1
    for query, hits in zip(queries, client.search(filled, saved, queries, 10), strict=True):
        distances = ((vectors > 0) != (query > 0)).sum(axis=1)
        assert [hit.distance for hit in hits] == sorted(distances)[:10]
        assert [distances[int(str(hit.id).removeprefix("note "))] for hit in hits] == [hit.distance for hit in hits]
        assert {(hit.cosine, hit.content, hit.metadata, hit.name) for hit in hits} == {(None, None, None, None)}
    for query, hits in zip(queries, client.search(filled, saved, queries, 5, oversample=100, content=True), strict=True):
        places, cosines = nearest(vectors, query, 5)
        assert [hit.id for hit in hits] == [f"note {place}" for place in places]
        assert [hit.content for hit in hits] == [f"text {place}" for place in places]
        assert hits[0].metadata == {"tag1": "odd" if places[0] % 2 else "even", "facets": ["all"]}
        numpy.testing.assert_allclose([hit.cosine for hit in hits], cosines[places], atol=0.01)
        assert (hits[0].name, hits[0].chunk) == (f"note {places[0]}", places[0] + 1)


def test_filters_and_ranges(client, saved, vectors, filled):
    hits = client.search(filled, saved, vectors[:1], 600, filter={"tag1": "odd"}, names=True)[0]
    assert len(hits) == 300 and all(hit.metadata["tag1"] == "odd" and hit.content is None for hit in hits)
    assert [hit.chunk for hit in client.search(filled, saved, vectors[:1], 600, range=(601, 700))[0]] == []
    assert sorted(hit.chunk for hit in client.search(filled, saved, vectors[:1], 600, range=(5, 7))[0]) == [5, 6, 7]
    with pytest.raises(hushvec.RemoteError, match="422") as caught:
        client.search(filled, saved, vectors[:1], filter={"tag9": "x"})
    assert caught.value.status == 422


def test_pushing_again_changes_nothing(client, saved, vectors, filled):
    ids = [f"note {number}" for number in range(5)]
    before = client.search(filled, saved, vectors[:1], 5, content=True, oversample=3)
    assert client.push(filled, saved, vectors[:5], ids, rerank="int8") == hushvec.Pushed(0, 5, 0, 0)
    assert client.push(filled, saved, vectors[:5] * -1, ids, on_conflict="skip") == hushvec.Pushed(0, 0, 5, 0)
    with pytest.raises(hushvec.RemoteError, match="the id note 0 and 4 others are already stored"):
        client.push(filled, saved, vectors[:6], [*ids, "new"], on_conflict="error")
    assert client.search(filled, saved, vectors[:1], 5, content=True, oversample=3) == before
    assert client.knowledge_base(filled).number_of_vectors == 600


def test_deleting(client, saved, vectors):
    base = client.create_knowledge_base("short-lived")
    assert client.create_knowledge_base("short-lived") == base
    client.push("short-lived", saved, vectors[:10], range(10))
    assert client.delete("short-lived", saved, [2, 3, 77]) == 2
    assert sorted(hit.id for hit in client.search("short-lived", saved, vectors[:1], 50)[0]) == [0, 1, 4, 5, 6, 7, 8, 9]
    client.push("short-lived", saved, vectors[2:3], [2])
    hit = client.search("short-lived", saved, vectors[2:3], 1)[0][0]
    assert (hit.id, hit.distance, hit.chunk) == (2, 0, 11)
    client.delete_knowledge_base("short-lived")
    assert "short-lived" not in [base.name for base in client.knowledge_bases()]
    with pytest.raises(hushvec.RemoteError, match="there is no knowledge base \"short-lived\""):
        client.knowledge_base("short-lived")


def test_errors_name_bad_arguments(client, saved, vectors, filled, server, tmp_path):
    for arguments, options, message in (
        ((vectors, range(3)), {}, "600 vectors and 3 ids"),
        ((vectors[:2], [1, 2]), {"contents": ["one"]}, "2 vectors and 1 contents"),
        ((vectors[:2], [1, 2]), {"metadata": [{}]}, "2 vectors and 1 metadata"),
        ((vectors[:2], [1, 2]), {"metadata": [{}, 3]}, "metadata of vector 1 is not a dictionary"),
        ((vectors[:2], [1, 2]), {"embeddings": vectors[:1]}, "2 vectors and 1 embeddings"),
        ((vectors[:2] > 0, [1, 2]), {"rerank": "int8"}, "rerank takes .* floats or int8, not bool"),
        ((vectors[:2], [1, 2]), {"rerank": "int4"}, "int8 or float16"),
        ((vectors[:2], [1, 2]), {"on_conflict": "merge"}, "replace, skip or error"),
        ((vectors[:2, :7], [1, 2]), {}, r"shape \(2, 7\)"),
        ((numpy.where(numpy.arange(DIMENSIONS) == 4, numpy.nan, vectors[:2]), [1, 2]), {}, "row 0, column 4 is not a number"),
    ):
        with pytest.raises(hushvec.InputError, match=message):
            client.push(filled, saved, *arguments, **options)
    with pytest.raises(hushvec.InputError, match="oversample takes"):
        client.search(filled, saved, vectors[:1] > 0, oversample=2)
    with pytest.raises(hushvec.InputError, match="cannot be negative"):
        client.search(filled, saved, vectors[:1], -1)
    with pytest.raises(hushvec.RemoteError, match="there is no knowledge base \"none\"; this key has access to notes"):
        client.search("none", saved, vectors[:1])
    with pytest.raises(hushvec.FileError, match="no list of the chunks pushed to the knowledge base .* unlisted=True"):
        client.search(filled, saved, vectors[:1], pushed=tmp_path / "none.pushed")
    assert client.search(filled, saved, vectors[:1], 1, unlisted=True)[0][0].id is None
    with pytest.raises(hushvec.RemoteError, match="has no embedding to rank by"):
        client.push(filled, saved, vectors[:1], ["note 0"])
        client.search(filled, saved, vectors[:1], 600, oversample=1)
    client.push(filled, saved, vectors[:1], ["note 0"], rerank="int8")

    unsaved = hushvec.ExecutionContext.create(PASSPHRASE, "paillier_subgroup", DIMENSIONS)
    with pytest.raises(hushvec.InputError, match="save it .*, or give pushed="):
        client.push(filled, unsaved, vectors[:1], [1])
    with pytest.raises(hushvec.RemoteError, match="401 Unauthorized"):
        hushvec.Client(server.url, "hvk_wrong").knowledge_bases()
    with pytest.raises(hushvec.RemoteError, match="cannot connect"):
        hushvec.Client("http://127.0.0.1:1", "hvk_x").knowledge_bases()
    with pytest.raises(hushvec.InputError, match="give api_key=, or set HUSHVEC_API_KEY"):
        hushvec.Client(server.url)
    for wrong in ("ftp://example.org", "example.org"):
        with pytest.raises(hushvec.InputError, match="the server's address"):
            hushvec.Client(wrong, "hvk_x")
    assert "hvk" not in repr(client) and repr(client).startswith("Client('127.0.0.1:")


def test_keys_come_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("HUSHVEC_API_KEY", server.admin_key)
    assert isinstance(hushvec.Client(server.url).knowledge_bases(), list)
    status, made = server.call("POST", "/v1/keys", {"name": "reader"})
    monkeypatch.setenv("HUSHVEC_API_KEY", made["secretKey"])
    assert status == 200 and hushvec.Client(server.url).knowledge_bases() == []
    with pytest.raises(hushvec.InputError, match="the admin key cannot be used: it is missing"):
        hushvec.Client(server.url).create_knowledge_base("mine")
    # The key that creates a knowledge base has access to it.
    client = hushvec.Client(server.url, admin_key=server.admin_key)
    base = client.create_knowledge_base("mine")
    assert base in hushvec.Client(server.url).knowledge_bases()
    client.delete_knowledge_base("mine")


def test_coroutines(server, saved, vectors, tmp_path):
    async def work():
        client = hushvec.AsyncClient(server.url, server.admin_key)
        assert repr(client).startswith("AsyncClient(")
        base = await client.create_knowledge_base("async")
        assert (await client.knowledge_base("async")) == base and base in await client.knowledge_bases()
        place = {"pushed": tmp_path / "async.pushed"}
        assert (await client.push("async", saved, vectors, range(600), rerank="float16", **place)).stored == 600
        # Concurrent searches.
        answers = await asyncio.gather(*(client.search("async", saved, vectors[i : i + 1], 1, oversample=5, **place) for i in range(8)))
        assert [answer[0][0].id for answer in answers] == list(range(8))
        assert await client.delete("async", saved, [5], **place) == 1
        await client.delete_knowledge_base("async")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(work())


def test_progress_is_reported(client, saved, vectors, filled):
    reported = []
    client.push(filled, saved, vectors[:50], [f"note {i}" for i in range(50)], rerank="int8", progress=reported.append)
    assert reported[-1] == 50


def test_recall_of_candidates(client, saved, vectors, filled):
    """Reranking 50 candidates finds nearly all of the ten nearest by cosine."""
    queries = vectors[::12] + 0.3 * numpy.random.default_rng(9).standard_normal((50, DIMENSIONS)).astype(numpy.float32)
    truth = [{f"note {place}" for place in nearest(vectors, query, 10)[0]} for query in queries]

    def recall(**options):
        found = client.search(filled, saved, queries, 10, **options)
        return sum(len({hit.id for hit in hits} & true) for hits, true in zip(found, truth, strict=True)) / 500

    assert recall(oversample=5) >= 0.93 > recall()


def test_projections_find_more(client, saved, vectors, filled, tmp_path):
    """Ten bits per dimension find more than one. The real vectors for reranking are given separately."""
    longer = hushvec.ExecutionContext.create(PASSPHRASE, "paillier_subgroup", 960, path=tmp_path / "ctx.json")
    client.create_knowledge_base("projected")
    stored = hushvec.project(vectors, 960)
    assert client.push("projected", longer, stored, range(600), rerank="int8", embeddings=vectors).stored == 600
    queries = vectors[::12] + 0.3 * numpy.random.default_rng(9).standard_normal((50, DIMENSIONS)).astype(numpy.float32)
    truth = [set(nearest(vectors, query, 10)[0]) for query in queries]

    def recall(found, place=lambda id: id):
        return sum(len({place(hit.id) for hit in hits} & true) for hits, true in zip(found, truth, strict=True)) / 500

    signs = recall(client.search(filled, saved, queries, 10), lambda id: int(id.removeprefix("note ")))
    projected = hushvec.project(queries, 960)
    assert recall(client.search("projected", longer, projected, 10)) > signs + 0.2
    assert recall(client.search("projected", longer, projected, 10, oversample=5, embeddings=queries)) >= 0.99
    with pytest.raises(hushvec.InputError, match="oversample takes"):
        client.search("projected", longer, stored[:1], oversample=2)
    with pytest.raises(hushvec.InputError):
        client.search("projected", longer, stored[:2], oversample=2, embeddings=queries[:1])
