"""The processor beside every GPU of this machine: the same answers, and how many a second.

    pip install hushvec
    python cpu_and_gpu.py [VECTORS]

The cells are those of a notebook: editors that know `# %%` run them one by one.
"""

# %% What there is.
import sys

import numpy

import hushvec

there = hushvec.devices()
print(f"cpu    {there['cpu']['model']}, {there['cpu']['threads']} threads, {there['cpu']['isa']} kernels")
for number, gpu in enumerate(there["gpus"]):
    print(f"gpu:{number}  {gpu['name']}, {gpu['kind']}, {gpu['kernels']} kernels")
devices = ["cpu", *(f"gpu:{number}" for number in range(len(there["gpus"])))]

# %% One context, opened on each. Where it computes is no part of what it is.
count = int(sys.argv[1]) if len(sys.argv) > 1 else 256
vectors = numpy.random.default_rng(1).integers(0, 2, (count, 512), dtype=numpy.uint8)
context = hushvec.ExecutionContext.create("correct horse battery staple", "paillier_subgroup", 512, device="cpu")
stored = context.encrypt_vec_batch(vectors)
distances = (vectors != vectors[0]).sum(axis=1)
answers = []
for device in devices:
    context.device = device
    evaluator = hushvec.Evaluator(context.public_context(), device=device)
    combined = evaluator.hamming(stored[:1], stored)
    answers.append(combined)
    assert (context.decode_hamming_client_batch(combined) == distances).all()
# Combining involves no chance: the same bytes everywhere.
assert all((combined == answers[0]).all() for combined in answers)
print(f"\n{len(devices)} device(s), the same {count} answers to the last bit")

# %% How many a second. Large batches are what GPUs are for.
print(f"\n{'operation':9} {'batch':>8} {'per second':>12}  device")
for result in hushvec.bench(devices, ["paillier_subgroup"], [count], seconds=0.3):
    print(f"{result.operation:9} {result.batch:8} {result.per_second:12,.0f}  {result.device}")
