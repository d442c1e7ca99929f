"""Halves of a scan: known noise gives its spectrum, whatever halves may be misaligned by; and what it does to a fit."""

import functools

import numpy as np
import pytest
from mixtures import free_start, noisy, objects
from scipy.ndimage import fourier_shift, gaussian_filter

from ddip_tf.transfer import by_evidence, halves, noise
from ddip_tf.transfer.bands import frequencies
from ddip_tf.transfer.dct import dct

SHAPE, MARGIN = (131, 167), 20
WHOLE = SHAPE[0] + 2 * MARGIN, SHAPE[1] + 2 * MARGIN
INNER = np.s_[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
LEVELS = np.array([0.2, 0.1])[:, None, None]


def noise_of(seed):
    return LEVELS * gaussian_filter(np.random.default_rng(seed).standard_normal((2, *WHOLE)), (0, 0.6, 0.6))


def slices():
    rng = np.random.default_rng(3)
    rough = [gaussian_filter(rng.standard_normal(WHOLE), size) * size * 6 for size in (2.5, 4.0)]
    return np.stack([gaussian_filter(x + (x > 0.5), 1.2) for x in rough])


def pair(shift=(0.0, 0.0), gain=1.0, tilt=0.0):
    first, second = slices() + noise_of(1), slices() + noise_of(2)
    moved = np.stack([np.fft.ifft2(fourier_shift(np.fft.fft2(x), shift)).real for x in second])
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return first[INNER], gain * moved[INNER] + tilt * (1 + y / 80 - x / 150), second[INNER]


@functools.cache
def expected():
    """Mean power of the noise in the rings, (2, F)."""
    count = min(SHAPE) // 2
    k = (frequencies(*SHAPE) * 2 * halves.MOST_RINGS).astype(int)
    assert count >= halves.MOST_RINGS
    power = np.mean([dct(noise_of(seed)[INNER]) ** 2 for seed in range(10, 26)], axis=0)
    return np.array([[power[k == f, i].mean() for f in range(halves.MOST_RINGS)] for i in (0, 1)])


@pytest.mark.parametrize(
    ("shift", "gain", "tilt"), [((0, 0), 1.0, 0.0), ((0.37, -1.62), 1.0, 0.0), ((2.4, -0.3), 1.15, 0.5)]
)
def test_known_noise_gives_its_spectrum(shift, gain, tilt):
    first, second, _ = pair(shift, gain, tilt)
    found = halves.measure(first, second[None])
    np.testing.assert_allclose(found.shift_px, np.tile(shift, (2, 1)), atol=0.06)
    np.testing.assert_allclose(found.gain, gain, rtol=0.02)
    ratio = found.noise_power / expected()
    for low, high in ((4, 16), (16, 32), (32, 48)):
        np.testing.assert_allclose(ratio[:, low:high].mean(1), 1, atol=0.15)
    np.testing.assert_allclose(found.deviation, noise_of(5).std((1, 2)), rtol=0.15)
    assert abs(found.noise_correlation[0, 1]) < 0.15
    assert found.noise.shape == first.shape


def test_the_whole_scan_has_half_the_power_and_its_fit_takes_a_quarter_of_that():
    first, second, _ = pair()
    one, both = halves.measure(first, second[None]), halves.measure((first + second) / 2, np.stack([first, second]))
    np.testing.assert_allclose(both.noise_power[:, 3:] / one.noise_power[:, 3:], 0.5, rtol=0.05)
    np.testing.assert_allclose(both.least.var((1, 2)), 0.25 * both.noise.var((1, 2)))
    np.testing.assert_array_equal(one.least, one.noise)


def test_resolution_is_where_the_correlation_crosses_half_a_bit():
    k = (np.arange(10) + 0.5) / 20
    threshold = np.full(10, 0.2)
    assert halves.crossing(k, np.linspace(1.1, -0.7, 10), threshold) == pytest.approx(0.5 / 0.25)
    assert halves.crossing(k, np.ones(10), threshold) == 1.0
    assert halves.crossing(k, np.zeros(10), threshold) is None
    assert halves.half_bit(np.array([1e12])) == pytest.approx(0.2071 / 1.2071, rel=1e-4)


def test_halves_of_other_slices_are_refused():
    first, second, _ = pair()
    with pytest.raises(ValueError, match="slice 1 of the halves"):
        halves.measure(first, noise_of(7)[INNER][None])
    with pytest.raises(ValueError, match="pixels"):
        halves.measure(first, np.roll(second, 25, axis=2)[None])


@pytest.mark.parametrize("count", [2, 3])
def test_at_least_lies_above_both(count):
    rng = np.random.default_rng(count)
    A, B = (x @ x.swapaxes(-1, -2) for x in rng.standard_normal((2, 7, 5, count, count)))
    above = noise.at_least(A, B)
    for below in (A, B):
        assert np.linalg.eigvalsh(above - below).min() > -1e-9
    np.testing.assert_allclose(noise.at_least(A, 0.5 * A), A, atol=1e-12)
    np.testing.assert_allclose(noise.at_least(0.5 * A, A), A, atol=1e-12)
    np.testing.assert_array_equal(noise.at_least(A, np.zeros((count, count))), A)


class Expected(Exception):
    """Of a fit: what it expects to gain, before it solves."""


def test_a_fit_expects_less_where_more_noise_was_measured(monkeypatch):
    def solve(images, transfer, filters, *_, **__):
        raise Expected(filters.gain_db.min())

    def gain(measured):
        choice = by_evidence.choose(images, measured=measured)
        try:
            by_evidence.separate(images, choice, measured=measured)
        except Expected as told:
            return told.args[0]
        return 0

    monkeypatch.setattr(by_evidence.free_start, "solve", solve)
    images = noisy(free_start(objects())[0])
    noise = images.std() * np.random.default_rng(0).standard_normal(images.shape)
    none, little, much = (gain(level * noise) for level in (0.0, 0.02, 0.3))
    assert none == pytest.approx(gain(None))
    assert none >= little > much
