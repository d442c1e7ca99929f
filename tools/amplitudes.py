"""What log-amplitudes add to phases: slices separated from the phases alone and with both, against the truth.

    python tools/amplitudes.py PAIR [PAIR …]

PAIR is a folder of `tools/simulate.py` (object.npy, meta.json, truth1.npy, …). The table has the PSNR (dB) of every
slice, input, phases alone, both, and how much of the log-amplitudes' power their law explains.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np

from ddip_tf.quality import with_truth
from ddip_tf.slices.phase import Conversion, convert
from ddip_tf.transfer import estimate_transfer, solver

SIDE_PX = 192  # of the middle part that is used


def compare(pair: Path) -> tuple[list[list[float]], float]:
    """PSNR of input, phases alone and both, (3, N), and the share explained."""
    y0, y1, x0, x1 = json.loads((pair / "meta.json").read_text())["crop"]
    start = max(0, (y1 - y0 - SIDE_PX) // 2)  # scanned areas are square
    part = np.s_[:, start : start + SIDE_PX, start : start + SIDE_PX]
    obj = np.load(pair / "object.npy")[:, y0:y1, x0:x1][part]
    truth = np.stack([np.load(path) for path in sorted(pair.glob("truth*.npy"))])[part]
    phases, amplitudes = (convert(obj, Conversion(quantity))[0].astype(float) for quantity in ("phase", "amplitude"))
    transfer = estimate_transfer(phases)
    alone, both = (solver.solve(phases, transfer, amplitudes=a) for a in (None, amplitudes))
    found = [[one.psnr for one in with_truth.score(images, truth)] for images in (phases, alone.images, both.images)]
    return found, both.observed.explained if both.observed else 0.0


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.argument("pairs", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(pairs: tuple[Path, ...]) -> None:
    click.echo("| pair | input | phases alone | both | mean gain | explained |\n| --- | --- | --- | --- | --- | --- |")
    gains = []
    for pair in pairs:
        found, explained = compare(pair)
        cells = [", ".join(f"{value:.1f}" for value in row) for row in found]
        gains.append(float(np.mean(found[2]) - np.mean(found[1])))
        click.echo(f"| {pair.name} | {' | '.join(cells)} | {gains[-1]:+.2f} | {explained:.2f} |")
    click.echo(f"mean gain {np.mean(gains):+.2f} dB, worst {min(gains):+.2f}, best {max(gains):+.2f}")


if __name__ == "__main__":
    main()
