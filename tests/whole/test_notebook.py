"""The notebook of the documentation runs as it stands."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs" / "demo.ipynb"


def printed(notebook) -> list[str]:
    """Of every cell that prints, all of it: a kernel that is kept waiting sends it in pieces."""
    cells = [
        "".join(output["text"] for output in cell.get("outputs", ()) if output.get("name") == "stdout")
        for cell in notebook.cells
    ]
    return [text for text in cells if text]


@pytest.mark.filterwarnings("ignore")
def test_it_runs_and_says_what_the_page_shows(tmp_path):
    shown = nbformat.read(NOTEBOOK, as_version=4)
    ran = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(ran, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert [output for cell in ran.cells for output in cell.get("outputs", ()) if output.get("name") == "stderr"] == []
    before, now = printed(shown), printed(ran)
    assert len(before) == len(now) == 5
    assert now[0] == before[0]
    assert "all files and pictures agree" in now[2]
    psnr = [[line.split() for line in text[3].splitlines()] for text in (before, now)]
    assert [row[:2] for row in psnr[0]] == [row[:2] for row in psnr[1]]
    assert (tmp_path / "demo-run" / "manifest.json").exists()
    assert any("image/png" in output.get("data", {}) for cell in ran.cells for output in cell.get("outputs", ()))
