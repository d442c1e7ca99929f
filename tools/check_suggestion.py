"""Is the run that a sweep suggests the right one? Sweeps of pairs with known truth are held against it.

    python tools/check_suggestion.py SWEEP PAIR [SWEEP PAIR …]
    python tools/check_suggestion.py --stand-ins PAIR [PAIR …]

PAIR is the folder with truth1, truth2, … (.npy or .tif) of the slices that SWEEP was made from. A run's |leak| is that
of its worst slice. The demand: on a sweep whose best |leak| is at most half the input's, the suggested run's is at
most 1.2 × the best + 0.02. With --stand-ins no sweep is needed: the input, the transfer law's slices, mixtures and
blurred copies of both stand in for fits that separate more or less and smear more or less; copies with an empty slice
or with confused slices for fits that failed.
"""

from __future__ import annotations

import csv
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np

from ddip_tf.archive.manifest import load_manifest
from ddip_tf.archive.run import archived
from ddip_tf.formats import read
from ddip_tf.quality import with_truth, without_truth
from ddip_tf.slices import SliceStack
from ddip_tf.workflows.suggestion import suggest


def check(sweep: Path, pair: Path) -> dict[str, Any]:
    """Leaks of a sweep's input, best and suggested run."""
    truth = read(*(sorted(pair.glob("truth*.npy")) or sorted(pair.glob("truth*.tif"))))
    rows, leaks, before = [], {}, 0.0
    with (sweep / "summary.csv").open() as file:
        table = [row for row in csv.DictReader(file) if row["status"] == "done"]
    for row in table:
        run = sweep / "runs" / row["run"]
        manifest = load_manifest(run)
        inputs, outputs = archived(run)
        true = truth.cropped(*manifest["crop"]) if manifest["crop"] else truth
        leaks[row["run"]], before = worst(outputs, true), worst(inputs, true)
        words = ("run", "status", "preset", "mixing")
        numbers: dict[str, Any] = {k: v if k in words else float(v) for k, v in row.items() if v}
        numbers.setdefault("gamma", None)
        numbers |= asdict(without_truth.indicators(inputs, outputs))  # tables of older sweeps lack some
        numbers["unexplained"] = without_truth.unexplained(inputs, manifest["final"]["fidelity"])
        rows.append(numbers)
    return verdict(sweep.name, rows, leaks, before)


def verdict(name: str, rows: list[dict[str, Any]], leaks: dict[str, float], before: float) -> dict[str, Any]:
    """Whether the suggestion from ``rows`` meets the demand, given each run's leak and the input's."""
    advice = suggest(rows)
    best = min(leaks, key=leaks.__getitem__)
    found = {"sweep": name, "runs": len(rows), "input": before, "best": leaks[best], "best run": best}
    chosen = advice.run if advice else "none"
    demanded = leaks[best] <= before / 2
    holds = leaks.get(chosen, float("inf")) <= 1.2 * leaks[best] + 0.02
    said = "holds" if holds else "FAILS"
    found |= {"suggested": leaks.get(chosen, float("nan")), "suggested run": chosen}
    return found | {"demand": said if demanded else f"not demanded ({said})"}


def stand_ins(pair: Path) -> dict[str, Any]:
    """As `check`, of images that stand in for fits."""
    from scipy.ndimage import gaussian_filter

    from ddip_tf.transfer import estimate_transfer, solver

    stack = read(*sorted(pair.glob("slice*.tif")))
    truth = read(*(sorted(pair.glob("truth*.npy")) or sorted(pair.glob("truth*.tif"))))
    unit = float(np.ptp(stack.images))
    images = stack.images.astype(float) / unit
    solved = solver.solve(images, estimate_transfer(images), starts=1, seed=0).images
    blur, rng = (0, 1.5, 1.5), np.random.default_rng(0)
    empty = np.stack([solved[0] * 0.05 + 1e-3 * rng.standard_normal(solved[0].shape), *solved[1:]])
    fits = {
        "input": images,
        "quarter": 0.75 * images + 0.25 * solved,
        "half": (images + solved) / 2,
        "transfer": solved,
        "transfer, blurred": gaussian_filter(solved, blur),
        "input, blurred": gaussian_filter(images, blur),
        "empty": empty - empty.mean((1, 2), keepdims=True),
        "constant": np.stack([solved[0] * 0, *solved[1:]]),
        "confused": np.roll(solved, 1, 0),
        "confused, scaled": np.stack(
            [
                np.polyval(np.polyfit(y.ravel(), x.ravel(), 1), y)
                for y, x in zip(np.roll(solved, 1, 0), images, strict=True)
            ]
        ),
    }
    fixed = {"preset": "", "gamma": None, "seed": 0, "fidelity": 0.0, "unexplained": 0.0}
    rows = [
        {"run": name, "mixing": name, **fixed, **asdict(without_truth.indicators(images, y))}
        for name, y in fits.items()
    ]
    return verdict(pair.name, rows, {name: worst(y, truth) for name, y in fits.items()}, worst(images, truth))


def worst(images: Any, truth: SliceStack) -> float:
    """Largest |leak| over the slices; infinite where one is constant."""
    leaks = [abs(one.leak) for one in with_truth.score(images, truth.images)]
    return max(leaks) if np.ptp(images, axis=(1, 2)).all() and np.isfinite(leaks).all() else float("inf")


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--stand-ins", "standing", is_flag=True, help="PAIR folders only; images stand in for fits.")
def main(folders: tuple[Path, ...], standing: bool) -> None:
    if not standing and len(folders) % 2:
        raise click.UsageError("give pairs: SWEEP PAIR [SWEEP PAIR …]")
    click.echo("| sweep | runs | input | best | its run | suggested | its run | demand |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- | --- |")
    found = map(stand_ins, folders) if standing else map(check, folders[::2], folders[1::2])
    for row in (one.values() for one in found):
        click.echo("| " + " | ".join(f"{v:.2f}" if isinstance(v, float) else str(v) for v in row) + " |")


if __name__ == "__main__":
    main()
