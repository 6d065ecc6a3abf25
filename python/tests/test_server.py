"""XTrace's SDK, unmodified, against `hushvec serve`."""

import asyncio
import os

import aiohttp
import numpy
import pytest
import servers
from conftest import DIMENSIONS, distances

if os.environ.get("HUSHVEC_REQUIRE_SDK") != "1":
    pytest.importorskip("xtrace_sdk", reason="xtrace-ai-sdk is not installed")
import xtrace_sdk.x_vec.utils.execution_context as sdk  # noqa: E402
from xtrace_sdk.integrations.xtrace import XTraceIntegration  # noqa: E402
from xtrace_sdk.x_vec.data_loaders.loader import DataLoader  # noqa: E402
from xtrace_sdk.x_vec.retrievers.retriever import Retriever  # noqa: E402

import hushvec  # noqa: E402

servers.require()

WORDS = ["ant", "bee", "cat", "dog", "eel"]


def sdk_client(server, api_key=None, org="default"):
    return XTraceIntegration(org_id=org, api_key=api_key or server.admin_key, admin_key=server.admin_key, api_url=server.url, admin_api_url=server.url)


def metadata(number):
    return {"tag1": WORDS[number % 5], "tag2": f"{number:03}", "facets": ["even" if number % 2 == 0 else "odd", WORDS[number % 3]]}


@pytest.fixture(scope="module", params=["paillier", "paillier_lookup"])
def theirs(request):
    return sdk.ExecutionContext.create("pass", request.param, DIMENSIONS, 1024)


@pytest.fixture(scope="module")
def ids(theirs, server, rows):
    """The id of a knowledge base that the SDK filled."""

    async def fill():
        async with sdk_client(server) as client:
            assert await theirs.save_to_remote(client) == theirs.id
            base = await client.create_kb("notes", "what I think")
            loader = DataLoader(theirs, client)
            collection = [{"chunk_content": f"note {number}", "meta_data": metadata(number)} for number in range(len(rows))]
            index, db = await loader.load_data_from_memory(collection, rows.tolist(), disable_progress=True)
            replies = await loader.dump_db(db, index=index, kb_id=base["id"])
            assert replies[0]["chunk_ids"] == list(range(1, len(rows) + 1))
            return base["id"]

    return asyncio.run(fill())


def floats(bits):
    return (numpy.asarray(bits) * 2.0 - 1).tolist()


def nearest(retriever, row, k, kb, **options):
    found, scores = asyncio.run(retriever.nn_search_for_ids(floats(row), k, kb, include_scores=True, **options))
    return found, scores


def test_contexts_come_back(theirs, server, ids):
    async def load():
        async with sdk_client(server) as client:
            assert theirs.id in await client.list_exec_contexts()
            assert await client.get_ctx_for_kb(ids) == [theirs.id]
            assert await client.get_kbs_for_ctx(theirs.id) == [ids]
            return await sdk.ExecutionContext.load_from_remote("pass", theirs.id, client)

    loaded = asyncio.run(load())
    assert loaded.hash() == theirs.hash()
    with pytest.raises(Exception):
        asyncio.run(sdk.ExecutionContext.load_from_remote("wrong", theirs.id, sdk_client(server)))


