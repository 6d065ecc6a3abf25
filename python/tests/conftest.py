"""Keys and vectors that the tests share. Keys are real, and of the least length that is not weak."""

import signal

import numpy
import pytest

import hushvec

DIMENSIONS = 96

# Started in the background, a shell's commands ignore Ctrl-C, and so would whatever the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def rows():
    return numpy.random.default_rng(1).integers(0, 2, (40, DIMENSIONS), dtype=numpy.uint8)


@pytest.fixture(scope="session", params=["paillier", "paillier_lookup", "paillier_subgroup"])
def context(request):
    return hushvec.ExecutionContext.create("correct horse", request.param, embedding_length=DIMENSIONS)


@pytest.fixture(scope="session")
def subgroup():
    return hushvec.ExecutionContext.create("correct horse", "paillier_subgroup", embedding_length=DIMENSIONS)


def distances(query, rows):
    return (numpy.asarray(rows) != numpy.asarray(query)).sum(axis=1).tolist()
