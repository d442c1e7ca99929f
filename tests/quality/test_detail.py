"""Detail relative to the input, on all truths at once."""

import numpy as np
import pytest

from ddip_tf.errors import InputError
from ddip_tf.quality.detail import detail
from ddip_tf.transfer.bands import frequencies
from ddip_tf.transfer.dct import dct, idct


def _truth(seed=0, shape=(61, 84)):
    k = frequencies(*shape)[..., None]
    noise = np.random.default_rng(seed).normal(size=(*shape, 2))
    return idct(noise / np.maximum(k, 0.02) ** 1.5)


def test_gain_of_the_input_itself_is_not_counted():
    truth = _truth()
    images = 0.4 * truth
    assert detail(0.4 * truth, images, truth).kept == pytest.approx(1, abs=1e-9)


def test_a_low_pass_shows_where_it_cuts():
    truth = _truth()
    k = frequencies(61, 84)[..., None]
    found = detail(idct(dct(truth) / (1 + (k / 0.1) ** 4)), truth, truth)
    assert found.follows.all()
    expected = 1 / (1 + (found.k / 0.1) ** 4)
    assert found.kept[:, 0] == pytest.approx(expected, abs=0.06)
    low, high = found.range(1)
    assert low < 0.02
    assert high > 0.97


def test_a_ghost_is_not_detail_and_its_loss_no_loss():
    truth = _truth()
    images = truth + 0.5 * truth[::-1]
    assert detail(truth, images, truth).kept == pytest.approx(1, abs=1e-3)


def test_where_the_input_is_noise_nothing_counts():
    truth = _truth()
    noisy = truth + truth.std() * np.random.default_rng(1).normal(size=truth.shape)
    found = detail(truth, noisy, truth)
    assert not found.follows[found.k > 0.1].any()
    assert found.follows[0].all()


def test_shapes_that_differ_are_refused():
    truth = _truth()
    with pytest.raises(InputError, match="shapes differ"):
        detail(truth, truth, truth[:, 1:])
