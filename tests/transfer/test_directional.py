"""What a filter of |k| cannot take out of a one-sided ghost: found where it is, and not where it is not."""

import numpy as np
import pytest
from mixtures import noisy, objects, psnr, separated, turned_ghost

from ddip_tf.transfer import directional
from ddip_tf.transfer.resolution import Sampling


@pytest.mark.parametrize(("settings", "gain"), [({"anisotropy": 0.5}, 0.5), ({"shift": (1.5, -1.0)}, 4)])
def test_ghosts_of_a_direction_go(settings, gain):
    truth = objects()
    images = truth.copy()
    images[0] += turned_ghost(truth[1], **settings)
    images = noisy(images, between=0)
    y, choice, solution, _ = separated(images)
    assert choice.rung == "one-sided 1"
    assert [said.code for said in solution.warnings] == ["ghost-of-direction"]
    assert solution.warnings[0].slice == 1
    np.testing.assert_array_equal(y[1], images[1])
    radial = y[0] + solution.directional[0]
    assert psnr(y[0], truth[0]) > psnr(radial, truth[0]) + gain
    np.testing.assert_array_equal(solution.directional[1], 0)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_found_in_slices_that_share_nothing(seed):
    left, source = np.random.default_rng(seed).normal(size=(2, 90, 113)).cumsum(1)
    found = directional.find(left, source)
    assert not found.clear


def test_it_foretells_what_it_has_not_seen():
    """The part that is foretold is that of the ghost in whitened power: a fifth of white noise of one unit, 4 %."""
    own, source = np.random.default_rng(1).normal(size=(2, 160, 131))
    found = directional.find(own + 0.2 * np.roll(source, 1, axis=0), source)
    assert found.explained == pytest.approx(0.2**2 / (1 + 0.2**2), abs=0.015)
    assert found.error < 0.01


def test_finer_pixels_have_more_octaves():
    shape = (320, 322)
    assert directional._octaves(shape, Sampling(0.5)) == directional._octaves(shape, Sampling()) + 1
    assert directional._octaves((40, 50), Sampling()) == 2
