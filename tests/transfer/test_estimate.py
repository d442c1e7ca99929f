"""The blind estimate of the transfer model, on mixtures whose T(k) is known."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import sources
from scipy.fft import dctn, idctn

from ddip_tf.transfer import Transfer, estimate_transfer
from ddip_tf.transfer.bands import band_centres, frequencies, interpolate, log_gaussian
from ddip_tf.transfer.curves import fill_diagonal, smooth
from ddip_tf.transfer.estimate import choose_normalisation, doubts
from ddip_tf.transfer.smica import local_covariances


def transfer_at(k, n):
    """Columns sum to one, 1/N at k = 0, each column with a crossover of its own. (..., N, N)"""
    share = np.stack([0.6 / (n * (1 + (k / (0.03 + 0.015 * j)) ** 2)) for j in range(n)], -1)
    T = np.broadcast_to(share[..., None, :], (*np.shape(k), n, n))
    return fill_diagonal(T, "sum") if np.ndim(k) == 1 else fill_diagonal(T.reshape(-1, n, n), "sum").reshape(T.shape)


def mix(y, T):
    """Straight from the definition: I(k) = T(k) y(k) on the cosines."""
    out = np.zeros_like(y)
    for i in range(len(y)):
        for j in range(len(y)):
            out[i] += idctn(T[..., i, j] * dctn(y[j], norm="ortho"), norm="ortho")
    return out


@pytest.mark.parametrize(("n", "shape"), [(2, (255, 287)), (3, (287, 255))])
def test_known_transfer_is_recovered(n, shape):
    T = transfer_at(frequencies(*shape), n)
    found = estimate_transfer(mix(sources(n, shape), T))
    used = (found.k > 0.02) & (found.k < 0.15)
    assert found.mixed
    assert found.normalisation == "sum"
    assert np.sqrt(np.mean((found.matrix - transfer_at(found.k, n))[used] ** 2)) < 0.05
    np.testing.assert_allclose(found.matrix.sum(1), 1, atol=1e-12)


def test_noise_in_the_difference_is_not_taken_for_a_source():
    shape = (255, 287)
    images = mix(sources(2, shape), transfer_at(frequencies(*shape), 2))
    noise = np.random.default_rng(1).standard_normal(shape) * 0.1 * images.std()
    found = estimate_transfer(images + np.stack([noise, -noise]))
    used = (found.k > 0.02) & (found.k < 0.1)
    assert np.abs((found.matrix - transfer_at(found.k, 2))[used]).mean() < 0.05


@pytest.mark.parametrize("n", [2, 3])
def test_unmixed_slices_are_recognised(n):
    found = estimate_transfer(sources(n, (143, 167)))
    assert not found.mixed
    np.testing.assert_array_equal(found.matrix, np.tile(np.eye(n), (len(found.k), 1, 1)))
    assert [caution.code for caution in found.warnings] == ["none-found"]


def test_opposite_one_sided_ghosts_get_a_unit_diagonal():
    shape = (255, 287)
    k = frequencies(*shape)
    a = -0.2 - 0.4 * np.exp(-((k / 0.04) ** 2))
    y = sources(2, shape)
    images = y.copy()
    images[1] += idctn(a * dctn(y[0], norm="ortho"), norm="ortho")
    images[1] *= 3.7  # each slice scaled on its own
    found = estimate_transfer(images)
    assert found.normalisation == "diagonal"
    assert (found.warnings[0].code, found.warnings[0].slice) == ("opposite-sign", 2)
    used = (found.k > 0.01) & (found.k < 0.1)
    truth = -0.2 - 0.4 * np.exp(-((found.k / 0.04) ** 2))
    assert np.sqrt(np.mean((found.matrix[used, 1, 0] / 3.7 - truth[used]) ** 2)) < 0.06
    assert np.abs(found.matrix[used, 0, 1] * 3.7).max() < 0.1


def test_equal_images_are_flagged():
    y = sources(1, (97, 131))[0]
    found = estimate_transfer(np.stack([y, 2 * y + 1]))
    assert not found.mixed
    assert [caution.code for caution in found.warnings] == ["same-image"]


def test_shared_structure_is_flagged():
    shape = (255, 287)
    y = sources(2, shape)
    found = estimate_transfer(mix(np.stack([y[0], y[1] + 0.5 * y[0]]), transfer_at(frequencies(*shape), 2)))
    assert any(caution.code == "doubt-shared-structure" for caution in found.warnings)


def test_estimate_is_deterministic_and_blind_to_scale_and_offset():
    shape = (143, 167)
    images = mix(sources(2, shape), transfer_at(frequencies(*shape), 2))
    one, other = estimate_transfer(images), estimate_transfer(250 * images + 3)
    np.testing.assert_array_equal(one.matrix, estimate_transfer(images).matrix)
    np.testing.assert_allclose(one.matrix, other.matrix, atol=1e-6)


def test_normalisation_can_be_overridden_and_is_checked():
    images = mix(sources(2, (143, 167)), transfer_at(frequencies(143, 167), 2))
    found = estimate_transfer(images, normalisation="diagonal")
    np.testing.assert_allclose(np.einsum("kii->ki", found.matrix), 1)
    with pytest.raises(ValueError, match="normalisation"):
        estimate_transfer(images, normalisation="rows")
    with pytest.raises(ValueError, match="at least two slices"):
        estimate_transfer(images[:1])


def test_band_covariances_are_spectral_densities():
    """White noise of variance 4 has a density of 4 at every k."""
    images = 2 * np.random.default_rng(0).standard_normal((2, 167, 143))
    covariances, samples = local_covariances(images, band_centres(167, 143))
    mean = np.einsum("kw,kwij->kij", samples, covariances)[-6:].sum(0) / samples[-6:].sum()
    np.testing.assert_allclose(mean, 4 * np.eye(2), atol=0.4)


def test_band_covariances_are_those_of_every_pixel():
    """Of a field that changes from left to right, in windows: as if each ring were sampled at every pixel."""
    shape = (333, 401)
    images = np.random.default_rng(3).standard_normal((2, *shape)) * np.linspace(1, 3, shape[1])
    images[1] += 0.5 * images[0]
    centres = band_centres(*shape)
    covariances, samples = local_covariances(images, centres)
    spectrum, k = dctn(images - images.mean((1, 2), keepdims=True), axes=(1, 2), norm="ortho"), frequencies(*shape)
    for band in (5, len(centres) // 2, len(centres) - 1):
        ring = log_gaussian(k, centres[band], np.log(centres[1] / centres[0]) / 2)
        x = idctn(spectrum * ring, axes=(1, 2), norm="ortho")
        q = round(np.sqrt((samples[band] > 0).sum()))
        strips = np.array_split(x[0] * x[1], q, axis=0)
        full = [[window.mean() for window in np.array_split(strip, q, axis=1)] for strip in strips]
        found = covariances[band, : q * q, 0, 1].reshape(q, q)
        full = np.array(full) / (ring**2).mean()
        assert found.mean() == pytest.approx(full.mean(), rel=0.01)
        assert np.sqrt(np.mean((found - full) ** 2)) < 0.07 * np.sqrt(np.mean(full**2))  # windows end at other places


def test_interpolation_meets_its_nodes_and_holds_outside():
    nodes, values = np.array([0.01, 0.02, 0.08]), np.arange(12.0).reshape(3, 2, 2)
    np.testing.assert_allclose(interpolate(nodes, nodes, values), values)
    np.testing.assert_allclose(
        interpolate(np.array([0, 0.04, 0.5]), nodes, values), [values[0], (values[1] + values[2]) / 2, values[2]]
    )


def test_smoother_keeps_sign_and_drops_an_outlier():
    curve = np.linspace(0.4, -0.3, 14)
    data, sigma = curve.copy(), np.full(14, 0.03)
    data[6] += 1.5
    np.testing.assert_allclose(smooth(data, sigma, limit=None), curve, atol=0.05)


def test_sum_rule_is_kept_for_ghosts_of_the_objects_sign():
    ratio = np.tile([[1.0, 0.6], [0.5, 1.0]], (14, 1, 1))
    assert choose_normalisation(ratio, np.full(ratio.shape, 0.03), np.ones(2)) == ("sum", None)
    ratio[:, 0, 1] = 0.01
    assert choose_normalisation(ratio, np.full(ratio.shape, 0.03), np.ones(2))[0] == "diagonal"


def test_equal_stationary_textures_are_flagged():
    shape = (255, 287)
    k = frequencies(*shape)
    white = np.random.default_rng(3).standard_normal((2, *shape))
    textures = idctn(dctn(white, axes=(1, 2), norm="ortho") * np.exp(-((k / 0.08) ** 2)), axes=(1, 2), norm="ortho")
    assert estimate_transfer(mix(textures, transfer_at(k, 2))).warnings


def test_scattered_bands_are_not_reliable():
    k = band_centres(255, 287)
    T = transfer_at(k, 2)
    raw = T + 0.4 * np.random.default_rng(0).choice([-1, 1], T.shape)
    zeros = np.zeros_like(T)
    scattered = Transfer(k, T, raw, zeros, np.ones((len(k), 2)), np.ones(len(k)))
    reliable, flags = doubts(scattered)
    assert not reliable
    assert "not reliable" in str(flags[0])
    assert doubts(replace(scattered, raw=T)) == (True, [])
