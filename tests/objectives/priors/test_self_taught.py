"""The network taught on pairs mixed anew: what it is given, what it should find, and its share of the result."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from helpers import discs, known_transfer, mix

import ddip_tf
from ddip_tf.archive import manifest, regenerate, write
from ddip_tf.archive.run import archived
from ddip_tf.config import preset
from ddip_tf.errors import InputError
from ddip_tf.formats import read
from ddip_tf.objectives.priors import self_taught
from ddip_tf.report import text
from ddip_tf.slices.stack import SliceStack
from ddip_tf.training import transfer_fit
from ddip_tf.training.fitting import fit
from ddip_tf.transfer import dct, in_part, linear, solver
from ddip_tf.transfer.bands import frequencies, interpolate
from ddip_tf.transfer.inverse_problem import prepare
from ddip_tf.transfer.ladder import Choice

SHAPE = (65, 49)
DATA = Path(ddip_tf.__file__).with_name("demo_data")
SMALL = preset("deep", epochs=4, width=2, seed=3)


@pytest.fixture(scope="module")
def posed():
    transfer = known_transfer(SHAPE, power=0.05)
    images = mix(discs(2, SHAPE), transfer) + 0.1
    covariance = np.broadcast_to(1e-4 * np.eye(2), (len(transfer.k), 2, 2, 2))
    filters = linear.filters(images, transfer.k, np.full(len(transfer.k), 50.0), transfer.matrix, covariance)
    solution = replace(solver.solve(images, transfer), filters=filters, agreement=0.8)
    return prepare(images, transfer), solution


@pytest.fixture(scope="module")
def taught(posed):
    return self_taught.SelfTaught(*posed, SMALL)


@pytest.mark.parametrize(("agreed", "share"), [(0.5, 0.4), (0.85, 0.4), (0.9, 0.2), (0.95, 0.0), (None, 0.0)])
def test_the_surer_total_variation_the_less_of_the_network(posed, agreed, share):
    assert self_taught.weight(replace(posed[1], agreement=agreed)) == pytest.approx(share)


def test_none_where_slices_are_taken_to_be_in_two_units(posed):
    problem, solution = posed
    of_t = (
        problem.transfer.k,
        np.full(len(problem.transfer.k), 50.0),
        problem.transfer.matrix,
        solution.filters.weights,
    )
    choice = Choice("free start", {}, *of_t, 1.0, "sum")
    for gain, share in ((1.0, 0.4), (0.8, 0.0)):
        solved = SimpleNamespace(solution=replace(solution, problem=problem), choice=replace(choice, gain=gain))
        assert transfer_fit._weight(solved) == pytest.approx(share)


def pictures(network):
    """What its generators give."""
    found = []
    for name, generator in network.generators.items():
        found.append(generator([network.latents[name], network.latents[f"{name}_base"]]).numpy()[0, ..., 0])
    return np.stack(found)


def test_of_a_correction_that_is_made_in_part_the_network_has_the_same_part(posed, monkeypatch):
    problem, solution = posed
    images = problem.unit * problem.images + problem.means
    monkeypatch.setattr(tf, "zeros_like", tf.ones_like)  # the network's last layer, which begins at nothing
    whole = pictures(self_taught.SelfTaught(problem, solution, SMALL))
    part = pictures(self_taught.SelfTaught(problem, in_part.made(solution, images, np.full(2, 0.6)), SMALL))
    assert np.ptp(whole - solution.images) > 0.01 * np.ptp(images)
    np.testing.assert_allclose(part, images + 0.6 * (whole - images), atol=1e-5 * np.ptp(images))


@pytest.mark.parametrize("side", [self_taught.LESSON, 46])
def test_what_is_given_is_what_should_be_found_mixed(monkeypatch, posed, side):
    """Without noise, ramps and draws of T: z holds T y' and its linear estimate, the target what that lacks."""
    for name, value in {"NOISE": (0.0, 1e-9), "RAMP": 0.0, "CONTRAST": 0.0}.items():
        monkeypatch.setattr(self_taught, name, value)
    monkeypatch.setattr(self_taught, "perturbed", lambda transfer, random: transfer)
    monkeypatch.setattr(self_taught, "LESSON", side)
    problem, solution = posed
    shape = tuple(min(of, side) for of in SHAPE)
    z, left = (x.numpy() for x in self_taught.SelfTaught(problem, solution, SMALL).pair(tf.constant(7)))
    assert z.shape == (1, *shape, 4) and left.shape == (*shape, 2)
    spread = problem.images.std((1, 2))
    base, mixed = np.split(z[0].transpose(2, 0, 1) * np.tile(spread, 2)[:, None, None], 2)
    y = base + left.transpose(2, 0, 1) * spread[:, None, None]
    k = frequencies(*shape)
    expected = dct.idct(dct.matvec(problem.transfer.at(k), dct.dct(y)))
    expected -= expected.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(mixed, expected, atol=1e-4 * np.ptp(expected))
    weights = interpolate(k, solution.filters.k, solution.filters.weights)
    estimate = dct.idct(dct.matvec(weights, dct.dct(expected)))
    np.testing.assert_allclose(base, estimate, atol=1e-4 * np.ptp(estimate))
    # y' are the solution's pictures, turned over and moved: the same values
    own = (solution.images - problem.means) / problem.unit
    for found, one in zip(y, own, strict=True):
        low, high = np.quantile(one, (0.02, 0.98))
        assert found.min() > one.min() - (high - low) and found.max() < one.max() + (high - low)
        assert found.shape != one.shape or not np.allclose(found, one, atol=0.1)


