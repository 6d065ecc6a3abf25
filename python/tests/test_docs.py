"""The examples of the README, the tutorial, the guides and the other pages run as they stand."""

import ast
import asyncio
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy
import pytest
import servers
from servers import BINARY

import hushvec

# The address of the server in the examples.
ADDRESS = "http://127.0.0.1:8080"
ROOT = pathlib.Path(__file__).parents[2]


# Runs as one script.
TUTORIAL = "docs/tutorial.md"
DOCS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
# Each of their shell blocks runs by itself, and their Python blocks one after the other.
PAGES = ["README.md", *(page for page in DOCS if page != TUTORIAL)]


def blocks_of(page, *languages):
    """The blocks of a page in any of these languages."""
    kinds = "|".join(languages)
    return re.findall(rf"^```(?:{kinds})\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def python_blocks(page):
    # Clusters have tests of their own.
    return [block for block in blocks_of(page, "python", "py") if "import hushvec.ray" not in block]


# What blocks take from a program around them.
AROUND = {
    "docs/formats.md": """
context = hushvec.ExecutionContext.create("p", "paillier_subgroup", 8)
open("public.json", "w").write(context.public_context())
numpy.save("c.npy", context.encrypt_vec_batch(numpy.ones((3, 8))))
""",
    "docs/python.md": "api_key = os.environ['HUSHVEC_API_KEY']",
    "docs/server.md": """
from xtrace_sdk.integrations.xtrace import XTraceIntegration
KEY = os.environ["HUSHVEC_API_KEY"]
server = XTraceIntegration(org_id="default", api_key=KEY, admin_key=KEY, api_url=URL, admin_api_url=URL)
base = await server.create_kb("of the example")
""",
}


@pytest.mark.parametrize("page", [page for page in [*PAGES, "python/README.md"] if python_blocks(page)])
def test_code_runs(page, tmp_path, monkeypatch):
    if page == "docs/server.md":
        pytest.importorskip("xtrace_sdk", reason="xtrace-ai-sdk is not installed")
    monkeypatch.chdir(tmp_path)
    names = {"hushvec": hushvec, "numpy": numpy, "os": os}

    async def program(server):
        names["URL"] = server.url
        for block in [AROUND.get(page, ""), *python_blocks(page)]:
            for address in (ADDRESS, "https://search.example.org"):
                block = block.replace(address, server.url)
            if "asyncio.run(" in block:
                # In a loop of its own.
                await asyncio.to_thread(exec, compile(block.replace("hvk_…", server.admin_key), page, "exec"), names)
                continue
            result = eval(compile(block, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
            if result is not None:
                await result
        if page == "docs/server.md":
            await names["server"].close()

    with servers.Server(tmp_path / "data") as server:
        monkeypatch.setenv("HUSHVEC_API_KEY", server.admin_key)
        asyncio.run(program(server))
    if page == "docs/python.md":
        assert names["ids"][0, 0] == 42 and names["ids"].shape == names["distances"].shape == (2, 10)
        assert names["found"][:, 0].tolist() == [42, 43] and names["found"].shape == names["cosines"].shape == (2, 10)
        assert names["context"].decrypt_numbers(names["total"]) == 11.25
        assert names["context"].decrypt_numbers(names["scores"]).tolist() == [-2.75, 1.375]
    if page == "docs/formats.md":
        assert len(names["c"]) == 3 and max(names["c"]) < names["n"] ** 2


def test_fewer_than_fifteen_lines_from_vectors_to_results():
    (block,) = (block for block in python_blocks("docs/python.md") if "client.search" in block)
    assert "embeddings" in block and "oversample" in block and "hit.cosine" in block
    assert len([line for line in block.splitlines() if line]) < 15


# Files that commands read, and stand-ins for programs that pages mention.
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
# Cargo and the tests themselves; downloads, installers and containers.
ELSEWHERE = ["cargo ", "tests/run.sh", "benches/", "python3 benches", "pip install", "podman ", "git clone", "python3 -m venv", ". .venv/"]
# Minutes of measuring, of which only the options are tried; and the server, which runs until it is stopped.
BENCH, SERVE = "hushvec bench", "hushvec serve"


def shell_blocks(page):
    return blocks_of(page, "sh")


def commands(block):
    return [line for line in block.splitlines() if "hushvec " in line and not line.startswith((*ELSEWHERE, "#"))]


def run(block, before, folder, **environment):
    """Runs the commands of a block, but for those that are tried elsewhere."""
    lines = [line for line in block.splitlines() if not line.startswith((*ELSEWHERE, SERVE))]
    # clap looks at the options before it, and prints help.
    lines = [line.split("#")[0] + " --help > help.txt" if line.startswith(BENCH) else line for line in lines]
    subprocess.run([sys.executable, "-c", PREPARE], cwd=folder, check=True)
    script = ["set -euo pipefail", STAND_INS, before, *lines]
    path = f"{BINARY.parent}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, **environment}
    ran = subprocess.run(["bash", "-c", "\n".join(script)], cwd=folder, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, f"{block}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


BLOCKS = [(page, number) for page in PAGES for number, block in enumerate(shell_blocks(page)) if commands(block)]


@pytest.mark.parametrize(("page", "number"), BLOCKS)
def test_commands_run(page, number, tmp_path):
    block = shell_blocks(page)[number]
    if ADDRESS in block:
        # Those for a server: below.
        return
    if "--device gpu" in block and not hushvec.devices()["gpus"]:
        pytest.skip("there is no GPU")
    # The first block makes its own files; shards and imports make an index anew.
    before = "" if "hushvec context new -o ctx.json" in block else BEFORE
    if "-o index.hvx" in block and "--append" not in block:
        before += "rm -f index.hvx"
    run(block, before, tmp_path, HUSHVEC_NEW_PASSPHRASE="another passphrase")


def test_commands_for_a_server_run(tmp_path):
    with servers.Server(tmp_path / "data") as server:
        found = 0
        for page in PAGES:
            for block in shell_blocks(page):
                if ADDRESS in block and any(not line.startswith(SERVE) for line in commands(block)):
                    block = block.replace(ADDRESS, server.url).replace("hvk_…", server.admin_key)
                    folder = tmp_path / str(found)
                    folder.mkdir()
                    run(block, BEFORE if "ctx.json" in block else "", folder)
                    found += 1
                    for base in server.call("GET", "/v1/kbs")[1]:
                        server.call("DELETE", f"/v1/kbs/{base['id']}")
        assert found >= 2


# Stands for a model, which would have to be downloaded.
MODEL = """
import zlib
import numpy

class SentenceTransformer:
    def __init__(self, name):
        pass

    def encode(self, texts):
        vectors = [numpy.random.default_rng(zlib.crc32(text.encode())).standard_normal(384) for text in texts]
        return numpy.array(vectors, dtype="f4")
"""


def script_of(page):
    """The blocks of a page as one shell script. Python blocks become the files that their first lines name."""
    for language, block in re.findall(r"^```(sh|python)\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL):
        name = block.splitlines()[0].removeprefix("# ")
        yield block if language == "sh" else f"cat > {name} <<'END OF FILE'\n{block}END OF FILE\n"


def test_the_tutorial_runs(tmp_path):
    """It runs from top to bottom, and prints what it shows."""
    shutil.copytree(ROOT / "cli/data", tmp_path / "hushvec/cli/data")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/sentence_transformers.py").write_text(MODEL)
    with servers.Server(tmp_path / "data") as server:
        script = "\n".join(script_of(TUTORIAL)).replace(ADDRESS, server.url).replace("hvk_…", server.admin_key)
        printed = run(script, "", tmp_path, PYTHONPATH=str(tmp_path / "models"))
    shown = [line for block in blocks_of(TUTORIAL, "text") for line in block.splitlines()]
    assert len(shown) > 10
    for line in shown:
        assert line in printed, f"{line!r} is not in\n{printed}"
    assert "pthread_join.3: join with a terminated thread" in printed


def anchors_of(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "python/README.md", *DOCS])
def test_links_lead_somewhere(page):
    """Links within the repository, relative or to its main branch on GitHub."""
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", text, re.MULTILINE)
    for link in (inline or reference for inline, reference in links):
        ours = re.fullmatch(r"https://(?:github\.com/hushvec/hushvec/(?:blob|tree)|raw\.githubusercontent\.com/hushvec/hushvec)/main/(.*)", link)
        if not ours and "://" in link:
            continue
        # The README is shown in other places too, where relative links lead nowhere.
        assert ours or page not in ("README.md", "python/README.md"), f"{link} is relative"
        path, _, anchor = (ours[1] if ours else link).partition("#")
        target = ROOT / path if ours else (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{link}: there is no {target}"
        assert not anchor or anchor in anchors_of(target), f"{link}: {target} has no such heading"


def serve_commands():
    lines = {line.split("#")[0].strip() for page in ["README.md", *DOCS] for block in shell_blocks(page) for line in commands(block)}
    return sorted(line for line in lines if line.startswith(SERVE))


@pytest.mark.parametrize("command", serve_commands())
def test_servers_start(command, tmp_path):
    """On a free port, and in another folder than the page's."""
    command = command.replace("/srv/hushvec", str(tmp_path / "data"))
    environment = os.environ | {"PATH": f"{BINARY.parent}:{os.environ['PATH']}"}
    command = f"exec {command} --listen 127.0.0.1:0"
    with subprocess.Popen(["bash", "-c", command], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert re.search(r"listening on http://127\.0\.0\.1:\d+", process.stderr.readline())
            assert process.stdout.readline().startswith("admin key: hvk_")
        finally:
            process.terminate()


def test_most_commands_are_tried():
    tried = [line for page in ["README.md", *DOCS] for block in shell_blocks(page) for line in commands(block)]
    assert len(tried) >= 45 and serve_commands()
