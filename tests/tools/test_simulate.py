"""The simulated experiment: physics of the scan, kinds of data, files; the reconstruction only with pty-chi."""

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
import simulated_kinds as kinds
import simulated_reconstruction as reconstruction
import simulated_scan as scans
from simulated_pictures import EVERY_SAMPLE
from simulated_samples import zones

SMALL = scans.Experiment(size=64, seed=3)
PAINTED = [name for name, kind in kinds.KINDS.items() if not kind.reconstructs]


@pytest.mark.parametrize("name", EVERY_SAMPLE)
def test_a_sample_is_a_realistic_phase_and_depends_on_the_seed_alone(name):
    draw = EVERY_SAMPLE[name]
    phase = draw(np.random.default_rng(1), 180)
    assert phase.shape == (180, 180)
    assert phase.min() >= 0
    assert 0.2 < phase.max() <= (1.3 if name == "tpart" else 0.61)
    assert np.array_equal(phase, draw(np.random.default_rng(1), 180))
    assert not np.array_equal(phase, draw(np.random.default_rng(2), 180))


def test_zones_are_not_periodic():
    def peak(image):
        power = np.abs(np.fft.rfft2(image - image.mean())) ** 2
        return power.max() / power.sum()

    stripes = np.broadcast_to(np.arange(272) % 16 < 8, (272, 272)).astype(float)
    assert peak(zones(np.random.default_rng(0), 272)) < 0.2 * peak(stripes)


def test_phases_retard_and_absorption_follows_them():
    transparent = scans.make_object(replace(SMALL, sample=("discs", "cells", "fibres")))
    assert transparent.shape == (3, 180, 180)
    assert np.allclose(abs(transparent), 1)
    assert np.angle(transparent).max() <= 0
    absorbing = scans.make_object(replace(SMALL, beta_over_delta=0.1))
    assert np.allclose(np.log(abs(absorbing)), 0.1 * np.angle(absorbing))


def test_the_default_scan_is_625_positions_over_the_square():
    positions = scans.scan_positions(272, np.random.default_rng(0))
    assert positions.shape == (625, 2)
    assert np.allclose(positions.max(0), -positions.min(0))
    assert abs(positions).max() <= 272 / 2 + scans.MARGIN_PX / 2


def test_the_first_probe_is_wrong_by_the_given_part():
    probe = scans.make_probe(2e6, 50.0)
    wrong = scans.disturb_probe(probe, 0.05, np.random.default_rng(0)) - probe
    assert np.linalg.norm(wrong) / np.linalg.norm(probe) == pytest.approx(0.05)


def test_a_transparent_sample_keeps_all_photons():
    positions = scans.scan_positions(64, np.random.default_rng(0))[:4]
    pattern = scans.diffract(scans.make_object(SMALL), scans.make_probe(2e6, 58.0), positions, 58.0)
    assert pattern.shape == (4, 96, 96)
    assert np.allclose(pattern.sum((1, 2)), 2e6)


def test_slices_without_a_distance_are_one_slice():
    obj, probe = scans.make_object(SMALL), scans.make_probe(1.0, 0.0)
    positions = np.array([[0.3, -7.8]])
    together = scans.diffract(obj.prod(0, keepdims=True), probe, positions, 0.0)
    assert np.allclose(scans.diffract(obj, probe, positions, 0.0), together)
    assert not np.allclose(scans.diffract(obj, probe, positions, 58.0), together, rtol=0.05)


def test_moving_sample_and_positions_together_changes_nothing():
    obj, probe = scans.make_object(SMALL), scans.make_probe(1.0, 0.0)
    here = scans.diffract(obj, probe, np.array([[1.25, -3.4]]), 58.0)
    there = scans.diffract(np.roll(obj, (2, -5), (1, 2)), probe, np.array([[3.25, -8.4]]), 58.0)
    assert np.allclose(here, there)


def test_levelling_takes_out_constant_and_ramp_and_nothing_else():
    y, x = np.mgrid[:90, :80] / 100
    square = (slice(20, 70), slice(10, 60))
    bump = 0.3 * np.sin(2 * np.pi * 3 * y) * np.sin(2 * np.pi * 5 * x)
    tilted = np.exp(1j * np.stack([bump + 2.0 + 0.4 * y, bump - 0.5 * x]))
    levelled = reconstruction.level(tilted, square)
    assert levelled.dtype == np.complex64
    left = np.angle(levelled)[:, *square]
    assert np.allclose(left.mean((1, 2)), 0, atol=1e-6)
    assert np.allclose(left, reconstruction.level(np.exp(1j * bump[None]), square).imag[:, *square], atol=0.02)


def test_only_what_does_not_exist_elsewhere_depends_on_another_scan():
    first, second = (scans.scan(replace(SMALL, detector=48, scan_number=n)) for n in (0, 1))
    assert np.array_equal(first.truth, second.truth)
    assert not np.array_equal(first.positions, second.positions)
    assert not np.array_equal(first.pattern[0], second.pattern[0])