def test_neighbours_are_those_of_plaintext(theirs, server, ids, rows):
    query = rows[7] ^ (numpy.arange(DIMENSIONS) % 9 == 0)
    expected = distances(query, rows)
    client = sdk_client(server)
    retriever = Retriever(theirs, client)

    async def search():
        async with client:
            for options, wanted in (
                ({}, range(len(rows))),
                ({"meta_filter": {"tag1": "cat"}}, range(2, len(rows), 5)),
                ({"meta_filter": {"$or": [{"tag1": {"$in": ["ant", "bee"]}}, {"facets": {"$all": ["odd", "cat"]}}]}}, [i for i in range(len(rows)) if i % 5 < 2 or (i % 2 and i % 3 == 2)]),
                ({"range_filter": [3, 12]}, range(2, 12)),
                ({"meta_filter": {"facets": "even"}, "range_filter": [5, 9]}, [4, 6, 8]),
                ({"meta_filter": {"tag1": "fox"}}, []),
            ):
                # The SDK gets all distances, and sorts them itself.
                encrypted = await client.compute_hamming_distances(
                    theirs.homomorphic.encrypt_vec_one(query.tolist()), theirs.id, ids, options.get("meta_filter"), options.get("range_filter")
                )
                decoded = theirs.homomorphic.decode_hamming_client_batch([row[1] for row in encrypted])
                assert {row[0]: distance for row, distance in zip(encrypted, decoded)} == {i + 1: expected[i] for i in wanted}
                if wanted:
                    found, scores = await retriever.nn_search_for_ids(floats(query), 3, ids, include_scores=True, **options)
                    best = sorted(expected[i] for i in wanted)[:3]
                    assert [expected[i - 1] for i in found] == best
            found = await retriever.retrieve_and_decrypt([8, 3, 999], ids)
            assert [(one["chunk_content"], one["meta_data"]) for one in found] == [(f"note {i}", metadata(i)) for i in (7, 2)]
            # Repeated ids are refused: they would let a small request get an unbounded reply.
            with pytest.raises(aiohttp.ClientResponseError, match="422"):
                await retriever.retrieve_and_decrypt([8, 3, 3], ids)
            with_index = await client.get_chunk_by_id([8], ids, projection=["chunk_id", "index", "tag2"])
            assert with_index[0].keys() == {"chunk_id", "index", "meta_data"} and with_index[0]["meta_data"] == {"tag2": "007"}
            ciphertext = int.from_bytes(with_index[0]["index"][0], "little")
            again = [[ciphertext * int(theirs.homomorphic.encrypt_vec_one(query.tolist())[0]) % int(theirs.homomorphic.client.keys["pk"]["n_squared"])]]
            assert theirs.homomorphic.decode_hamming_client_batch(again) == [expected[7]]

    asyncio.run(search())


def test_metadata_and_pages(theirs, server, ids, rows):
    async def pages():
        async with sdk_client(server) as client:
            found = await client.meta_search(ids, {"tag2": {"$gte": "010", "$lt": "013"}}, theirs.id)
            assert [one["chunk_id"] for one in found] == [11, 12, 13] and "chunk_content" not in found[0]
            found = await client.meta_search(ids, '{"tag2": "004"}', theirs.id, return_content=True, projection=["tag1"])
            assert theirs.aes.decrypt(found[0]["chunk_content"]) == "note 4" and found[0]["meta_data"] == {"tag1": "eel"}
            seen, offset = [], 0
            while True:
                page = await client.meta_search_paginated(ids, theirs.id, {"facets": "odd"}, limit=7, offset=offset, sort_order="asc")
                seen += [one["chunk_id"] for one in page["results"]]
                assert page["total"] == len(rows) // 2
                offset += 7
                if not page["has_more"]:
                    break
            assert seen == list(range(2, len(rows) + 1, 2))
            page = await client.meta_search_paginated(ids, theirs.id, limit=2, sort_by="tag1")
            assert [one["meta_data"]["tag1"] for one in page["results"]] == ["eel", "eel"]

    asyncio.run(pages())


