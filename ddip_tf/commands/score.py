"""``score``: a run against known truth."""

from __future__ import annotations

from pathlib import Path

import click

from ddip_tf.errors import InputError


@click.command()
@click.argument("run", type=click.Path())
@click.option(
    "--truth",
    required=True,
    multiple=True,
    metavar="T1 T2 …",
    type=click.Path(),
    help="True slices, one file each (TIFF or .npy).",
)
@click.argument("more", nargs=-1, metavar="", type=click.Path())
def score(run: str, truth: tuple[str, ...], more: tuple[str, ...]) -> None:
    """Hold a run against known truth: PSNR, SSIM, correlation, leak, absolute error, before and after.

    \b
    ddip-tf score RUN --truth truth1.tif truth2.tif
    """
    if len(truth) > 1 and more:  # in which order, nobody said
        raise click.UsageError("give --truth once, with all truths after it, or once for each")
    click.echo(scores(Path(run), (*truth, *more)))


def scores(run: Path, truth: tuple[str, ...]) -> str:
    """Table of a run's inputs and outputs against the slices in the files ``truth``."""
    import numpy as np

    from ddip_tf.archive.run import open_run
    from ddip_tf.formats import read_images
    from ddip_tf.quality import with_truth

    opened = open_run(run)
    pages = [page for file in truth for page in read_images(file)[0]]
    if len(pages) != len(opened.outputs):
        given = "1 truth" if len(pages) == 1 else f"{len(pages)} truths"
        raise InputError(
            f"{run} has {len(opened.outputs)} slices and --truth {given}: give one a slice, in their order"
        )
    for page in pages:
        if page.shape != opened.outputs.shape[1:]:
            raise InputError(f"a truth has shape {page.shape}, the slices of {run} {opened.outputs.shape[1:]}")
    true = np.stack(pages)
    return with_truth.table(with_truth.score(opened.outputs, true), with_truth.score(opened.inputs, true))
