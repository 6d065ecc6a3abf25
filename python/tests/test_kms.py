"""Keys from AWS KMS in Rust and in Python, against moto's server, without AWS."""

import base64
import json
import os
import pathlib
import subprocess

import pytest
from conftest import DIMENSIONS

import hushvec

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLE = pathlib.Path(os.environ.get("HUSHVEC_KMS_EXAMPLE", ROOT / "target/debug/examples/aws_kms"))
REQUIRED = os.environ.get("HUSHVEC_REQUIRE_SDK") == "1"

if not REQUIRED:
    pytest.importorskip("boto3", reason="boto3 is not installed")
    pytest.importorskip("moto", reason="moto[kms,server] is not installed")
import boto3  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

if not EXAMPLE.exists():
    reason = f"there is no {EXAMPLE}: cargo build -p hushvec-client --features aws-kms --example aws_kms"
    if REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)


class Kms:
    """A KMS server with a key, and its settings for clients."""

    def __init__(self, url):
        self.environment = {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.client = boto3.client(
            "kms", endpoint_url=url, region_name="eu-central-1", aws_access_key_id="nobody", aws_secret_access_key="nothing"
        )
        self.key_id = self.client.create_key()["KeyMetadata"]["KeyId"]
        self.client.create_alias(AliasName="alias/search", TargetKeyId=self.key_id)

    def run(self, *arguments):
        env = {**os.environ, **self.environment}
        return subprocess.run([EXAMPLE, *map(str, arguments)], env=env, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def kms():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Kms(f"http://{host}:{port}")
    finally:
        server.stop()


def wrapped_key(path):
    """Returns the wrapped key of a context file."""
    document = json.loads(path.read_text())
    assert document["key_provider"] == "aws_kms"
    return base64.b64decode(document["wrapped_key"])


@pytest.mark.parametrize("format", ["native", "xtrace"])
def test_contexts_go_from_rust_to_python_and_back(kms, format, tmp_path):
    made = kms.run("create-xtrace" if format == "xtrace" else "create", "alias/search", tmp_path / "rust.json")
    assert made.returncode == 0, made.stderr
    wrapped = wrapped_key(tmp_path / "rust.json")
    provider = hushvec.AWSKMSKeyProvider.from_wrapped(wrapped, kms_client=kms.client, key_id="alias/search")
    loaded = hushvec.ExecutionContext.load_from_disk(path=tmp_path / "rust.json", key_provider=provider)
    assert made.stdout.split() == [loaded.hash(), str(DIMENSIONS)] and loaded.format == format

    provider = hushvec.AWSKMSKeyProvider.create(kms.client, kms.key_id)
    made = hushvec.ExecutionContext.create(
        embedding_length=DIMENSIONS, key_provider=provider, format=format, path=tmp_path / "python.json"
    )
    opened = kms.run("open", "alias/search", tmp_path / "python.json")
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.split() == [made.hash(), str(DIMENSIONS)]


def test_errors_of_kms_are_reported(kms, tmp_path):
    result = kms.run("create", "alias/nowhere", tmp_path / "never.json")
    assert result.returncode == 1 and "AWS KMS failed to create a key: NotFoundException: " in result.stderr
    assert not (tmp_path / "never.json").exists()
    assert kms.run("create", "alias/search", tmp_path / "ctx.json").returncode == 0
    other = kms.client.create_key()["KeyMetadata"]["KeyId"]
    result = kms.run("open", other, tmp_path / "ctx.json")
    assert result.returncode == 1 and "AWS KMS failed to unwrap the key: " in result.stderr, result.stderr
    kms.environment = {**kms.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    result = kms.run("open", "alias/search", tmp_path / "ctx.json")
    assert result.returncode == 1 and "refused" in result.stderr and "nothing" not in result.stderr
