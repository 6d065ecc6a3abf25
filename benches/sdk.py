#!/usr/bin/env python3
"""Compares hushvec with XTrace's SDK 0.1.1 and python-paillier: interleaved runs, one thread each; medians and ratios.

    python3 benches/sdk.py [--rounds N]    prints a table
    python3 benches/sdk.py --write         also compares the kernels with GMP, and writes both tables of docs/performance.md

Installs xtrace-ai-sdk, phe and gmpy2 into a virtual environment under target/, and builds the release binary. key_len 1024,
512 dimensions. All answers are checked. --write takes a quarter of an hour, most of it for building, and needs a quiet machine.
"""

import argparse
import itertools
import json
import os
import pathlib
import random
import subprocess
import sys
import venv

import tables
from interleaved import Interleaved, rate

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / "target/tmp/sdk-venv"
PACKAGES = ["xtrace-ai-sdk==0.1.1", "phe==1.5.0", "gmpy2"]
DIMENSIONS = 512
KEY_LEN = 1024
SLICE = 0.6  # seconds per measurement
OPERATIONS = ["encrypt", "decode", "aggregate"]
SCHEMES = ["paillier", "paillier_subgroup", "paillier_lookup"]
SDK, SDK_LOOKUP, PHE = "SDK `PaillierClient`", "SDK `PaillierLookupClient`", "phe"


def reenter():
    """Runs this script again inside an environment that has the other libraries."""
    python = VENV / "bin/python"
    if pathlib.Path(sys.executable) != python:
        if not python.exists():
            venv.create(VENV, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
        os.environ["DEVICE"] = "cpu"  # the SDK reads its device from here
        os.execv(python, [str(python), *sys.argv])


def vectors():
    """Returns eight vectors, and the distances from the first to each."""
    bits = [[random.randrange(2) for _ in range(DIMENSIONS)] for _ in range(8)]
    return bits, [sum(a != b for a, b in zip(bits[0], row)) for row in bits]


def sdk(client):
    """Returns for each operation a call of the SDK's client and the number of vectors per call. The SDK's server aggregates and
    is not published; here gmpy2 aggregates, with a product and a remainder."""
    import gmpy2

    bits, expected = vectors()
    n_squared = gmpy2.mpz(json.loads(client.stringify_pk())["n_squared"])
    encrypted = [gmpy2.mpz(c[0]) for c in client.encrypt_vec_batch(bits)]
    products = [[encrypted[0] * c % n_squared] for c in encrypted]
    assert client.decode_hamming_client_batch(products) == expected
    many = encrypted * 64
    return {
        "encrypt": (lambda: client.encrypt_vec_batch(bits), len(bits)),
        "decode": (lambda: client.decode_hamming_client_batch(products), len(products)),
        "aggregate": (lambda: [encrypted[0] * c % n_squared for c in many], len(many)),
    }


def python_paillier():
    """Returns the same for python-paillier. Vectors are encoded as numbers with a base-4 digit per bit."""
    import phe

    assert phe.util.HAVE_GMP
    public, secret = phe.generate_paillier_keypair(n_length=2 * KEY_LEN)
    bits, expected = vectors()
    ones = int("01" * DIMENSIONS, 2)
    number = lambda row: int("".join(map(str, row)), 4)
    distance = lambda c: bin(secret.raw_decrypt(c) & ones).count("1")
    multiply = lambda a, b: phe.util.mulmod(a, b, public.nsquare)
    encrypted = [public.raw_encrypt(number(row)) for row in bits]
    products = [multiply(encrypted[0], c) for c in encrypted]
    assert [distance(c) for c in products] == expected
    many = encrypted * 64
    return {
        "encrypt": (lambda: [public.raw_encrypt(number(row)) for row in bits], len(bits)),
        "decode": (lambda: [distance(c) for c in products], len(products)),
        "aggregate": (lambda: [multiply(encrypted[0], c) for c in many], len(many)),
    }


def hushvec_rates():
    command = [ROOT / "target/release/hushvec", "bench", "--json", "--threads", "1", "--seconds", str(SLICE), "--key-len", str(KEY_LEN)]
    command += ["--embedding-length", str(DIMENSIONS), "--batch", "1024"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert all(point["checked"] for point in report["results"])
    rates = {(point["operation"], f"hushvec `{point['scheme']}`"): point["per_second"] for point in report["results"]}
    return report["machine"]["cpu"], rates


def measure(rounds):
    """Returns the operations per second of all libraries as Markdown."""
    import gmpy2
    from xtrace_sdk.x_vec.crypto.paillier_client import PaillierClient
    from xtrace_sdk.x_vec.crypto.paillier_lookup_client import PaillierLookupClient

    clients = {client: client(embed_len=DIMENSIONS, key_len=KEY_LEN) for client in [PaillierClient, PaillierLookupClient]}
    peers = {SDK: sdk(clients[PaillierClient]), SDK_LOOKUP: sdk(clients[PaillierLookupClient]), PHE: python_paillier()}
    cpu, number = {}, itertools.count(1)

    def one_round():
        print(f"round {next(number)} of {rounds}", file=sys.stderr)
        rates = {(operation, name): rate(*peers[name][operation], SLICE) for operation in OPERATIONS for name in peers}
        machine, own = hushvec_rates()
        cpu.update(machine)
        return rates | own

    measured, rows = Interleaved(one_round, rounds), []
    for operation in OPERATIONS:
        for name in [*peers, *(f"hushvec `{scheme}`" for scheme in SCHEMES)]:
            ratios = {peer: measured.ratio((operation, name), (operation, peer)) for peer in peers}
            rows.append((operation, name, measured.median((operation, name)), ratios))
    rustc = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    about = (
        f"{cpu['model']}, {tables.today()}, one thread, hushvec with `{cpu['isa']}` and 1,024 vectors at a time; medians of {rounds} rounds. {rustc};\n"
        f"xtrace-ai-sdk 0.1.1 and phe 1.5.0 on Python {sys.version.split()[0]}, gmpy2 {gmpy2.version()} with {gmpy2.mp_version()} as bundled in its wheel.\n"
        "The SDK's lookup client uses its default alpha_len of 50, which can be broken in seconds. The SDK's own server aggregates\n"
        "for its clients; here gmpy2 does, with a product and a remainder."
    )
    return f"{about}\n\n" + tables.products(f"one thread, key_len {KEY_LEN}, {DIMENSIONS} dimensions", rows, list(peers))


def measure_kernels():
    """Returns the comparison of the kernels with GMP as Markdown."""
    report = ROOT / "target/tmp/ratios.json"
    report.unlink(missing_ok=True)
    # gmp.sh prints the paths of the libraries, which do not belong in a record.
    subprocess.run([ROOT / "benches/gmp.sh"], stdout=sys.stderr, check=True)
    subprocess.run(["cargo", "bench", "--quiet", "--bench", "ratios", "--", f"--json={report}"], cwd=ROOT, check=True)
    return tables.kernels(json.loads(report.read_text()))


def main():
    parser = argparse.ArgumentParser(description="Compares hushvec with XTrace's SDK 0.1.1 and python-paillier, one thread each")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="rounds of interleaved runs [default: 7]")
    parser.add_argument("--write", action="store_true", help="also compare the kernels with GMP, and write both tables of docs/performance.md")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    reenter()
    texts = {"kernels": measure_kernels()} if arguments.write else {}
    texts["sdk"] = measure(arguments.rounds)
    for text in texts.values():
        print(f"\n{text}")
    if arguments.write:
        tables.write(texts)
        print(f"\nwrote {tables.PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
