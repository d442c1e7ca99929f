"""``spectrum``: what an image holds at each spatial frequency."""

from __future__ import annotations

from pathlib import Path

import click

from ddip_tf.commands.options import PAGE, PIXEL_SIZE, read_image


@click.command()
@click.argument("image", metavar="IMAGE", type=click.Path())
@PAGE
@PIXEL_SIZE
@click.option("-o", "--output", metavar="PNG", type=click.Path(), help="Left out: <IMAGE's stem>-spectrum.png, here.")
def spectrum(image: str, index: int, pixel_size: float | None, output: str | None) -> None:
    """Plot an image's power spectrum P as (log10 P)^2.5, and its mean over rings.

    P is normalised by its sum; its logarithm is counted from 1e-10.

    \b
    ddip-tf spectrum RUN/outputs/slice1.tif -o spectrum.png
    """
    from ddip_tf.report import image_figures

    pixels, size = read_image(image, index, pixel_size)
    click.echo(image_figures.draw_spectrum(pixels, Path(output or f"{Path(image).stem}-spectrum.png"), size))
