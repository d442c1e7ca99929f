"""Sums over paths against all paths written out."""

from itertools import pairwise, product

import numpy as np
import pytest

from ddip_tf.transfer.directions import ANGLES, PAIRS
from ddip_tf.transfer.paths import Walk, follow, joint_turns, near, only, turns


def test_follow_is_the_sum_over_all_paths():
    rng = np.random.default_rng(0)
    start, step = rng.random(3), rng.random((3, 3))
    start, step = start / start.sum(), step / step.sum(0)
    tables = 3 * rng.standard_normal((4, 3))
    paths = list(product(range(3), repeat=4))
    weights = np.array(
        [
            start[p[0]]
            * np.prod([step[b, a] for a, b in pairwise(p)])
            * np.exp(sum(tables[band, pair] for band, pair in enumerate(p)))
            for p in paths
        ]
    )
    found = follow(tables, Walk(start, step))
    assert found.log_evidence == pytest.approx(np.log(weights.sum()))
    for band, pair in product(range(4), range(3)):
        here = weights[[p[band] == pair for p in paths]].sum() / weights.sum()
        assert found.pairs[band, pair] == pytest.approx(here)


def test_a_walk_that_stays_has_one_pair():
    tables = np.random.default_rng(0).standard_normal((3, len(PAIRS.a)))
    found = follow(tables, Walk(only(a=0, b=0)))
    held = only(a=0, b=0).argmax()
    assert found.log_evidence == pytest.approx(tables[:, held].sum())
    assert (found.pairs.argmax(1) == held).all()


def gaussian(values, width, keep):
    return np.exp(-0.5 * ((values[:, None] - keep * values) / np.deg2rad(width)) ** 2)


def stays(values):
    return (np.abs(values[:, None] - values) < 1e-6).astype(float)


MEAN, DIFFERENCE = (PAIRS.a + PAIRS.b) / 2, (PAIRS.a - PAIRS.b) / 2


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (turns(7, 5, keep=0.9), gaussian(PAIRS.a, 7, 0.9) * gaussian(PAIRS.b, 5, 0.9)),
        (turns(a=7), gaussian(PAIRS.a, 7, 1) * stays(PAIRS.b)),
        (joint_turns((7, 0.97), (4.5, 0.83)), gaussian(MEAN, 7, 0.97) * gaussian(DIFFERENCE, 4.5, 0.83)),
    ],
)
def test_steps_are_probabilities_to_and_from_every_pair(steps, expected):
    expected = expected / expected.sum(0)
    p = np.random.default_rng(0).random(len(PAIRS.a))
    np.testing.assert_allclose(steps @ p, expected @ p, rtol=1e-10)
    np.testing.assert_allclose(steps.T @ p, expected.T @ p, rtol=1e-10)


def test_angles_that_do_not_turn_stay():
    start = np.argmin((PAIRS.a - np.deg2rad(21)) ** 2 + (PAIRS.b - np.deg2rad(33)) ** 2)
    (to,) = np.nonzero(turns(a=7) @ np.eye(len(PAIRS.a))[start] > 1e-12)
    np.testing.assert_allclose(PAIRS.b[to], PAIRS.b[start])
    assert np.abs(PAIRS.a[to] - PAIRS.a[start]).max() > np.deg2rad(10)


def test_near_and_only_name_their_angles():
    held = only(b=0).astype(bool)
    assert (np.abs(PAIRS.b[held]) < 1e-9).all()
    assert held.sum() == (np.deg2rad(89) > ANGLES).sum()
    best = near(a=(30, 4), b=(12, 4)).argmax()
    assert np.rad2deg([PAIRS.a[best], PAIRS.b[best]]) == pytest.approx([30, 12])
    best = near(mean=(21, 2), difference=(9, 2)).argmax()
    assert np.rad2deg([PAIRS.a[best], PAIRS.b[best]]) == pytest.approx([30, 12])
