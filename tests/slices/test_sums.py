"""Sums of neighbouring slices."""

import numpy as np
import pytest
from many import stack_of

from ddip_tf.errors import InputError
from ddip_tf.slices.phase import Record
from ddip_tf.slices.sums import summed


def test_sums_of_three_of_eight_the_last_of_two():
    stack = stack_of(8, spacing_m=(1e-9,) * 7, numbers=tuple(range(3, 11)))
    sums = summed(stack, 3)
    np.testing.assert_allclose(sums.images[2], stack.images[6] + stack.images[7], atol=1e-6)
    np.testing.assert_allclose(sums.images.sum(0), stack.images.sum(0), atol=1e-5)
    assert sums.numbers == (3, 6, 9) and sums.summed == ((3, 4, 5), (6, 7, 8), (9, 10))
    np.testing.assert_allclose(sums.spacing_m, (3e-9, 2.5e-9))
    assert str(sums.notes[0]).endswith("called by the first of each: 3 to 5, 6 to 8, 9 and 10.")


def test_what_stands_beside_the_slices_is_summed_too():
    record = Record("phase", tuple((0.1 * i, 0.01, -0.02 * i) for i in range(4)), (False, True, False, False))
    stack = stack_of(4, record=record, amplitudes=0.1 * stack_of(4).images).beside(start=0.5 * stack_of(4).images)
    sums = summed(stack, 2)
    np.testing.assert_allclose(sums.record.planes, [(0.1, 0.02, -0.02), (0.5, 0.02, -0.1)])
    assert sums.record.unwrapped == (True, False)
    np.testing.assert_allclose(sums.amplitudes, 0.1 * sums.images, atol=1e-6)
    np.testing.assert_allclose(sums.start.images, 0.5 * sums.images, atol=1e-6)
    whole = stack.record.inverse(stack.images)
    np.testing.assert_allclose(sums.record.inverse(sums.images)[1], whole[2] * whole[3], atol=1e-5)


@pytest.mark.parametrize(("count", "said"), [(1, "two slices"), (0, "two slices"), (4, "fewer than two")])
def test_sums_that_are_none_are_refused(count, said):
    with pytest.raises(InputError, match=said):
        summed(stack_of(4), count)
