"""Filters: exact where T is known, gentle where it is not, own detail at full gain."""

import numpy as np
from helpers import discs, known_transfer, mix

from ddip_tf.transfer import linear
from ddip_tf.transfer.bands import frequencies, interpolate

SHAPE = (95, 121)


def made(sigma=0.0, seed=0):
    transfer, y = known_transfer(SHAPE), discs(2, SHAPE, seed)
    covariance = np.zeros((len(transfer.k), 2, 2, 2)) + sigma**2 * np.eye(2)
    images = mix(y, transfer) + 1e-4 * np.random.default_rng(seed).standard_normal((2, *SHAPE))
    return transfer, y, images, linear.filters(images, transfer.k, transfer.samples, transfer.matrix, covariance)


def test_known_t_takes_ghosts_out_above_the_crossover():
    _, y, images, found = made()
    out = found(images)
    k, fine = frequencies(*SHAPE), slice(None)
    high = (k > 0.06) & (k < 0.15)
    from ddip_tf.transfer.dct import dct

    truth, before, after = (dct(x - x.mean((1, 2), keepdims=True))[high] for x in (y, images, out))
    ghosts, own = np.zeros(2), []
    for i, other in ((0, 1), (1, 0)):
        shares = [np.linalg.lstsq(truth, x[:, i], rcond=None)[0] for x in (before, after)]
        ghosts += np.abs([share[other] for share in shares])
        own.append(shares[1][i])
    assert ghosts[1] < 0.6 * ghosts[0]
    assert min(own) > 0.9  # own detail is kept
    assert found.gain_db.shape == (2,)
    assert np.isfinite(out[fine]).all()


def test_uncertain_t_is_used_less():
    _, _, images, sure = made()
    _, _, _, unsure = made(sigma=0.5)
    moved = [np.abs(f(images) - images).mean() for f in (sure, unsure)]
    assert moved[1] < moved[0]
    assert (unsure.gain_db < sure.gain_db).all()


def test_own_gain_is_never_below_the_inputs():
    transfer, _, _, found = made(sigma=0.3)
    T = np.concatenate([transfer.matrix, np.repeat(transfer.matrix[-1:], len(found.k) - len(transfer.k), 0)])
    own = np.einsum("kij,kji->ki", found.weights, T)
    assert (own >= np.clip(np.einsum("kii->ki", T), 0.05, 1.5) - 1e-9).all()


def test_means_stay():
    _, _, images, found = made()
    np.testing.assert_allclose(found(images + 3).mean((1, 2)), images.mean((1, 2)) + 3)


def test_spectra_are_those_of_white_noise():
    images = np.random.default_rng(0).standard_normal((2, *SHAPE)) * np.array([1.0, 2.0])[:, None, None]
    density = linear.spectra(images, np.array([0.1, 0.2]), 0.2)
    np.testing.assert_allclose(np.einsum("kii->ki", density), [[1, 4], [1, 4]], rtol=0.15)
    assert np.abs(density[:, 0, 1]).max() < 0.3


def test_smoothing_fills_gaps_and_keeps_power_laws():
    k = np.geomspace(0.01, 0.3, 16)
    np.testing.assert_allclose(linear.smoothed(k, k**-3.0)[6:-6], k[6:-6] ** -3.0, rtol=0.05)
    gap = np.where(np.arange(16) == 7, 1e-4, 1.0)
    assert linear.smoothed(k, gap)[7] > 0.05


def test_ratio_of_powers_follows_where_slices_are_alike():
    k = np.array([0.01, 0.03, 0.1])
    T = np.array([[[0.51, 0.49], [0.49, 0.51]], [[0.8, 0.2], [0.2, 0.8]], np.eye(2)])
    D = np.array([[4.0, 1.0], [4.0, 1.0], [4.0, 1.0]])
    density = np.einsum("kij,kj,klj->kil", T, D, T)
    found = linear.source_powers(
        T, np.zeros((3, 2, 2, 2)), density, 1e-3 * np.eye(2) * np.ones((3, 1, 1)), np.full(3, 100.0)
    )
    np.testing.assert_allclose(found[1:], D[1:], rtol=0.2)
    np.testing.assert_allclose(found.sum(1), D.sum(1), rtol=0.1)
    assert interpolate(k, k, T).shape == (3, 2, 2)
    assert 2.5 < found[0, 0] / found[0, 1] < 12
