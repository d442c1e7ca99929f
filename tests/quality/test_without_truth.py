import numpy as np
import pytest
from helpers import blobs
from scipy.ndimage import gaussian_filter

from ddip_tf.quality.without_truth import detail_kept, ghost_correlation, indicators, order_margin, unexplained

TRUTH = np.stack([blobs(25, (83, 70), s, 2.5) for s in (1, 2)])
MIXED = np.stack([0.7 * TRUTH[0] + 0.3 * TRUTH[1], 0.3 * TRUTH[0] + 0.7 * TRUTH[1]])


def test_ghosts_raise_the_correlation_of_edges_whatever_their_sign():
    clean = ghost_correlation(TRUTH)
    assert abs(clean) < 0.2
    half = ghost_correlation(0.5 * (TRUTH + MIXED))
    assert clean < half - 0.1 < half < ghost_correlation(MIXED) - 0.1
    negative = np.stack([TRUTH[0], TRUTH[1] - 0.5 * TRUTH[0]])
    assert ghost_correlation(negative) > clean + 0.2
    assert ghost_correlation(TRUTH[[0, 0]]) == pytest.approx(1)


def test_three_slices_count_by_their_worst_pair_and_gain_does_not_matter():
    three = np.stack([*TRUTH, 3 * MIXED[0] - 1])
    pairs = [ghost_correlation(three[[i, j]]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert ghost_correlation(three) == pytest.approx(max(pairs))
    assert ghost_correlation(TRUTH * [[[2]], [[0.1]]]) == pytest.approx(ghost_correlation(TRUTH))


def test_separation_keeps_detail_and_smearing_loses_it():
    assert detail_kept(MIXED, TRUTH) == pytest.approx(1)  # their sums are the same
    smeared = np.stack([TRUTH[0], gaussian_filter(TRUTH[1], 3)])
    assert detail_kept(MIXED, smeared) < 0.85
    noisy = TRUTH + 0.5 * np.random.default_rng(0).normal(size=TRUTH.shape)
    assert detail_kept(MIXED, noisy) < 0.3
    assert detail_kept(MIXED, -TRUTH) == 0


def test_a_constant_output_has_no_figure_but_zero():
    found = indicators(MIXED, np.stack([TRUTH[0], np.ones_like(TRUTH[1])]))
    assert found.ghost_correlation == 0


def test_unexplained_is_the_share_of_the_inputs_variance():
    scale = 1 / np.ptp(MIXED)
    missed = np.mean((scale * (MIXED - 0.9 * MIXED)) ** 2, axis=(1, 2)).sum()
    centred = MIXED - MIXED.mean((1, 2), keepdims=True)
    expected = np.mean((0.1 * MIXED) ** 2, axis=(1, 2)).sum() / np.mean(centred**2, axis=(1, 2)).sum()
    assert unexplained(MIXED, missed) == pytest.approx(expected)
    assert unexplained(5 * MIXED - 2, missed) == pytest.approx(expected)


def test_an_empty_output_has_no_contrast_and_exchanged_outputs_a_negative_margin():
    found = indicators(MIXED, TRUTH)
    expected = (TRUTH.std((1, 2)) / MIXED.std((1, 2))).min()
    assert found.contrast_kept == pytest.approx(expected)
    assert indicators(MIXED, TRUTH * [[[1]], [[0.1]]]).contrast_kept < 0.2
    assert found.order_margin > 0.3
    assert order_margin(MIXED, TRUTH[::-1]) == pytest.approx(-found.order_margin)
    three = np.stack([*TRUTH, blobs(25, (83, 70), 3, 2.5)])
    assert order_margin(three, -three) > 0.5  # the sign of an output does not matter
    assert order_margin(three, three[[0, 2, 1]]) < -0.5
