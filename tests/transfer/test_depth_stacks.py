"""Stacks of electron ptychography with known truth: 4 and 6 slices whose ghosts fall with distance, 24 thin ones,
columns of atoms that run through both slices. Whole numbers of 2⁻¹⁴ rad."""

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ddip_tf.quality import with_truth
from ddip_tf.slices.registration import shift_between
from ddip_tf.transfer import by_evidence
from ddip_tf.transfer.ramps import without_plane

with np.load(Path(__file__).with_name("depth_stacks.npz")) as stacks:
    STACKS = {name: stacks[name] / 2.0**14 for name in stacks.files}


def separated(images):
    transfer, choice = by_evidence.find(images)
    gains = getattr(choice, "gains", np.array([getattr(choice, "gain", 1.0)] + [1.0] * (len(images) - 1)))[
        :, None, None
    ]
    solution, transfer = by_evidence.separate(images / gains, choice)
    return solution.images * gains, transfer, solution


@pytest.mark.parametrize("name", ["depth4", "depth6"])
def test_ghosts_that_fall_with_distance_go_and_amounts_are_kept(name):
    images, truth = STACKS[name], STACKS[f"{name}_truth"]
    y, transfer, solution = separated(images)
    assert not transfer.warnings and not solution.warnings
    for before, after in zip(with_truth.score(images, truth), with_truth.score(y, truth), strict=True):
        assert after.psnr > before.psnr + 6
    total, came = (without_plane(x.sum(0)).ravel() for x in (y, images))
    assert total @ came / (came @ came) == pytest.approx(1, abs=0.01)
    for before, after, true in zip(images, y, truth, strict=True):
        slopes = [np.polyfit(true.ravel(), image.ravel(), 1)[0] for image in (before, after)]
        assert abs(slopes[1] - 1) < 0.12 < abs(slopes[0] - 1)
    for one, next_one in pairwise(images):
        assert max(map(abs, shift_between(one, next_one) or (0, 0))) < 1


@pytest.mark.parametrize("name", ["columns", "n24"])
def test_what_may_truly_run_through_stays(name):
    images = STACKS[name]
    tracemalloc.start()
    y, transfer, _ = separated(images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(y, images)
    assert [caution.code for caution in transfer.warnings] == ["withheld"]
    assert peak < 3e8
