import numpy as np
import pytest
from helpers import blobs

from ddip_tf.slices.affine import Affine, least_squares, to_unit_interval

IMAGES = np.stack([blobs(5, (37, 45), 1) * 0.4 - 1, blobs(5, (37, 45), 2) * 2 + 0.3]).astype(np.float32)


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
@pytest.mark.parametrize("unit", [1.0, 1e-30, 1e30])
def test_unit_interval_and_back_is_the_identity(unit, order):
    images = (IMAGES[order] * unit).astype(np.float32)
    scale = to_unit_interval(images)
    inside = scale.inverse(images)
    assert inside.min() == 0
    assert inside.max() == 1
    np.testing.assert_allclose(scale(inside), images, atol=3e-7 * np.ptp(images))


def test_one_map_for_all_slices_keeps_their_contrast():
    inside = to_unit_interval(IMAGES).inverse(IMAGES)
    ratio = [np.ptp(inside[i]) / np.ptp(IMAGES[i]) for i in (0, 1)]
    assert ratio[0] == pytest.approx(ratio[1], rel=1e-5)


def test_inverse_and_composition_of_affine_maps():
    one, two = Affine((2.0, -3.0), (0.5, 1.0)), Affine((0.1, 4.0), (-1.0, 2.0))
    np.testing.assert_allclose(two.inverse(two(IMAGES)), IMAGES, atol=1e-5)
    np.testing.assert_allclose(two.after(one)(IMAGES), two(one(IMAGES)), atol=1e-5)
    with pytest.raises(ZeroDivisionError):
        Affine((0.0,), (1.0,)).inverse(IMAGES[:1])


def test_least_squares_finds_gain_and_offset():
    exact = least_squares((IMAGES - 0.25) / 3, IMAGES)
    np.testing.assert_allclose(exact.gain, 3, rtol=1e-5)
    np.testing.assert_allclose(exact.offset, 0.25, atol=1e-5)
    noisy = IMAGES + np.random.default_rng(0).normal(scale=0.1, size=IMAGES.shape)
    expected = [np.polyfit(x.ravel(), y.ravel(), 1) for x, y in zip(IMAGES.astype(float), noisy, strict=True)]
    found = least_squares(IMAGES, noisy)
    np.testing.assert_allclose(np.stack([found.gain, found.offset], 1), expected, rtol=1e-4)


def test_least_squares_of_a_constant_or_inverted_image_keeps_a_positive_gain():
    found = least_squares(np.stack([np.full((37, 45), 0.5), -IMAGES[1]]), IMAGES)
    np.testing.assert_allclose(found.gain, np.ptp(IMAGES), rtol=1e-6)
    np.testing.assert_allclose(found(np.full((2, 1, 1), 0.5))[0], IMAGES[0].mean(), rtol=1e-5)
