"""Projection of embeddings to more bits than they have dimensions."""

from typing import Any

import numpy
from numpy.typing import NDArray

from . import _hushvec
from ._arguments import integer
from .progress import Progress

# The engine's limit.
_MOST_BITS = 65536


def project(vectors: Any, bits: int, progress: Progress = None) -> NDArray[numpy.uint8]:
    """Projects real vectors to bits: each bit tells on which side of a random hyperplane a vector is. Returns (N,
    bits) uint8 of 0 and 1.

    With more bits than dimensions, the Hamming distances rank better than those of signs. The size of an index does
    not depend on the embedding length, as long as it is smaller than ``key_len``, but more bits take longer to
    decrypt. The hyperplanes are always the same, so vectors and queries can be projected separately::

        context = hushvec.ExecutionContext.create("correct horse", "paillier_subgroup", embedding_length=1000)
        stored = context.encrypt_vec_batch(hushvec.project(embeddings, 1000))

    :param vectors: (N, D) of real numbers.
    :param bits: The number of bits, such as the context's ``embedding_length``; at most 65536.
    :param progress: See :mod:`hushvec.progress`.
    :raises InputError: if the vectors are not real, a component is NaN or infinite, or ``bits`` is out of range.
    """
    bits = integer(bits, "bits")
    if not 1 <= bits <= _MOST_BITS:
        raise _hushvec.InputError(f"bits is {bits}, expected 1 to {_MOST_BITS}")
    return _hushvec.project(reals(vectors, "project"), bits, progress)


def reals(vectors: Any, what: str) -> NDArray[numpy.float32]:
    """Returns real vectors as float32. ``what`` names the caller in errors."""
    array = numpy.asarray(vectors)
    # int8 arrays are quantised embeddings; other integers are bits.
    if array.ndim != 2 or not (array.dtype.kind == "f" or array.dtype == numpy.int8):
        raise _hushvec.InputError(f"{what} takes (N, D) floats or int8, not {array.dtype} of shape {array.shape}")
    return numpy.ascontiguousarray(array, dtype=numpy.float32)
