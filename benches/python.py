#!/usr/bin/env python3
"""Measures the overhead of calls from Python over the engine's own calls, and compares them with XTrace's SDK 0.1.1 on lists.

    python3 benches/python.py [--rounds N] [--write]    prints two tables; --write puts them into docs/performance.md

10,000 vectors of 512 dimensions, key_len 1024, one thread. The engine runs in a separate process (benches/calls.rs) with the
same keys and the same bytes; its calls and Python's are interleaved. Reports medians of the ratios of rounds.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import venv

import tables
from interleaved import Interleaved, seconds

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / "target/tmp/python-bench-venv"
PACKAGES = ["maturin>=1.9.4,<2", "xtrace-ai-sdk==0.1.1", "numpy"]
COUNT, DIMENSIONS, KEY_LEN = 10_000, 512, 1024
OPERATIONS = ["encrypt", "aggregate", "decode"]
SCHEMES = ["paillier", "paillier_subgroup"]
# The SDK gets few vectors: it takes seconds where hushvec takes milliseconds.
SDK_COUNT = 8


def reenter():
    """Runs this script again inside an environment that has the wheel and the SDK."""
    python = VENV / "bin/python"
    if pathlib.Path(sys.executable) != python:
        if not python.exists():
            venv.create(VENV, with_pip=True)
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *PACKAGES], check=True)
        with tempfile.TemporaryDirectory() as wheels:
            path = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}"}
            build = [python.parent / "maturin", "build", "-q", "--release", "-o", wheels]
            subprocess.run(build, cwd=ROOT / "python", env=path, stdout=sys.stderr, check=True)
            subprocess.run([*pip, "--force-reinstall", "--no-deps", *pathlib.Path(wheels).glob("*.whl")], check=True)
        subprocess.run(["cargo", "build", "--release", "--quiet", "--bench", "calls"], cwd=ROOT, check=True)
        os.environ["DEVICE"] = "cpu"  # the SDK reads its device from here
        os.execv(python, [str(python), *sys.argv])


def engine():
    """Returns the executable of benches/calls.rs."""
    build = ["cargo", "build", "--release", "--quiet", "--bench", "calls", "--message-format", "json"]
    lines = subprocess.run(build, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    built = [json.loads(line) for line in lines]
    return next(one["executable"] for one in built if one.get("target", {}).get("name") == "calls" and one["executable"])


def overhead(scheme, rounds, folder):
    """Returns rows that compare Python's calls on arrays and on lists with the engine's."""
    import hushvec
    import numpy

    context = hushvec.ExecutionContext.create("bench", scheme, DIMENSIONS, KEY_LEN, device="cpu", threads=1, path=folder / "ctx.json")
    evaluator = hushvec.Evaluator(context.public_context(), device="cpu", threads=1)
    vectors = numpy.random.default_rng(1).integers(0, 2, (COUNT, DIMENSIONS), dtype=numpy.uint8)
    stored = context.encrypt_vec_batch(vectors)
    responses = evaluator.hamming(stored[:1], stored)
    distances = (vectors != vectors[0]).sum(axis=1)
    assert (context.decode_hamming_client_batch(responses) == distances).all()
    lists, integers = vectors.tolist(), [[int.from_bytes(row.tobytes(), "little")] for row in responses]
    assert context.decode_hamming_client_batch(integers) == distances.tolist()
    (folder / "vectors").write_bytes(vectors.tobytes())
    (folder / "responses").write_bytes(responses.tobytes())
    calls = {
        "encrypt": lambda: context.encrypt_vec_batch(vectors),
        "aggregate": lambda: evaluator.hamming(responses[:1], responses),
        "decode": lambda: context.decode_hamming_client_batch(responses),
    }
    on_lists = {
        "encrypt": lambda: context.encrypt_vec_batch(lists),
        "decode": lambda: context.decode_hamming_client_batch(integers),
    }
    rows = []
    with subprocess.Popen([engine()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        print(folder / "ctx.json", "bench", folder / "vectors", folder / "responses", file=process.stdin, flush=True)

        def engines(operation):
            print(operation, file=process.stdin, flush=True)
            took, count = process.stdout.readline().split()
            assert int(count) == COUNT
            return float(took)

        for operation in OPERATIONS:
            work = {"arrays": calls[operation]} | ({"lists": on_lists[operation]} if operation in on_lists else {})
            one_round = lambda: {"engine": engines(operation)} | {name: seconds(work[name]) for name in work}
            measured = Interleaved(one_round, rounds, warm_up=1)
            ratio = lambda name: measured.ratio(name, "engine")
            row = [operation, f"`{scheme}`", f"{1e3 * measured.median('engine'):.1f} ms", f"{1e3 * measured.median('arrays'):.1f} ms"]
            row.append(f"{100 * (ratio('arrays') - 1):+.1f} %")
            row += [f"{1e3 * measured.median('lists'):.1f} ms", f"{100 * (ratio('lists') - 1):+.1f} %"] if operation in on_lists else ["", ""]
            rows.append(row)
        process.stdin.close()
    return rows


def compared_with_sdk(rounds):
    """Returns rows that compare the same script with the SDK's clients and with hushvec's, on lists of integers."""
    import hushvec
    from xtrace_sdk.x_vec.crypto.paillier_client import PaillierClient
    from xtrace_sdk.x_vec.crypto.paillier_lookup_client import PaillierLookupClient

    rows = []
    pairs = [(PaillierClient, hushvec.PaillierClient), (PaillierClient, hushvec.PaillierSubgroupClient)]
    pairs += [(PaillierLookupClient, hushvec.PaillierLookupClient)]
    for theirs, ours in pairs:
        peers = {"SDK": (theirs(DIMENSIONS, KEY_LEN), SDK_COUNT), "hushvec": (ours(DIMENSIONS, KEY_LEN, device="cpu", threads=1), 1024)}
        work = {}
        for name, (client, count) in peers.items():
            vectors = [[random.randrange(2) for _ in range(DIMENSIONS)] for _ in range(count)]
            n_squared = int(json.loads(client.stringify_pk())["n_squared"])
            encrypted = client.encrypt_vec_batch(vectors)
            responses = [[c[0] * encrypted[0][0] % n_squared] for c in encrypted]
            expected = [sum(a != b for a, b in zip(vectors[0], row)) for row in vectors]
            assert client.decode_hamming_client_batch(responses) == expected
            work[name] = {
                "encrypt": lambda client=client, vectors=vectors: client.encrypt_vec_batch(vectors),
                "decode": lambda client=client, responses=responses: client.decode_hamming_client_batch(responses),
            }
        for operation in ("encrypt", "decode"):
            measured = Interleaved(lambda: {name: seconds(work[name][operation]) / peers[name][1] for name in peers}, rounds)
            each = [f"{1e6 * measured.median(name):,.0f} µs" for name in ("SDK", "hushvec")]
            ratio = measured.ratio("SDK", "hushvec")
            rows.append([operation, f"`{theirs.__name__}`, `{ours.__name__}`", *each, tables.factor(ratio)])
    return rows


def table(head, rows):
    return "\n".join(tables.line(row) for row in [head, ["---"] * len(head), *rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="rounds of interleaved runs [default: 7]")
    parser.add_argument("--write", action="store_true", help="write both tables into docs/performance.md")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    reenter()
    import hushvec
    import numpy

    with tempfile.TemporaryDirectory() as folder:
        rows = [row for scheme in SCHEMES for row in overhead(scheme, arguments.rounds, pathlib.Path(folder))]
    cpu = hushvec.devices()["cpu"]
    rustc = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    text = (
        f"{cpu['model']}, {tables.today()}, one thread, `{cpu['isa']}`, {COUNT:,} vectors of {DIMENSIONS} dimensions, key_len {KEY_LEN};\n"
        f"{rustc}, Python {sys.version.split()[0]}, numpy {numpy.__version__}. Medians of {arguments.rounds} rounds.\n\n"
    )
    text += table(["10,000 vectors", "scheme", "engine", "arrays", "overhead", "lists", "overhead"], rows)
    text += "\n\nThe same script with the SDK's clients and with hushvec's, on lists of integers; time per vector:\n\n"
    text += table(["on lists", "SDK's client, hushvec's", "SDK 0.1.1", "hushvec", "× SDK"], compared_with_sdk(arguments.rounds))
    print(text)
    if arguments.write:
        tables.write({"python": text})
        print(f"\nwrote {tables.PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
