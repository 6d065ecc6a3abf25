"""What the pages for Python's users show runs as it stands."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
import servers
from servers import BINARY

# The server that pages speak of.
ADDRESS = "http://127.0.0.1:8080"
ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["docs/python.md", "python/README.md", "README.md"])
def test_code_runs(page, tmp_path, monkeypatch):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    names = {}
    with servers.Server(tmp_path / "data") as server:
        monkeypatch.setenv("HUSHVEC_API_KEY", server.admin_key)
        for block in blocks:
            exec(compile(block.replace(ADDRESS, server.url), page, "exec"), names)
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


def shell_blocks(page="README.md"):
    return re.findall(r"^```sh\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def run(block, before, folder, **environment):
    """Runs the commands of a block, but for those that are tried elsewhere."""
    lines = [line for line in block.splitlines() if not line.startswith(tuple(ELSEWHERE))]
    subprocess.run([sys.executable, "-c", PREPARE], cwd=folder, check=True)
    script = ["set -euo pipefail", STAND_INS, before, *lines]
    environment = os.environ | {"PATH": f"{BINARY.parent}:{os.environ['PATH']}", **environment}
    ran = subprocess.run(["bash", "-c", "\n".join(script)], cwd=folder, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, f"{block}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.mark.parametrize("number", range(len(shell_blocks())))
def test_commands_run(number, tmp_path):
    block = shell_blocks()[number]
    if ADDRESS in block or all(line.startswith(tuple(ELSEWHERE)) for line in block.splitlines()):
        return
    # The first block makes its own files; shards and imports make an index anew.
    before = "" if "hushvec context new -o ctx.json" in block else BEFORE
    if "-o index.hvx" in block and "--append" not in block:
        before += "rm -f index.hvx"
    run(block, before, tmp_path, HUSHVEC_NEW_PASSPHRASE="another passphrase")


def test_commands_for_a_server_run(tmp_path):
    with servers.Server(tmp_path / "data") as server:
        found = 0
        for page in ("README.md", "docs/server.md"):
            for block in shell_blocks(page):
                if ADDRESS in block and "curl" not in block:
                    block = block.replace(ADDRESS, server.url).replace("hvk_…", server.admin_key)
                    folder = tmp_path / str(found)
                    folder.mkdir()
                    run(block, BEFORE if "ctx.json" in block else "", folder)
                    found += 1
                    for base in server.call("GET", "/v1/kbs")[1]:
                        server.call("DELETE", f"/v1/kbs/{base['id']}")
        assert found == 2


def test_most_commands_are_tried():
    tried = [line for block in shell_blocks() for line in block.splitlines() if "hushvec " in line]
    assert len(tried) >= 35
