"""The prior's coarsest difference is believed as far as the prior agrees with itself."""

import numpy as np
import pytest

from ddip_tf.transfer.agreement import FULL, NONE, agreement, weight
from ddip_tf.transfer.bands import frequencies

SHAPE = (61, 84)


def added(noise, seed=0):
    rng = np.random.default_rng(seed)
    one = rng.normal(size=(*SHAPE, 2))
    return one + noise * rng.normal(size=(3, *SHAPE, 2))


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0])
def test_it_is_the_share_that_solutions_have_in_common(noise):
    assert agreement(added(noise), 0.2) == pytest.approx(1 / (1 + noise**2), abs=0.03)


def test_only_the_coarsest_difference_counts():
    c = added(0.0)
    rng = np.random.default_rng(1)
    c[:, frequencies(*SHAPE) >= 0.1] += rng.normal(size=c[:, frequencies(*SHAPE) >= 0.1].shape)
    c += rng.normal(size=(3, *SHAPE, 1))  # of the sum
    assert agreement(c, 0.1) == pytest.approx(1)
    assert agreement(c, 0.3) < 0.7


def test_the_weight_falls_with_disagreement_and_only_there():
    k = frequencies(*SHAPE)
    for agreed, believed in ((NONE - 0.1, 0.0), ((NONE + FULL) / 2, 0.5), (FULL, 1.0)):
        w = weight(agreed, SHAPE, 0.03)
        assert w[k < 0.03] == pytest.approx(believed)
        assert w[k > 0.06] == pytest.approx(1.0)
