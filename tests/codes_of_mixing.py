"""Codes of warnings on how two slices mix: the smallest case that raises each, and the slice it then names."""

from dataclasses import replace

import numpy as np
from helpers import discs, known_transfer, mix, sources
from mixtures import noisy, objects, turned_ghost

from ddip_tf.config import preset
from ddip_tf.slices import SliceStack
from ddip_tf.training import solving
from ddip_tf.transfer import by_evidence, dct, estimate_transfer, in_part, reasons
from ddip_tf.transfer.bands import frequencies
from ddip_tf.transfer.estimate import doubts
from ddip_tf.transfer.held_out import Trust
from ddip_tf.transfer.ladder import TwoUnits

SHAPE = (97, 121)
TRUE = discs(2, SHAPE, 3)


def with_ghost(y, sign, into=1):
    """Slices of which one holds a ghost of the other."""
    k = frequencies(*y.shape[1:])
    ghost = dct.idct((sign * (0.2 + 0.4 * np.exp(-((k / 0.04) ** 2))))[..., None] * dct.dct(y[1 - into][None]))[0]
    images = y.copy()
    images[into] += ghost
    return images


def laddered(images):
    return by_evidence.separate(images, by_evidence.choose(images))[1].warnings


def none_found(**_):
    return (*laddered(TRUE), *estimate_transfer(sources(3, (143, 167))).warnings)


def same_image(**_):
    return estimate_transfer(np.stack([TRUE[0], 2 * TRUE[0] + 1])).warnings


def withheld(monkeypatch, **_):
    monkeypatch.setattr(in_part, "MOST_SHARED", -1.0)
    said = laddered(mix(TRUE, known_transfer(SHAPE)))
    transfer = replace(known_transfer(SHAPE, 3), raw=known_transfer(SHAPE, 3).matrix + 0.3, mixed=True)
    reliable, flags = doubts(transfer)
    monkeypatch.setattr(
        by_evidence, "estimate_transfer", lambda *_, **__: replace(transfer, reliable=reliable, warnings=flags)
    )
    three = SliceStack(discs(3, SHAPE, 5))
    solved = solving.solve(three, preset("default"))
    np.testing.assert_array_equal(solved.unit(solved.solution.images), three.images)
    assert not solved.transfer.mixed
    return (*said, *solved.transfer.warnings)


def corrected_in_part(monkeypatch, **_):
    monkeypatch.setattr(in_part, "LEAST_GAIN_DB", 99.0)
    images = mix(TRUE, known_transfer(SHAPE))
    return by_evidence.separate(images, by_evidence.choose(images))[0].warnings


def one_sided(**_):
    first, second = laddered(with_ghost(TRUE, -1)), laddered(with_ghost(TRUE, -1, into=0))
    assert (first[0].slice, second[0].slice) == (1, 2)
    return first


def ghost_of_direction(**_):
    images = objects()
    images[0] += turned_ghost(images[1], shift=(1.5, -1.0))
    images = noisy(images, between=0)
    return by_evidence.separate(images, by_evidence.choose(images))[0].warnings


def two_readings(**_):
    choice = by_evidence.choose(mix(TRUE, known_transfer(SHAPE)))
    return reasons.units(replace(choice, two_units=TwoUnits(0.8, 2.0)))


def opposite_sign(**_):
    return estimate_transfer(with_ghost(sources(2, (255, 287)), -1)).warnings


def any_t(**_):
    return laddered(with_ghost(TRUE, -1) + with_ghost(TRUE, 1, into=0) - TRUE)


def choice(margin=9.0):
    images = mix(TRUE, known_transfer(SHAPE))
    evidence = {"none": 0.0, "one-sided 2": 50.0, "free start": 50.0 - margin}
    return replace(by_evidence.choose(images), rung="one-sided 2", log_evidence=evidence)


def model(**_):
    assert len(reasons.of_rung(choice())) == 1
    return reasons.of_rung(choice(margin=1.0))


def texture(**_):
    flat, grainy = (Trust(np.array([0.02, 0.2]), np.array([skill, skill])) for skill in (0.9, 0.1))
    assert not reasons.doubts(choice(), flat, 0.99)
    return reasons.doubts(choice(), grainy, 0.99)


def coarse(**_):
    return reasons.doubts(choice(), Trust(np.array([0.02, 0.2]), np.array([0.9, 0.9])), 0.3)


def t_unreliable(**_):
    transfer = known_transfer(SHAPE)
    return doubts(replace(transfer, raw=transfer.matrix + 0.3))[1]


def shared_structure(**_):
    transfer = known_transfer(SHAPE)
    level = np.tile([[0.6, 0.01], [0.4, 0.99]], (len(transfer.k), 1, 1))
    return doubts(replace(transfer, matrix=level, raw=level))[1]


#: by code: what raises it, and the slice it then names
RAISED_BY_MIXING = {
    "none-found": (none_found, None),
    "same-image": (same_image, None),
    "withheld": (withheld, None),
    "corrected-in-part": (corrected_in_part, None),
    "one-sided": (one_sided, 1),
    "ghost-of-direction": (ghost_of_direction, 1),
    "two-readings": (two_readings, 1),
    "opposite-sign": (opposite_sign, 2),
    "any-t": (any_t, None),
    "doubt-t-unreliable": (t_unreliable, None),
    "doubt-model": (model, 2),
    "doubt-texture": (texture, None),
    "doubt-coarse": (coarse, None),
    "doubt-shared-structure": (shared_structure, 2),
}
