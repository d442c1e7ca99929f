"""Every rung recognises the mixture that it describes."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from helpers import discs
from mixtures import SHAPE, free_start, ghost, noisy, objects, one_sided

from ddip_tf.transfer import by_evidence, ladder, reasons
from ddip_tf.transfer.bands import band_centres, interpolate
from ddip_tf.transfer.dct import dct, idct, matvec
from ddip_tf.transfer.ladder import TwoUnits


def climbed(images):
    return ladder.climb(images, band_centres(*SHAPE))


def test_none():
    choice = climbed(noisy(objects()))
    assert choice.rung == "none"
    np.testing.assert_array_equal(choice.matrix, np.tile(np.eye(2), (len(choice.k), 1, 1)))
    assert max(value for name, value in choice.log_evidence.items() if name != "none") < ladder.CLEAR


@pytest.mark.parametrize("amount", [-0.4, 0.3])
def test_one_sided_of_either_sign(amount):
    choice = climbed(noisy(one_sided(objects(), amount), between=0))
    assert choice.rung == "one-sided 2"
    assert choice.normalisation == "diagonal"
    np.testing.assert_array_equal(choice.matrix[:, 0, 1], 0)
    truth = ghost(choice.k, amount)
    good = (choice.k > 0.02) & (choice.k < 0.12)
    assert np.abs(choice.matrix[good, 1, 0] - truth[good]).max() < 0.1


def test_free_start():
    images, T = free_start(objects())
    choice = climbed(noisy(images))
    assert choice.rung == "free start"
    assert choice.gain == 1
    np.testing.assert_allclose(choice.matrix.sum(1), 1, atol=1e-9)
    good = (choice.k > 0.02) & (choice.k < 0.12)
    error = (choice.matrix - T)[good][:, [0, 1], [1, 0]]
    assert np.sqrt(np.mean(error**2)) < 0.08
    off = np.sqrt(np.einsum("kjii->kij", choice.covariance)[good][:, [0, 1], [1, 0]])
    assert 0.3 < np.sqrt(np.mean(error**2)) / np.sqrt(np.mean(off**2)) < 2.5  # as sure as it says


@pytest.mark.parametrize("gain", [0.5, 0.7])
def test_gain_of_a_slice_is_found(gain):
    images = free_start(objects())[0]
    choice = climbed(noisy(images) * np.array([gain, 1])[:, None, None])
    assert choice.rung == "free start"
    assert choice.gain == pytest.approx(gain, rel=0.2)
    np.testing.assert_allclose(choice.matrix.sum(1), 1, atol=1e-9)
    assert choice.two_units.taken
    assert choice.two_units.gain == choice.gain


@pytest.mark.parametrize(
    ("gain", "nats", "codes"),
    [(0.8, 2.0, ["two-readings"]), (0.8, 5.0, ["two-readings"]), (0.8, 9.0, []), (0.8, -1.0, []), (0.95, 2.0, [])],
)
def test_both_readings_of_a_gain_are_told_where_they_are_near(gain, nats, codes):
    choice = replace(climbed(noisy(objects())), two_units=TwoUnits(gain, nats))
    said = reasons.units(choice)
    assert [one.code for one in said] == codes
    taken = "slice 1 in 0.80 of slice 2's unit, which is taken" if nats > 3.5 else "both in one unit, which is taken"
    assert all(taken in str(one) for one in said)


def of_unlike_units():
    return noisy(free_start(objects())[0]) * np.array([0.8, 1])[:, None, None]


@functools.cache
def open_between(taken):
    """The choice where the ladder's own reading of units is made one that is open, the units of the slices under it,
    and what they are separated into."""
    nats, images = 5.0 if taken else 2.0, of_unlike_units()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ladder, "TwoUnits", lambda gain, _: TwoUnits(gain, nats))
        choice = by_evidence.choose(images)
    units = np.array([choice.gain, 1])[:, None, None]
    return choice, units, by_evidence.separate(images / units, choice)[0]


def test_there_is_another_reading_only_where_it_is_open():
    choice = by_evidence.choose(of_unlike_units())
    assert (choice.other is not None) == (choice.two_units is not None and choice.two_units.open)


@pytest.mark.parametrize("taken", [False, True])
def test_the_other_reading_is_that_of_slices_in_the_other_units(taken):
    choice, units, solution = open_between(taken)
    assert choice.two_units.taken is taken and choice.other.other is None
    gains = (choice.gain, choice.other.gain)
    assert gains == ((choice.two_units.gain, 1.0) if taken else (1.0, choice.two_units.gain))
    _, swapped, expected = open_between(not taken)
    np.testing.assert_allclose(solution.other * units, expected.images * swapped, atol=1e-9)


def test_any_t():
    y = objects()
    T = np.array([[1.0, -0.45], [-0.5, 1.0]])
    choice = climbed(noisy(idct(matvec(np.broadcast_to(T, (*SHAPE, 2, 2)), dct(y)))))
    assert choice.rung == "full"
    good = (choice.k > 0.03) & (choice.k < 0.12)
    assert np.abs(choice.matrix[good][:, [0, 1], [1, 0]] - [-0.45, -0.5]).max() < 0.12


def opposite_ghosts(y):
    T = np.array([[1.0, -0.45], [-0.5, 1.0]])
    return idct(matvec(np.broadcast_to(T, (*SHAPE, 2, 2)), dct(y)))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("rung", "mixed", "between", "least"),
    [
        ("none", lambda y: y, 1, 0.99),
        ("one-sided 2", one_sided, 0, 0.6),
        ("free start", lambda y: free_start(y)[0], 1, 0.8),
        ("free start", lambda y: free_start(y)[0] * np.array([0.6, 1])[:, None, None], 1, 0.5),
        ("full", opposite_ghosts, 1, 0.95),
    ],
)
def test_a_rung_has_most_of_the_weight_on_its_own_mixture(rung, mixed, between, least, seed):
    evidence = climbed(noisy(mixed(objects(seed)), seed, between=between)).log_evidence
    likely = {name: np.exp(nats - max(evidence.values())) for name, nats in evidence.items()}
    own = sum(weight for name, weight in likely.items() if name.split(",")[0] == rung)
    assert own / sum(likely.values()) > least


def test_allowed_rungs_only():
    images, _ = free_start(objects())
    choice = ladder.climb(noisy(images), band_centres(*SHAPE), ("one-sided 2", "one-sided 1"))
    assert set(choice.log_evidence) == {"none", "one-sided 2", "one-sided 1"}


def test_structure_in_both_is_no_ghost():
    y = objects()
    shared = 2 * discs(1, SHAPE, seed=7)[0]
    choice = climbed(noisy(y + shared))
    assert choice.rung == "none"


def test_choice_does_not_know_the_unit():
    images = noisy(free_start(objects())[0])
    a, b = climbed(images), climbed(1e-6 * images + 5)
    assert a.rung == b.rung
    np.testing.assert_allclose(a.matrix, b.matrix, atol=1e-3)


def test_tied_reaches_a_half_at_the_lowest_band_only():
    k = band_centres(*SHAPE)
    T = np.tile(np.eye(2), (len(k), 1, 1))
    found = ladder.tied(T, k)
    np.testing.assert_allclose(found[0], 0.5)
    np.testing.assert_array_equal(found[k > 1.6 * k[0]], T[k > 1.6 * k[0]])
    assert interpolate(k, k, found).shape == T.shape
