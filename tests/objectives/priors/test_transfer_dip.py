"""Deep image priors under T(k): the objective against NumPy, data consistency, and archives of small fits."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import discs, known_transfer, mix

import ddip_tf
from ddip_tf.archive import manifest, regenerate, write
from ddip_tf.archive.run import archived
from ddip_tf.config import FitConfig
from ddip_tf.formats import read
from ddip_tf.networks.cosine_layer import LowestCosines, to_cosines
from ddip_tf.objectives.losses import FLAT
from ddip_tf.objectives.priors.null_space_dip import NullSpaceDIP
from ddip_tf.objectives.priors.transfer_dip import TransferDIP
from ddip_tf.report import text
from ddip_tf.training.fitting import fit
from ddip_tf.transfer import dct, free_start, half_quadratic, held_out, inverse_problem, noise, solver
from ddip_tf.transfer.bands import frequencies
from ddip_tf.transfer.dct import inverse_root

SHAPE = (65, 49)
DATA = Path(ddip_tf.__file__).with_name("demo_data")
SMALL = FitConfig(mixing="transfer", prior="dip", epochs=12, width=1, learning_rate=3e-3, average=0.8, seed=3)


@pytest.fixture(scope="module", params=["sum", "diagonal"])
def mixed(request):
    transfer = known_transfer(SHAPE, power=0.05)
    images = mix(discs(2, SHAPE), transfer) + 0.1
    if request.param == "diagonal":  # slices scaled one by one, and their noise with them
        images, transfer = images * np.array([1.0, 5.0])[:, None, None], replace(transfer, normalisation="diagonal")
    return images, transfer, solver.solve(images, transfer)


@pytest.fixture(scope="module")
def dip(mixed):
    return TransferDIP(inverse_problem.prepare(*mixed[:2]), mixed[2], SMALL)


@pytest.fixture(scope="module")
def null(mixed):
    return NullSpaceDIP(inverse_problem.prepare(*mixed[:2]), mixed[2], SMALL)


def rough(y):
    down, right = y[:, 1:, :-1] - y[:, :-1, :-1], y[:, :-1, 1:] - y[:, :-1, :-1]
    return ((down**2 + right**2 + FLAT**2) ** 0.25).mean((1, 2)).sum()


def whitened_misfit(y, images, transfer, factor):
    """Both (N, H, W) in units of the projected image's deviation: (H, W, N) cosine coefficients."""
    unit = inverse_problem.scale(images)
    own = images.std((1, 2)) / images.std() if transfer.normalisation == "diagonal" else None
    centred = (images - images.mean((1, 2), keepdims=True)) / unit
    left = dct.matvec(transfer.at(frequencies(*SHAPE)), dct.dct(y)) - dct.dct(centred)
    return dct.matvec(inverse_root(noise.levels(centred, own).covariance(factor)), left)


def test_objective_is_that_of_the_null_space_solver(mixed, dip):
    images, transfer, solution = mixed
    vector = tf.constant(dip.parameters.read())
    y = dip.slices(vector).numpy() * (dip.gain / inverse_problem.scale(images))[:, None, None]
    left = whitened_misfit(y, images, transfer, solution.factor)
    left[0, 0] = 0
    expected = 0.5 * (left**2).sum() / np.prod(SHAPE)
    loss, fidelity, variation = dip.objective(vector, tf.constant(0)).numpy()
    assert fidelity == pytest.approx(expected, rel=1e-3)
    assert variation == pytest.approx(rough(y), rel=1e-4)
    assert loss == pytest.approx(fidelity + variation)


def test_null_space_objective_sees_the_lowest_coefficients(mixed, null):
    images, transfer, solution = mixed
    vector = tf.constant(null.parameters.read())
    y = null.parameters.bind(vector)("null_space", tf.constant(null.latents["slice1"]))[0]
    h, w = y.shape[:2]
    assert (h, w) == (17, 13)
    full = np.zeros((*SHAPE, 2))
    full[:h, :w] = to_cosines(y, SHAPE)
    left = whitened_misfit(dct.idct(full), images, transfer, solution.factor)[:h, :w]
    left[0, 0] = 0
    fidelity = null.objective(vector, tf.constant(0)).numpy()[1]
    assert fidelity == pytest.approx(0.5 * (left**2).sum() / np.prod(SHAPE), rel=1e-3)


