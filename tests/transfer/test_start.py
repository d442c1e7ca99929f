"""A known start: what a flat one had given is found, T with it, and nothing is touched without evidence or gain."""

import numpy as np
import pytest
from mixtures import SHAPE, free_start, from_single, noisy, objects

from ddip_tf.transfer import by_evidence, start
from ddip_tf.transfer.bands import frequencies, interpolate
from ddip_tf.transfer.dct import dct, idct, matvec


def psnr(y, truth):
    A = np.stack([np.ones(truth.size), y.ravel()], 1)
    residual = truth.ravel() - A @ np.linalg.lstsq(A, truth.ravel(), rcond=None)[0]
    return -10 * np.log10(np.mean(residual**2) / np.ptp(truth) ** 2)


def separated(images, guess):
    choice = by_evidence.choose(images, start=guess)
    kept = start.kept(images, guess, choice)
    return *by_evidence.separate(images, choice, kept=kept), choice, kept


def test_what_a_flat_start_had_given_and_its_transfer_are_found():
    images, guess, truth, T = from_single()
    solution, transfer, choice, kept = separated(images, guess)
    assert choice.rung == "free start"
    assert transfer.mixed
    ghosts = T[:, 0, 1] + T[:, 1, 0], choice.matrix[:, 0, 1] + choice.matrix[:, 1, 0]
    assert np.sqrt(np.mean((ghosts[0] - ghosts[1]) ** 2)) < 0.12
    flat = free_start(truth)[0]
    flat, found = (x - x.mean((1, 2), keepdims=True) for x in (flat, images - kept))
    before = images - images.mean((1, 2), keepdims=True)
    assert ((found - flat) ** 2).mean() < 0.05 * ((before - flat) ** 2).mean()
    for i in (0, 1):
        assert psnr(solution.images[i], truth[i]) > psnr(images[i], truth[i]) + 4


def test_kept_is_what_the_transfer_leaves_of_the_start():
    images, guess, _, _ = from_single()
    choice = by_evidence.choose(images, start=guess)
    T = interpolate(frequencies(*SHAPE), choice.k, choice.matrix)
    left = idct(matvec(np.eye(2) - T, dct(guess)))
    np.testing.assert_allclose(start.kept(images, guess, choice), left - left.mean((1, 2), keepdims=True), atol=1e-9)


def test_slices_that_did_not_mix_come_back_bit_for_bit():
    truth = objects()
    images = noisy(truth)
    solution, transfer, choice, _ = separated(images, np.stack([truth.sum(0), np.zeros(SHAPE)]))
    assert choice.rung == "none" or not transfer.mixed
    np.testing.assert_array_equal(solution.images, images)
    assert transfer.warnings[0].code == "withheld"


def test_a_start_is_aligned_by_constant_and_ramp_alone():
    images, guess, _, _ = from_single()
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    tilted = guess + np.array([0.3, -2.0])[:, None, None] + 0.01 * y - np.array([0.002, 0.01])[:, None, None] * x
    np.testing.assert_allclose(start.aligned(images, tilted), start.aligned(images, guess), atol=1e-9)
    np.testing.assert_allclose(np.diff(start.aligned(images, guess) - guess, 2, axis=1), 0, atol=1e-9)


@pytest.mark.parametrize("other", [0.0, 0.5])
def test_a_start_that_is_the_same_in_all_slices_is_as_good_as_flat(other):
    images, guess, _, _ = from_single()
    assert start.alike(images, np.stack([other * guess[0]] * 2))
    assert not start.alike(images, guess)
