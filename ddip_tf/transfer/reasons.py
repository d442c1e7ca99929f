"""What is to be said of two slices: why they were left alone, which model of mixing was taken, what is to be doubted.

The bounds of the doubts were chosen on development pairs (`tools/quality.py`). They find slices that gain little, and
of those that are harmed a minority (`docs/separation.md`).
"""

from __future__ import annotations

from ddip_tf._types import Array
from ddip_tf.caution import Caution
from ddip_tf.transfer.checks import Checks
from ddip_tf.transfer.directional import Directional
from ddip_tf.transfer.held_out import Trust
from ddip_tf.transfer.ladder import Choice
from ddip_tf.transfer.model_lead import lead

#: decibels of expected gain, of the slice that gains least, below which nothing is done
LEAST_GAIN_DB = 1.4
#: correlation of separated slices, and scatter over levels of noise, above which a separation is not believed: where
#: either is exceeded development pairs gain a third of a decibel on average, and a third of them are harmed
MOST_SHARED, MOST_SCATTER = 0.5, 0.14
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


def not_believed(gain_db: Array, checks: Checks | None = None) -> Caution | None:
    """Why slices that mix are given back as they were: little to gain (N,), or what `Checks` showed; or None."""
    if gain_db.min() < LEAST_GAIN_DB:
        return Caution(
            "withheld",
            f"the slices mix, but taking the ghosts out is expected to gain {gain_db.min():.1f} dB only: they lie too "
            "close or hold too little to be told apart, and are returned as they are",
        )
    if checks is not None and checks.still_shared > MOST_SHARED:
        return Caution(
            "withheld",
            "separated as far as the data say how they mix, the slices still show the same structure (correlation "
            f"{checks.still_shared:.2f}): this is not how they mix, or it truly is in both; they are returned as they "
            "are",
        )
    if checks is not None and checks.scatter.max() > MOST_SCATTER:
        return Caution(
            "withheld",
            f"what is taken out depends on how much noise is assumed ({100 * checks.scatter.max():.0f} % of its "
            "variance): the data do not carry a separation; the slices are returned as they are",
        )
    return None


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


def units(choice: Choice) -> tuple[Caution, ...]:
    """Both readings, where it is open whether slice 1 has a unit of its own."""
    reading = choice.two_units
    if reading is None or not reading.open:
        return ()
    taken, other = (f"slice 1 in {reading.gain:.2f} of slice 2's unit", "both in one unit")
    taken, other = (taken, other) if reading.taken else (other, taken)
    said = (
        f"two readings fit almost alike ({abs(reading.nats):.1f} nats between them): {taken}, which is taken, or "
        f"{other}; under the other one the coarse contrast is shared out otherwise between the slices"
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
