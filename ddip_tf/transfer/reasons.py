"""What is to be said of two slices: why they were left alone, which model of mixing was taken, what is to be doubted.

The bounds of the doubts were chosen on development pairs (`tools/quality.py`). They find slices that gain little, and
of those that are harmed a minority (`docs/separation.md`).
"""

from __future__ import annotations

from ddip_tf._types import Array
from ddip_tf.caution import Caution
from ddip_tf.transfer import in_part
from ddip_tf.transfer.checks import Checks
from ddip_tf.transfer.directional import Directional
from ddip_tf.transfer.held_out import Trust
from ddip_tf.transfer.ladder import Choice
from ddip_tf.transfer.model_lead import lead

#: skill of the prior (`Trust.middle`) below which slices are textures to it
SKILL = 0.5
#: agreement of the prior with itself below which the coarsest difference is a guess
AGREED = 0.6
#: nats that a one-sided model, which no prior on the slices checks, must have over the next
MARGIN = 4.0


def nothing_found(choice: Choice) -> Caution:
    """Why slices were left alone."""
    if choice.shared:
        return Caution(
            "withheld",
            "what the slices share has no fixed ratio from place to place, as a ghost has: it may truly be in both; "
            "without optics, a start or a second scan none can tell; the slices are returned as they are",
        )
    rival = max((name for name in choice.log_evidence if name != "none"), key=choice.log_evidence.__getitem__)
    return Caution(
        "none-found",
        f"no crosstalk found (evidence of the next model, {rival}: {choice.log_evidence[rival]:+.1f} nats over none): "
        "the slices are returned as they are",
    )


def withheld(gain_db: Array, checks: Checks) -> Caution:
    """Why slices that mix are given back as they were: little to gain (N,), or what `Checks` showed."""
    if checks.still_shared > in_part.MOST_SHARED:
        return Caution(
            "withheld",
            "separated as far as the data say how they mix, the slices still show the same structure (correlation "
            f"{checks.still_shared:.2f}): this is not how they mix, or it truly is in both; they are returned as they "
            "are",
        )
    why = _against(gain_db, checks)
    if checks.still_shared > in_part.LITTLE_SHARED:
        why += f", and separated they still show the same structure (correlation {checks.still_shared:.2f})"
    return Caution(
        "withheld",
        f"the slices mix, but {why}: the data do not carry a separation; the slices are returned as they are",
    )


def in_part_only(share: Array, gain_db: Array, checks: Checks) -> tuple[Caution, ...]:
    """That not all of the ghosts was taken out, ``share`` (N,) of a correction, and why."""
    if (share == 1).all():
        return ()
    why = _against(gain_db, checks)
    said = f"{100 * share.max():.0f} % of the correction is made, which is safer than none and all: {why}"
    return Caution("corrected-in-part", said), *(
        Caution(
            "corrected-in-part",
            f"slice {i} is returned as it is: what would be taken out of it varies by more than itself with how much "
            f"noise is assumed ({100 * scattered:.0f} % of its variance)",
            i,
        )
        for i, (part, scattered) in enumerate(zip(share, checks.scatter, strict=True), 1)
        if part == 0
    )


def _against(gain_db: Array, checks: Checks) -> str:
    """What speaks loudest against separating slices that mix."""
    if gain_db.min() < in_part.LEAST_GAIN_DB:
        return f"taking the ghosts out is expected to gain {gain_db.min():.1f} dB only"
    scattered = float(checks.scatter.max())
    if scattered > in_part.MOST_SCATTER or in_part.by_scatter(checks) >= in_part.by_likeness(checks):
        return f"what is taken out depends on how much noise is assumed ({100 * scattered:.0f} % of its variance)"
    return f"the separated slices still have something in common (correlation {checks.still_shared:.2f})"


def of_rung(choice: Choice) -> tuple[Caution, ...]:
    """Of a one-sided or full T."""
    if choice.rung == "full":
        return (Caution("any-t", "any T was fitted: no simpler model of mixing explains what the slices share"),)
    stained = int(choice.rung[-1])
    said = (
        f"crosstalk is one-sided: slice {stained} holds a ghost of slice {3 - stained} and none the other way; slice "
        f"{3 - stained} is returned as it is"
    )
    one_sided = Caution("one-sided", said, 3 - stained)
    ahead = lead(choice.rung, choice.log_evidence)
    if ahead is None or ahead[0] >= MARGIN:
        return (one_sided,)
    doubt = (
        f"that only slice {stained} holds a ghost is not certain: the next model of mixing explains the slices almost "
        f"as well ({ahead[0]:.1f} nats less)"
    )
    return one_sided, Caution("doubt-model", doubt, stained)


def units(choice: Choice, shown: bool = False) -> tuple[Caution, ...]:
    """Both readings, where it is open whether slice 1 has a unit of its own; is the other one ``shown``?"""
    reading = choice.two_units
    if reading is None or not reading.open:
        return ()
    taken, other = (f"slice 1 in {reading.gain:.2f} of slice 2's unit", "both in one unit")
    taken, other = (taken, other) if reading.taken else (other, taken)
    said = (
        f"two readings fit almost alike ({abs(reading.nats):.1f} nats between them): {taken}, which is taken, or "
        f"{other}; under the other one{', which is shown as well,' if shown else ''} the coarse contrast is shared out "
        "otherwise"
    )
    return (Caution("two-readings", said, 1),)


def any_direction(found: Directional, stained: int) -> Caution:
    """That a ghost depends on more than the length of k, in slice number ``stained``."""
    percent, error = 100 * found.explained, 100 * found.error
    return Caution(
        "ghost-of-direction",
        f"the ghost in slice {stained} depends on the direction of k, or is displaced: a filter that allows for it "
        f"foretells {percent:.1f} ± {error:.1f} % of what was left in parts of the field that it had not seen, and is "
        "used",
        stained,
    )


def doubts(choice: Choice, trust: Trust, agreed: float) -> tuple[Caution, ...]:
    """Of slices separated under a free start: what nothing but the prior could have told, and it could not."""
    found = []
    if trust.middle < SKILL:
        found.append(
            Caution(
                "doubt-texture",
                "the slices are textures that cannot be foretold from what surrounds them: which coarse structure "
                "belongs to which slice is left much as the reconstruction had it, and ghosts may remain",
            )
        )
    if agreed < AGREED:
        found.append(
            Caution(
                "doubt-coarse",
                f"the coarsest contrast cannot be told apart (solutions agree by {100 * max(agreed, 0):.0f} % only): "
                "which slice it belongs to is left much as the reconstruction had it",
            )
        )
    return tuple(found)
