"""The server's HTTP interface: it is as server/openapi.json says, and what is wrong with a request is named."""

import base64
import collections
import copy
import http.client
import json
import os
import pathlib
import zlib

import numpy
import pytest
import servers
from conftest import DIMENSIONS

import hushvec

if os.environ.get("HUSHVEC_REQUIRE_SDK") != "1":
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
import hypothesis  # noqa: E402
import schemathesis  # noqa: E402
from schemathesis import checks  # noqa: E402

servers.require()

LONG = os.environ.get("HUSHVEC_LONG_TESTS") == "1"
CHUNKS = 200
SECRET_TEXT = "what nobody else may read"

description = schemathesis.openapi.from_path(pathlib.Path(__file__).parents[2] / "server/openapi.json")
description.config.generation.update(deterministic=True, with_security_parameters=False)
# Every keyword of every schema in turn is thousands of requests.
description.config.phases.coverage.enabled = LONG
OPERATIONS = {result.ok().label for result in description.get_all_operations()}


class Filled:
    """A server with a knowledge base, a context and chunks in it."""

    def __init__(self, server, context):
        self.server, self.context = server, context
        self.base = server.prepare(context)
        self.ciphertext = context.encrypt_vec_batch(numpy.zeros((1, DIMENSIONS), numpy.uint8))[0]
        self.wire = servers.wire(self.ciphertext)
        chunk = {"chunk_content": SECRET_TEXT, "index": [self.wire], "meta_data": {"tag1": "a", "facets": ["x", "y"]}, "name": "n"}
        # One to delete from, and one in which there is always something to find.
        self.spare = server.call("POST", "/v1/kbs", {"name": "spare"})[1]["id"]
        for base in (self.base, self.spare):
            body = {"kb_id": base, "context_id": context.id, "chunks": [chunk] * CHUNKS}
            assert server.call("POST", "/v1/chunk/default", body)[0] == 200
        self.key = server.call("POST", "/v1/keys", {"name": "key"})[1]

    def request(self, method, path, body=None, **headers):
        """Status, media type and body of a reply, by the admin key. A header that is None is not sent."""
        key = self.server.admin_key
        sent = {"x-api-key": key, "x-xtrace-key": key, "x-xtrace-org-id": "default", "content-type": "application/json"}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.server.url.removeprefix("http://"), timeout=60)
        connection.request(method, path, body, {name: value for name, value in sent.items() if value is not None})
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        return reply.status, reply.getheader("content-type"), text


@pytest.fixture(scope="module")
def filled(tmp_path_factory, subgroup):
    with servers.Server(tmp_path_factory.mktemp("api") / "data", "--max-body", "1", "--max-chunks", "500") as server:
        filled = Filled(server, subgroup)
        yield filled
        # Whatever happened, it answers, and has kept to itself what is not to be logged.
        assert server.call("GET", "/ready")[0] == 200
        assert server.distances(subgroup, filled.base, filled.ciphertext)
        log = server.stop()
        assert server.process.returncode == 0
        for text in ("panicked", SECRET_TEXT, filled.wire[:40], server.admin_key, filled.key["secretKey"], subgroup.to_dict_enc()["sealed"][:40]):
            assert text not in log, text


