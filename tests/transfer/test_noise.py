"""The noise model: its shares against what was put in, its symmetry and its unit."""

import numpy as np
import pytest
from scipy.fft import idctn

from ddip_tf.transfer import bands, noise
from ddip_tf.transfer.bands import frequencies

SHAPE = (95, 121)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    spectrum = rng.standard_normal((3, *SHAPE)) / (0.02 + frequencies(*SHAPE)) ** 1.5
    return idctn(spectrum, axes=(1, 2), norm="ortho") * np.array([1.0, 2.0, 0.5])[:, None, None]


def test_projected_power_of_known_spectrum():
    rng = np.random.default_rng(0)
    k = np.geomspace(0.05, 0.4, 8)
    x = idctn(rng.standard_normal((2, *SHAPE)) / frequencies(*SHAPE).clip(0.01), axes=(1, 2), norm="ortho")
    np.testing.assert_allclose(bands.projected_power(x, k) * k**2, 1, rtol=0.25)


def test_sum_and_differences_have_their_shares(images):
    covariance = noise.levels(images).covariance(2.0)
    together, apart = np.ones(3) / np.sqrt(3), np.array([1, -2, 1]) / np.sqrt(6)
    at = (8, 10)  # k near 0.06
    k = frequencies(*SHAPE)[at]
    power = bands.projected_power(images, np.geomspace(k / 1.3, k * 1.3, 3))[1]
    in_difference, in_sum = (np.interp(k, noise.SHARES[:, 0], noise.SHARES[:, i]) * power for i in (1, 2))
    N = covariance[at]
    assert apart @ N @ apart == pytest.approx(2 * in_difference, rel=0.2)
    assert together @ N @ together == pytest.approx(noise.SUM_FACTOR * in_sum, rel=0.2)
    assert together @ N @ apart == pytest.approx(0, abs=1e-12 * power)
    assert (np.linalg.eigvalsh(covariance) > 0).all()


def test_slices_scaled_on_their_own_keep_their_scale(images):
    gains = np.array([1.0, 10.0, 0.1])
    plain = noise.levels(images).covariance(1.0)
    scaled = noise.levels(images * gains[:, None, None], gains).covariance(1.0)
    np.testing.assert_allclose(scaled, plain * np.outer(gains, gains), rtol=1e-9)
