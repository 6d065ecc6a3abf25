#!/usr/bin/env python3
"""hushvec beside XTrace's SDK: one thread each, taking turns in one run; medians and ratios.

    python3 benches/sdk.py [ROUNDS]

Installs xtrace-ai-sdk 0.1.1 into a virtual environment under target/ and builds the release binary. key_len 1024,
512 dimensions. The SDK's answers and hushvec's are checked.
"""

import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / "target/tmp/sdk-venv"
DIMENSIONS = 512
SLICE = 0.6  # seconds a measurement of the SDK


def reenter():
    """Runs this script again inside an environment that has the SDK."""
    python = VENV / "bin/python"
    if pathlib.Path(sys.executable) != python:
        if not python.exists():
            venv.create(VENV, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "xtrace-ai-sdk==0.1.1"], check=True)
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
        os.execv(python, [str(python), *sys.argv])


def rate(work, count):
    """Calls of `work` a second, times `count`, over at least SLICE seconds of this process's time."""
    calls, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < SLICE or calls == 0:
        work()
        calls += 1
    return calls * count / elapsed


def sdk_rates(client, n_squared):
    bits = [[random.randrange(2) for _ in range(DIMENSIONS)] for _ in range(8)]
    encrypted = client.encrypt_vec_batch(bits)
    query = encrypted[0][0]
    products = [[query * c[0] % n_squared] for c in encrypted]
    expected = [sum(a != b for a, b in zip(bits[0], row)) for row in bits]
    assert client.decode_hamming_client_batch(products) == expected
    many = [c[0] for c in encrypted] * 64
    return {
        "encrypt": rate(lambda: client.encrypt_vec_batch(bits), len(bits)),
        "decode": rate(lambda: client.decode_hamming_client_batch(products), len(products)),
        "aggregate": rate(lambda: [query * c % n_squared for c in many], len(many)),
    }


def hushvec_rates():
    command = [ROOT / "target/release/hushvec", "bench", "--json", "--threads", "1", "--seconds", str(SLICE), "--batch", "256"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert all(point["checked"] for point in report["results"])
    rates = {(point["scheme"], point["operation"]): point["per_second"] for point in report["results"]}
    return report["machine"]["cpu"]["model"], rates


def main():
    reenter()
    import gmpy2
    from xtrace_sdk.x_vec.crypto.paillier_client import PaillierClient

    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    client = PaillierClient(embed_len=DIMENSIONS, key_len=1024)
    n_squared = gmpy2.mpz(json.loads(client.stringify_pk())["n_squared"])
    theirs, ours, model = [], [], ""
    for _ in range(rounds):
        theirs.append(sdk_rates(client, n_squared))
        model, rates = hushvec_rates()
        ours.append(rates)
    print(f"{model}, one thread, {rounds} rounds; gmpy2 {gmpy2.version()} with {gmpy2.mp_version()}")
    print(f"\n{'':30} {'per second':>12} {'× SDK':>8}")
    for operation in ["encrypt", "decode", "aggregate"]:
        base = statistics.median(round[operation] for round in theirs)
        print(f"{operation + ', SDK PaillierClient':30} {base:12.1f} {1:8.2f}")
        for scheme in ["paillier", "paillier_subgroup", "paillier_lookup"]:
            rate = statistics.median(round[scheme, operation] for round in ours)
            ratio = statistics.median(own[scheme, operation] / their[operation] for own, their in zip(ours, theirs))
            print(f"{operation + ', ' + scheme:30} {rate:12.1f} {ratio:8.2f}")


if __name__ == "__main__":
    main()
