"""``resolution``: how sharp an edge in an image is."""

from __future__ import annotations

from pathlib import Path

import click

from ddip_tf.commands.options import PAGE, PIXEL_SIZE, read_image
from ddip_tf.errors import InputError


@click.command()
@click.argument("image", metavar="IMAGE", type=click.Path())
@click.option("--line", required=True, metavar="Y0,X0:Y1,X1", help="Across an edge, in pixels, counted from 0.")
@click.option("--band", default=5, show_default=True, help="Average so many parallel lines, a pixel apart.")
@PAGE
@PIXEL_SIZE
@click.option("-o", "--output", metavar="PNG", type=click.Path(), help="Left out: <IMAGE's stem>-resolution.png, here.")
def resolution(image: str, line: str, band: int, index: int, pixel_size: float | None, output: str | None) -> None:
    """Width of an edge: an error function fitted to a line profile; FWHM of its derivative, with its standard error.

    \b
    ddip-tf resolution RUN/outputs/slice1.tif --line 80,40:80,72 --band 9
    """
    from ddip_tf.quality.edge_resolution import edge_resolution
    from ddip_tf.report import image_figures

    start, end = _line(line)
    pixels, size = read_image(image, index, pixel_size)
    edge = edge_resolution(pixels, start, end, band=band, pixel_size_m=size)
    path = Path(output or f"{Path(image).stem}-resolution.png")
    image_figures.draw_edge(pixels, (start, end), edge, path, size)
    click.echo(f"FWHM   {image_figures.width_of(edge)}")
    click.echo(f"edge   {edge.position_px:.1f} px along the line, step {edge.step:+.4g}, band of {band}")
    click.echo(f"plot   {path}")


def _line(text: str) -> tuple[tuple[float, float], tuple[float, float]]:
    try:
        (y0, x0), (y1, x1) = (map(float, point.split(",")) for point in text.split(":"))
    except ValueError:
        raise InputError(f"--line takes Y0,X0:Y1,X1 in pixels, such as 80,40:80,72, not {text!r}") from None
    return (y0, x0), (y1, x1)
