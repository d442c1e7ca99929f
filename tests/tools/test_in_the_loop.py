"""The study of separations inside a reconstruction: its bound, its bands, what it goes on from, and its table."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import fisher_limit
import in_the_loop
import loop_judge
import loop_table
from simulated_scan import Experiment

TINY = Experiment(size=48, detector=32).at_depths_of_focus(4)


def test_squares_over_bands_add_up_to_the_variance():
    images = np.random.default_rng(0).normal(2, 1, (3, 44, 57))
    bands = fisher_limit.rms_by_band(images)
    assert bands.shape == (3, 6)
    k = np.hypot(*np.meshgrid(np.arange(44) / 88, np.arange(57) / 114, indexing="ij"))
    outside = (k > 0.5).mean()  # corners of the spectrum are in no band
    np.testing.assert_allclose((bands**2).sum(1), images.var((1, 2)) * (1 - outside), rtol=0.05)


def test_a_mode_is_in_its_band():
    x = np.arange(48) * np.ones((48, 1))
    wave = np.cos(np.pi * 6 * (x + 0.5) / 48)[None]  # k = 6 / 96
    np.testing.assert_allclose(fisher_limit.rms_by_band(wave)[0], [0, 0, 0, np.sqrt(0.5), 0, 0], atol=1e-9)


def test_the_bound_falls_with_photons_and_rises_where_slices_cannot_be_told_apart(monkeypatch):
    monkeypatch.setattr(fisher_limit, "MODES", 1)
    limit = fisher_limit.limit(TINY)
    assert limit.shape == (2, 6) and (limit[:, 1:] > 0).all()
    more = fisher_limit.limit(replace(TINY, photons=4 * TINY.photons))
    np.testing.assert_allclose(more[:, 1:], limit[:, 1:] / 2, rtol=0.02)
    near = fisher_limit.limit(TINY.at_depths_of_focus(0.5))
    assert (near[:, 1:4] > 2 * limit[:, 1:4]).all()


class FakeCell:
    made = ()

    def __init__(self, experiment, threads):
        FakeCell.made += (experiment,)

    def ways(self, wanted):
        for n, way in enumerate(in_the_loop.WAYS):
            report = {"epoch": 4, "accepted": way == "judged", "reason": "", "error_before": [0.2, 0.2]}
            report |= {"error_settled": [0.1, 0.1], "misfit_before": 0.5, "misfit_at_once": 0.6}
            report |= {"misfit_without": 0.45, "misfit_with": 0.4}
            row = {"way": way, "error_rad": [0.1 * n, 0.1], "bands_rad": [[0.1] * 6] * 2, "seconds": 1.0}
            yield row | ({"reports": [report]} if way == "judged" else {})


def test_what_is_there_is_not_measured_again(tmp_path, monkeypatch):
    monkeypatch.setattr(in_the_loop, "Cell", FakeCell)
    monkeypatch.setattr(in_the_loop, "load_ptychi", lambda: None)
    monkeypatch.setattr(in_the_loop, "limit", lambda experiment: np.full((2, 6), 0.01))
    asked = [str(tmp_path), "--samples", "discs+particle", "--depths", "4,1", "--seeds", "0"]
    done = CliRunner().invoke(in_the_loop.main, asked, catch_exceptions=False)
    assert done.exit_code == 0 and len(FakeCell.made) == 4
    lines = (tmp_path / "rows.jsonl").read_text().splitlines()
    assert len(lines) == 4 * 7 and len(json.loads((tmp_path / "limits.json").read_text())) == 2
    (tmp_path / "rows.jsonl").write_text("\n".join(lines[:-2]) + "\n" + lines[-2][:20])  # stopped within a line
    again = CliRunner().invoke(in_the_loop.main, asked, catch_exceptions=False)
    assert len(FakeCell.made) == 5
    assert len(in_the_loop.read_rows(tmp_path / "rows.jsonl")) == 4 * 7
    assert (
        "| discs+particle | adam | flat | 1 | 4 | 0.50000, 0.60000, 0.45000, 0.40000 | yes | 0.2000 → 0.1000 |"
        in again.output
    )
    assert (tmp_path / "in_the_loop.png").exists()


def test_the_table_has_the_mean_and_the_deviation_over_seeds():
    rows = [
        {"sample": "a+b", "engine": "adam", "start": "flat", "depths": 2.0, "way": "pull", "seed": seed}
        | {"error_rad": [value, value], "bands_rad": [[value] * 6] * 2}
        for seed, value in enumerate((0.1, 0.3))
    ]
    text = loop_table.table(rows, {"a+b 2 0": [[0.02] * 6] * 2}, fisher_limit.EDGES)
    assert "| a+b | adam | flat | 2 | – | – | – | – | – | – | 0.2000 ± 0.1414 | 0.0490 |" in text
    assert "| a+b, adam, flat, 2 | bound | " + " | ".join(["0.0200"] * 6) in text


@pytest.mark.parametrize("depths", [10, 1.5])
def test_distances_are_in_depths_of_focus(depths):
    settings = {"seeds": [0], "starts": ["flat"], "samples": ["discs+cells"], "engines": ["adam"], "depths": [depths]}
    ((name, experiment),) = in_the_loop.cells(settings | {"size": 64, "detector": 48, "epochs": 9})
    assert experiment.depths_of_focus == pytest.approx(depths) and experiment.sample == ("discs", "cells")
    assert name["depths"] == depths and experiment.epochs == 9


def test_every_separation_of_the_judges_table_starts_from_one_state(monkeypatch):
    """A fake program whose state is its object: what is printed is of right and wrong separations of the same one."""
    ghost = 0.1 * np.arange(2 * 6 * 7).reshape(2, 6, 7)

    class Program:
        positions, obj, ran = 40, np.zeros((2, 6, 7)), 0

        def __init__(self, reconstructor):
            reconstructor.run = self.run

        def run(self, epochs):
            self.ran += epochs

        def hold_out(self, positions):
            assert len(positions) == 2

        def state(self):
            return self.obj, self.ran

        def restore(self, state):
            self.obj, self.ran = state

        def object(self):
            return self.obj

        def multiply(self, factor):
            self.obj = self.obj + factor

        def misfit(self, positions):
            return self.obj[1, 2, 3] + self.ran

    class Task:
        reconstructor = property(lambda self: self)

    cell = SimpleNamespace(
        task=lambda *_: Task(), scan=SimpleNamespace(start=0, probe=0, truth=0), box=None, experiment=TINY
    )
    monkeypatch.setattr(loop_judge.ptychi, "Reconstructor", Program)
    monkeypatch.setattr(loop_judge, "object_stack", lambda *_: None)
    monkeypatch.setattr(loop_judge, "separate", lambda *_, **__: None)
    monkeypatch.setattr(loop_judge, "factor_of", lambda *_: ghost)
    monkeypatch.setattr(loop_judge, "error", lambda obj, *_: obj)
    rows, own, others, each = list(loop_judge.followed(cell)), ghost[1, 2, 3], ghost[0, 2, 3], TINY.epochs
    assert [row["done"] for row in rows] == ["without", "right", "half", "wrong", "swapped"]
    for row, change in zip(rows, (0, own, own / 2, -own, others), strict=True):
        np.testing.assert_allclose(row["misfits"], [each, *(each + change + np.array([0, 5, 10]))])
