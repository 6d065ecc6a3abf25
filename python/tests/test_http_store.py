"""`hushvec.HttpStore`, against `hushvec serve` and against a server that fails."""

import asyncio
import http.server
import json
import os
import threading
import warnings

import pytest
import servers
from conftest import DIMENSIONS, PASSPHRASE

import hushvec

if os.environ.get("HUSHVEC_REQUIRE_SDK") != "1":
    pytest.importorskip("xtrace_sdk", reason="xtrace-ai-sdk is not installed")
    pytest.importorskip("trustme")
import trustme  # noqa: E402
import xtrace_sdk.x_vec.utils.execution_context as sdk  # noqa: E402
from xtrace_sdk.integrations.xtrace import XTraceIntegration  # noqa: E402

servers.require()


class Failing(http.server.BaseHTTPRequestHandler):
    """A server that stores contexts and never returns one."""

    protocol_version = "HTTP/1.1"

    def answer(self, status, value, **headers):
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path.endswith("/moved"):
            return self.answer(307, {}, location=f"{self.server.url}/elsewhere")
        return self.answer(404, {"message": f"no such thing, {self.headers['x-api-key']}\x1b[31m"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        return self.answer(200, {"context_id": body["context_id"]})

    def log_message(self, *_):
        pass


@pytest.fixture
def failing():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        server.url, server.asked = f"http://127.0.0.1:{server.server_port}", []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(("format", "scheme"), [("native", "paillier_subgroup"), ("xtrace", "paillier")])
def test_stored_contexts_load(format, scheme, server):
    context = hushvec.ExecutionContext.create(PASSPHRASE, scheme, DIMENSIONS, format=format)
    store = hushvec.HttpStore(server.url, "default", server.admin_key)

    async def load():
        assert await context.save_to_remote(store) == context.id
        ours = await hushvec.ExecutionContext.load_from_remote(PASSPHRASE, context.id, store)
        assert ours == context
        if format == "xtrace":
            async with XTraceIntegration(org_id="default", api_key=server.admin_key, api_url=server.url) as client:
                theirs = await sdk.ExecutionContext.load_from_remote(PASSPHRASE, context.id, client)
                assert theirs.hash() == ours.hash() == theirs.id

    asyncio.run(load())


def test_a_context_under_the_id_of_another_is_refused(subgroup, server):
    store = hushvec.HttpStore(server.url, "default", server.admin_key)
    assert asyncio.run(store.store_exec_context(subgroup.to_dict_enc(), "another/name")) == "another/name"
    with pytest.raises(hushvec.InputError, match="the store sent another context"):
        asyncio.run(hushvec.ExecutionContext.load_from_remote(PASSPHRASE, "another/name", store))


def test_refusals_are_shown_without_the_key(failing, subgroup):
    store = hushvec.HttpStore(failing.url, "default", "hvk_secret")
    assert "secret" not in repr(store) and failing.url in repr(store)
    with pytest.raises(hushvec.RemoteError, match="404: no such thing, …") as caught:
        asyncio.run(store.get_serialized_exec_context("x"))
    assert caught.value.status == 404 and "secret" not in str(caught.value) and "\x1b" not in str(caught.value)
    assert asyncio.run(subgroup.save_to_remote(store)) == subgroup.id
    with pytest.raises(hushvec.RemoteError, match="refused"):
        asyncio.run(hushvec.HttpStore("http://127.0.0.1:1", "default", "x").get_serialized_exec_context("x"))


def test_keys_do_not_follow_redirections(failing):
    store = hushvec.HttpStore(failing.url, "default", "hvk_secret")
    with pytest.raises(hushvec.RemoteError, match="307"):
        asyncio.run(store.get_serialized_exec_context("moved"))
    assert failing.asked == ["/v1/exec_context/default/moved"]


def test_invalid_addresses_keys_and_ids():
    for wrong in (("ftp://x", "o", "k"), ("http://me:pass@x", "o", "k"), ("http://x", "o", ""), ("http://x", "o", "a b")):
        with pytest.raises(hushvec.InputError):
            hushvec.HttpStore(*wrong)
    with pytest.raises(hushvec.InputError, match="cannot be empty"):
        asyncio.run(hushvec.HttpStore("http://127.0.0.1:1", "default", "x").get_serialized_exec_context(".."))


def test_keys_in_plain_text_are_warned_about():
    for url in ("http://search.example.org", "http://10.0.0.1:8080", "http://localhost.example.org"):
        with pytest.warns(UserWarning, match="unencrypted to [a-z0-9.:]+; use https"):
            hushvec.HttpStore(url, "default", "hvk_secret")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for url in ("https://search.example.org", "http://localhost:8080", "http://127.1.2.3", "http://[::1]:1"):
            hushvec.HttpStore(url, "default", "hvk_secret")


def test_certificates_have_to_be_trusted(subgroup, tmp_path, monkeypatch):
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    ca, cert, key = (tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(ca)
    certificate.cert_chain_pems[0].write_to_path(cert)
    certificate.private_key_pem.write_to_path(key)
    (tmp_path / "text.pem").write_text("no certificate")
    with servers.Server(tmp_path / "data", "--tls-cert", cert, "--tls-key", key) as server:
        store = hushvec.HttpStore(server.url, "default", server.admin_key)
        with pytest.raises(hushvec.RemoteError, match="(?i)certificate"):
            asyncio.run(store.get_serialized_exec_context("x"))
        for wrong in ["none.pem", tmp_path / "text.pem"]:
            with pytest.raises(hushvec.InputError, match="cannot read PEM certificates from"):
                hushvec.HttpStore(server.url, "default", server.admin_key, ca_file=wrong)
        store = hushvec.HttpStore(server.url, "default", server.admin_key, ca_file=ca)
        assert asyncio.run(subgroup.save_to_remote(store)) == subgroup.id
        # The certificate is trusted if the operating system trusts it.
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        store = hushvec.HttpStore(server.url, "default", server.admin_key)
        assert asyncio.run(store.get_serialized_exec_context(subgroup.id))["public_id"] == subgroup.public_id
