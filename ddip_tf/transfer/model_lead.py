"""How far the mixing model that was chosen is ahead of the others."""

from __future__ import annotations

from collections.abc import Mapping

#: what a rung must have in evidence (nats) over none before anything is taken out: clean slices with noise stay below
#: 0, ghosts of 0.2 stand above 10 (development pairs, `tools/quality.py`)
CLEAR = 4.0


def lead(chosen: str, log_evidence: Mapping[str, float]) -> tuple[float, str] | None:
    """Evidence of the ``chosen`` mixing model over the best of the others (nats), and that one's name.

    Under 0 where another is ahead, but not clearly enough to be taken. ``a, gain`` is a variant of ``a``, and no other;
    a model is as good as its best variant. None where ``chosen`` is not among them, or alone.

    >>> lead("none", {"none": 0.0, "one-sided 2": 2.6, "full": -9.0})
    (-2.6, 'one-sided 2')
    >>> lead("free start", {"none": 0.0, "free start": 31.0, "free start, gain": 40.0, "full": 28.0})
    (12.0, 'full')
    """
    best: dict[str, float] = {}
    for name, nats in log_evidence.items():
        model = name.split(",")[0]
        best[model] = max(nats, best.get(model, nats))
    own = best.pop(chosen, None)
    if own is None or not best:
        return None
    rival = max(best, key=best.__getitem__)
    return own - best[rival], rival