@pytest.mark.parametrize("side", [self_taught.LESSON, 46])
def test_noise_is_that_of_the_slices_at_every_k(monkeypatch, posed, side):
    """Pairs with noise less those without it, in two bands of k: the variance that the noise model has there."""
    monkeypatch.setattr(self_taught, "LESSON", side)
    problem, solution = posed
    mixed = []
    for noise in ((1.0, 1.0 + 1e-9), (0.0, 1e-9)):
        monkeypatch.setattr(self_taught, "NOISE", noise)
        network = self_taught.SelfTaught(problem, solution, SMALL)
        mixed.append(np.stack([network.pair(tf.constant(epoch))[0][0, ..., 2:] for epoch in range(30)]))
    found = dct.dct((mixed[0] - mixed[1]).swapaxes(1, 3).swapaxes(2, 3).reshape(-1, *mixed[0].shape[1:3]))
    variance = (found.reshape(*found.shape[:2], 30, 2) ** 2).mean(2) * problem.images.var((1, 2))
    expected = np.diagonal(problem.noise.covariance(solution.factor), axis1=-2, axis2=-1)
    here, there = frequencies(*found.shape[:2]), frequencies(*SHAPE)
    for low, high in ((0.05, 0.15), (0.25, 0.5)):
        bands = [values[(k > low) & (k <= high)].mean(0) for values, k in ((variance, here), (expected, there))]
        np.testing.assert_allclose(bands[0], bands[1], rtol=0.1)


def test_lessons_smaller_than_the_slices_teach_both_networks(monkeypatch, posed):
    monkeypatch.setattr(self_taught, "LESSON", 46)
    network = self_taught.SelfTaught(*posed, SMALL)
    with tf.GradientTape() as tape:
        parts = [tf.constant(part) for part in network.parameters.by_network(network.parameters.read())]
        tape.watch(parts)
        (loss,) = network.objective(parts, tf.constant(0))
    assert np.isfinite(loss) and all(np.abs(gradient).max() > 0 for gradient in tape.gradient(loss, parts))
    assert all(generator.output_shape == (None, *SHAPE, 1) for generator in network.generators.values())


