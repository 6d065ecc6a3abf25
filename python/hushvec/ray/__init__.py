"""Encryption and search on a Ray cluster: ``pip install hushvec[ray]``.

    import hushvec.ray

    segments = hushvec.ray.encrypt(["a.npy", "b.parquet"], "segments/", context, column="embedding")
    with hushvec.ray.Search([segment.path for segment in segments], context) as search:
        ids, distances = search.nearest(queries, k=10)

Files are read and written by the workers, so their paths must lead to the same files on every node. Each worker computes on a
device that it is told, since GPUs are found through Vulkan, which does not heed the ``CUDA_VISIBLE_DEVICES`` that Ray sets.

Workers that get an owner's keys hold the secret key in memory, and Ray brings it to them over its own connections, which are
encrypted only if Ray's TLS is set up. Give public keys to workers that you do not trust: see :func:`encrypt` and :class:`Search`.

Ray is initialised by its own defaults if you have not done so.
"""

try:
    # A name out of it, since any folder called ray passes for a package of that name.
    from ray import remote as _  # noqa: F401
except ImportError as error:
    raise ImportError("hushvec.ray needs Ray: pip install 'hushvec[ray]'") from error

from .dataset import Segment, encrypt
from .search import Search

__all__ = ["Search", "Segment", "encrypt"]
