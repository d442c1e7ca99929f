"""Grey values of pictures, in any unit."""

import numpy as np
import pytest

from ddip_tf.slices import display

IMAGE = np.random.default_rng(2).gamma(2, 1, (13, 18)).astype(np.float32)


@pytest.mark.parametrize("unit", [1e-33, 1.0, 1e33])
def test_greys_know_no_unit(unit):
    found = display.grey(IMAGE * np.float32(unit), IMAGE * np.float32(unit))
    mean, deviation = IMAGE.mean(), IMAGE.std()
    np.testing.assert_allclose(found, np.clip((IMAGE - mean + 4 * deviation) / (8 * deviation), 0, 1), atol=1e-5)
    assert np.ptp(found) > 0.3


def test_a_constant_image_is_grey():
    np.testing.assert_array_equal(display.grey(np.full((3, 4), 7.0), np.full((3, 4), 7.0)), 0.5)
