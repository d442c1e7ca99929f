"""Kinds of simulated data: effects put on slices, and the table that names them."""

import json
import sys
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
from judged_lists import LISTS
from simulated_effects import Bytes, Case, Cut, DepthFilter, Double, Gain, Ghost, Halve, Noise
from simulated_pictures import EVERY_SAMPLE, PICTURES

SMALL = scans.Experiment(size=64, seed=3)
PAINTED = [name for name, kind in kinds.KINDS.items() if not kind.reconstructs]


def case(seed=0, shape=(2, 90, 75)):
    images = np.random.default_rng(seed).normal(size=shape).cumsum(1).cumsum(2)
    return Case(images, images - images.mean((1, 2), keepdims=True))


def test_a_ghost_goes_one_way_with_its_level_its_sign_and_its_place():
    before, rng = case(), np.random.default_rng(0)
    after = Ghost(-0.3)(before, rng)
    assert np.array_equal(after.images[0], before.images[0])
    assert np.allclose(after.images[1] - before.images[1], -0.3 * before.truth[0])
    moved = Ghost(0.2, shift=(3, -2), source=2, target=1)(before, rng).images[0] - before.images[0]
    assert np.allclose(moved[10:-10, 10:-10], 0.2 * np.roll(before.truth[1], (3, -2), (0, 1))[10:-10, 10:-10])


def test_a_ghosts_filter_has_its_bump_and_its_direction():
    ghost = Ghost(-0.2, bump=-0.4, centre=0.05, anisotropy=0.25, turn=np.pi / 2)
    transfer = ghost.transfer(200, 120)
    assert transfer[10, 0] == pytest.approx(-0.6 * 1.25)  # k = 0.05 along y, where the anisotropy is turned to
    assert transfer[0, 6] == pytest.approx(-0.6 * 0.75)
    assert abs(transfer[100, 30]) < 0.25


def test_eight_bits_keep_the_truth_in_the_images_unit():
    before = Noise(1e-3)(case(), np.random.default_rng(1))
    after = Bytes(deviations=2.5)(before, np.random.default_rng(0))
    assert after.images.min() == 0
    assert after.images.max() <= 255
    assert np.array_equal(after.images, np.round(after.images))
    inside = (after.images > 0) & (after.images < 255)
    assert 0.9 < inside.mean() < 1
    assert np.abs(after.images - after.truth)[inside].max() < 0.6
    assert np.corrcoef(after.truth[0].ravel(), before.truth[0].ravel())[0, 1] == pytest.approx(-1)
    upright = Bytes(deviations=2.5, inverted=False)(before, np.random.default_rng(0))
    assert np.abs(upright.images + after.images - 255).max() <= 1


def test_gain_sampling_and_cuts_do_what_they_say():
    before, rng = case(shape=(2, 91, 70)), np.random.default_rng(0)
    assert np.allclose(Gain(0.67)(before, rng).images, before.images * [[[0.67]], [[1]]])
    assert Halve()(before, rng).images.shape == (2, 45, 35)
    assert np.allclose(Halve()(before, rng).truth[1, 4, 7], before.truth[1, 8:10, 14:16].mean())
    smooth = Case(*(np.sin(np.mgrid[:40, :30].sum(0) / 5)[None].repeat(2, 0) for _ in range(2)))
    assert np.allclose(Halve()(Double()(smooth, rng), rng).images, smooth.images, atol=0.02)
    cut = Cut(33, 50)(before._replace(start=before.images), rng)
    assert np.array_equal(cut.images, before.images[:, 29:62, 10:60])
    assert cut.truth.shape == cut.start.shape == (2, 33, 50)


def test_a_filter_along_depth_takes_differences_most_of_all_coarse_ones():
    before = case(shape=(6, 61, 48))
    filtered = DepthFilter(0.5, alpha=0.0)
    after = filtered(before, np.random.default_rng(0)).images
    assert np.allclose(after.sum(0), before.images.sum(0))
    pass_ = filtered.transfer(6, 61, 48)
    assert np.allclose(pass_[0], 1)
    # by hand: kz = 1/6, k = 10/61 along y, arctan((0.5/6)^2 / ((10/61)^2 + 0.001)) = 0.24416
    assert pass_[1, 10, 0] == pytest.approx(1 - 0.24416 * 2 / np.pi, abs=1e-5)
    assert (pass_[1, 1] < pass_[1, 10]).all()
    assert np.allclose(pass_[5], pass_[1])
    assert DepthFilter().transfer(6, 61, 48)[0, 10, 0] == pytest.approx(np.exp(-((10 / 61) ** 2)))


