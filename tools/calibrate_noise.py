"""What share of the projected power is noise: the table `ddip_tf.transfer.noise.SHARES`, measured on pairs with known
truth.

    python tools/calibrate_noise.py FOLDER

FOLDER holds folders with slice1.tif, slice2.tif and truth1.npy, truth2.npy (`tools/simulate.py` makes them). In rings
around each k the true law T is fitted by regression of the slices on the truth; what it leaves over is noise. Printed:
the share in the difference and in the sum of the slices, of each pair and as geometric mean over pairs.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from quality import load

from ddip_tf.transfer.bands import frequencies, log_gaussian, projected_power
from ddip_tf.transfer.dct import dct
from ddip_tf.transfer.noise import SHARES
from ddip_tf.transfer.smica import difference_projector


def shares(images: np.ndarray, truth: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Noise in each difference mode and in the sum over the projected power, in rings around k (K,): (2, K)."""
    count = len(images)
    grid, width = frequencies(*images.shape[1:]), np.log(k[1] / k[0]) / 2
    given, true = (dct(np.asarray(x, float) - x.mean((1, 2), keepdims=True)) for x in (images, truth))
    noise = []
    for centre in k:
        weight = log_gaussian(grid, centre, width)
        cross, own = (np.einsum("hw,hwi,hwj->ij", weight, x, true) for x in (given, true))
        left = given - true @ (cross @ np.linalg.inv(own)).T
        noise.append(np.einsum("hw,hwi,hwj->ij", weight, left, left) / weight.sum())
    apart = difference_projector(count)
    in_sum = np.einsum("kij,ij->k", noise, np.eye(count) - apart)
    in_difference = np.einsum("kij,ij->k", noise, apart) / (count - 1)
    return np.stack([in_difference, in_sum]) / projected_power(np.asarray(images, float), k)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--pattern", default="*", show_default=True, help="Of the pairs' folder names.")
def main(folder: Path, pattern: str) -> None:
    """Measure noise shares on the pairs with truth in FOLDER."""
    k = np.geomspace(SHARES[0, 0], SHARES[-1, 0], 13)
    pairs = sorted(path.parent for path in folder.glob(f"{pattern}/truth1.npy"))
    found = []
    for pair in pairs:
        stack, truth = load(pair)
        found.append(shares(stack.images, truth, k))
        for word, row in zip(("difference", "sum"), found[-1], strict=True):
            click.echo(f"{pair.name:32s} {word:10s} " + " ".join(f"{value:7.4f}" for value in row))
    mean = np.exp(np.log(found).mean(0))
    click.echo(f"\n{len(pairs)} pairs, geometric mean\n      k  difference     sum")
    for row in zip(k, *mean, strict=True):
        click.echo("{:7.4f} {:11.4f} {:7.4f}".format(*row))


if __name__ == "__main__":
    main()
