"""Pictures of too little and too much γ, from a sweep of the demo pair: docs/gamma.png.

    ddip-tf sweep ddip_tf/demo_data/slice1.tif ddip_tf/demo_data/slice2.tif -o SWEEP --preset paper \\
        --mixing shallow,kernel --gamma 0,0.1,0.4,3 --epochs 500 --crop 20:132,40:168
    python tools/mixing_pictures.py SWEEP docs/gamma.png

One row a mixing and slice, one column a γ; grey scales are those of the input. What is printed is leak and PSNR against
the known truth.
"""

from __future__ import annotations

from pathlib import Path

import click

from ddip_tf.archive.manifest import load_manifest
from ddip_tf.archive.run import archived
from ddip_tf.formats import read
from ddip_tf.quality import with_truth
from ddip_tf.report.figures import add_length
from ddip_tf.report.scales import of_run
from ddip_tf.slices.display import display_range

DATA = Path(__file__).parents[1] / "ddip_tf" / "demo_data"


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.argument("sweep", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("picture", type=click.Path(dir_okay=False, path_type=Path))
def main(sweep: Path, picture: Path) -> None:
    from matplotlib.figure import Figure

    runs: dict[str, dict[float, Path]] = {}
    for run in sorted((sweep / "runs").iterdir()):
        manifest = load_manifest(run)
        runs.setdefault(manifest["config"]["mixing"], {})[manifest["gamma"]] = run
    count = max(map(len, runs.values()))
    height, width = manifest["shape"]
    scale = of_run(manifest)
    figure = Figure(figsize=(2 * (count + 1), 4 * len(runs) * height / width + 0.3), layout="constrained", dpi=80)
    axes = figure.subplots(2 * len(runs), count + 1, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    truth = read(DATA / "truth1.tif", DATA / "truth2.tif")
    for block, (mixing, by_gamma) in enumerate(sorted(runs.items(), reverse=True)):
        for column, (gamma, run) in enumerate(sorted(by_gamma.items()), 1):
            crop = load_manifest(run)["crop"]
            true = truth.cropped(*crop).images if crop else truth.images
            inputs, outputs = archived(run)
            if not block + column - 1:
                click.echo(_words("input", with_truth.score(inputs, true)))
            click.echo(_words(f"{mixing} γ {gamma:g}", with_truth.score(outputs, true)))
            for number in range(2):
                low, high = display_range(inputs[number])
                for place, image, title in (
                    (0, inputs[number], f"input {number + 1}"),
                    (column, outputs[number], f"{mixing}, γ = {gamma:g}"),
                ):
                    axis = axes[2 * block + number, place]
                    axis.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
                    axis.set_title(title, fontsize=9)
                    add_length(axis, scale, size=7)
    figure.savefig(picture)


def _words(name: str, scores: tuple[with_truth.Score, ...]) -> str:
    return f"{name}: " + "; ".join(f"{one.psnr:.1f} dB, leak {one.leak:+.2f}" for one in scores)


if __name__ == "__main__":
    main()
