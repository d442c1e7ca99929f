import numpy as np
import pytest
from helpers import blobs

from ddip_tf.errors import InputError
from ddip_tf.quality.with_truth import affine_fit, leak, score, table

TRUTH = np.stack([blobs(6, (45, 38), s) for s in (1, 2, 3)])


def test_the_truth_scores_perfectly_whatever_its_gain_and_offset():
    for one in score(3 * TRUTH - 1, TRUTH):
        assert one.psnr > 100
        assert one.ssim == pytest.approx(1)
        assert one.correlation == pytest.approx(1)
        assert max(map(abs, one.leaks)) < 1e-10


def test_psnr_is_that_of_known_noise():
    noise = np.random.default_rng(0).normal(size=TRUTH.shape)
    noisy = TRUTH + 0.01 * np.ptp(TRUTH, axis=(1, 2), keepdims=True) * noise
    for one in score(noisy, TRUTH):
        assert one.psnr == pytest.approx(40, abs=0.3)


def test_leak_is_the_standardised_share_of_the_other_slice():
    a, b, c = ((t - t.mean()) / t.std() for t in TRUTH)
    assert leak(2 * a + 0.5 * b - 0.2 * c + 7, TRUTH, 0) == pytest.approx((0.25, -0.1))
    assert score(np.stack([2 * a + 0.5 * b - 0.2 * c, b, c]), TRUTH)[0].leak == pytest.approx(0.25)


def test_error_is_absolute_but_for_the_mean():
    assert score(TRUTH * 1.1 + 5, TRUTH)[0].error == pytest.approx(0.1 * TRUTH[0].std())


def test_affine_fit_is_least_squares():
    slope, offset = np.polyfit(TRUTH[0].ravel(), TRUTH[1].ravel(), 1)
    np.testing.assert_allclose(affine_fit(TRUTH[0], TRUTH[1]), slope * TRUTH[0] + offset, atol=1e-10)
    np.testing.assert_allclose(affine_fit(np.ones((4, 5)), TRUTH[1][:4, :5]), TRUTH[1][:4, :5].mean())


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(InputError, match="shape"):
        score(TRUTH[:, 1:], TRUTH)
    with pytest.raises(InputError, match="constant"):
        score(TRUTH, TRUTH * [[[0]], [[1]], [[1]]])


def test_table_shows_input_above_output():
    lines = table(score(TRUTH, TRUTH), score(TRUTH[::-1], TRUTH)).splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["1", "input"], ["1", "output"]]
