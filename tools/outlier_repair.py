"""What hot, dead and saturated pixels cost: PSNR of the demo pair under the default fit, with and without their repair.

python tools/outlier_repair.py
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import numpy as np

import ddip_tf
from ddip_tf.config import FitConfig
from ddip_tf.quality import with_truth
from ddip_tf.slices import SliceStack
from ddip_tf.training import solving

DATA = Path(ddip_tf.__file__).parent / "demo_data"
#: name → (value above the least one, in units of the slice's range; share of pixels, None: one)
WOUNDS = {
    "one pixel at 1.5 × the range": (1.5, None),
    "one pixel at 10 × the range": (10.0, None),
    "one pixel at 1000 × the range": (1000.0, None),
    "1 % at the largest value": (1.0, 0.01),
    "1 % at 3 × the range": (3.0, 0.01),
    "1 % dead, at the least value": (0.0, 0.01),
}


def wounded(stack: SliceStack, value: float, share: float | None) -> SliceStack:
    images, dice = stack.images.copy(), np.random.default_rng(0)
    for image in images:
        low, spread = image.min(), np.ptp(image)
        bad = dice.random(image.shape) < (share or 0)
        if share is None:
            bad[tuple(dice.integers(image.shape))] = True
        image[bad] = low + value * spread
    return replace(stack, images=images)


def clipped(stack: SliceStack) -> SliceStack:
    top = np.percentile(stack.images, 99, axis=(1, 2), keepdims=True)
    return replace(stack, images=np.minimum(stack.images, top))


def without_repair(stack: SliceStack, config: FitConfig) -> np.ndarray:
    """Slices (N, H, W) as the default separates them with their outliers."""
    solved = solving.solve(stack, config)
    return solving.told(solved, stack, config, solved.slices, solved.solution.decided).outputs


@click.command()
def main() -> None:
    stack = ddip_tf.read(DATA / "slice1.tif", DATA / "slice2.tif")
    truth = ddip_tf.read(DATA / "truth1.tif", DATA / "truth2.tif").images
    config = ddip_tf.preset("default")
    cases = {"clean": stack, **{name: wounded(stack, *wound) for name, wound in WOUNDS.items()}}
    cases["the brightest 1 % clipped"] = clipped(stack)
    click.echo("| both slices | slice 1, slice 2 | without the repair |\n| --- | --- | --- |")
    for name, case in cases.items():
        pairs = [ddip_tf.fit(case, config).outputs, without_repair(case, config)]
        cells = [", ".join(f"{row.psnr:.1f}" for row in with_truth.score(pair, truth)) for pair in pairs]
        click.echo(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
