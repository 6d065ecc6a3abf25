"""Moves from XTrace's SDK: opens its context and ciphertexts, shows that its key is weak, and moves to a new key.

    pip install hushvec xtrace-ai-sdk==0.1.1
    python from_the_sdk.py

The file is a notebook: editors that support `# %%` run its cells one by one.
"""

# %% The start: a context on disk, and vectors that the SDK encrypted.
import pathlib
import tempfile
import time

import numpy
from xtrace_sdk.x_vec.utils.execution_context import ExecutionContext as SdkContext

import hushvec

folder = pathlib.Path(tempfile.mkdtemp())
vectors = numpy.random.default_rng(7).integers(0, 2, (64, 512), dtype=numpy.uint8)
lists = vectors.tolist()

theirs = SdkContext.create("correct horse battery staple", "paillier_lookup", embedding_length=512, key_len=1024)
theirs.save_to_disk(str(folder / "sdk.json"))
started = time.perf_counter()
ciphertexts = theirs.homomorphic.encrypt_vec_batch(lists)
sdk_seconds = time.perf_counter() - started

# %% The same file, opened with hushvec. Its key is weak, so `allow_weak` is required.
try:
    hushvec.ExecutionContext.load_from_disk("correct horse battery staple", folder / "sdk.json")
except hushvec.WeakKeyError as error:
    print(f"refused: {error}\n")
old = hushvec.ExecutionContext.load_from_disk("correct horse battery staple", folder / "sdk.json", allow_weak=True)
assert old.hash() == theirs.hash()

# %% hushvec decrypts the SDK's ciphertexts, and the SDK decrypts hushvec's. Lists give lists, and arrays give arrays.
assert (old.homomorphic.decrypt_vec_batch(ciphertexts) == vectors).all()
started = time.perf_counter()
again = old.encrypt_vec_batch(lists)
print(f"64 vectors: the SDK {1e3 * sdk_seconds:.0f} ms, hushvec {1e3 * (time.perf_counter() - started):.1f} ms\n")
query = old.encrypt_vec_batch(vectors[:1])
distances = hushvec.Evaluator(old.public_context(), allow_weak=True).hamming(
    query, numpy.stack([numpy.frombuffer(c[0].to_bytes(512, "little"), numpy.uint8) for c in ciphertexts])
)
as_lists = [[int.from_bytes(row.tobytes(), "little")] for row in distances]
assert theirs.homomorphic.decode_hamming_client_batch(as_lists) == old.decode_hamming_client_batch(as_lists)

# %% The move to a new key: the vectors are decrypted, and encrypted into an index.
new = hushvec.ExecutionContext.create(
    "another passphrase", "paillier_subgroup", embedding_length=512, path=folder / "context.json"
)
with hushvec.IndexWriter(folder / "vectors.hvx", new) as writer:
    writer.append(old.homomorphic.decrypt_vec_batch(ciphertexts))
ids, away = hushvec.Index(folder / "vectors.hvx").nearest(new, vectors[5:6], k=3)
assert ids[0, 0] == 5 and away[0, 0] == 0
print(f"{len(ids[0])} nearest of vector 5: {ids[0].tolist()} at {away[0].tolist()} bits")

# %% To stay with the SDK, use its classes with hushvec's clients, whose keys are strong.
stay = SdkContext(hushvec.PaillierLookupClient(512), theirs.key_provider)
assert stay.homomorphic.decode_hamming_client_batch(
    [[c[0] * 1] for c in stay.homomorphic.encrypt_vec_batch([[0] * 512])]
) == [0]
