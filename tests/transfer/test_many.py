"""More than two slices: their law is found, ghosts go in every slice, sums stay, and nothing is touched in doubt."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from helpers import discs
from scipy.ndimage import gaussian_filter

from ddip_tf.transfer import by_evidence, many
from ddip_tf.transfer.bands import frequencies
from ddip_tf.transfer.dct import dct, idct
from ddip_tf.transfer.depth_modes import modes, passed

SHAPE = (81, 110)


def reach(k):
    """Slices, at k (cycles/pixel)."""
    return (0.05 / np.maximum(k, 1e-6)) ** 1.5


def mixed(y, sharpness=2.0):
    """Straight from the definition: every depth mode of the coefficients times what T passes of it."""
    n, *shape = y.shape
    f = passed(n, reach(frequencies(*shape)).ravel(), sharpness).reshape(*shape, n)
    return idct((dct(y) @ modes(n) * f) @ modes(n).T)


def noisy(images, share=0.03, seed=0):
    """Noise of a reconstruction: smooth, most of it between the slices."""
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal(images.shape), (0, 1.2, 1.2))
    noise /= noise.std()
    return images + share * images.std() * (noise - 0.8 * noise.mean(0))


def error(y, truth):
    return np.array([np.var(a - b) for a, b in zip(y, truth, strict=True)])


def separated(images, **more):
    law, choice = by_evidence.find(images)
    solution, law = by_evidence.separate(images, choice, **more)
    return solution, law, choice


@pytest.fixture(scope="module")
def stack():
    truth = discs(5, SHAPE, 3)
    images = noisy(mixed(truth))
    return truth, images, *separated(images)


def test_the_law_is_found(stack):
    choice = stack[-1]
    used = choice.k > 0.03
    expected = passed(5, reach(choice.k), 2.0)
    assert np.sqrt(np.mean((choice.passed - expected)[used] ** 2)) < 0.08
    np.testing.assert_allclose(choice.matrix.sum(1), 1, atol=1e-9)  # columns keep amounts
    T = np.einsum("im,km,jm->kij", modes(5), expected, modes(5))
    assert np.sqrt(np.mean((choice.matrix - T)[used] ** 2)) < 0.05


def test_ghosts_go_in_every_slice_and_the_sum_stays(stack):
    truth, images, solution, law, _ = stack
    assert law.mixed
    assert law.normalisation == "sum"
    assert (error(solution.images, truth) < 0.2 * error(images, truth)).all()
    came, gone = (x.sum(0) - x.sum(0).mean() for x in (images, solution.images))
    assert (gone * came).sum() / (came * came).sum() == pytest.approx(1, abs=0.01)
    back = many.in_modes(images, stack[-1], 1.0)
    T_y = back.slices(back.passed * back.of(solution.images - solution.images.mean((1, 2), keepdims=True)))
    np.testing.assert_allclose(T_y + solution.residual, images - images.mean((1, 2), keepdims=True), atol=1e-6)


def test_the_linear_part_gains_by_itself_weakens_nothing_and_keeps_the_sum(stack):
    truth, images, solution, _, choice = stack
    assert (error(solution.base, truth) < 0.9 * error(images, truth)).all()
    w = many.in_modes(images, choice, 1.0).amplified
    assert w.min() == 1
    assert (w[0] == 1).all()
    np.testing.assert_allclose(solution.base.sum(0), images.sum(0), atol=1e-9)


@pytest.mark.parametrize(("n", "sharpness", "off"), [(4, 5.0, 0.1), (5, 12.0, 0.07)])
def test_modes_beyond_some_depth_may_be_missing_altogether(n, sharpness, off):
    truth = discs(n, SHAPE, 8)
    _, choice = by_evidence.find(noisy(mixed(truth, sharpness=sharpness)))
    used = choice.k > 0.03
    assert np.sqrt(np.mean((choice.passed - passed(n, reach(choice.k), sharpness))[used] ** 2)) < off


def test_slices_in_units_of_their_own_gain_as_well(stack):
    truth, images, *_ = stack
    gains = np.array([0.6, 1.0, 1.7, 1.2, 0.8])
    _, choice = by_evidence.find(images * gains[:, None, None])
    np.testing.assert_allclose(choice.gains, gains / np.exp(np.log(gains).mean()), rtol=0.2)
    mine = images * (gains / choice.gains)[:, None, None]
    solution, _ = by_evidence.separate(mine, choice)
    y = solution.images * (choice.gains / gains)[:, None, None]
    assert (error(y, truth) < 0.3 * error(images, truth)).all()
    assert (stack[-1].gains == 1).all()


@pytest.mark.parametrize("n", [3, 6])
def test_clean_stacks_come_back_bit_for_bit(n):
    images = noisy(discs(n, SHAPE, n), share=0.05)
    solution, law, choice = separated(images)
    assert not law.mixed
    assert choice.log_evidence["free start"] < 4
    np.testing.assert_array_equal(solution.images, images)
    assert [caution.code for caution in law.warnings] == ["none-found"]


def test_what_runs_through_all_slices_is_left_to_them():
    """A texture in every slice, as correlated as crosstalk is: nothing but its k tells it apart."""
    rng = np.random.default_rng(0)
    common = gaussian_filter(rng.standard_normal(SHAPE), 1.2)
    own = gaussian_filter(rng.standard_normal((4, *SHAPE)), (0, 1.2, 1.2))
    images = noisy(common / common.std() + own / own.std())
    solution, law, choice = separated(images)
    assert choice.shared
    np.testing.assert_array_equal(solution.images, images)
    assert [caution.code for caution in law.warnings] == ["withheld"]
    assert "run through them" in str(law.warnings[0])


def test_reconstructed_vacuum_is_found_empty_and_helps_its_neighbours():
    grain = gaussian_filter(np.random.default_rng(4).standard_normal((5, *SHAPE)), (0, 3, 3))
    truth = discs(5, SHAPE, 3)
    truth += 0.5 * truth.std() * grain / grain.std()
    truth[[0, 4]] = 0
    images = noisy(mixed(truth))
    solution, _, choice = separated(images)
    assert choice.empty == (0, 4)
    assert np.ptp(solution.images[[0, 4]], (1, 2)).max() < 1e-6 < np.ptp(images[[0, 4]], (1, 2)).min()
    assert [caution.slice for caution in solution.warnings if caution.code == "vacuum-found"] == [1, 5]
    unaware, _ = many.separate(images, replace(choice, empty=()))
    np.testing.assert_allclose(solution.images.sum(0), unaware.images.sum(0), atol=1e-9)
    assert error(solution.images, truth).sum() < 0.9 * error(unaware.images, truth).sum()
    assert (error(solution.images, truth) < error(images, truth)).all()


def test_a_faint_slice_is_not_empty(stack):
    truth = stack[0].copy()
    truth[0] *= 0.1
    assert by_evidence.find(noisy(mixed(truth)))[1].empty == ()
    assert stack[-1].empty == ()


def test_lattices_are_left_alone():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    rng = np.random.default_rng(1)
    images = np.zeros((5, *SHAPE))
    for row in np.arange(4, SHAPE[0], 9.0):
        for column in np.arange(4, SHAPE[1], 11.0):
            there = np.where(rng.random(5) < 0.9, 1.0, rng.random(5))[:, None, None]
            images += there * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 4.5)
    images = noisy(images)
    solution, law, _ = separated(images)
    assert not law.mixed
    np.testing.assert_array_equal(solution.images, images)


def test_many_slices_need_little_memory():
    images = noisy(mixed(discs(24, (40, 49), 5)))
    tracemalloc.start()
    try:
        separated(images)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


def test_more_starts_widen_the_spread_and_change_nothing_else(stack):
    images, solution, choice = stack[1], stack[2], stack[4]
    more, _ = by_evidence.separate(images, choice, starts=2, seed=1, threads=2)
    np.testing.assert_array_equal(more.images, solution.images)
    assert more.sigma.mean() > solution.sigma.mean()


def test_measured_noise_is_a_floor(stack):
    images, choice = stack[1], stack[4]
    measured = images.std() * gaussian_filter(np.random.default_rng(2).standard_normal(images.shape), (0, 1, 1))
    without, floor = many.in_modes(images, choice, 1.0), many.in_modes(images, choice, 1.0, measured)
    assert (floor.noise >= without.noise).all()
    assert (floor.amplified <= without.amplified).all()
    assert floor.amplified.mean() < without.amplified.mean()


def test_noise_does_not_fall_where_a_lattice_has_no_power():
    """Noise of reconstructions is white between the slices; a share of the power at the same k is nothing there."""
    truth = discs(4, SHAPE, 6)
    k = frequencies(*SHAPE)
    images = noisy(mixed(idct(dct(truth) * (k > 0.07)[..., None])))
    given = many.in_modes(images, by_evidence.find(images)[1], 1.0)
    reflections, below = (k > 0.08) & (k < 0.1), (k > 0.02) & (k < 0.05)
    assert given.power[0, below].mean() < 0.1 * given.power[0, reflections].mean()
    assert given.noise[1, below].min() >= given.noise[1, reflections].max() * 0.8


@pytest.mark.parametrize("images", [np.zeros((3, 40, 40)), np.full((3, 40, 40), np.nan), np.ones((3, 20, 40))])
def test_slices_that_cannot_be_told_apart_are_refused(images):
    with pytest.raises(ValueError, match=r"slice|shape"):
        many.choose(images)
