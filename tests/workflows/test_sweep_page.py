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
    found = re.findall(r"src='data:image/png;base64,([^']+)'", page)
    assert len(found) == 6
    for one in found:
        head = base64.b64decode(one)[:24]
        assert struct.unpack(">II", head[16:]) == (260 // 4, 301 // 4)
