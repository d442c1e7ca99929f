"""``config``: what can be set."""

from __future__ import annotations

import click

from ddip_tf import config as configuration


@click.command("config")
@click.option("--preset", default="default", show_default=True, type=click.Choice(list(configuration.PRESETS)))
def config_command(preset: str) -> None:
    """Print all settings as YAML, to edit and give to fit --config.

    \b
    ddip-tf config --preset paper > run.yaml
    ddip-tf fit slice1.tif slice2.tif --config run.yaml
    """
    click.echo(configuration.preset(preset).to_yaml(), nl=False)
