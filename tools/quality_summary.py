"""What the rows of a matrix (`quality_matrix`) come to, kind by kind:

    gain       PSNR of output less that of input, dB; PSNR counts up to 60 dB
    harmed     slices that lost more than 0.3 dB; all slices of a case that failed
    silently   of these, slices that no doubt was said about: a warning whose code begins with "doubt", on that slice or
               on all (of warnings that are plain sentences, those with one of PHRASES)
    withheld   slices returned as they came in, though the oracle (`oracle.py`: law and noise known) gains more than
               3 dB, and more than 3 dB beyond what smoothing the slice by itself would
    share      the sum of gains over that of the oracle's
    false      slices that a doubt was said about and that gained 1 dB or more
    detail     slices with KEPT of their input's gain at every k at which the input follows its truth, of those with
               such k (`ddip_tf.quality.detail`)

The last lines take the kinds together that the oracle improves by REACH_DB in the mean, and the slices that it improves
by as much more than the best smoothing of a slice by itself does. Rates have Clopper-Pearson bounds at 95 %, as if
slices were independent; those of one case are not, so cases with a harmed slice are counted too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

HARM_DB, WITHHELD_DB, GAINED_DB, REACH_DB = 0.3, 3.0, 1.0, 3.0
KEPT = (0.9, 1.1)


def summarise(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Figures of some rows together."""
    rows = list(rows)
    slices = [one for row in rows for one in row.get("slices", [])]
    gain = np.array([one["output"]["psnr"] - one["input"]["psnr"] for one in slices])
    reach = np.array([one["oracle"] - one["input"]["psnr"] for one in slices])
    doubt, same = (np.array([one[name] for one in slices], bool) for name in ("doubt", "same"))
    own = np.array([one["oracle"] - one["smoothed"] for one in slices])
    able = np.minimum(reach, own) >= REACH_DB
    judged = [one for one in slices if one["kept"]]
    lost = sum(row["count"] for row in rows if "error" in row)
    bad = gain < -HARM_DB
    hurt = sum("error" in row or any(harmed(one) for one in row["slices"]) for row in rows)
    count = len(slices) + lost
    return {
        "cases": len(rows),
        "slices": count,
        "failed": sum("error" in row for row in rows),
        "gain": {name: float(f(gain)) if len(gain) else None for name, f in _STATISTICS.items()},
        "harmed": rate(int(bad.sum()) + lost, count),
        "silently": rate(int((bad & ~doubt).sum()) + lost, count),
        "cases harmed": rate(int(hurt), len(rows)),
        "withheld": int((same & (np.minimum(reach, own) > WITHHELD_DB)).sum()),
        "reach": float(reach.mean()) if len(reach) else None,
        "smoothing": float((reach - own).mean()) if len(reach) else None,
        "beyond smoothing": {
            "slices": int(able.sum()),
            "gain": float(gain[able].mean()) if able.any() else None,
            "reach": float(reach[able].mean()) if able.any() else None,
        },
        "share": float(gain.sum() / reach.sum()) if reach.sum() > 0 else None,
        "false": rate(int((doubt & (gain >= GAINED_DB)).sum()), int((gain >= GAINED_DB).sum())),
        "detail": rate(sum(_within(one["kept"]) for one in judged), len(judged)),
        "same": int(same.sum()),
        "seconds": float(np.mean([row["seconds"] for row in rows if "seconds" in row] or [0.0])),
    }


def markdown(found: dict[str, dict[str, Any]]) -> str:
    """The table of `summarise` by kind, the last row of all."""
    lines = [
        "| kind | cases | slices | gain: mean | median | worst "
        "| harmed | silently | withheld | share | false | detail | same | s |",
        "| --- |" + " --- |" * 13,
    ]
    for name, one in found.items():
        gain = " | ".join("–" if one["gain"][key] is None else f"{one['gain'][key]:+.1f}" for key in _STATISTICS)
        share = "–" if one["share"] is None else f"{100 * one['share']:.0f} %"
        lines.append(
            f"| {name} | {one['cases']} | {one['slices']} | {gain} | {one['harmed']['count']} | "
            f"{one['silently']['count']} | {one['withheld']} | {share} | {one['false']['count']} | "
            f"{one['detail']['count']} of {one['detail']['of']} | {one['same']} | "
            f"{one['seconds']:.1f} |"
        )
    lines.append("")
    for name in ("harmed", "silently", "cases harmed", "false", "detail"):
        rate = found["all"][name]
        low, high = (f"{100 * bound:.1f}" for bound in rate["bounds"])
        lines.append(f"{name}: {rate['count']} of {rate['of']}, {low} to {high} % (95 %)")
    able = [one for name, one in found.items() if name != "all" and (one["reach"] or 0) >= REACH_DB]
    if able:
        reach, alone, gain = (np.mean([value(one) for one in able]) for value in _MEANS)
        lines.append(
            f"kinds the oracle improves by {REACH_DB:g} dB: {len(able)}, mean gain {gain:+.1f} dB "
            f"(oracle {reach:+.1f}, smoothing each slice by itself as well as can be {alone:+.1f})"
        )
    beyond = found["all"]["beyond smoothing"]
    if beyond["slices"]:
        lines.append(
            f"slices the oracle improves by {REACH_DB:g} dB more than smoothing: {beyond['slices']}, "
            f"mean gain {beyond['gain']:+.1f} dB (oracle {beyond['reach']:+.1f})"
        )
    return "\n".join(lines) + "\n"


def harmed(one: dict[str, Any]) -> bool:
    """Did a slice lose more than `HARM_DB`?"""
    return one["output"]["psnr"] - one["input"]["psnr"] < -HARM_DB


def rate(count: int, total: int) -> dict[str, Any]:
    """A count, of how many, and the bounds of its rate (Clopper & Pearson 1934)."""
    from scipy.stats import binomtest

    bounds = binomtest(count, total).proportion_ci(0.95, method="exact") if total else (0.0, 1.0)
    return {"count": count, "of": total, "bounds": [float(bound) for bound in bounds]}


def _within(kept: tuple[float, float]) -> bool:
    return KEPT[0] <= kept[0] and kept[1] <= KEPT[1]


#: of figures of a kind: what the oracle gains, what smoothing does, what the program does
_MEANS: tuple[Callable[[dict[str, Any]], float], ...] = (
    lambda one: one["reach"],
    lambda one: one["smoothing"],
    lambda one: one["gain"]["mean"],
)
_STATISTICS: dict[str, Callable[[np.ndarray], Any]] = {"mean": np.mean, "median": np.median, "worst": np.min}