def test_a_pair_follows_from_seed_and_epoch(posed, taught):
    again = self_taught.SelfTaught(*posed, SMALL)
    other = self_taught.SelfTaught(*posed, replace(SMALL, seed=4))
    here = taught.pair(tf.constant(5))[0].numpy()
    np.testing.assert_array_equal(again.pair(tf.constant(5))[0], here)
    assert not np.allclose(taught.pair(tf.constant(6))[0], here, atol=0.1)
    assert not np.allclose(taught.pair(tf.constant(5), 1)[0], here, atol=0.1)
    assert not np.allclose(other.pair(tf.constant(5))[0], here, atol=0.1)


def test_it_begins_at_the_mean_of_the_solution_and_the_linear_estimate(posed, taught):
    problem, solution = posed
    for i, (name, network) in enumerate(taught.generators.items()):
        picture = network([taught.latents[name], taught.latents[f"{name}_base"]]).numpy()[0, ..., 0]
        estimate = solution.filters(problem.images)[i] * problem.unit + problem.means[i]
        np.testing.assert_allclose(picture, 0.6 * solution.images[i] + 0.4 * estimate, atol=1e-4)


def test_of_the_network_so_much_is_believed(posed, taught):
    before = taught.parameters.read()
    z = taught.latents["slice1"]
    pictures = []
    for shift in (0.0, 0.2):
        taught.parameters.write(before + np.float32(shift))
        call = taught.parameters.bind(tf.constant(before + np.float32(shift)))
        said = np.mean([call(name, tf.constant(z))[0] for name in ("taught1", "taught2")], 0)
        own = taught.generators["slice2"]([z, taught.latents["slice2_base"]]).numpy()[0, ..., 0]
        pictures.append((said[..., 1], own))
    taught.parameters.write(before)
    problem = posed[0]
    scale = 0.4 * problem.unit * problem.images[1].std()
    change = scale * (pictures[1][0] - pictures[0][0])
    assert np.abs(change).max() > 0.01
    np.testing.assert_allclose(pictures[1][1] - pictures[0][1], change, atol=1e-4 * np.abs(change).max() + 1e-6)


@pytest.mark.parametrize("agreed", [0.8, 1.0])
def test_fit_archive_regenerate(tmp_path, monkeypatch, agreed):
    monkeypatch.setattr("ddip_tf.transfer.free_start.agreement", lambda added: agreed)
    stack = read(DATA / "slice1.tif", DATA / "slice2.tif").cropped((20, 117), (30, 141))
    separation = fit(stack, SMALL, threads=2)
    default = fit(stack, preset("default", starts=1), threads=1)
    run = write.save(separation, tmp_path / "run")
    saved = manifest.load_manifest(run)
    if agreed == 1.0:  # total variation is sure of itself: nothing else is asked
        assert saved["network_weight"] == 0
        np.testing.assert_array_equal(separation.outputs, default.outputs)
        assert text.work_done(saved).endswith("\nT(k) estimated and solved")
    else:
        assert saved["network_weight"] == 0.4
        assert len(separation.history["loss"]) == 4
        assert np.abs(separation.outputs - default.outputs).max() > 0.01 * np.ptp(default.outputs)
        assert text.work_done(saved).endswith("\nT(k) estimated, networks trained for 4 epochs")
        np.testing.assert_array_equal(fit(stack, SMALL, threads=2).outputs, separation.outputs)
    assert regenerate.check(run, "onnx") == []
    np.testing.assert_allclose(archived(run)[1], separation.outputs, atol=1e-4 * np.ptp(stack.images))


def test_it_is_for_two_slices_under_the_ladder():
    three = SliceStack(np.random.default_rng(0).normal(size=(3, 40, 45)))
    with pytest.raises(InputError, match="for two slices"):
        fit(three, SMALL)
    with pytest.raises(InputError, match="model auto"):
        fit(SliceStack(three.images[:2]), replace(SMALL, model="smica"))


def test_slices_that_do_not_mix_come_back_as_they_are():
    images = np.random.default_rng(0).normal(size=(2, 40, 45))
    separation = fit(SliceStack(images), SMALL, threads=1)
    np.testing.assert_array_equal(separation.outputs, images.astype(np.float32))
