import numpy as np
import pytest
from helpers import blobs

from ddip_tf.errors import RunError
from ddip_tf.quality.repeatability import combine, match

SHAPE = (41, 36)
TRUTH = np.stack([blobs(6, SHAPE, s) for s in (1, 2, 3)])


def runs(count, noise=0.1, seed=0):
    random = np.random.default_rng(seed)
    return [TRUTH + noise * random.normal(size=TRUTH.shape) for _ in range(count)]


def test_mean_and_deviation_are_those_of_the_runs():
    given = runs(8)
    members = match(given, TRUTH)
    assert all(m.used and not m.swapped for m in members)
    mean, deviation = combine(given, members)
    np.testing.assert_allclose(mean, np.mean(given, 0), atol=1e-6)
    np.testing.assert_allclose(deviation, np.std(given, 0, ddof=1), atol=1e-6)
    assert deviation.mean() == pytest.approx(0.1, rel=0.1)


def test_swapped_slices_are_recognised_and_put_back_in_order_and_scale():
    given = runs(5)
    cycle = [2, 0, 1]  # what was slice 1 stands second, and so on
    given[3] = 5 * given[3][cycle] + 7
    members = match(given, TRUTH)
    assert [m.swapped for m in members] == [False, False, False, True, False]
    assert members[3].order == (1, 2, 0)
    assert members[3].used
    np.testing.assert_allclose(members[3](given[3]), TRUTH, atol=0.55)
    mean, _ = combine(given, members)
    np.testing.assert_allclose(mean.mean((1, 2)), TRUTH.mean((1, 2)), atol=0.01)


def test_most_runs_decide_the_order_and_inputs_decide_a_draw():
    swap = [1, 0, 2]
    given = [one if r in (0, 4) else one[swap] for r, one in enumerate(runs(5))]
    assert [m.swapped for m in match(given, TRUTH)] == [True, False, False, False, True]
    two = runs(2)
    assert [m.swapped for m in match([two[0][swap], two[1]], TRUTH)] == [True, False]
    assert [m.swapped for m in match([two[0][swap], two[1]], TRUTH[swap])] == [False, True]


def test_confused_runs_are_left_out():
    given = runs(6)
    given[1] = np.stack([given[1][0], given[1][0], given[1][2]])  # one slice twice
    given[4] = given[4] * [[[1]], [[1]], [[0]]]  # one slice empty
    members = match(given, TRUTH)
    assert [m.used for m in members] == [True, False, True, True, False, True]
    mean, _ = combine(given, members)
    np.testing.assert_allclose(mean, np.mean([given[r] for r in (0, 2, 3, 5)], 0), atol=1e-6)


def test_a_slice_that_follows_another_more_is_confused_even_where_slices_are_alike():
    a, b = (blobs(6, SHAPE, s) - blobs(6, SHAPE, s).mean() for s in (1, 2))
    alike = np.stack([a, 0.8 * a / a.std() * b.std() + 0.6 * b])
    given = [alike + 0.02 * np.random.default_rng(r).normal(size=alike.shape) for r in range(4)]
    given[2] = given[2][[0, 0]]
    assert [m.used for m in match(given, alike)] == [True, True, False, True]


def test_runs_that_do_not_agree_have_no_mean():
    noise = np.random.default_rng(3).normal(size=(4, *TRUTH.shape))
    with pytest.raises(RunError, match="no two of the 4 runs agree"):
        match(list(noise), TRUTH)
