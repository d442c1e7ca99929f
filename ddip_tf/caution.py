"""What is to be said of a result: a sentence, the slice it concerns, and a code by which programs know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: how codes begin that mean: do not trust this slice (or, where no slice is named, any)
DOUBT = "doubt-"
#: of sentences in run folders that were written before there were codes
UNCODED = "uncoded"

#: every code and the condition that it names; `docs/warnings.md` has a section for each
CODES: Mapping[str, str] = {
    "none-found": "What the slices share is no more than chance: they are returned as they are.",
    "same-image": "Two slices are the same image: they are returned as they are.",
    "withheld": "Ghosts are left where they are: T(k) or what it gives is not reliable.",
    "corrected-in-part": "It is open how much should be taken out: a part of the correction is made.",
    "one-sided": "A slice holds no ghost of the other, which holds one of it; `slice` is the one without.",
    "ghost-of-direction": "A one-sided ghost depends on the direction of k, or is displaced, and is taken out so.",
    "two-readings": "Whether both slices are in one unit, and so how coarse contrast is shared out, has two readings.",
    "opposite-sign": "The ghost in a slice has the opposite sign: T(k) has a unit diagonal.",
    "any-t": "No simpler model of mixing than any T(k) explains what the slices share.",
    "doubt-t-unreliable": "T(k) of more than a third of the bands lies off any smooth curve, and is used all the same.",
    "doubt-model": "That only this slice holds a ghost is not certain: another model of mixing is almost as likely.",
    "doubt-texture": "The slices are textures: which coarse structure belongs to which slice is not known.",
    "doubt-coarse": "The coarsest contrast of the slices cannot be told apart.",
    "doubt-shared-structure": "Structure of another slice is in this one down to the finest features.",
    "outliers-replaced": "Pixels of a slice that no image can hold were replaced for the fit.",
    "misregistered": "What a slice and the one before it have in common lies more than a pixel apart.",
    "fewer-levels": "The networks have fewer than five levels, for the images are small.",
    "own-weight-at-bound": "A slice's own weight in eq. (3) ran to the end of its range.",
    "doubt-confused": "An output follows another slice's input more than its own.",
    "doubt-unexplained": "More than 35 % of a slice's contrast is not explained by the modelled mixture.",
    "guides-change-nothing": "Guides were given, and the data tell the slices apart at every frequency.",
    "guide-left-out": "The guide of a slice seems to have nothing to do with it, and is not used.",
    "doubt-guide-of-another": "The guide of a slice is used, and resembles another slice more.",
    "runs-left-out": "Some of repeated fits gave slices unlike those of all others, and are not in the mean.",
    "runs-reordered": "Some of repeated fits gave the slices in another order, which was put right.",
    "scaled-values": "A file holds scaled numbers, whole ones or floats from 0 to 1, and not rad.",
    "axis-taken-as-slices": "Images that a file calls channels, times or colours are taken as slices.",
    "impossible-length": "A length that a file states cannot be, and is left out.",
    "electrons-assumed": "An energy that a file states is taken as that of electrons, for the pixels are so small.",
    "cropped-to-finite": "Pixels at the rim are not finite: the images are cropped to a part without them.",
    "unlike-scales": "A slice varies over thirty times as much as another: perhaps it is in another unit.",
    "vacuum-left-out": "Slices that are the same everywhere are set aside, and come back as they were.",
    "vacuum-found": "An outermost slice holds nothing of its own: what leaked into it is given back to its neighbours.",
    "more-than-told-apart": "There are more slices than the data can tell apart, by the depth of focus.",
    "neighbours-mixed": "The reconstruction mixed neighbouring slices by a setting of its own, which the file holds.",
    "slices-summed": "Sums of neighbouring slices are separated, as was asked for.",
    "another-file": "The file to export into is not the one that the run was made from.",
    UNCODED: "The run is of a version that wrote sentences without codes.",
}


@dataclass(frozen=True)
class Caution:
    """A sentence on a result that its reader should know; ``str()`` gives the text.

        >>> caution = Caution("doubt-confused", "Slices may be confused.", slice=2)
        >>> print(caution, caution.doubtful)
        Slices may be confused. True

    Attributes
    ----------
    code
        one of `CODES`, stable over versions; those that begin with ``doubt-`` mean: do not trust the slice.
    text
        for people; its words may change.
    slice
        which slice it concerns, by its number in the file, from 1; None: all, or none alone.
    """

    code: str
    text: str
    slice: int | None = None

    def __str__(self) -> str:
        return self.text

    @property
    def doubtful(self) -> bool:
        """Whether it says not to trust the slice, or, of none alone, any."""
        return self.code.startswith(DOUBT)
