"""What speaks against a separation: slices that still show one another, and pictures that follow the noise assumed."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ddip_tf.transfer.checks import scatter, still_shared
from ddip_tf.transfer.resolution import Sampling

SHAPE = (83, 118)


def grains(seed):
    return gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE), 1.5)


@pytest.mark.parametrize("share", [0.0, 0.4, -0.7])
def test_what_slices_share_is_their_correlation(share):
    one, other = grains(0), grains(1)
    y = np.stack([one, share * one + np.sqrt(1 - share**2) * other])
    assert still_shared(y) == pytest.approx(share, abs=0.12)


def test_what_is_coarser_or_finer_does_not_count():
    y = np.stack([grains(0), grains(1)])
    coarse, fine = (np.cos(np.pi * u * np.arange(0.5, SHAPE[1]) / SHAPE[1]) for u in (2, 100))
    both = 50 * coarse + 5 * fine
    assert still_shared(y + both) == pytest.approx(still_shared(y), abs=0.02)


def test_bands_follow_the_sampling():
    y = np.stack([grains(0), 0.6 * grains(0) + 0.8 * grains(1)])
    fine = y.repeat(2, 1).repeat(2, 2)
    assert still_shared(fine, Sampling(0.5)) == pytest.approx(still_shared(y), abs=0.02)


def test_scatter_is_a_share_of_what_is_taken_out():
    rng = np.random.default_rng(3)
    correction, change = rng.normal(size=(2, 300, 2)) * (1.0, 3.0)
    tried = 5 + np.stack([-change, change])
    expected = (change**2).sum(0) / (correction**2).sum(0)
    np.testing.assert_allclose(scatter(tried, correction), expected, rtol=1e-9)
