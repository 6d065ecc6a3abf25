"""A server as whoever runs it meets it: TLS, stopping, time-outs, a second server, other organisations."""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.request

import numpy
import pytest
import servers
from conftest import DIMENSIONS, distances
from test_server_load import connect, read_rest

servers.require()

if os.environ.get("HUSHVEC_REQUIRE_SDK") != "1":
    pytest.importorskip("trustme")
import trustme  # noqa: E402


def test_tls(tmp_path, subgroup, rows):
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    with servers.Server(tmp_path / "data", "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem") as server:
        assert server.url.startswith("https://")
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusting))
        with opener.open(server.url + "/ready", timeout=10) as reply:
            assert json.load(reply)["status"] == "ready"
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(server.url + "/ready", timeout=10)
        # Whoever speaks no TLS is refused, and others are served on.
        host, port = server.url.removeprefix("https://").split(":")
        plain = http.client.HTTPConnection(host, int(port), timeout=10)
        plain.request("GET", "/ready")
        with pytest.raises((http.client.HTTPException, OSError)):
            plain.getresponse()
        with opener.open(server.url + "/health", timeout=10) as reply:
            assert reply.status == 200


@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_certificates_that_are_none(tmp_path, content):
    if content is not None:
        (tmp_path / "cert.pem").write_text(content)
    (tmp_path / "key.pem").write_text("")
    with pytest.raises(RuntimeError, match="cannot use .*cert.pem|cannot use .*key.pem"):
        servers.Server(tmp_path / "data", "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")


def test_a_search_ends_before_the_server_does(tmp_path, subgroup):
    bits = numpy.random.default_rng(9).integers(0, 2, (50, DIMENSIONS), dtype=numpy.uint8)
    ciphertexts = subgroup.encrypt_vec_batch(bits)
    with servers.Server(tmp_path / "data") as server:
        base = server.prepare(subgroup)
        for _ in range(8):
            assert server.insert(subgroup, base, [""] * 5000, ciphertexts.repeat(100, axis=0))[0] == 200
        slow = connect(server, subgroup, base, ciphertexts[0], receive=4096)
        slow.recv(10)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert server.process.poll() is None
        with pytest.raises(OSError):
            server.call("GET", "/health")
        assert len(read_rest(slow)) > 40_000 * 512
        server.ended()
        assert server.process.returncode == 0


def test_two_servers_do_not_share_a_folder(tmp_path):
    with servers.Server(tmp_path / "data"):
        with pytest.raises(RuntimeError, match="another server has .* open"):
            servers.Server(tmp_path / "data")


def test_an_address_that_is_taken(tmp_path):
    with servers.Server(tmp_path / "data") as server:
        command = [servers.BINARY, "serve", "--data", tmp_path / "other", "--listen", server.url.removeprefix("http://")]
        failed = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert failed.returncode == 1 and "cannot listen on 127.0.0.1" in failed.stderr


def test_requests_that_do_not_arrive(tmp_path):
    with servers.Server(tmp_path / "data", "--timeout", "1") as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as half:
            head = f"POST /v1/kbs HTTP/1.1\r\nhost: x\r\nx-xtrace-key: {server.admin_key}\r\nx-xtrace-org-id: default\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n"
            half.sendall(head.encode() + b'{"na')
            reply = half.recv(4096).decode()
            assert " 408 " in reply and "did not arrive within 1 s" in reply
        assert server.call("GET", "/ready")[0] == 200


