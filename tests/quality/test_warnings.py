"""Sentences about results not to be trusted."""

from dataclasses import replace

import numpy as np
import pytest

from ddip_tf.quality import warnings


@pytest.mark.parametrize(("share", "said"), [(0.2, False), (0.5, True)])
def test_what_the_model_leaves_over(separation, share, said):
    images = separation.stack.images
    noise = np.random.default_rng(0).standard_normal(images.shape).astype(np.float32)
    noise *= share * images.std((1, 2), keepdims=True) * np.array([1, 0.1])[:, None, None]
    found = warnings.with_warnings(replace(separation, modelled=images - noise, warnings=())).warnings
    found = [caution for caution in found if caution.code == "doubt-unexplained"]
    assert [caution.slice for caution in found] == [1] * said
    assert not said or " % of the contrast of slice 1 is not explained" in found[0].text


@pytest.mark.parametrize(
    ("own", "stuck"), [((0.6, 0.945), [2]), ((0.055, 0.3), [1]), ((0.95, 0.95), [1, 2]), ((0.07, 0.93), [])]
)
def test_own_weights_that_ran_to_their_bounds(separation, own, stuck):
    matrix = np.array([[own[0], 1 - own[0]], [1 - own[1], own[1]]])
    found = warnings.with_warnings(replace(separation, mixing={"matrix": matrix}, warnings=())).warnings
    found = [caution for caution in found if caution.code == "own-weight-at-bound"]
    assert [caution.slice for caution in found] == stuck
    assert all(f"({own[caution.slice - 1]:.2f})" in caution.text for caution in found)


@pytest.mark.parametrize(("order", "confused"), [([0, 1], []), ([1, 0], [1, 2]), ([0, 0], [2]), ([1, 1], [1])])
def test_slices_that_follow_another_input_are_confused(separation, truth, order, confused):
    stack = replace(separation.stack, images=truth.astype(np.float32))
    outputs = -2 * stack.images[order] + 0.1 * stack.images  # of either sign
    found = warnings.with_warnings(replace(separation, stack=stack, outputs=outputs, warnings=())).warnings
    assert [caution.slice for caution in found if caution.code == "doubt-confused"] == confused