def test_the_table_of_kinds_is_whole():
    table = kinds.KINDS.values()
    assert {kind.source for kind in table} == {"scan", "alone", "repeat", "truth"}
    made = [kind.experiment(seed) for kind in table for seed in range(4)]
    assert {name for experiment in made for name in experiment.sample} == set(EVERY_SAMPLE)
    assert {experiment.engine for experiment in made} == set(scans.ENGINES)
    assert {experiment.start for experiment in made} == set(scans.STARTS)
    assert kinds.KINDS["family"].experiment(3) == kinds.KINDS["gain-2"].experiment(3)
    assert len({kind.experiment(0).sample for kind in table}) > 10
    depths = [experiment.depths_of_focus for experiment in made]
    assert min(depths) < 0.11
    assert max(depths) > 10
    assert set(PICTURES) < set(EVERY_SAMPLE)


@pytest.mark.parametrize("kind", PAINTED)
def test_a_painted_kind_needs_no_ptychi_and_is_the_same_for_the_same_seed(kind, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in ("one", "two"):
        result = CliRunner().invoke(simulate.main, [str(tmp_path / name), "--kind", kind, "--seed", "2"])
        assert result.exit_code == 0, result.output
    for file in ("slice1.tif", "slice2.tif", "truth1.npy", "truth2.npy"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    meta = json.loads((tmp_path / "one" / "meta.json").read_text())
    assert (meta["kind"], meta["source"], meta["seed"]) == (kind, "truth", 2)
    image, truth = tifffile.imread(tmp_path / "one" / "slice2.tif"), np.load(tmp_path / "one" / "truth2.npy")
    assert image.shape == truth.shape == (160, 160)
    assert np.corrcoef(image.ravel(), truth.ravel())[0, 1] > 0.4
    simulate.make(tmp_path / "three", kind, 6)
    assert not np.array_equal(np.load(tmp_path / "three" / "truth2.npy"), truth)


def test_flags_beside_a_kind_take_the_place_of_its_settings(tmp_path):
    result = CliRunner().invoke(simulate.main, [str(tmp_path / "p"), "--kind", "clean-noise", "--size", "48"])
    assert result.exit_code == 0, result.output
    assert np.load(tmp_path / "p" / "truth1.npy").shape == (48, 48)
    result = CliRunner().invoke(simulate.main, [str(tmp_path / "q"), "--kind", "nonsense"])
    assert result.exit_code == 2
    assert not (tmp_path / "q").exists()


def test_the_kinds_are_listed():
    result = CliRunner().invoke(simulate.main, ["--list"])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == list(kinds.KINDS)


def test_what_follows_a_reconstruction_is_put_on_it(monkeypatch):
    monkeypatch.setattr(reconstruction, "version", lambda _: "0")
    monkeypatch.setattr(reconstruction, "reconstruct", lambda experiment, scan, *_: scan.truth.astype(np.complex64))
    reconstruction.simulate.cache_clear()
    plain, _ = kinds.make_case("family", 1, size=48)
    halved, meta = kinds.make_case("gain-0.5", 1, size=48)
    alone, _ = kinds.make_case("alone", 1, size=48)
    repeat, _ = kinds.make_case("repeat", 1, size=48)
    assert np.allclose(halved.images, plain.images * [[[0.5]], [[1]]])
    assert "factor=0.5" in meta["effects"][0]
    assert alone.images.shape == (2, 48, 48)
    assert np.allclose(np.diff(alone.images), np.diff(alone.truth), atol=0.05)  # the stand-in finds the truth
    assert np.allclose(repeat.images, repeat.truth)  # and twice the same
    reconstruction.simulate.cache_clear()


@pytest.mark.parametrize("judged", LISTS.values(), ids=LISTS.keys())
def test_what_judges_is_a_list_of_kinds_each_once(judged):
    assert set(judged.kinds) <= set(kinds.KINDS)
    assert len(set(judged.kinds)) == len(judged.kinds) >= 3
    low, high = map(int, judged.seeds.split("-"))
    assert high - low + 1 >= 4
    assert high < 500  # seeds of development begin there


def test_no_list_judges_by_a_pair_of_another():
    pairs = [
        (kind, seed)
        for judged in LISTS.values()
        for low, high in [map(int, judged.seeds.split("-"))]
        for kind in judged.kinds
        for seed in range(low, high + 1)
    ]
    assert len(set(pairs)) == len(pairs)