def test_low_resolution_image_is_the_full_one_averaged():
    y = np.add.outer(np.cos(np.pi * (np.arange(16) + 0.5) / 16), np.zeros(12))[..., None]  # half a period
    layer = LowestCosines((64, 48), np.ones((16, 12, 1)), np.zeros((16, 12)))
    image = layer(y[None].astype(np.float32)).numpy()[0, ..., 0]
    np.testing.assert_allclose(image[:, 7], np.cos(np.pi * (np.arange(64) + 0.5) / 64), atol=1e-5)


def test_a_cosine_layer_has_its_numbers_in_weights_and_takes_configs_that_hold_them(tmp_path):
    random = np.random.default_rng(4)
    weights, offset = random.normal(size=(5, 7, 2)), random.normal(size=(5, 7))
    x = random.normal(size=(1, 5, 7, 2)).astype(np.float32)
    layer = LowestCosines((21, 26), weights, offset, name="part")
    expected = layer(x).numpy()
    assert len(str(layer.get_config())) < 200
    assert [w.shape for w in layer.non_trainable_weights] == [(2, 5, 7), (5, 7)] and not layer.trainable_weights
    z = keras.Input((5, 7, 2))
    keras.Model(z, layer(z)).save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(x), expected)
    # as version 0.1 wrote them
    numbers = {"shape": [21, 26], "weights": weights.tolist(), "offset": offset.tolist()}
    old = {"name": "part", "trainable": False, "dtype": "float32", **numbers}
    np.testing.assert_array_equal(LowestCosines.from_config(old)(x), expected)


def test_the_network_changes_only_what_the_data_leave_open(mixed, null):
    """Δy = (1 − R) Δ(network), with R from NumPy."""
    images, transfer, solution = mixed
    unit = inverse_problem.scale(images)
    pictures, said = [], []
    for shift in (0.0, 0.3):
        null.parameters.write(null.parameters.read() + np.float32(shift))
        z = null.latents["slice1"]
        y = null.parameters.bind(tf.constant(null.parameters.read()))("null_space", tf.constant(z))[0]
        said.append(to_cosines(y, SHAPE).numpy())
        nets = null.generators.items()
        pictures.append(np.stack([net([z, null.latents[f"{name}_base"]]).numpy()[0, ..., 0] for name, net in nets]))
    problem = inverse_problem.prepare(images, transfer)
    _, information, _ = problem.normal(solution.factor)
    resolved = problem.wiener(information) @ information
    left_open = (np.eye(2) - resolved)[: said[0].shape[0], : said[0].shape[1]]
    expected = np.zeros((*SHAPE, 2))
    expected[: said[0].shape[0], : said[0].shape[1]] = unit * dct.matvec(left_open, said[1] - said[0])
    change = pictures[1] - pictures[0]
    np.testing.assert_allclose(dct.dct(change), expected, atol=2e-3 * np.abs(expected).max())
    assert np.abs(expected).max() > 0.1


@pytest.mark.parametrize("prior", ["dip", "null-dip"])
def test_fit_archive_regenerate(tmp_path, monkeypatch, prior):
    solved = []
    solves = half_quadratic.minimise
    monkeypatch.setattr(free_start, "minimise", lambda *given, **how: solved.append(0) or solves(*given, **how))
    stack = read(DATA / "slice1.tif", DATA / "slice2.tif").cropped((20, 117), (30, 141))
    images = stack.images
    config = FitConfig.from_dict({**SMALL.to_dict(), "prior": prior, "starts": 3})
    separation = fit(stack, config, threads=2)
    # no further solves: their spread would be total variation's
    assert len(solved) == held_out.TIMES + 2 * len(held_out.LEVELS)
    assert "spread" not in separation.mixing
    assert separation.provenance["mixed"]
    loss = separation.history["loss"]
    assert len(loss) == 12
    assert loss[-1] < loss[0]
    run = write.save(separation, tmp_path / "run")
    assert text.work_done(manifest.load_manifest(run)).endswith("\nT(k) estimated, networks trained for 12 epochs")
    final = manifest.load_manifest(run)["final"]
    assert final["loss"] == pytest.approx(final["fidelity"] + final["variation"], rel=1e-5)
    assert regenerate.check(run, "onnx") == []
    _, outputs = archived(run)
    np.testing.assert_allclose(outputs, separation.outputs, atol=1e-4 * np.ptp(images))
    assert outputs.mean((1, 2)).sum() == pytest.approx(images.mean((1, 2)).sum(), abs=1e-4)
    if prior == "dip":
        np.testing.assert_array_equal(fit(stack, config, threads=2).outputs, separation.outputs)
