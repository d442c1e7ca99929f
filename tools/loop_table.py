"""Table and figure of in_the_loop.py."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

ORDER = ("from scratch", "going on", "four times", "second pass", "in the loop", "judged", "pull")
COLOURS = dict(
    zip(ORDER, ("0.6", "tab:blue", "tab:cyan", "tab:red", "tab:green", "tab:olive", "tab:purple"), strict=True)
)


def grouped(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, list[dict[str, Any]]]]:
    """Rows by (sample, engine, start, depths), then by way; several are seeds."""
    found: dict[tuple[Any, ...], dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row["sample"], row["engine"], row["start"], row["depths"]][row["way"]].append(row)
    return dict(sorted(found.items(), key=lambda item: (*item[0][:3], -item[0][3])))


def bound(limits: dict[str, Any], sample: str, depths: float) -> np.ndarray | None:
    """(2, B) mean over seeds of the limits of a sample at a distance."""
    found = [value for key, value in limits.items() if key.startswith(f"{sample} {depths:g} ")]
    return np.mean(found, 0) if found else None


def table(rows: list[dict[str, Any]], limits: dict[str, Any], edges: tuple[float, ...]) -> str:
    """Markdown: the rms error of both slices together (rad), by way; then of bands, and what the judge said."""
    lines = [
        "| sample | engine | start | depths | " + " | ".join(ORDER) + " | bound |",
        "| --- " * (5 + len(ORDER)) + "|",
    ]
    for (sample, engine, start, depths), ways in grouped(rows).items():
        least = bound(limits, sample, depths)
        shown = [_mean([_both(row["error_rad"]) for row in ways[way]]) if way in ways else "–" for way in ORDER]
        of_all = "–" if least is None else f"{np.sqrt((least**2).sum() / 2):.4f}"
        lines.append(f"| {sample} | {engine} | {start} | {depths:g} | " + " | ".join(shown) + f" | {of_all} |")
    lines += [
        "",
        "by band of k (cycles/pixel):",
        "",
        "| sample, engine, start, depths | way | " + " | ".join(_named(edges)) + " |",
    ]
    lines.append("| --- " * (2 + len(edges) - 1) + "|")
    for kind, ways in grouped(rows).items():
        of = ", ".join(f"{part:g}" if isinstance(part, float) else part for part in kind)
        for way in (way for way in ORDER if way in ways):
            bands = np.sqrt((np.array([row["bands_rad"] for row in ways[way]]) ** 2).mean((0, 1)))
            lines.append(f"| {of} | {way} | " + " | ".join(f"{value:.4f}" for value in bands) + " |")
        least = bound(limits, kind[0], kind[3])
        if least is not None:
            both = np.sqrt((least**2).mean(0))
            lines.append(f"| {of} | bound | " + " | ".join(f"{value:.4f}" for value in both) + " |")
    return "\n".join([*lines, "", *judged(rows)])


def judged(rows: list[dict[str, Any]]) -> list[str]:
    """What the patterns held out said of separations, and what the truth says."""
    lines = [
        "| sample | engine | start | depths | after epoch | misfit before, at once, without, with it | kept | error |",
        "| --- " * 8 + "|",
    ]
    for row in rows:
        for report in row.get("reports", ()) if row["way"] == "judged" else ():
            misfits = [report.get(f"misfit_{when}") for when in ("before", "at_once", "without", "with")]
            said = ", ".join("–" if value is None else f"{value:.5f}" for value in misfits)
            before, after = (_both(report[f"error_{when}"]) for when in ("before", "settled"))
            kept = report["reason"] or ("yes" if report["accepted"] else "no")
            lines.append(
                f"| {row['sample']} | {row['engine']} | {row['start']} | {row['depths']:g} | {report['epoch']} "
                f"| {said} | {kept} | {before:.4f} → {after:.4f} |"
            )
    return lines


def draw(rows: list[dict[str, Any]], limits: dict[str, Any], edges: tuple[float, ...], path: Path) -> None:
    """A panel for each sample and engine: error over distance, and below it by band of k at the second longest."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    kinds = list(dict.fromkeys(kind[:3] for kind in grouped(rows)))
    if not kinds:
        return
    figure, axes = plt.subplots(2, len(kinds), figsize=(3.6 * len(kinds), 6.4), layout="constrained", squeeze=False)
    for kind, (upper, lower) in zip(kinds, axes.T, strict=True):
        cells = {found[3]: ways for found, ways in grouped(rows).items() if found[:3] == kind}
        shown = sorted(cells)[-2:][0]  # where ways differ, and slices are still near
        for way in ORDER:
            at = sorted(depths for depths in cells if way in cells[depths])
            values = [np.mean([_both(row["error_rad"]) for row in cells[depths][way]]) for depths in at]
            if at:
                upper.plot(at, values, "o-", color=COLOURS[way], label=way, lw=1.2, ms=3)
            if way in cells[shown]:
                bands = np.array([row["bands_rad"] for row in cells[shown][way]])
                lower.plot(np.sqrt((bands**2).mean((0, 1))), "o-", color=COLOURS[way], lw=1.2, ms=3)
        least = bound(limits, kind[0], shown)
        if least is not None:
            lower.plot(np.sqrt((least**2).mean(0)), "k:", label="bound")
            lower.legend(frameon=False)
        title = ", ".join([kind[0].replace("+", " over "), kind[1], *(() if kind[2] == "flat" else (kind[2],))])
        upper.set(xscale="log", xlabel="depths of focus between slices", title=title)
        lower.set(yscale="log", xlabel="band of k (cycles/pixel)", title=f"at {shown:g} depths of focus")
        lower.set_xticks(range(len(edges) - 1), _named(edges), rotation=45)
        upper.set_ylim(bottom=0)
        upper.set_xticks(sorted(cells), [f"{depths:g}" for depths in sorted(cells)])
        upper.minorticks_off()
    for row in axes:
        row[0].set_ylabel("rms error (rad)")
    axes[0, 0].legend(frameon=False, fontsize=7)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _both(errors: list[float]) -> float:
    """The rms over slices of their rms errors."""
    return float(np.sqrt(np.mean(np.square(errors))))


def _mean(values: list[float]) -> str:
    """The mean over seeds, and from two on their deviation."""
    return f"{np.mean(values):.4f}" + (f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else "")


def _named(edges: tuple[float, ...]) -> list[str]:
    return [f"{low:g}–{high:g}" for low, high in pairwise(edges)]
