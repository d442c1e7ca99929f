"""Two slices as far as the evidence goes: nothing is touched without it, ghosts go with it, detail stays."""

import numpy as np
import pytest
from mixtures import free_start, noisy, objects, one_sided, psnr, separated

from ddip_tf.transfer import by_evidence, in_part
from ddip_tf.transfer import free_start as free_start_of
from ddip_tf.transfer.inverse_problem import modelled


def test_clean_slices_come_back_bit_for_bit():
    images = noisy(objects())
    y, choice, _, transfer = separated(images)
    assert choice.rung == "none"
    assert not transfer.mixed
    np.testing.assert_array_equal(y, images)
    assert "returned as they are" in str(transfer.warnings[0])


def test_free_start_gains_in_both_slices():
    truth = objects()
    images = noisy(free_start(truth)[0])
    y, _, solution, transfer = separated(images)
    assert transfer.normalisation == "sum"
    for i in (0, 1):
        assert psnr(y[i], truth[i]) > psnr(images[i], truth[i]) + 4
    back = modelled(y, images, transfer, solution.free_ramps) + solution.residual
    np.testing.assert_allclose(back, images, atol=1e-6)


def test_slices_in_two_units_gain_as_well():
    truth = objects()
    images = noisy(free_start(truth)[0]) * np.array([0.6, 1.0])[:, None, None]
    y, choice, _, _ = separated(images)
    assert choice.gain == pytest.approx(0.6, rel=0.2)
    for i in (0, 1):
        assert psnr(y[i], truth[i]) > psnr(images[i], truth[i]) + 3


def test_one_sided_leaves_the_other_slice_bit_for_bit_and_keeps_texture():
    truth = objects()
    images = noisy(one_sided(truth), between=0)
    y, choice, _, transfer = separated(images)
    assert choice.rung == "one-sided 2"
    np.testing.assert_array_equal(y[0], images[0])
    assert psnr(y[1], truth[1]) > psnr(images[1], truth[1]) + 5
    assert [w for w in map(str, transfer.warnings) if "one-sided" in w]


def test_spread_and_threads_change_no_picture_and_half_the_pixels_little(monkeypatch):
    """Skill and spread of a large field are tried on half its pixels a side: here as of a large one."""
    truth = objects()
    images = noisy(free_start(truth)[0])
    plain = separated(images)[0]
    again, _, exact, _ = separated(images, starts=3, seed=5, threads=2)
    np.testing.assert_array_equal(plain, again)
    assert (exact.sigma > 0).any()
    monkeypatch.setattr(free_start_of, "LARGE", 1)
    y, _, solution, _ = separated(images, starts=3, seed=5, threads=2)
    assert 0 < (y - plain).std() < 0.1 * (images - plain).std()
    for found, before, true in zip(y, plain, truth, strict=True):
        assert psnr(found, true) > psnr(before, true) - 0.3
    spread = [np.sqrt((one.sigma**2).mean((1, 2))) for one in (solution, exact)]
    np.testing.assert_allclose(*spread, rtol=0.15)


def test_what_is_wrong_is_left_alone(monkeypatch):
    monkeypatch.setattr(in_part, "MOST_SHARED", -1.0)
    images = noisy(free_start(objects())[0])
    y, choice, _, transfer = separated(images)
    np.testing.assert_array_equal(y, images)
    assert choice.rung == "free start"
    assert not transfer.mixed
    assert "same structure" in str(transfer.warnings[0])


@pytest.mark.parametrize(
    "images", [np.zeros((2, 40, 50)), np.zeros((3, 40, 50)), np.full((2, 40, 50), np.nan), np.ones((2, 20, 50))]
)
def test_bad_input(images):
    with pytest.raises(ValueError, match="slice"):
        by_evidence.choose(images)
