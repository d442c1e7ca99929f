"""``show``, ``config`` and ``doctor``: what a file holds, what can be set, what is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ddip_tf import config as configuration
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
    from ddip_tf.workflows.self_test import examine

    for line in examine():
        click.echo(line)
