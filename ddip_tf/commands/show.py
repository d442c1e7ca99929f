"""``show``: what a file or a run folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ddip_tf.commands import units
from ddip_tf.commands.options import file_option


@click.command()
@click.argument("path", metavar="FILE|RUN", type=click.Path())
@file_option
@click.option(
    "--energy", type=units.ENERGY, metavar="E", help="12keV of photons, 300kV of electrons; wins over the file."
)
@click.option("--electrons", is_flag=True, help="The energy is that of electrons.")
@click.option("--wavelength", "wavelength_m", type=units.WAVELENGTH, metavar="L", help="Instead of an energy.")
@click.option("--pixel-size", "pixel_size_m", type=units.PIXEL, metavar="L", help="Such as 7.3nm; wins over the file.")
@click.option("--spacing", "spacing_m", type=units.SPACING, metavar="L", help="Between slices; wins over the file.")
@click.option(
    "--resolution", "resolution_m", type=units.PIXEL, metavar="L", help="Transverse; left out: the pixel size."
)
def show(path: str, **said: Any) -> None:
    """Say what an image file or a run folder holds.

    With wavelength and pixel size known: depth of focus, how many of it lie between slices, and what to expect.

    \b
    ddip-tf show slice1.tif
    ddip-tf show product.h5 --energy 12keV --spacing 30um
    ddip-tf show object.npy --energy 300kV --pixel-size 0.2A
    ddip-tf show RUN
    """
    from ddip_tf.report import text

    click.echo(text.run(path) if Path(path).is_dir() else text.file(path, **said))
