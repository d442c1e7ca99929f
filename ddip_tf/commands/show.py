"""``show``: what a file or a run folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ddip_tf.commands import units
from ddip_tf.commands.options import beam_option, file_option


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE|RUN …", type=click.Path())
@file_option
@beam_option
@click.option("--pixel-size", "pixel_size_m", type=units.PIXEL, metavar="L", help="Such as 7.3nm; wins over the file.")
@click.option("--spacing", "spacing_m", type=units.SPACING, metavar="L", help="Between slices; wins over the file.")
@click.option(
    "--resolution", "resolution_m", type=units.PIXEL, metavar="L", help="Transverse; left out: the pixel size."
)
def show(paths: tuple[str, ...], **said: Any) -> None:
    """Say what image files or run folders hold.

    With wavelength and pixel size known: depth of focus, how many of it lie between slices, how many slices the data
    tell apart, and what to expect.

    \b
    ddip-tf show slice1.tif slice2.tif
    ddip-tf show product.h5 --energy 12keV --spacing 30um
    ddip-tf show object.npy --energy 300kV --pixel-size 0.2A
    ddip-tf show RUN
    """
    from ddip_tf.report import file_text, text

    for path in paths:
        click.echo(text.run(path) if Path(path).is_dir() else file_text.file(path, **said))
