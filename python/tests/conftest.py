"""Keys, vectors and servers that the tests share. The keys are real, with the smallest length that is not weak."""

import signal

import numpy
import pytest
import servers

import hushvec

DIMENSIONS = 96
PASSPHRASE = "correct horse"

# A shell starts background commands with Ctrl-C ignored, and the processes that the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def rows():
    return numpy.random.default_rng(1).integers(0, 2, (40, DIMENSIONS), dtype=numpy.uint8)


@pytest.fixture(scope="session", params=["paillier", "paillier_lookup", "paillier_subgroup"])
def context(request):
    return hushvec.ExecutionContext.create(PASSPHRASE, request.param, embedding_length=DIMENSIONS)


@pytest.fixture(scope="session")
def subgroup():
    return hushvec.ExecutionContext.create(PASSPHRASE, "paillier_subgroup", embedding_length=DIMENSIONS)


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """A context in a file, so that clients have a default place for the list of pushed vectors."""
    path = tmp_path_factory.mktemp("owner") / "ctx.json"
    return hushvec.ExecutionContext.create(PASSPHRASE, "paillier_subgroup", DIMENSIONS, path=path)


@pytest.fixture(scope="session")
def vectors():
    """Vectors in clusters, so that they have near neighbours."""
    random = numpy.random.default_rng(8)
    centres = random.standard_normal((20, DIMENSIONS))
    return (centres.repeat(30, axis=0) + 0.6 * random.standard_normal((600, DIMENSIONS))).astype(numpy.float32)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with servers.Server(tmp_path_factory.mktemp("server") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def client(server):
    return hushvec.Client(server.url, server.admin_key)


def distances(query, rows):
    return (numpy.asarray(rows) != numpy.asarray(query)).sum(axis=1).tolist()
