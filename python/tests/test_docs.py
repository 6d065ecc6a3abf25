"""What the pages for Python's users show runs as it stands."""

import pathlib
import re

import pytest

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
