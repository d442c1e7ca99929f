"""Skill of a prior on hidden coefficients: high for what it can foretell, none for noise."""

import numpy as np
import pytest
from helpers import discs

from ddip_tf.transfer import held_out
from ddip_tf.transfer.dct import dct

SHAPE = (95, 121)


def test_perfect_and_useless_foresight():
    coefficients = dct(np.random.default_rng(0).standard_normal((2, *SHAPE)))
    known, _ = held_out.trust(coefficients, lambda hidden: (coefficients, hidden))
    nothing, _ = held_out.trust(coefficients, lambda hidden: (0 * coefficients, hidden))
    np.testing.assert_allclose(known.skill, 1)
    np.testing.assert_allclose(nothing.skill, 0, atol=1e-12)
    np.testing.assert_allclose(known.over(*SHAPE), 1)
    assert known.at(0.05) == 1


def test_hidden_ones_are_a_part_and_the_same_each_time():
    coefficients = dct(discs(2, SHAPE))
    _, masks = held_out.trust(coefficients, lambda hidden: (coefficients, hidden))
    assert len(masks) == held_out.TIMES
    assert np.mean(masks) == pytest.approx(held_out.PART, rel=0.1)
    assert not any(mask[0, 0] for mask in masks)
    assert not np.array_equal(masks[0], masks[1])
    _, again = held_out.trust(coefficients, lambda hidden: (coefficients, hidden), threads=3)
    np.testing.assert_array_equal(again, masks)


def test_weight_leaves_the_prior_out_where_it_has_no_skill():
    k = np.array([0.01, 0.03, 0.06, 0.1, 0.17])
    textured = held_out.Trust(k, np.array([0.3, -0.4, 0.0, 0.0, -1.0]))
    assert textured.weight[1] == 0
    assert textured.weight[-1] == 0
    flat = held_out.Trust(k, np.array([0.99, 0.98, 0.95, 0.6, -0.3]))  # at the end there is noise only
    assert (flat.weight == 1).all()


def test_small_fields_are_refused():
    with pytest.raises(ValueError, match="32 x 32"):
        held_out.trust(np.zeros((31, 60, 2)), lambda hidden: (np.zeros((31, 60, 2)), hidden))
