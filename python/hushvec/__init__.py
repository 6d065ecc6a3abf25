"""Encrypted nearest-neighbour search on binary embeddings, with Paillier, on any device.

The owner encrypts binary vectors and queries (:class:`ExecutionContext`, or a client alone). An :class:`Evaluator`,
which has the public key only, aggregates them. The owner decrypts the Hamming distances::

    import numpy, hushvec

    context = hushvec.ExecutionContext.create("correct horse", "paillier_subgroup", embedding_length=512)
    vectors = numpy.random.randint(0, 2, (1000, 512), dtype=numpy.uint8)
    stored = context.encrypt_vec_batch(vectors)                     # (1000, 512) uint8
    query = context.encrypt_vec_batch(vectors[:1])

    evaluator = hushvec.Evaluator(context.public_context())         # needs no secret
    distances = context.decode_hamming_client_batch(evaluator.hamming(query, stored))
"""

from . import _drivers
from ._hushvec import (
    DeviceError,
    FileError,
    Index,
    IndexWriter,
    InputError,
    PackedEvaluator,
    PackedIndex,
    PackedIndexWriter,
    PackedQuery,
    PackedResponse,
    PlainArray,
    Query,
    Response,
    WeakKeyError,
    __version__,
)
from ._bench import BenchResult, bench
from .aes import AESClient
from .async_client import AsyncClient
from .client import Client, Hit, KnowledgeBase, Pushed
from .clients import PaillierClient, PaillierLookupClient, PaillierSubgroupClient, devices
from .context import ExecutionContext
from .evaluator import Evaluator
from .numbers import EncryptedArray, EncryptedNumber
from .packed import PackedContext
from .projection import project
from .providers import AWSKMSKeyProvider, KeyProvider, PassphraseKeyProvider
from .remote import HttpStore, RemoteError

_drivers.silence()

__all__ = [
    "AESClient",
    "AWSKMSKeyProvider",
    "AsyncClient",
    "BenchResult",
    "Client",
    "DeviceError",
    "EncryptedArray",
    "EncryptedNumber",
    "Evaluator",
    "ExecutionContext",
    "FileError",
    "Hit",
    "HttpStore",
    "Index",
    "IndexWriter",
    "InputError",
    "KeyProvider",
    "KnowledgeBase",
    "PackedContext",
    "PackedEvaluator",
    "PackedIndex",
    "PackedIndexWriter",
    "PackedQuery",
    "PackedResponse",
    "PaillierClient",
    "PaillierLookupClient",
    "PaillierSubgroupClient",
    "PassphraseKeyProvider",
    "PlainArray",
    "Pushed",
    "Query",
    "RemoteError",
    "Response",
    "WeakKeyError",
    "__version__",
    "bench",
    "devices",
    "project",
]
