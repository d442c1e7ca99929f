"""Lists of kinds and seeds by which a preset is judged: each written down before any of its pairs was fitted.

None is left out afterwards. Whatever a list was looked at for, it judges no more; all other kinds and seeds are for
development.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Judged(NamedTuple):
    """Kinds of `simulated_kinds.KINDS`, and the seeds that `quality.py --seeds` takes."""

    kinds: tuple[str, ...]
    seeds: str


FIRST = (
    "family", "grainy", "textures", "half-textures", "weak", "epie", "adam-cells", "early", "start-half", "start-map",
    "gain-0.67", "gain-textures", "bytes-grainy", "dose-low", "positions-1", "spacing-1", "electrons", "fine", "shared",
    "half-textures-gain", "textures-epie", "grainy-half", "onesided", "onesided-positive", "onesided-pictures",
    "painted-both", "alone", "clean-textures",
)  # fmt: skip

LISTS: Mapping[str, Judged] = {
    "judged": Judged(FIRST, "1-6"),
    # once settings had been looked at on the first: every other kind of it, and four that no setting was ever tried on
    "judged-second": Judged(
        (*FIRST[::2], "text-rpie", "half-textures-strong", "grainy-dose", "onesided-faint"), "7-12"
    ),
    # the other kinds of the first, and four that no list had
    "judged-third": Judged((*FIRST[1::2], "onesided-displaced", "onesided-changing", "oblong", "strong"), "13-18"),
    # kinds of both halves, contrasts that differ above all, and three that no list had
    "judged-fourth": Judged(
        (
            "family", "half-textures", "gain-0.67", "gain-textures", "fine", "weak", "adam-cells", "start-half",
            "shared", "half-textures-gain", "onesided", "painted-both", "gain-1.5", "absorbing", "probe-20",
        ),
        "19-24",
    ),
    # electrons alone, pairs and many slices: every kind that is not regularised along depth
    "judged-electrons": Judged(("electrons", "electrons-far", "electrons-low", "electrons-6", "electrons-12"), "30-33"),
    # their pairs once more, since corrections are made in part
    "judged-electrons-again": Judged(("electrons", "electrons-far", "electrons-low"), "40-45"),
    # for `--preset deep` against the default: pictures that fill one slice or both, and two kinds of cartoons
    "judged-deep": Judged(
        (
            "half-textures", "half-textures-near", "half-textures-strong", "textures", "gain-textures", "adam-cells",
            "family", "grainy",
        ),
        "60-63",
    ),
}  # fmt: skip
