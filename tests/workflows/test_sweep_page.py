"""The page of a sweep: what it keeps, reads again, and how large its pictures are."""

import base64
import json
import os
import re
import struct
import tracemalloc

import numpy as np
import pytest

from ddip_tf.archive.manifest import load_manifest
from ddip_tf.archive.run import Run, archived
from ddip_tf.formats import tiff
from ddip_tf.workflows import sweep_page
from ddip_tf.workflows.suggestion import Suggestion


@pytest.fixture
def large(run, tmp_path):
    """Six settings of two seeds each, of (301, 260) pixels: the sweep's folder and its rows."""
    y, x = np.mgrid[:301, :260]
    inputs = np.stack([np.sin(x / 31), np.cos(y / 17 + x / 50)]).astype(np.float32)
    rows = []
    for gamma in range(1, 7):
        for seed in (0, 1):
            rows.append({"run": f"kernel-g{gamma}-s{seed}", "status": "done", "preset": "paper", "mixing": "kernel"})
            rows[-1] |= {"gamma": float(gamma), "seed": seed, "fidelity": 0.1, "alpha1": 0.5, "alpha2": 0.5}
            folder = tmp_path / "s/runs" / rows[-1]["run"]
            (folder / "outputs").mkdir(parents=True)
            manifest = load_manifest(run) | {"shape": [301, 260]}
            (folder / "manifest.json").write_text(json.dumps(manifest))
            for i, image in enumerate(inputs, 1):
                output = image * (1 + 0.01 * seed * np.cos(x / (20 * gamma)).astype(np.float32))
                tiff.write(folder / f"outputs/slice{i}.tif", output)
                tiff.write(folder / f"outputs/ghost{i}.tif", image - output)
    return tmp_path / "s", rows


def test_a_page_keeps_no_arrays_of_its_runs(large):
    folder, rows = large
    of_a_run = 2 * 2 * 301 * 260 * 4  # input and output, two slices, float32
    sweep_page.write(rows[:2], folder)  # what is imported stays
    tracemalloc.start()
    try:
        sweep_page.write(rows, folder)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1.5 * of_a_run  # of the ten that are new


def test_a_page_reads_only_runs_that_are_new_or_done_again(large, monkeypatch):
    folder, rows = large
    read = []
    images = Run.images
    monkeypatch.setattr(Run, "images", lambda self, kind: read.append(self.path.name) or images(self, kind))
    page = sweep_page.write(rows[:-2], folder).read_text()
    assert set(read) == {row["run"] for row in rows[:-2]}
    read.clear()
    assert sweep_page.write(rows[:-2], folder).read_text() == page
    assert read == []
    sweep_page.write(rows, folder)
    assert set(read) == {row["run"] for row in rows[-2:]}
    read.clear()
    again = folder / "runs" / rows[0]["run"]
    tiff.write(again / "outputs/slice2.tif", archived(again)[1][1][::-1].copy())
    os.utime(again / "manifest.json", ns=(1, 1))
    assert sweep_page.write(rows[:-2], folder).read_text() != page
    assert set(read) == {row["run"] for row in rows[:2]}


def test_pictures_of_a_page_are_no_larger_than_they_are_shown(large, monkeypatch):
    folder, rows = large
    monkeypatch.setattr(sweep_page, "MOST_SIDE", 100)
    sweep_page._strip.cache_clear()
    page = sweep_page.write(rows[:1], folder).read_text()
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(found) == 6
    for one in found:
        head = base64.b64decode(one)[:24]
        assert struct.unpack(">II", head[16:]) == (260 // 4, 301 // 4)


def test_runs_are_links_where_they_have_a_page(large):
    folder, rows = large
    (folder / "runs" / rows[1]["run"] / "report.html").touch()
    failed = {
        "run": "kernel-g9-s0",
        "status": "failed: <b>",
        "preset": "paper",
        "mixing": "kernel",
        "gamma": 9.0,
        "seed": 0,
    }
    advice = Suggestion(rows[1]["run"], "Because.")
    page = sweep_page.write([*rows[:2], failed], folder, advice).read_text()
    assert re.findall(r'href="(runs/[^"]+)"', page) == [f"runs/{rows[1]['run']}/report.html"] * 2
    assert "2 of 3 fits done · 1 failed" in page
    assert "<td>failed: &lt;b&gt;" in page


def test_pictures_of_a_sweep_carry_units(large):
    folder, rows = large
    for row in rows[:2]:
        path = folder / "runs" / row["run"] / "manifest.json"
        manifest = json.loads(path.read_text()) | {"pixel_size_m": [7e-9, 8e-9], "from_complex": {"quantity": "phase"}}
        path.write_text(json.dumps(manifest))
        os.utime(path, ns=(2, 2))
    page = sweep_page.write(rows[:2], folder).read_text()
    figures = re.findall(r"<figure>.*?</figure>", page, re.DOTALL)
    assert len(figures) == 2 * 3 + 2  # input, output with spectra; deviations
    assert sum("500 nm" in one and "</span> rad" in one for one in figures) == 6
    assert "spectrum of output 2: ± 71.4 along y, ± 62.5 along x, cycles/µm" in page
    share = float(re.search(r"--share:([\d.]+)%", page)[1])
    assert share == pytest.approx(100 * 500 / 8 / 260, abs=0.01)
    deviation = figures[-1]
    assert '<span data-end="low">0</span>' in deviation
    assert "slice 2, mean 0.00" in deviation
