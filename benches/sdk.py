#!/usr/bin/env python3
"""hushvec beside XTrace's SDK 0.1.1 and python-paillier: one thread each, taking turns in one run; medians and ratios.

    python3 benches/sdk.py [--rounds N]    prints a table
    python3 benches/sdk.py --write         measures the kernels beside GMP too, and writes both tables of docs/performance.md

Installs xtrace-ai-sdk, phe and gmpy2 into a virtual environment under target/, and builds the release binary. key_len 1024,
512 dimensions. Everybody's answers are checked. --write takes a quarter of an hour, most of it to build, and wants a quiet machine.
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
from turns import Turns, rate

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / "target/tmp/sdk-venv"
PACKAGES = ["xtrace-ai-sdk==0.1.1", "phe==1.5.0", "gmpy2"]
DIMENSIONS = 512
KEY_LEN = 1024
SLICE = 0.6  # seconds a measurement
OPERATIONS = ["encrypt", "decode", "aggregate"]
SCHEMES = ["paillier", "paillier_subgroup", "paillier_lookup"]
SDK, SDK_LOOKUP, PHE = "SDK `PaillierClient`", "SDK `PaillierLookupClient`", "phe"


def reenter():
    """Runs this script again inside an environment that has what it compares with."""
    python = VENV / "bin/python"
    if pathlib.Path(sys.executable) != python:
        if not python.exists():
            venv.create(VENV, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
        os.environ["DEVICE"] = "cpu"  # the SDK would take another from here
        os.execv(python, [str(python), *sys.argv])


def vectors():
    """Eight vectors, and the distances of the first from each."""
    bits = [[random.randrange(2) for _ in range(DIMENSIONS)] for _ in range(8)]
    return bits, [sum(a != b for a, b in zip(bits[0], row)) for row in bits]


def sdk(client):
    """What the SDK's client does, by operation: a call and how many vectors it takes. Combining is its server's business,
    which is not published: here it is a product and a remainder in gmpy2."""
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
    """The same with python-paillier, of which vectors are numbers with a base-4 digit a bit."""
    import phe

    assert phe.util.HAVE_GMP
    public, secret = phe.generate_paillier_keypair(n_length=2 * KEY_LEN)
    bits, expected = vectors()
    ones = int("01" * DIMENSIONS, 2)
    number = lambda row: int("".join(map(str, row)), 4)
    distance = lambda c: bin(secret.raw_decrypt(c) & ones).count("1")
    combine = lambda a, b: phe.util.mulmod(a, b, public.nsquare)
    encrypted = [public.raw_encrypt(number(row)) for row in bits]
    products = [combine(encrypted[0], c) for c in encrypted]
    assert [distance(c) for c in products] == expected
    many = encrypted * 64
    return {
        "encrypt": (lambda: [public.raw_encrypt(number(row)) for row in bits], len(bits)),
        "decode": (lambda: [distance(c) for c in products], len(products)),
        "aggregate": (lambda: [combine(encrypted[0], c) for c in many], len(many)),
    }


def hushvec_rates():
    command = [ROOT / "target/release/hushvec", "bench", "--json", "--threads", "1", "--seconds", str(SLICE), "--key-len", str(KEY_LEN)]
    command += ["--embedding-length", str(DIMENSIONS), "--batch", "1024"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert all(point["checked"] for point in report["results"])
    rates = {(point["operation"], f"hushvec `{point['scheme']}`"): point["per_second"] for point in report["results"]}
    return report["machine"]["cpu"], rates


def measure(rounds):
    """Markdown of everybody's operations a second."""
    import gmpy2
    from xtrace_sdk.x_vec.crypto.paillier_client import PaillierClient
    from xtrace_sdk.x_vec.crypto.paillier_lookup_client import PaillierLookupClient

    clients = {client: client(embed_len=DIMENSIONS, key_len=KEY_LEN) for client in [PaillierClient, PaillierLookupClient]}
    peers = {SDK: sdk(clients[PaillierClient]), SDK_LOOKUP: sdk(clients[PaillierLookupClient]), PHE: python_paillier()}
    cpu, number = {}, itertools.count(1)

    def turn():
        print(f"round {next(number)} of {rounds}", file=sys.stderr)
        rates = {(operation, who): rate(*peers[who][operation], SLICE) for operation in OPERATIONS for who in peers}
        machine, own = hushvec_rates()
        cpu.update(machine)
        return rates | own

    turns, rows = Turns(turn, rounds), []
    for operation in OPERATIONS:
        for who in [*peers, *(f"hushvec `{scheme}`" for scheme in SCHEMES)]:
            ratios = {peer: turns.ratio((operation, who), (operation, peer)) for peer in peers}
            rows.append((operation, who, turns.median((operation, who)), ratios))
    rustc = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    about = (
        f"{cpu['model']}, {tables.today()}, one thread, hushvec with `{cpu['isa']}` and 1,024 vectors at a time; medians of {rounds} rounds. {rustc};\n"
        f"xtrace-ai-sdk 0.1.1 and phe 1.5.0 on Python {sys.version.split()[0]}, gmpy2 {gmpy2.version()} with {gmpy2.mp_version()} as bundled in its wheel.\n"
        "The SDK's lookup client uses its default alpha_len of 50, which can be broken in seconds. The SDK's own server aggregates\n"
        "for its clients; here gmpy2 does, with a product and a remainder."
    )
    return f"{about}\n\n" + tables.products(f"one thread, key_len {KEY_LEN}, {DIMENSIONS} dimensions", rows, list(peers))


def measure_kernels():
    """Markdown of the kernels beside GMP."""
    report = ROOT / "target/tmp/ratios.json"
    report.unlink(missing_ok=True)
    # It prints where it put the libraries, which is nobody's business in a record.
    subprocess.run([ROOT / "benches/gmp.sh"], stdout=sys.stderr, check=True)
    subprocess.run(["cargo", "bench", "--quiet", "--bench", "ratios", "--", f"--json={report}"], cwd=ROOT, check=True)
    return tables.kernels(json.loads(report.read_text()))


def main():
    parser = argparse.ArgumentParser(description="hushvec beside XTrace's SDK 0.1.1 and python-paillier, one thread each")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="turns that everybody takes [default: 7]")
    parser.add_argument("--write", action="store_true", help="measure the kernels beside GMP too, and write both tables of docs/performance.md")
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
