"""``score``: a run against known truth."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path())
@click.option("--truth", required=True, metavar="T1 T2 …", help="True slices, one file each (TIFF or .npy).")
@click.argument("more", nargs=-1, metavar="")
def score(run: str, truth: str, more: tuple[str, ...]) -> None:
    """Hold a run against known truth: PSNR, SSIM, correlation, leak, absolute error, before and after.

    \b
    ddip-tf score RUN --truth truth1.tif truth2.tif
    """
    click.echo(scores(Path(run), (truth, *more)))


def scores(run: Path, truth: tuple[str, ...]) -> str:
    """Table of a run's inputs and outputs against the slices in the files ``truth``."""
    from ddip_tf.archive.run import open_run
    from ddip_tf.formats import read
    from ddip_tf.quality import with_truth

    opened = open_run(run)
    true = read(*truth).images
    return with_truth.table(with_truth.score(opened.outputs, true), with_truth.score(opened.inputs, true))
