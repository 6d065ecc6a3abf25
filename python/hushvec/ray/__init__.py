"""Encryption and search on a Ray cluster: ``pip install hushvec[ray]``.

    import hushvec.ray

    segments = hushvec.ray.encrypt(["a.npy", "b.parquet"], "segments/", context, column="embedding")
    with hushvec.ray.Search([segment.path for segment in segments], context) as search:
        ids, distances = search.nearest(queries, k=10)

The workers read and write the files, so paths must name the same files on every node. Name the device of each worker:
GPUs are found through Vulkan, which ignores the ``CUDA_VISIBLE_DEVICES`` that Ray sets.

With the owner's keys, workers hold the secret key in memory, and Ray sends it over its own connections, which are
encrypted only if Ray's TLS is configured. Give public keys to workers that you do not trust: see :func:`encrypt` and
:class:`Search`.

Ray is initialised with its defaults unless you have initialised it.
"""

try:
    # Imports a name, because any folder called ray can be imported as a package.
    from ray import remote as _  # noqa: F401
except ImportError as error:
    raise ImportError("hushvec.ray needs Ray: pip install 'hushvec[ray]'") from error

from .dataset import Segment, encrypt
from .search import Search

__all__ = ["Search", "Segment", "encrypt"]
