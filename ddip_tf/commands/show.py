"""``show``: what a file or a run folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ddip_tf.commands.options import file_option

POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("path", metavar="FILE|RUN", type=click.Path())
@file_option
@click.option("--energy", "energy_kev", type=POSITIVE, metavar="KEV", help="Photon energy; wins over the file.")
@click.option("--pixel-size", "pixel_size_m", type=POSITIVE, metavar="M", help="Wins over the file.")
@click.option("--spacing", "spacing_m", type=POSITIVE, metavar="M", help="Between slices; wins over the file.")
@click.option("--resolution", "resolution_m", type=POSITIVE, metavar="M", help="Transverse; left out: the pixel size.")
def show(path: str, **said: Any) -> None:
    """Say what an image file or a run folder holds.

    With wavelength and pixel size known: depth of focus, how many of it lie between slices, and what to expect.

    \b
    ddip-tf show slice1.tif
    ddip-tf show product.h5 --energy 12
    ddip-tf show RUN
    """
    from ddip_tf.report import text

    click.echo(text.run(path) if Path(path).is_dir() else text.file(path, **said))