def aimed(filled, base, value, name=None):
    """A generated value with what there is in place of what it asks for, so that it gets further."""
    there = {"kb_id": base, "context_id": filled.context.id, "index": [filled.wire], "query": [filled.wire], "data": dict(filled.context.to_dict_enc())}
    if name in there and isinstance(value, type(there[name])):
        return copy.deepcopy(there[name])
    if name == "meta_filter" and isinstance(value, (dict, str)) and len(value) % 2:
        filter = {"tag1": {"$gte": "a"}}
        return filter if isinstance(value, dict) else json.dumps(filter)
    if name in ("chunk_id", "chunk_ids") and isinstance(value, int) and not isinstance(value, bool):
        return 1 + value % CHUNKS
    if isinstance(value, dict):
        return {key: aimed(filled, base, item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [aimed(filled, base, item, name) for item in value]
    return value


seen = collections.defaultdict(collections.Counter)


@description.parametrize()
@hypothesis.settings(max_examples=300 if LONG else 25, deadline=None, derandomize=True, database=None, suppress_health_check=list(hypothesis.HealthCheck))
def test_replies_are_as_described(case, filled):
    label, path = case.operation.label, dict(case.path_parameters)
    # Some stay as they are, and find nothing; fewer are for another organisation.
    chance = zlib.crc32(repr((path, case.query, case.body)).encode())
    if chance % 16:
        path.update({"organisation": "default"} if "organisation" in path else {})
        case.path_parameters = path
        if "x-xtrace-org-id" in case.headers:
            case.headers["x-xtrace-org-id"] = "default"
    if chance % 4:
        ids = {"id": filled.base, "context": filled.context.id, "hash": filled.key["apiKey"]["hash"]}
        if case.path.endswith("/kb") or case.path == "/v1/exec_context/{organisation}/{id}":
            ids["id"] = filled.context.id
        if label == "DELETE /v1/kbs/{id}":
            ids["id"] = filled.server.call("POST", "/v1/kbs", {"name": "for a moment"})[1]["id"]
        if label == "DELETE /v1/exec_context/{organisation}/{id}":
            ids["id"] = "for a moment"
            filled.server.call("POST", "/v1/exec_context/default", {"context_id": ids["id"], "data": filled.context.to_dict_enc()})
        if label == "DELETE /v1/keys/{hash}/permissions/{id}":
            filled.server.call("PUT", f"/v1/keys/{ids['hash']}/permissions/{ids['id']}", {"permission": 1})
        base = filled.spare if case.method == "DELETE" else filled.base
        case.path_parameters = {name: ids.get(name, value) for name, value in path.items()}
        case.query = aimed(filled, base, dict(case.query)) if case.query else case.query
        case.body = aimed(filled, base, case.body) if isinstance(case.body, (dict, list)) else case.body
    key = filled.server.admin_key
    response = case.call(base_url=filled.server.url, headers={"x-api-key": key, "x-xtrace-key": key})
    seen[label][response.status_code] += 1
    if label == "POST /v1/admin-key/rotate" and response.status_code == 200:
        filled.server.admin_key = response.json()["adminKey"]
    case.validate_response(
        response,
        checks=[
            checks.not_a_server_error,
            schemathesis.specs.openapi.checks.status_code_conformance,
            schemathesis.specs.openapi.checks.content_type_conformance,
            schemathesis.specs.openapi.checks.response_headers_conformance,
            schemathesis.specs.openapi.checks.response_schema_conformance,
        ],
    )


def test_every_operation_was_done():
    if seen.keys() != OPERATIONS:
        pytest.skip("some were not asked for")
    assert {label: dict(seen[label]) for label in OPERATIONS if not seen[label][200]} == {}


def chunk(filled, **fields):
    return {"chunk_content": "c", "index": [filled.wire], **fields}


def insertion(filled, *chunks, **fields):
    return {"kb_id": filled.base, "context_id": filled.context.id, "chunks": chunks or [chunk(filled)], **fields}


def query(filled, ciphertexts=None, **fields):
    return {"kb_id": filled.base, "context_id": filled.context.id, "query": [filled.wire] if ciphertexts is None else ciphertexts, **fields}


def number(value):
    """An integer on the wire."""
    return base64.b64encode(value.to_bytes((value.bit_length() + 7) // 8, "little")).decode()


def modulus(filled):
    return int(filled.context.to_dict_enc()["public_key"]["n"], 16)


def context(filled, id="another", **fields):
    return {"context_id": id, "data": {**filled.context.to_dict_enc(), **fields}}


CHUNK, HAMMING, META, CONTEXT = "/v1/chunk/default", "/v1/compute_hamming/default", "/v1/chunk/meta/default", "/v1/exec_context/default"
# Method, path, body, headers; status, and what the message says.
REFUSED = {
    "half a body": ("POST", CHUNK, lambda f: b'{"kb_id": "x"', {}, 400, "EOF"),
    "no JSON": ("POST", "/v1/kbs", lambda f: b"name=base", {}, 400, "expected"),
    "half a character": ("POST", "/v1/kbs", lambda f: b'{"name": "\xff"}', {}, 400, "unicode"),
    "a path that is no text": ("GET", "/v1/kbs/%FF", None, {}, 400, "UTF-8"),
    "a file that is no text": ("GET", "/%FF", None, {}, 400, "UTF-8"),
    "no key": ("POST", HAMMING, query, {"x_api_key": None}, 401, "x-api-key"),
    "no admin key": ("GET", "/v1/keys", None, {"x_xtrace_key": None}, 401, "x-xtrace-key"),
    "no organisation": ("GET", "/v1/kbs", None, {"x_xtrace_org_id": None}, 401, "x-xtrace-org-id"),
    "a wrong key": ("POST", HAMMING, query, {"x_api_key": "a" * 43}, 401, "unknown or revoked"),
    "a wrong admin key": ("GET", "/v1/kbs", None, {"x_xtrace_key": "hvk_" + "a" * 43}, 401, "unknown or revoked"),
    "no key for the metrics": ("GET", "/metrics", None, {"x_xtrace_key": None}, 401, "x-xtrace-key"),
    "another organisation": ("POST", "/v1/compute_hamming/acme", query, {}, 403, "acme"),
    "another organisation's administration": ("GET", "/v1/kbs", None, {"x_xtrace_org_id": "acme"}, 403, "acme"),
    "an unknown path": ("GET", "/v1/nothing", None, {}, 404, "/v1/nothing"),
    "an unknown file": ("GET", "/nothing", None, {}, 404, "/nothing"),
    "an unknown knowledge base": ("POST", CHUNK, lambda f: insertion(f, kb_id="nowhere"), {}, 404, "nowhere"),
    "an unknown context": ("POST", HAMMING, lambda f: query(f, context_id="nobody"), {}, 404, "nobody"),
    "an unknown API key": ("GET", "/v1/keys/abc/permissions", None, {}, 404, "API key"),
    "an unknown chunk": ("PATCH", CHUNK, lambda f: {"kb_id": f.base, "context_id": f.context.id, "chunk_patches": [{"chunk_id": 987654}]}, {}, 404, "987654"),
    "a wrong method": ("PUT", HAMMING, query, {}, 405, "method"),
    "a method of one's own": ("FROB", "/v1/kbs", None, {}, 405, "method"),
    "a large body": ("POST", CHUNK, lambda f: insertion(f, chunk(f, chunk_content="c" * (1 << 20))), {}, 413, "larger than"),
    "many chunks": ("POST", CHUNK, lambda f: insertion(f, *[chunk(f)] * 501), {}, 413, "501 chunks; at most 500"),
    "many ids": ("GET", CHUNK + "?kb_id=x" + "&chunk_ids=7" * 501, None, {}, 413, "at most 500"),
    "no JSON, and says so": ("POST", CHUNK, insertion, {"content_type": "text/plain"}, 415, "application/json"),
    "a missing field": ("POST", CHUNK, lambda f: {"kb_id": f.base, "chunks": []}, {}, 422, "context_id"),
    "an unknown field": ("POST", CHUNK, lambda f: insertion(f, chunk(f, vector=[1])), {}, 422, "vector"),
    "a wrong type": ("POST", CHUNK, lambda f: insertion(f, chunk(f, chunk_content=7)), {}, 422, "chunk_content"),
    "no base64": ("POST", CHUNK, lambda f: insertion(f, chunk(f), chunk(f, index=["?"])), {}, 422, "ciphertext of chunk 1 of the request cannot be used: it is not base64"),
    "no base64 in a query": ("POST", HAMMING, lambda f: query(f, ["?"]), {}, 422, "not base64"),
    "0": ("POST", CHUNK, lambda f: insertion(f, chunk(f), chunk(f, index=["AAAA"])), {}, 422, "ciphertext of chunk 1 of the request cannot be used: it is 0"),
    "0 in a query": ("POST", HAMMING, lambda f: query(f, ["AAAA"]), {}, 422, "it is 0"),
    "no ciphertext of this key": ("POST", CHUNK, lambda f: insertion(f, chunk(f, index=[number(modulus(f) ** 2)])), {}, 422, "not below"),
    "no ciphertext of this key in a query": ("POST", HAMMING, lambda f: query(f, [number(modulus(f) ** 2 + 1)]), {}, 422, "not below"),
    "a multiple of n": ("POST", HAMMING, lambda f: query(f, [number(3 * modulus(f))]), {}, 422, "shares a factor with n"),
    "a longer key's": ("POST", CHUNK, lambda f: insertion(f, chunk(f, index=[number(1 << 5000)])), {}, 422, "has 626 bytes, more than 512"),
    "a longer key's in a query": ("POST", HAMMING, lambda f: query(f, [number(1 << 5000)]), {}, 422, "626 bytes, at most 512"),
    "two ciphertexts": ("POST", CHUNK, lambda f: insertion(f, chunk(f, index=[f.wire] * 2)), {}, 422, "chunk 0 of the request cannot be used: there are 2"),
    "two queries": ("POST", HAMMING, lambda f: query(f, [f.wire] * 2), {}, 422, "query has 2 ciphertexts"),
    "no query": ("POST", HAMMING, lambda f: query(f, []), {}, 422, "query has 0 ciphertexts"),
    "a range backwards": ("POST", HAMMING, lambda f: query(f, range=[5, 2]), {}, 422, "[first, last]"),
    "half a range": ("POST", HAMMING, lambda f: query(f, range=[5]), {}, 422, "range"),
    "an unknown operator": ("POST", HAMMING, lambda f: query(f, meta_filter={"tag1": {"$like": "x"}}), {}, 422, "$like"),
    "an unknown tag": ("POST", META, lambda f: {"kb_id": f.base, "context_id": f.context.id, "meta_filter": {"tag6": "x"}}, {}, 422, "tag6"),
    "a filter that is no JSON": ("POST", HAMMING, lambda f: query(f, meta_filter="tag1=x"), {}, 422, "not JSON"),
    "a filter of everything": ("DELETE", "/v1/chunk/by-meta/default", lambda f: {"kb_id": f.base, "context_id": f.context.id, "meta_filter": {}}, {}, 422, "every chunk"),
    "much ado about everything": ("DELETE", "/v1/chunk/by-meta/default", lambda f: {"kb_id": f.base, "context_id": f.context.id, "meta_filter": [{"$or": [{"tag1": "x"}, {}]}]}, {}, 422, "every chunk"),
    "the same in a patch": ("PATCH", CHUNK, lambda f: {"kb_id": f.base, "context_id": f.context.id, "chunk_patches": [{"chunk_id": 1, "name": "x"}, {"chunk_id": 2, "index": ["?"]}]}, {}, 422, "chunk 1 of the request"),
    "a filter of nothing, many times": ("POST", HAMMING, lambda f: query(f, meta_filter=[{}] * 2000), {}, 422, "more than 512"),
    "a wrong tag": ("POST", CHUNK, lambda f: insertion(f, chunk(f, meta_data={"tag1": 7})), {}, 422, "chunks[0].meta_data.tag1"),
    "an id twice": ("GET", CHUNK + "?kb_id=x&chunk_ids=7&chunk_ids=8&chunk_ids=7", None, {}, 422, "7 twice"),
    "an unknown field of a context": ("POST", CONTEXT, lambda f: context(f, extra=1), {}, 422, "no field"),
    "a long tag": ("POST", CHUNK, lambda f: insertion(f, chunk(f, meta_data={"tag1": "x" * 1025})), {}, 422, "1025 bytes"),
    "no number": ("GET", CHUNK + "?kb_id=x&chunk_ids=1,2", None, {}, 422, "chunk_ids"),
    "no knowledge base": ("GET", CHUNK + "?chunk_ids=1", None, {}, 422, "kb_id"),
    "an unknown permission": ("PUT", "/v1/keys/x/permissions/y", lambda f: {"permission": 2}, {}, 422, "1 (read), 3 (write) or 7 (delete)"),
    "a knowledge base without a name": ("POST", "/v1/kbs", lambda f: {"name": " "}, {}, 422, "name"),
    "no context": ("POST", CONTEXT, lambda f: {"context_id": "x", "data": {"pk": 7}}, {}, 422, "context"),
    "a secret key in plain text": ("POST", CONTEXT, lambda f: context(f, sk={"phi": 7}), {}, 422, "plain text: it was NOT stored"),
    "a secret key in plain text, as text": ("POST", CONTEXT, lambda f: context(f, sk='{"phi": 7}'), {}, 422, "plain text: it was NOT stored"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_named(name, filled):
    method, path, body, headers, status, part = REFUSED[name]
    found, kind, text = filled.request(method, path, body and body(filled), **headers)
    assert (found, kind) == (status, "application/json"), text
    reply = json.loads(text)
    assert reply.keys() == {"code", "message"} and part in reply["message"], reply["message"]


def test_a_context_is_not_replaced_by_another(filled):
    other = hushvec.ExecutionContext.create("pass", "paillier_subgroup", embedding_length=DIMENSIONS)
    status, _, text = filled.request("POST", CONTEXT, {"context_id": filled.context.id, "data": other.to_dict_enc()})
    assert status == 409 and b"another public key" in text
    status, _, text = filled.request("DELETE", f"{CONTEXT}/{filled.context.id}")
    assert status == 409 and b"delete them first" in text


def test_a_revoked_key_opens_nothing(filled):
    made = filled.server.call("POST", "/v1/keys", {"name": "short-lived"})[1]
    record, key = made["apiKey"]["hash"], made["secretKey"]
    status, _, text = filled.request("POST", HAMMING, query(filled), x_api_key=key)
    assert status == 403 and b"is none, and this takes read (1)" in text
    assert filled.server.call("PUT", f"/v1/keys/{record}/permissions/{filled.base}", {"permission": 1})[0] == 200
    assert filled.request("POST", HAMMING, query(filled), x_api_key=key)[0] == 200
    status, _, text = filled.request("POST", CHUNK, insertion(filled), x_api_key=key)
    assert status == 403 and b"is read (1), and this takes write (3)" in text
    assert filled.request("GET", "/v1/kbs", x_xtrace_key=key)[0] == 403
    assert filled.server.call("PATCH", f"/v1/keys/{record}/status/revoke")[1]["status"] == "revoked"
    assert filled.request("POST", HAMMING, query(filled), x_api_key=key)[0] == 401


def test_weak_keys_are_warned_of_or_refused(tmp_path):
    lookup = hushvec.ExecutionContext.create("pass", "paillier_lookup", embedding_length=DIMENSIONS, format="xtrace").to_dict_enc()
    weak = {**lookup, "config": lookup["config"].replace('"alpha_len": 512', '"alpha_len": 50')}
    assert weak != lookup
    with servers.Server(tmp_path / "warns") as server:
        assert server.call("POST", CONTEXT, {"context_id": "strong", "data": lookup})[0] == 200
        assert server.call("POST", CONTEXT, {"context_id": "weak", "data": weak})[0] == 200
        warnings = [line for line in server.stop().splitlines() if "weak key" in line]
        assert len(warnings) == 1 and "alpha_len is 50" in warnings[0] and "weak" in warnings[0]
    with servers.Server(tmp_path / "refuses", "--refuse-weak") as server:
        assert server.call("POST", CONTEXT, {"context_id": "strong", "data": lookup})[0] == 200
        status, reply = server.call("POST", CONTEXT, {"context_id": "weak", "data": weak})
        assert status == 422 and "refuses weak keys: alpha_len is 50" in reply["message"]
        assert server.call("GET", CONTEXT)[1] == {"contexts": ["strong"]}


def test_the_description_is_served(filled):
    status, kind, text = filled.request("GET", "/openapi.json")
    assert (status, kind, json.loads(text)) == (200, "application/json", description.raw_schema)
