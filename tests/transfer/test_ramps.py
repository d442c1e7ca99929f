"""Ramps are the slices' own: no image can say what they are, and the picture with the fewest edges can."""

import numpy as np
import pytest
from mixtures import SHAPE, free_start, noisy, objects

from ddip_tf.transfer import by_evidence, ramps
from ddip_tf.transfer.dct import dct, idct

HEIGHT, WIDTH = 37, 54


def plane(height, width, down=0.0, across=0.0):
    y, x = np.mgrid[:height, :width]
    return down * (y - (height - 1) / 2) + across * (x - (width - 1) / 2)


def slope(image):
    """Down and across, per pixel, of the least-squares plane."""
    y, x = (np.indices(image.shape).reshape(2, -1).T - (np.array(image.shape) - 1) / 2).T
    return np.array([y @ image.ravel() / (y @ y), x @ image.ravel() / (x @ x)])


def test_profile_is_that_of_a_ramp():
    coefficients = dct(plane(HEIGHT, WIDTH, across=0.3)[None])[0, :, 0]
    np.testing.assert_allclose(ramps.profile(WIDTH) * coefficients[1], coefficients, atol=1e-8)


def test_like_finds_planes_and_nothing_else():
    planes = np.stack([plane(HEIGHT, WIDTH, 0.02, -0.05), plane(HEIGHT, WIDTH, -0.4, 0.1)])
    np.testing.assert_allclose(idct(ramps.like(dct(planes))), planes, atol=1e-10)
    found = ramps.like(dct(planes))
    assert (found[~ramps.on_axes(HEIGHT, WIDTH)] == 0).all()


def without_ramps(images):
    return np.stack([image - plane(*image.shape, *slope(image)) for image in images])


@pytest.fixture(scope="module")
def tilted():
    """Objects that fill one side more than the other, their images without ramps, and what comes of them."""
    truth = objects()
    truth[0, :, 100:] += 0.7 * truth[0].min()
    truth[1, 90:] += 0.5 * truth[1].min()
    images = without_ramps(noisy(free_start(truth)[0]))
    choice = by_evidence.choose(images)
    solution, transfer = by_evidence.separate(images, choice)
    return truth, images, solution, transfer


def test_ramps_that_images_lack_come_back(tilted):
    truth, images, solution, _ = tilted
    for y, x, image in zip(solution.images, truth, images, strict=True):
        np.testing.assert_allclose(slope(image), 0, atol=1e-12)
        wrong = np.linalg.norm(slope(y) - slope(x))
        assert wrong < 0.35 * np.linalg.norm(slope(x))


def test_what_ramps_images_come_with_says_nothing(tilted):
    _, images, solution, _ = tilted
    more = images + 0.3 * images.std() * np.stack([plane(*SHAPE, 0.01, 0.0), plane(*SHAPE, 0.0, -0.01)])
    y = by_evidence.separate(more, by_evidence.choose(more))[0].images
    for again, once in zip(y, solution.images, strict=True):
        assert np.std(again - once) < 0.1 * np.std(once)


def test_no_ramp_is_left_over(tilted):
    _, _, solution, _ = tilted
    for left in solution.residual:
        assert np.linalg.norm(slope(left)) * 100 < 0.02 * np.std(solution.images)
