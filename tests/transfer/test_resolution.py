"""Nothing depends on how finely slices are sampled."""

import numpy as np
import pytest
from mixtures import free_start, noisy, objects
from scipy.ndimage import gaussian_filter

from ddip_tf.transfer import by_evidence, resolution
from ddip_tf.transfer.dct import dct, idct


def resampled(images, factor):
    """Slices (N, H, W) on pixels ``factor`` times as fine (2 or 0.5), by their cosine coefficients."""
    n, height, width = images.shape
    tall, wide = round(height * factor), round(width * factor)
    coefficients = np.zeros((tall, wide, n))
    kept = min(tall, height), min(wide, width)
    coefficients[: kept[0], : kept[1]] = dct(images)[: kept[0], : kept[1]] * factor
    return idct(coefficients)


def test_a_picture_on_pixels_half_as_large_has_half_the_frequency():
    image = objects()[0]
    once = resolution.median_frequency(image)
    assert resolution.median_frequency(resampled(image[None], 2)[0]) == pytest.approx(once / 2, rel=1e-3)


def test_contrast_and_its_sign_do_not_matter():
    images = free_start(objects())[0]
    factor = resolution.sampling(images).factor
    assert resolution.sampling(images * np.array([0.3, 5.0])[:, None, None]).factor == pytest.approx(factor)
    assert resolution.sampling(images * np.array([1.0, -1.0])[:, None, None]).factor == pytest.approx(factor)


def test_white_noise_and_blur_stay_within_bounds():
    images = np.random.default_rng(0).normal(size=(2, 64, 91))
    assert resolution.sampling(images).factor == resolution.MOST
    k = np.hypot(*np.meshgrid(np.arange(64) / 128, np.arange(91) / 182, indexing="ij"))[..., None]
    assert resolution.sampling(idct(dct(images) * (k < 0.012))).factor == resolution.LEAST


def test_separation_on_finer_pixels_is_the_same_picture():
    images = noisy(free_start(gaussian_filter(objects(), (0, 1.2, 1.2)))[0])

    def separated(images):
        choice = by_evidence.choose(images)
        gains = np.array([choice.gain, 1.0])[:, None, None]
        return by_evidence.separate(images / gains, choice)[0].images * gains, choice

    (y, choice), (finer, same) = separated(images), separated(resampled(images, 2))
    assert choice.rung == same.rung == "free start"
    assert same.sampling.factor == pytest.approx(choice.sampling.factor / 2, rel=1e-3)
    difference = resampled(finer, 0.5) - y
    change = np.std(y - images, axis=(1, 2))
    assert (np.std(difference, axis=(1, 2)) < 0.2 * change).all()
