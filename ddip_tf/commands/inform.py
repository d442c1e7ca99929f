"""``show``, ``config`` and ``doctor``: what a file holds, what can be set, what is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ddip_tf import config as configuration
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
    from ddip_tf import describe

    click.echo(describe.run(path) if Path(path).is_dir() else describe.file(path, **said))


@click.command("config")
@click.option("--preset", default="default", show_default=True, type=click.Choice(list(configuration.PRESETS)))
def config_command(preset: str) -> None:
    """Print all settings as YAML, to edit and give to fit --config.

    \b
    ddip-tf config --preset paper > run.yaml
    ddip-tf fit slice1.tif slice2.tif --config run.yaml
    """
    click.echo(configuration.preset(preset).to_yaml(), nl=False)


@click.command()
def doctor() -> None:
    """Check this installation: versions, devices, a small self-test."""
    from ddip_tf.doctor import examine

    for line in examine():
        click.echo(line)
