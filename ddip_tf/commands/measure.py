"""``spectrum`` and ``resolution``: what an image holds at each spatial frequency, and how sharp an edge in it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ddip_tf.commands import units
from ddip_tf.errors import InputError

if TYPE_CHECKING:
    from ddip_tf._typing import Floats

PIXEL_SIZE = click.option("--pixel-size", type=units.PIXEL, metavar="L", help="Such as 7.3nm; wins over the file.")
PAGE = click.option("--slice", "index", type=int, default=0, show_default=True, help="Of a file of several, from 0.")


@click.command()
@click.argument("image", metavar="IMAGE")
@PAGE
@PIXEL_SIZE
@click.option("-o", "--output", metavar="PNG", help="Left out: <IMAGE's stem>-spectrum.png, here.")
def spectrum(image: str, index: int, pixel_size: float | None, output: str | None) -> None:
    """Plot an image's power spectrum P as (log10 P)^2.5, and its mean over rings.

    P is normalised by its sum; its logarithm is counted from 1e-10.

    \b
    ddip-tf spectrum RUN/outputs/slice1.tif -o spectrum.png
    """
    from ddip_tf import plots

    pixels, size = _read(image, index, pixel_size)
    click.echo(plots.draw_spectrum(pixels, Path(output or f"{Path(image).stem}-spectrum.png"), size))


@click.command()
@click.argument("image", metavar="IMAGE")
@click.option("--line", required=True, metavar="Y0,X0:Y1,X1", help="Across an edge, in pixels, counted from 0.")
@click.option("--band", default=5, show_default=True, help="Average so many parallel lines, a pixel apart.")
@PAGE
@PIXEL_SIZE
@click.option("-o", "--output", metavar="PNG", help="Left out: <IMAGE's stem>-resolution.png, here.")
def resolution(image: str, line: str, band: int, index: int, pixel_size: float | None, output: str | None) -> None:
    """Width of an edge: an error function fitted to a line profile; FWHM of its derivative, with its standard error.

    \b
    ddip-tf resolution RUN/outputs/slice1.tif --line 80,40:80,72 --band 9
    """
    from ddip_tf import plots
    from ddip_tf.resolution import edge_resolution

    start, end = _line(line)
    pixels, size = _read(image, index, pixel_size)
    edge = edge_resolution(pixels, start, end, band=band, pixel_size_m=size)
    path = plots.draw_edge(pixels, (start, end), edge, Path(output or f"{Path(image).stem}-resolution.png"))
    click.echo(f"FWHM   {plots.width_of(edge)}")
    click.echo(f"edge   {edge.position_px:.1f} px along the line, step {edge.step:+.4g}, band of {band}")
    click.echo(f"plot   {path}")


def _read(image: str, index: int, pixel_size: float | None) -> tuple[Floats, tuple[float, float] | None]:
    """One image (H, W) of a file and its (y, x) pixel size in metres, if known."""
    import numpy as np

    from ddip_tf.formats import read_images

    images, size = read_images(image)
    if not 0 <= index < len(images):
        raise InputError(f"{image} has no slice {index}: it holds {len(images)}, counted from 0")
    if np.iscomplexobj(images):
        raise InputError(f"{image} is complex: give its phase in rad, for example numpy.angle(object)")
    return images[index], (pixel_size, pixel_size) if pixel_size is not None else size


def _line(text: str) -> tuple[tuple[float, float], tuple[float, float]]:
    try:
        (y0, x0), (y1, x1) = (map(float, point.split(",")) for point in text.split(":"))
    except ValueError:
        raise InputError(f"--line takes Y0,X0:Y1,X1 in pixels, such as 80,40:80,72, not {text!r}") from None
    return (y0, x0), (y1, x1)