def test_chunks_change_and_go(theirs, server, rows):
    async def change():
        async with sdk_client(server) as client:
            base = (await client.create_kb("changing"))["id"]
            loader, retriever = DataLoader(theirs, client), Retriever(theirs, client)
            collection = [{"chunk_content": f"note {i}", "meta_data": metadata(i)} for i in range(10)]
            index, db = await loader.load_data_from_memory(collection, rows[:10].tolist(), disable_progress=True)
            await loader.dump_db(db, index=index, kb_id=base)
            plain = {i + 1: rows[i] for i in range(10)}

            async def check():
                found, scores = await retriever.nn_search_for_ids(floats(rows[0]), 100, base, include_scores=True)
                expected = {i: int((row != rows[0]).sum()) for i, row in plain.items()}
                assert sorted(found) == sorted(expected)
                assert sorted(scores) == sorted(expected.values())
                assert [expected[i] for i in found] == sorted(expected.values())
                assert (await client.get_kb(base))["numberOfVectors"] == len(plain)

            await check()
            # New content and vectors for two.
            changed = [{"chunk_content": "new", "meta_data": {"tag1": "new"}, "chunk_id": 3}, {"chunk_content": "newer", "meta_data": {}, "chunk_id": 7}]
            index, db = await loader.load_data_from_memory(changed, rows[20:22].tolist(), disable_progress=True)
            for one, given in zip(db, changed):
                one["chunk_id"] = given["chunk_id"]
            await client.update_chunks(index, db, theirs.id, base)
            plain[3], plain[7] = rows[20], rows[21]
            await check()
            got = await retriever.retrieve_and_decrypt([3, 7], base)
            assert got == [{"chunk_content": "new", "meta_data": {"tag1": "new"}}, {"chunk_content": "newer", "meta_data": {}}]
            # Metadata alone.
            await client.patch_chunks(base, theirs.id, [{"chunk_id": 3, "meta_data": {"tag2": "x", "facets": ["f"]}}, {"chunk_id": 1, "tag1": None}])
            got = await client.get_chunk_by_id([3, 1], base)
            assert [one["meta_data"] for one in got] == [{"tag1": "new", "tag2": "x", "facets": ["f"]}, {"tag2": "000", "facets": ["even", "ant"]}]
            assert (await client.patch_chunks_by_meta(base, theirs.id, {"facets": "odd"}, {"tag5": "o"}, dry_run=True)) == {"would_update_count": 5}
            assert (await client.patch_chunks_by_meta(base, theirs.id, {"facets": "odd"}, {"tag5": "o"})) == {"updated_count": 5}
            assert len(await client.meta_search(base, {"tag5": "o"}, theirs.id)) == 5
            # By id, and by metadata.
            assert await client.delete_chunks([2, 5, 99], base) == {"deleted_count": 2, "not_found": [99]}
            del plain[2], plain[5]
            await check()
            assert await client.delete_chunks_by_meta(base, theirs.id, {"tag5": "o"}, dry_run=True) == {"would_delete_count": 4}
            assert await client.delete_chunks_by_meta(base, theirs.id, {"tag5": "o"}) == {"deleted_count": 4}
            for i in (4, 6, 8, 10):
                del plain[i]
            await check()
            # Ids are never reused.
            index, db = await loader.load_data_from_memory(collection[:1], rows[:1].tolist(), disable_progress=True)
            assert (await loader.dump_db(db, index=index, kb_id=base))[0]["chunk_ids"] == [11]
            await client.delete_kb(base)
            with pytest.raises(aiohttp.ClientResponseError, match="404"):
                await client.get_kb(base)

    asyncio.run(change())


