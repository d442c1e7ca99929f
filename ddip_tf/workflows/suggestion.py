"""Which fit of a sweep to look at first, and why, from the sweep's own figures (no truth). Pure Python."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

Row = Mapping[str, Any]

#: a run is left out if one of its slices has less than this share of its input's contrast (an empty slice), or if its
#: slices follow their inputs better in another order (confused slices)
EMPTY = 0.3
#: a setting is left out if it leaves more of the inputs' variance unexplained than this …
UNEXPLAINED = 0.2
#: … or keeps less of the fine structure than the best by this much …
DETAIL = 0.25
#: … or if α₁/α₂ fell to less than this share of what it is at the mixing's lowest γ (paper, §3.1: a sign of
#: "highly aberrated" images)
ALPHA_DRIFT = 0.5
#: ghost correlations nearer than this are alike: of such settings the one that keeps more detail is taken
ALIKE = 0.02


@dataclass(frozen=True)
class Suggestion:
    """The ``run`` to look at first, and the ``reason`` in a sentence or two."""

    run: str
    reason: str


@dataclass(frozen=True)
class _Setting:
    """Means over the seeds of one setting."""

    label: str
    run: str
    ghost: float
    detail: float
    unexplained: float
    alpha_ratio: float | None
    gamma: float | None
    family: tuple[str, str]


def suggest(rows: Sequence[Row]) -> Suggestion | None:
    """Of the settings that explain their inputs and keep their detail, the one whose outputs' edges coincide least.

    Parameters
    ----------
    rows
        of the sweep's table (`ddip_tf.workflows.sweep_table.row`); those without figures are passed over. Seeds of one
        setting that came out with an empty slice or with confused slices are left out, the others averaged; of these
        the one with the lowest fidelity loss is named.

    Returns
    -------
    Suggestion or None
        None where there are fewer than two settings to choose from.
    """
    finished = [row for row in rows if "ghost_correlation" in row]
    settings = _settings([row for row in finished if not _failed(row)])
    if len({_setting(row) for row in finished}) < 2 or not settings:
        return None
    best_detail = max(one.detail for one in settings)
    kept, out = [], _left_out([row for row in finished if _failed(row)])
    for one in settings:
        fault = _fault(one, settings, best_detail)
        if fault:
            out.append(f"{one.label} ({fault})")
        else:
            kept.append(one)
    if not kept:
        return None
    least = min(abs(one.ghost) for one in kept)
    alike = [one for one in kept if abs(one.ghost) <= least + ALIKE]
    chosen = max(alike, key=lambda one: one.detail)
    reason = (
        f"{chosen.label}: the edges of its slices coincide {'least' if len(alike) == 1 else 'as little as any'} "
        f"(ghost correlation {chosen.ghost:+.2f}"
        + (f", next {_next(kept, chosen):+.2f}" if len(kept) > 1 else "")
        + f"), it keeps {chosen.detail:.0%} of the fine structure and leaves {chosen.unexplained:.1%} of the inputs' "
        "variance unexplained."
    )
    if out:
        reason += f" Left out: {'; '.join(out)}."
    return Suggestion(chosen.run, reason)


def _failed(row: Row) -> str | None:
    """How a run failed to give N slices, if it did."""
    if row.get("contrast_kept", 1.0) < EMPTY:
        return "a slice came out empty"
    return "slices confused" if row.get("order_margin", 0.0) < 0 else None


def _left_out(rows: Sequence[Row]) -> list[str]:
    """What is said of failed runs: ``shallow, γ 0.4 (2 seeds: slices confused)``."""
    groups: dict[tuple[str, str | None], int] = {}
    for row in rows:
        key = _label(row["mixing"], row["gamma"]), _failed(row)
        groups[key] = groups.get(key, 0) + 1
    return [f"{label} ({f'{count} seeds: ' if count > 1 else ''}{fault})" for (label, fault), count in groups.items()]


def _setting(row: Row) -> tuple[str, str, float | None]:
    return row["preset"], row["mixing"], row["gamma"]


def _label(mixing: str, gamma: float | None) -> str:
    return mixing if gamma is None else f"{mixing}, γ {gamma:g}"


def _settings(rows: Sequence[Row]) -> list[_Setting]:
    groups: dict[tuple[str, str, float | None], list[Row]] = {}
    for row in rows:
        groups.setdefault(_setting(row), []).append(row)
    found = []
    for (preset, mixing, gamma), seeds in groups.items():
        ratios = [row["alpha1"] / row["alpha2"] for row in seeds if row.get("alpha2")]
        found.append(
            _Setting(
                label=_label(mixing, gamma),
                run=min(seeds, key=lambda row: row["fidelity"])["run"],
                ghost=fmean(row["ghost_correlation"] for row in seeds),
                detail=fmean(row["detail_kept"] for row in seeds),
                unexplained=fmean(row["unexplained"] for row in seeds),
                alpha_ratio=math.exp(fmean(map(math.log, ratios))) if ratios else None,
                gamma=gamma,
                family=(preset, mixing),
            )
        )
    return found


def _fault(one: _Setting, settings: Sequence[_Setting], best_detail: float) -> str | None:
    """Why a setting is not to be trusted, if it is not."""
    if one.unexplained > UNEXPLAINED:
        return f"{one.unexplained:.0%} of the inputs unexplained"
    if one.detail < best_detail - DETAIL:
        return f"keeps {one.detail:.0%} of the fine structure"
    family = [other for other in settings if other.family == one.family and other.alpha_ratio is not None]
    if one.alpha_ratio is None or not family:
        return None
    lowest = min(family, key=lambda other: other.gamma or 0.0)
    if one.alpha_ratio < ALPHA_DRIFT * (lowest.alpha_ratio or 0.0):
        return f"α₁/α₂ drifted from {lowest.alpha_ratio:.1f} to {one.alpha_ratio:.1f}"
    return None


def _next(kept: Sequence[_Setting], chosen: _Setting) -> float:
    return min((one.ghost for one in kept if one is not chosen), key=abs)
