"""``show``, ``config`` and ``doctor``: what a file holds, what can be set, what is installed."""

from __future__ import annotations

from pathlib import Path

import click

from ddip_tf import config as configuration


@click.command()
@click.argument("path", metavar="FILE|RUN", type=click.Path())
def show(path: str) -> None:
    """Say what an image file or a run folder holds."""
    from ddip_tf import describe

    click.echo(describe.run(path) if Path(path).is_dir() else describe.file(path))


@click.command("config")
@click.option("--preset", default="default", show_default=True, type=click.Choice(list(configuration.PRESETS)))
def config_command(preset: str) -> None:
    """Print all settings as YAML, to edit and give to fit --config."""
    click.echo(configuration.preset(preset).to_yaml(), nl=False)


@click.command()
def doctor() -> None:
    """Check this installation: versions, devices, a small self-test."""
    from ddip_tf.doctor import examine

    for line in examine():
        click.echo(line)
