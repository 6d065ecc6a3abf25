"""Compares the CPU with every GPU of this machine: the results are identical, the throughput differs.

    pip install hushvec
    python cpu_and_gpu.py [VECTORS]

The file is a notebook: editors that support `# %%` run its cells one by one.
"""

# %% The devices of this machine.
import sys

import numpy

import hushvec

found = hushvec.devices()
print(f"cpu    {found['cpu']['model']}, {found['cpu']['threads']} threads, {found['cpu']['isa']} kernels")
for number, gpu in enumerate(found["gpus"]):
    print(f"gpu:{number}  {gpu['name']}, {gpu['kind']}, {gpu['kernels']} kernels")
devices = ["cpu", *(f"gpu:{number}" for number in range(len(found["gpus"])))]

# %% One context, used on each device. The results do not depend on the device.
count = int(sys.argv[1]) if len(sys.argv) > 1 else 256
vectors = numpy.random.default_rng(1).integers(0, 2, (count, 512), dtype=numpy.uint8)
context = hushvec.ExecutionContext.create("correct horse battery staple", "paillier_subgroup", 512, device="cpu")
stored = context.encrypt_vec_batch(vectors)
distances = (vectors != vectors[0]).sum(axis=1)
answers = []
for device in devices:
    context.device = device
    evaluator = hushvec.Evaluator(context.public_context(), device=device)
    encrypted = evaluator.hamming(stored[:1], stored)
    answers.append(encrypted)
    assert (context.decode_hamming_client_batch(encrypted) == distances).all()
# Aggregation is deterministic: all devices return the same bytes.
assert all((encrypted == answers[0]).all() for encrypted in answers)
print(f"\n{len(devices)} device(s), {count} identical answers")

# %% The throughput. GPUs need large batches.
print(f"\n{'operation':9} {'batch':>8} {'per second':>12}  device")
for result in hushvec.bench(devices, ["paillier_subgroup"], [count], seconds=0.3):
    print(f"{result.operation:9} {result.batch:8} {result.per_second:12,.0f}  {result.device}")
