"""The simulated experiment: physics of the scan, files; the reconstruction itself only with pty-chi."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import simulate
import simulated_samples

SMALL = simulate.Experiment(size=64, seed=3)


@pytest.mark.parametrize("kind", simulated_samples.SAMPLES)
def test_a_sample_is_a_realistic_phase_and_depends_on_the_seed_alone(kind):
    draw = simulated_samples.SAMPLES[kind]
    phase = draw(np.random.default_rng(1), 180)
    assert phase.shape == (180, 180)
    assert phase.min() >= 0
    assert 0.2 < phase.max() <= 0.61
    assert np.array_equal(phase, draw(np.random.default_rng(1), 180))
    assert not np.array_equal(phase, draw(np.random.default_rng(2), 180))


def test_zones_are_not_periodic():
    def peak(image):
        power = np.abs(np.fft.rfft2(image - image.mean())) ** 2
        return power.max() / power.sum()

    stripes = np.broadcast_to(np.arange(272) % 16 < 8, (272, 272)).astype(float)
    assert peak(simulated_samples.zones(np.random.default_rng(0), 272)) < 0.2 * peak(stripes)


def test_phases_retard_and_absorption_follows_them():
    transparent = simulate.make_object(replace(SMALL, sample=("discs", "cells", "fibres")))
    assert transparent.shape == (3, 180, 180)
    assert np.allclose(abs(transparent), 1)
    assert np.angle(transparent).max() <= 0
    absorbing = simulate.make_object(replace(SMALL, beta_over_delta=0.1))
    assert np.allclose(np.log(abs(absorbing)), 0.1 * np.angle(absorbing))


def test_the_default_scan_is_625_positions_over_the_square():
    positions = simulate.scan_positions(272, np.random.default_rng(0))
    assert positions.shape == (625, 2)
    assert np.allclose(positions.max(0), -positions.min(0))
    assert abs(positions).max() <= 272 / 2 + simulate.MARGIN_PX / 2


def test_the_first_probe_is_wrong_by_the_given_part():
    probe = simulate.make_probe(2e6, 50.0)
    wrong = simulate.disturb_probe(probe, 0.05, np.random.default_rng(0)) - probe
    assert np.linalg.norm(wrong) / np.linalg.norm(probe) == pytest.approx(0.05)


def test_a_transparent_sample_keeps_all_photons():
    positions = simulate.scan_positions(64, np.random.default_rng(0))[:4]
    pattern = simulate.diffract(simulate.make_object(SMALL), simulate.make_probe(2e6, 58.0), positions, 58.0)
    assert pattern.shape == (4, 96, 96)
    assert np.allclose(pattern.sum((1, 2)), 2e6)


def test_slices_without_a_distance_are_one_slice():
    obj, probe = simulate.make_object(SMALL), simulate.make_probe(1.0, 0.0)
    positions = np.array([[0.3, -7.8]])
    together = simulate.diffract(obj.prod(0, keepdims=True), probe, positions, 0.0)
    assert np.allclose(simulate.diffract(obj, probe, positions, 0.0), together)
    assert not np.allclose(simulate.diffract(obj, probe, positions, 58.0), together, rtol=0.05)


def test_moving_sample_and_positions_together_changes_nothing():
    obj, probe = simulate.make_object(SMALL), simulate.make_probe(1.0, 0.0)
    here = simulate.diffract(obj, probe, np.array([[1.25, -3.4]]), 58.0)
    there = simulate.diffract(np.roll(obj, (2, -5), (1, 2)), probe, np.array([[3.25, -8.4]]), 58.0)
    assert np.allclose(here, there)


def test_levelling_takes_out_constant_and_ramp_and_nothing_else():
    y, x = np.mgrid[:90, :80] / 100
    square = (slice(20, 70), slice(10, 60))
    bump = 0.3 * np.sin(2 * np.pi * 3 * y) * np.sin(2 * np.pi * 5 * x)
    tilted = np.exp(1j * np.stack([bump + 2.0 + 0.4 * y, bump - 0.5 * x]))
    levelled = simulate.level(tilted, square)
    assert levelled.dtype == np.complex64
    left = np.angle(levelled)[:, *square]
    assert np.allclose(left.mean((1, 2)), 0, atol=1e-6)
    assert np.allclose(left, simulate.level(np.exp(1j * bump[None]), square).imag[:, *square], atol=0.02)


def test_command_writes_what_it_says(tmp_path, monkeypatch):
    monkeypatch.setattr(simulate, "load_ptychi", lambda: None)
    monkeypatch.setattr(simulate, "version", lambda _: "0")
    monkeypatch.setattr(simulate, "reconstruct", lambda experiment, *_: simulate.make_object(experiment))
    arguments = [str(tmp_path / "pair"), "--sample", "cells,discs,print", "--size", "48", "--spacing", "2e-5"]
    result = CliRunner().invoke(simulate.main, arguments)
    assert result.exit_code == 0, result.output
    meta = json.loads((tmp_path / "pair" / "meta.json").read_text())
    assert meta["sample"] == "cells over discs over print"
    assert meta["spacing_m"] == 2e-5
    assert meta["positions"] == 25
    y0, y1, x0, x1 = meta["crop"]
    obj = np.load(tmp_path / "pair" / "object.npy")
    assert obj.shape == (3, y1 + y0, x1 + x0)
    for n in (1, 2, 3):
        with tifffile.TiffFile(tmp_path / "pair" / f"slice{n}.tif") as file:
            phase, tags = file.asarray(), file.pages[0].tags
        truth = np.load(tmp_path / "pair" / f"truth{n}.npy")
        assert phase.dtype == truth.dtype == np.float32
        assert phase.shape == truth.shape == (48, 48)
        assert np.array_equal(phase, np.angle(obj[n - 1, y0:y1, x0:x1]))
        pixels, length = tags["XResolution"].value
        assert 0.01 * length / pixels == pytest.approx(7.3e-9, rel=1e-4)


@pytest.mark.parametrize("names", ["discs", "discs,rocks", ""])
def test_unknown_or_too_few_slices_are_refused(names, tmp_path):
    result = CliRunner().invoke(simulate.main, [str(tmp_path / "pair"), "--sample", names])
    assert result.exit_code == 2
    assert "particle" in result.output
    assert not (tmp_path / "pair").exists()


def test_without_ptychi_it_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    result = CliRunner().invoke(simulate.main, [str(tmp_path / "pair")])
    assert result.exit_code == 2
    assert "pip install" in result.output
    assert result.output.count("\n") == 1


needs_ptychi = pytest.mark.skipif(not importlib.util.find_spec("ptychi"), reason="pty-chi is not installed")


@needs_ptychi
def test_the_reconstruction_lies_on_the_truth_with_its_sign():
    experiment = replace(SMALL, size=48, epochs=80, probe_error=0.0)
    obj, truth, _ = simulate.simulate(experiment)
    found, true = (np.angle(o[:, *experiment.square]).sum(0) for o in (obj, truth))

    def likeness(shift):
        moved = np.roll(found, shift, (0, 1))[4:-4, 4:-4]
        return np.corrcoef(moved.ravel(), true[4:-4, 4:-4].ravel())[0, 1]

    shifts = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    assert max(shifts, key=likeness) == (0, 0)
    assert likeness((0, 0)) > 0.8


@needs_ptychi
def test_the_same_seed_gives_the_same_slices():
    experiment = replace(SMALL, size=33, epochs=2, sample=("cells", "zones", "print"))
    first, again = (simulate.simulate(experiment)[0] for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, simulate.simulate(replace(experiment, seed=4))[0])
