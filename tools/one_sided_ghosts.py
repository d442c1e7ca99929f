"""Ghosts of opposite sign, on one side only, in slices that were scaled one by one: are they found and taken out?

    python tools/one_sided_ghosts.py FOLDER

From the truth of every pair in FOLDER (truth1.npy, truth2.npy): I1 = y1, I2 = y2 + a * y1 with a(k) between -0.2 and
-0.6, each divided by its standard deviation; then the same with the slices exchanged. Good: the correlation of the
high-passed output 2 (less a Gaussian of 4 pixels) with the high-passed y1 is within 0.1, and output 1 is input 1 to a
correlation of 0.99.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from scipy.ndimage import gaussian_filter

from ddip_tf.formats import read
from ddip_tf.transfer import dct, estimate_transfer, solver
from ddip_tf.transfer.bands import frequencies

#: a(k) = level + low exp(-(k / 0.04)^2)
PROFILES = ((-0.2, -0.4), (-0.2, 0.0), (-0.4, 0.0), (-0.6, 0.3))


def high(image: np.ndarray) -> np.ndarray:
    return image - gaussian_filter(image, 4)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Try one-sided ghosts made from the truths in FOLDER."""
    good = tried = 0
    for path in sorted(folder.glob("*/truth1.npy")):
        truth = read(path, path.with_name("truth2.npy")).images.astype(float)
        k = frequencies(*truth.shape[1:])
        for y in (truth, truth[::-1]):
            for level, low in PROFILES:
                ghost = dct.idct((level + low * np.exp(-((k / 0.04) ** 2)))[..., None] * dct.dct(y))
                images = np.stack([y[0], y[1] + ghost[0]])
                images /= images.std((1, 2), keepdims=True)
                transfer = estimate_transfer(images)
                found = solver.solve(images, transfer).images
                before, after = (correlation(high(x[1]), high(y[0])) for x in (images, found))
                same = correlation(found[0], images[0])
                tried, good = tried + 1, good + (abs(after) <= 0.1 and same >= 0.99)
                click.echo(
                    f"{path.parent.name:32s} {level:+.1f} {low:+.1f}  {transfer.normalisation:8s} "
                    f"ghost {before:+.3f} -> {after:+.3f}  slice 1 kept {same:.4f}  "
                    f"slice 2 {correlation(images[1], y[1]):.3f} -> {correlation(found[1], y[1]):.3f}"
                )
    click.echo(f"{good} of {tried} good")


if __name__ == "__main__":
    main()
