"""More bits for an embedding than it has dimensions."""

from typing import Any

import numpy
from numpy.typing import NDArray

from . import _hushvec
from ._arguments import integer
from .progress import Progress

# What the engine takes.
_MOST_BITS = 65536


def project(vectors: Any, bits: int, progress: Progress = None) -> NDArray[numpy.uint8]:
    """The sides of ``bits`` random hyperplanes that real vectors are on, as zeros and ones: (N, bits) uint8.

    Their Hamming distances rank better than those of signs if there are more bits than dimensions. An index takes the same storage for
    any embedding length below its ``key_len``; decoding takes longer with more bits. The hyperplanes are always the same ones, so queries that are projected fit vectors that
    were::

        context = hushvec.ExecutionContext.create("correct horse", "paillier_subgroup", embedding_length=1000)
        stored = context.encrypt_vec_batch(hushvec.project(embeddings, 1000))

    :param vectors: (N, D) of real numbers.
    :param bits: How many, such as the context's ``embedding_length``; at most 65536.
    :param progress: See :mod:`hushvec.progress`.
    :raises InputError: if the vectors are not real, a component is NaN or infinite, or there cannot be so many bits.
    """
    bits = integer(bits, "bits")
    if not 1 <= bits <= _MOST_BITS:
        raise _hushvec.InputError(f"bits is {bits}, expected 1 to {_MOST_BITS}")
    return _hushvec.project(reals(vectors, "project"), bits, progress)


def reals(vectors: Any, what: str) -> NDArray[numpy.float32]:
    """Real vectors as float32; ``what`` wants them."""
    array = numpy.asarray(vectors)
    # int8 are embeddings that were quantised; other integers are bits.
    if array.ndim != 2 or not (array.dtype.kind == "f" or array.dtype == numpy.int8):
        raise _hushvec.InputError(f"{what} takes (N, D) floats or int8, not {array.dtype} of shape {array.shape}")
    return numpy.ascontiguousarray(array, dtype=numpy.float32)