def test_keys_have_the_permissions_they_were_given(theirs, server, ids, rows):
    async def try_all():
        async with sdk_client(server) as admin:
            made = await admin.create_api_key("reader", "for tests")
            assert made["apiKey"]["firstN"] == made["secretKey"][:5] and len(made["secretKey"]) == 43
            assert made["apiKey"] in await admin.list_api_keys()
            key = made["apiKey"]["hash"]
            query = theirs.homomorphic.encrypt_vec_one(rows[0].tolist())
            chunk = [{"chunk_content": "x", "index": [admin._encode_index(query[0])], "meta_data": {}, "name": "n"}]
            async with sdk_client(server, made["secretKey"]) as client:
                # Calls, with the permission that each needs.
                calls = [
                    (1, lambda: client.get_chunk_by_id([1], ids)),
                    (1, lambda: client.compute_hamming_distances(query, theirs.id, ids)),
                    (1, lambda: client.meta_search(ids, {"tag1": "ant"}, theirs.id)),
                    (1, lambda: client.meta_search_paginated(ids, theirs.id)),
                    (3, lambda: client.insert_chunks(ids, chunk, theirs.id)),
                    (3, lambda: client.patch_chunks(ids, theirs.id, [{"chunk_id": 1, "tag3": "t"}])),
                    (3, lambda: client.patch_chunks_by_meta(ids, theirs.id, {"tag1": "none"}, {"tag3": "t"})),
                    (7, lambda: client.delete_chunks_by_meta(ids, theirs.id, {"tag1": "none"})),
                    (7, lambda: client.delete_chunks([10**6], ids)),
                ]
                for permission in (0, 1, 3, 7):
                    if permission:
                        assert (await admin.set_key_permission(key, ids, permission))["permission"] == permission
                        assert await admin.get_key_permissions(key) == [{"knowledgeBaseId": ids, "permission": permission}]
                    for needed, call in calls:
                        if permission >= needed:
                            await call()
                        else:
                            with pytest.raises(Exception, match="403"):
                                await call()
                # The key can delete only contexts that it stored, and cannot use the admin plane.
                with pytest.raises(Exception, match="403"):
                    await client.delete_exec_context(theirs.id)
                client.admin_key = made["secretKey"]
                with pytest.raises(aiohttp.ClientResponseError, match="403"):
                    await client.list_kbs()
                await admin.revoke_api_key(key)
                with pytest.raises(aiohttp.ClientResponseError, match="401"):
                    await client.get_chunk_by_id([1], ids)
            # Delete the inserted chunks, which other tests do not expect.
            last = max(one["chunk_id"] for one in (await admin.meta_search_paginated(ids, theirs.id, limit=1))["results"])
            await admin.delete_chunks(list(range(len(rows) + 1, last + 1)), ids)

    asyncio.run(try_all())


def test_our_clients_and_the_sdk_share_a_server(theirs, server, ids, rows):
    """Our context reads the SDK's data on the server."""

    async def share():
        async with sdk_client(server) as client:
            ours = await hushvec.ExecutionContext.load_from_remote("pass", theirs.id, client, allow_weak=True)
            assert ours.hash() == theirs.hash()
            encrypted = await client.compute_hamming_distances(ours.homomorphic.encrypt_vec_one(rows[4].tolist()), ours.id, ids)
            assert ours.homomorphic.decode_hamming_client_batch([row[1] for row in encrypted]) == distances(rows[4], rows)

    asyncio.run(share())


def test_a_restart_changes_nothing(theirs, tmp_path, rows):
    with servers.Server(tmp_path / "data") as server:

        async def fill():
            async with sdk_client(server) as client:
                await theirs.save_to_remote(client)
                base = (await client.create_kb("lasting"))["id"]
                loader = DataLoader(theirs, client)
                collection = [{"chunk_content": f"note {i}", "meta_data": metadata(i)} for i in range(len(rows))]
                index, db = await loader.load_data_from_memory(collection, rows.tolist(), disable_progress=True)
                await loader.dump_db(db, index=index, kb_id=base)
                await client.delete_chunks([1, 2], base)
                return base

        base = asyncio.run(fill())
        log = server.stop()
        assert server.process.returncode == 0 and "note" not in log and server.admin_key not in log
        assert not any(b"note 1" in path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
        with server.restarted() as again:
            found, scores = asyncio.run(Retriever(theirs, sdk_client(again)).nn_search_for_ids(floats(rows[5]), 99, base, include_scores=True))
            assert sorted(found) == list(range(3, len(rows) + 1)) and found[0] == 6
            assert sorted(scores) == sorted(distances(rows[5], rows[2:]))
