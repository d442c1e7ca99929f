import pytest

from ddip_tf.transfer.model_lead import lead

EVIDENCE = {"none": 0.0, "one-sided 2": 2.6, "free start": 31.0, "free start, gain": 40.0, "full": 28.0}


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ("free start", (12.0, "full")),
        ("none", (-40.0, "free start")),
        ("full", (-12.0, "free start")),
        ("none, too", None),
    ],
)
def test_the_lead_is_that_of_the_model_that_was_chosen(chosen, found):
    assert lead(chosen, EVIDENCE) == found


def test_one_model_alone_leads_nothing():
    assert lead("none", {"none": 0.0}) is None
    assert lead("free start", {"free start": 1.0, "free start, gain": 3.0}) is None
    assert lead("", {}) is None
