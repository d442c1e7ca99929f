"""Slices go by the numbers of their file: in sentences, names, and what a fit gives."""

import numpy as np
import pytest
from many import separation_of, stack_of

from ddip_tf.caution import Caution
from ddip_tf.errors import InputError
from ddip_tf.slices.numbering import listed, numbered, numbered_caution, numbered_name

NUMBERS = (9, 12, 14)

SAID = {
    "slices 1 and 3 are the same image: nothing can be separated": "slices 9 and 14 are the same image: nothing can be "
    "separated",
    "Slice 2: one pixel (y 1, x 2) cannot be": "Slice 12: one pixel (y 1, x 2) cannot be",
    "output 2 follows input 1 more than its own.": "output 12 follows input 9 more than its own.",
    "40 % of the contrast of slice 3 is not": "40 % of the contrast of slice 14 is not",
    "Slice 2 seems to lie +1.0, -2.0 pixels (y, x) from slice 1: one": "Slice 12 seems to lie +1.0, -2.0 pixels (y, x) "
    "from slice 9: one",
    "slice 1 in a unit of its own, 1.20 of slice 2's": "slice 9 in a unit of its own, 1.20 of slice 12's",
    "--bin-slices 2 sums that many": "--bin-slices 2 sums that many",
    "the slices share 3 things": "the slices share 3 things",
}


@pytest.mark.parametrize("text", SAID)
def test_sentences_get_the_numbers_of_the_file(text):
    assert numbered(text, NUMBERS) == SAID[text]
    assert numbered_caution(Caution("doubt-confused", text, 2), NUMBERS) == Caution("doubt-confused", SAID[text], 12)


def test_names_get_them_too():
    assert [numbered_name(name, NUMBERS) for name in ("slice3", "slice1_base", "matrix")] == [
        "slice14",
        "slice9_base",
        "matrix",
    ]
    assert [listed(x) for x in ((2, 3), (1, 2, 3, 5, 7, 8, 9), (4,))] == ["2 and 3", "1 to 3, 5 and 7 to 9", "4"]


def test_a_picked_stack_keeps_its_numbers_and_what_comes_of_it_is_called_by_them():
    stack = stack_of(5).pick([3, 1])
    assert stack.numbers == (4, 2)
    named = separation_of(stack)
    assert list(named.generators) == ["slice4", "slice2"] and list(named.latents) == ["slice4_base", "slice2_base"]
    np.testing.assert_array_equal(named.stack.images, stack_of(5).images[[3, 1]])
    with pytest.raises(InputError, match="slices need a number each"):
        stack_of(3, numbers=(1, 1, 2))
