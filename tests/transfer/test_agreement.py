"""The prior's coarsest difference is believed as far as the prior agrees with itself."""

import numpy as np
import pytest

from ddip_tf.transfer.agreement import FULL, NONE, agreement, differences, weight
from ddip_tf.transfer.bands import frequencies

SHAPE = (61, 84)


def added(noise):
    rng = np.random.default_rng(0)
    one = rng.normal(size=(900, 2))
    return one + noise * rng.normal(size=(4, 900, 2))


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0])
def test_it_is_the_share_that_solutions_have_in_common(noise):
    assert agreement(added(noise)) == pytest.approx(1 / (1 + noise**2), abs=0.05)


def test_what_is_added_to_the_sum_does_not_count():
    common = np.random.default_rng(1).normal(size=(4, 900, 1))
    assert agreement(differences(added(0.0) + 5 * common)) == pytest.approx(1)
    assert agreement(added(0.0) * 0) == 0


def test_the_weight_falls_with_disagreement_and_only_there():
    k = frequencies(*SHAPE)
    for agreed, believed in ((NONE - 0.1, 0.0), ((NONE + FULL) / 2, 0.5), (FULL, 1.0)):
        w = weight(agreed, SHAPE, 0.03)
        assert w[k < 0.03] == pytest.approx(believed)
        assert w[k > 0.06] == pytest.approx(1.0)