def test_organisations_see_nothing_of_each_other(tmp_path, subgroup, rows):
    encrypted = subgroup.encrypt_vec_batch(rows)
    with servers.Server(tmp_path / "data") as first:
        base = first.prepare(subgroup)
        assert first.insert(subgroup, base, [""] * len(rows), encrypted)[0] == 200
        first.stop()
        # The same folder, for another organisation: its own admin key.
        with servers.Server(tmp_path / "data", "--org", "acme") as second:
            assert second.admin_key.startswith("hvk_") and second.admin_key != first.admin_key
            theirs = {"x-api-key": second.admin_key, "x-xtrace-key": second.admin_key, "x-xtrace-org-id": "acme"}

            def call(method, path, headers, body=None):
                data = None if body is None else json.dumps(body).encode()
                request = urllib.request.Request(second.url + path, data, headers | {"content-type": "application/json"}, method=method)
                try:
                    with urllib.request.urlopen(request) as reply:
                        return reply.status, json.load(reply)
                except urllib.error.HTTPError as error:
                    return error.code, json.load(error)

            assert call("GET", "/v1/kbs", theirs) == (200, [])
            assert call("GET", f"/v1/kbs/{base}", theirs)[0] == 404
            assert call("GET", "/v1/exec_context/acme", theirs) == (200, {"contexts": []})
            assert call("GET", f"/v1/exec_context/acme/{subgroup.id}", theirs)[0] == 404
            assert call("GET", f"/v1/chunk/acme?kb_id={base}&chunk_ids=1", theirs)[0] == 404
            query = {"kb_id": base, "context_id": subgroup.id, "query": [servers.wire(encrypted[0])]}
            assert call("POST", "/v1/compute_hamming/acme", theirs, query)[0] == 404
            # In the other's name neither, whether that exists or not.
            for name in ("default", "nobody"):
                assert call("POST", f"/v1/compute_hamming/{name}", theirs, query)[0] == 403
                assert call("GET", "/v1/kbs", theirs | {"x-xtrace-org-id": name})[0] == 403
            ours = theirs | {"x-api-key": first.admin_key}
            assert call("POST", "/v1/compute_hamming/default", ours | {"accept": "application/json"}, query)[0] == 200
            # The same context in both, each its own.
            assert call("POST", "/v1/exec_context/acme", theirs, {"context_id": subgroup.id, "data": subgroup.to_dict_enc()})[0] == 200
            assert call("GET", f"/v1/exec_context/acme/{subgroup.id}/kb", theirs) == (200, {"kb_ids": []})


def test_an_update_moves_vectors_and_tidies_up(tmp_path, subgroup):
    """More dead rows than living ones, in files that are full: they are removed, and nothing living goes with them."""
    bits = numpy.random.default_rng(4).integers(0, 2, (50, DIMENSIONS), dtype=numpy.uint8)
    ciphertexts = subgroup.encrypt_vec_batch(bits)
    with servers.Server(tmp_path / "data") as server:
        base = server.prepare(subgroup)
        for _ in range(16):
            assert server.insert(subgroup, base, [""] * 5000, ciphertexts.repeat(100, axis=0))[0] == 200
        segments = tmp_path / "data" / "segments"
        assert len(list(segments.iterdir())) == 2
        query = ciphertexts[7]
        # What is left: every 40th chunk.
        for first in range(1, 80_001, 4000):
            gone = "&".join(f"chunk_ids={i}" for i in range(first, first + 4000) if i % 40)
            for part in range(0, len(gone), 60_000):
                end = gone.find("&", part + 60_000)
                piece = gone[part : end if end > 0 else None].strip("&")
                status, reply = server.call("DELETE", f"/v1/chunk/default?kb_id={base}&" + piece[piece.find("chunk_ids") :])
                assert status == 200, reply
        found = server.distances(subgroup, base, query)
        left = [i for i in range(1, 80_001) if i % 40 == 0]
        assert set(left) <= set(found)
        expected = distances(bits[7], bits)
        assert all(distance == expected[(chunk - 1) % 5000 // 100] for chunk, distance in found.items())
        # The first file was full; what lived when it was half empty has moved.
        assert sum(path.stat().st_size for path in segments.iterdir()) < 0.6 * 16 * 5000 * 512
        with server.restarted() if server.stop() else server as again:
            assert again.distances(subgroup, base, query) == found
