"""``doctor``: whether this installation works."""

from __future__ import annotations

import click


@click.command()
def doctor() -> None:
    """Check this installation: versions, devices, a small self-test."""
    from ddip_tf.workflows.self_test import examine

    for line in examine():
        click.echo(line)
