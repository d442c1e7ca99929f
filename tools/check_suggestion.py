"""Is the run that a sweep suggests the right one? Sweeps of pairs with known truth are held against it.

    python tools/check_suggestion.py SWEEP PAIR [SWEEP PAIR …]

PAIR is the folder with truth1, truth2, … (.npy or .tif) of the slices that SWEEP was made from. A run's |leak| is that
of its worst slice. The demand: on a sweep whose best |leak| is at most half the input's, the suggested run's is at
most 1.2 × the best + 0.02.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import click

from ddip_tf import blind, metrics, regeneration
from ddip_tf.archive import load_manifest
from ddip_tf.formats import read
from ddip_tf.slices import SliceStack
from ddip_tf.suggestion import suggest


def check(sweep: Path, pair: Path) -> dict[str, Any]:
    """Leaks of a sweep's input, best and suggested run."""
    truth = read(*(sorted(pair.glob("truth*.npy")) or sorted(pair.glob("truth*.tif"))))
    rows, leaks, before = [], {}, 0.0
    with (sweep / "summary.csv").open() as file:
        table = [row for row in csv.DictReader(file) if row["status"] == "done"]
    for row in table:
        run = sweep / "runs" / row["run"]
        manifest = load_manifest(run)
        inputs, outputs = regeneration.archived(run)
        true = truth.cropped(*manifest["crop"]) if manifest["crop"] else truth
        leaks[row["run"]], before = worst(outputs, true), worst(inputs, true)
        words = ("run", "status", "preset", "mixing")
        numbers: dict[str, Any] = {k: v if k in words else float(v) for k, v in row.items() if v}
        numbers.setdefault("gamma", None)
        numbers["unexplained"] = blind.unexplained(inputs, manifest["final"]["fidelity"])
        rows.append(numbers)
    advice = suggest(rows)
    best = min(leaks, key=leaks.__getitem__)
    found = {"sweep": sweep.name, "runs": len(rows), "input": before, "best": leaks[best], "best run": best}
    chosen = advice.run if advice else "none"
    demanded = leaks[best] <= before / 2
    holds = leaks.get(chosen, float("inf")) <= 1.2 * leaks[best] + 0.02
    verdict = "holds" if holds else "FAILS"
    found |= {"suggested": leaks.get(chosen, float("nan")), "suggested run": chosen}
    return found | {"verdict": verdict if demanded else f"not demanded ({verdict})"}


def worst(images: Any, truth: SliceStack) -> float:
    """Largest |leak| over the slices."""
    return max(abs(one.leak) for one in metrics.score(images, truth.images))


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(folders: tuple[Path, ...]) -> None:
    if len(folders) % 2:
        raise click.UsageError("give pairs: SWEEP PAIR [SWEEP PAIR …]")
    click.echo("| sweep | runs | input | best | its run | suggested | its run | demand |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for sweep, pair in zip(folders[::2], folders[1::2], strict=True):
        row = check(sweep, pair).values()
        click.echo("| " + " | ".join(f"{v:.2f}" if isinstance(v, float) else str(v) for v in row) + " |")


if __name__ == "__main__":
    main()
