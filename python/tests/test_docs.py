"""What the pages for Python's users show runs as it stands."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
from servers import BINARY

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["docs/python.md", "python/README.md", "README.md"])
def test_code_runs(page, tmp_path, monkeypatch):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    if page == "docs/python.md":
        assert names["ids"][0, 0] == 42 and names["ids"].shape == names["distances"].shape == (2, 10)
        assert names["context"].decrypt_numbers(names["total"]) == 11.25
        assert names["context"].decrypt_numbers(names["scores"]).tolist() == [-2.75, 1.375]


# What the README's commands work on, and what stands for programs that it speaks of.
PREPARE = r"""
import gzip, json, numpy, pyarrow, pyarrow.parquet, struct
rows = numpy.random.default_rng(1).standard_normal((64, 512)).astype("f4")
numpy.save("vectors.npy", rows)
numpy.save("query.npy", rows[:1])
numpy.save("more.npy", rows[:8])
numpy.save("named.npy", rows)
open("ids.txt", "w").write("".join(f"page {i}\n" for i in range(64)))
table = pyarrow.table({"embedding": list(rows), "url": [f"https://example.org/{i}" for i in range(64)]})
pyarrow.parquet.write_table(table.slice(0, 32), "part-1.parquet")
pyarrow.parquet.write_table(table.slice(32), "part-2.parquet")
lines = "".join(json.dumps({"id": i, "vector": row.tolist()}) + "\n" for i, row in enumerate(rows))
gzip.open("pages.jsonl.gz", "wt").write(lines)
open("lines", "w").write(lines)
open("base.1B.fbin", "wb").write(struct.pack("<II", 64, 512) + rows.tobytes())
"""
STAND_INS = r"""
export HUSHVEC_PASSPHRASE='correct horse battery staple' JOB_COMPLETION_INDEX=0 SLURM_ARRAY_TASK_ID=1 HOME=$PWD
some-program() { cat lines; }
parallel() { while read -r n; do command=("${@//\{\}/$n}"); "${command[@]}"; done; }
"""
# Files that a block takes from those before it.
BEFORE = r"""
hushvec context new -o ctx.json --embedding-length 512 --scheme paillier --quiet
hushvec context public ctx.json -o public.json
hushvec context export ctx.json -o sdk.json --format xtrace
cp ctx.json backup.json
hushvec encrypt ctx.json vectors.npy -o index.hvx
hushvec index export public.json index.hvx -o ciphertexts.npy
"""
# Cargo and the tests themselves; what `cargo install` does; minutes of measuring; and the server, which has tests of its own.
ELSEWHERE = ["cargo run", "tests/run.sh", "cargo install", "hushvec bench", "hushvec serve"]


def shell_blocks():
    return re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(shell_blocks())))
def test_commands_run(number, tmp_path):
    block = shell_blocks()[number]
    lines = [line for line in block.splitlines() if not line.startswith(tuple(ELSEWHERE))]
    if block.startswith("hushvec serve") or not any(lines):
        return
    subprocess.run([sys.executable, "-c", PREPARE], cwd=tmp_path, check=True)
    # The first block makes its own files; shards and imports make an index anew.
    makes_its_own = "hushvec context new -o ctx.json" in block
    without_index = "-o index.hvx" in block and "--append" not in block
    script = ["set -euo pipefail", STAND_INS, "" if makes_its_own else BEFORE, "rm -f index.hvx" if without_index else "", *lines]
    environment = os.environ | {"PATH": f"{BINARY.parent}:{os.environ['PATH']}", "HUSHVEC_NEW_PASSPHRASE": "another passphrase"}
    ran = subprocess.run(["bash", "-c", "\n".join(script)], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, f"{block}\n{ran.stdout}\n{ran.stderr}"



def test_most_commands_are_tried():
    tried = [line for block in shell_blocks() for line in block.splitlines() if "hushvec " in line]
    assert len(tried) >= 35