def test_positions_are_told_wrong_by_the_given_part():
    right, wrong = (scans.scan(replace(SMALL, size=160, position_error_px=error)) for error in (0.0, 0.8))
    assert np.array_equal(right.pattern, wrong.pattern)
    assert np.std(wrong.positions - right.positions) == pytest.approx(0.8, rel=0.1)


def test_shared_structure_is_in_all_slices_and_strength_scales_them():
    own, both = (scans.draw_phases(replace(SMALL, shared=name), 90) for name in ("", "cells"))
    added = both - own
    assert np.allclose(added[0], added[1])
    assert added.min() < -0.1
    assert np.allclose(scans.draw_phases(replace(SMALL, strength=(1.0, 0.2)), 90), own * [[[1.0]], [[0.2]]])


def test_electrons_have_their_wavelength_and_run_ahead():
    fast = replace(SMALL, electrons=True, energy_kev=300.0, pixel_size_m=2e-11, spacing_m=4e-9)
    assert fast.wavelength_m == pytest.approx(1.9687e-12, rel=1e-4)
    assert fast.step_px2 == pytest.approx(19.69, rel=1e-3)
    assert np.allclose(scans.draw_phases(fast, 70), -scans.draw_phases(SMALL, 70))


def test_depths_of_focus_are_those_of_the_package():
    from ddip_tf.slices.optics import depth_of_focus_m

    depth = depth_of_focus_m(SMALL.pixel_size_m, SMALL.wavelength_m)
    assert SMALL.depths_of_focus == pytest.approx(SMALL.spacing_m / depth, rel=1e-6)
    assert SMALL.at_depths_of_focus(0.3).spacing_m == pytest.approx(0.3 * depth)


def test_a_start_is_what_its_name_says(monkeypatch):
    experiment = replace(SMALL, detector=48, size=50)
    measured = scans.scan(experiment)
    monkeypatch.setattr(reconstruction, "reconstruct", lambda e, scan, *_: measured.truth[:1] * measured.truth[1:])
    total = np.angle(reconstruction.level(measured.truth.prod(0)[None], experiment.square)[0])

    def start(name):
        return np.angle(reconstruction.first_object(replace(experiment, start=name), measured))

    assert abs(start("flat")).max() < 0.1
    assert np.allclose(start("half"), total / 2, atol=1e-6)
    assert np.allclose(start("single"), [total, 0 * total], atol=1e-6)
    first, known = start("map")
    assert np.allclose(first + 0.9 * known, total, atol=1e-6)
    true = np.angle(measured.truth[1])
    assert np.corrcoef(known.ravel(), true.ravel())[0, 1] > 0.7
    assert np.diff(known).std() < 0.5 * np.diff(true).std()


def test_command_writes_what_it_says(tmp_path, monkeypatch):
    monkeypatch.setattr(simulate, "load_ptychi", lambda: None)
    monkeypatch.setattr(reconstruction, "version", lambda _: "0")
    monkeypatch.setattr(reconstruction, "reconstruct", lambda experiment, scan, *_: scan.truth.astype(np.complex64))
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
    made = reconstruction.simulate(experiment)
    found, true = (reconstruction.phases(obj, experiment).sum(0) for obj in (made.obj, made.truth))

    def likeness(shift):
        moved = np.roll(found, shift, (0, 1))[4:-4, 4:-4]
        return np.corrcoef(moved.ravel(), true[4:-4, 4:-4].ravel())[0, 1]

    shifts = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    assert max(shifts, key=likeness) == (0, 0)
    assert likeness((0, 0)) > 0.8


@needs_ptychi
@pytest.mark.parametrize("engine", scans.ENGINES)
@pytest.mark.parametrize("start", ["flat", "map"])
def test_the_same_seed_gives_the_same_slices(engine, start):
    experiment = replace(SMALL, size=33, epochs=2, engine=engine, start=start, detector=48)
    first, again = (reconstruction.simulate.__wrapped__(experiment) for _ in range(2))
    assert np.array_equal(first.obj, again.obj)
    assert np.array_equal(first.start, again.start)
    assert not np.array_equal(first.obj, reconstruction.simulate(replace(experiment, seed=4)).obj)


@needs_ptychi
@pytest.mark.slow
@pytest.mark.parametrize("kind", [name for name, kind in kinds.KINDS.items() if kind.reconstructs])
def test_every_kind_that_reconstructs_can_be_made(kind, tmp_path):
    simulate.make(tmp_path, kind, 1, size=112, epochs=2)
    assert {"slice1.tif", "slice2.tif", "truth1.npy", "truth2.npy", "meta.json"} <= {p.name for p in tmp_path.iterdir()}
