"""``export``: the separated slices back in a copy of the reconstruction's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ddip_tf.commands.options import file_option


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN [RUN-amplitude]", type=click.Path())
@click.option(
    "--into", "original", required=True, metavar="ORIGINAL", type=click.Path(), help="The reconstruction's file."
)
@click.option(
    "-o", "--output", required=True, metavar="NEW", type=click.Path(), help="The file to write, in ORIGINAL's format."
)
@file_option
@click.option("--overwrite", is_flag=True, help="Replace an existing NEW.")
@click.option("--despite-warnings", is_flag=True, help="Write slices of which the run explains less than half, too.")
def export(runs: tuple[str, ...], original: str, output: str, **options: Any) -> None:
    """Write a copy of a reconstruction's file with the ghosts taken out of its object, to start a second one from.

    \b
    ddip-tf export RUN --into product.h5 -o start.h5
    """
    from ddip_tf.archive.export import export as write

    done = write(runs, original, output, **options)
    for sentence in done.notes:
        click.echo(f"Warning: {sentence}")
    if Path(output).suffix.lower() != Path(original).suffix.lower():
        click.echo(f"Warning: {output} is in the format of {original}, whatever its name ends in")
    click.echo(f"{output}: {original} {done}" if done.slices else f"{output} is a copy of {original}; {done}")
