"""The server's HTTP interface conforms to server/openapi.json."""

import collections
import copy
import json
import os
import pathlib
import zlib

import numpy
import pytest
import servers
from conftest import DIMENSIONS

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
# The coverage phase makes thousands of requests.
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
        # Deletions use the spare one, so that the other is never empty.
        self.spare = server.call("POST", "/v1/kbs", {"name": "spare"})[1]["id"]
        for base in (self.base, self.spare):
            body = {"kb_id": base, "context_id": context.id, "chunks": [chunk] * CHUNKS}
            assert server.call("POST", "/v1/chunk/default", body)[0] == 200
        self.key = server.call("POST", "/v1/keys", {"name": "key"})[1]


@pytest.fixture(scope="module")
def filled(tmp_path_factory, subgroup):
    with servers.Server(tmp_path_factory.mktemp("api") / "data", "--max-body", "1", "--max-chunks", "500") as server:
        filled = Filled(server, subgroup)
        yield filled
        # After all requests it still answers, and has logged no secret.
        assert server.call("GET", "/ready")[0] == 200
        assert server.distances(subgroup, filled.base, filled.ciphertext)
        log = server.stop()
        assert server.process.returncode == 0
        for text in ("panicked", SECRET_TEXT, filled.wire[:40], server.admin_key, filled.key["secretKey"], subgroup.to_dict_enc()["sealed"][:40]):
            assert text not in log, text


def aimed(filled, base, value, name=None):
    """Replaces generated ids and values by existing ones, so that more requests succeed."""
    existing = {"kb_id": base, "context_id": filled.context.id, "index": [filled.wire], "query": [filled.wire], "data": dict(filled.context.to_dict_enc())}
    if name in existing and isinstance(value, type(existing[name])):
        return copy.deepcopy(existing[name])
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
    # A quarter of the requests keep the generated ids and find nothing. One in 16 is for another organisation.
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


def test_every_operation_succeeded():
    if seen.keys() != OPERATIONS:
        pytest.skip("not all operations were selected")
    assert {label: dict(seen[label]) for label in OPERATIONS if not seen[label][200]} == {}
