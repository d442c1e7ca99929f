"""``transfer``: how slices mix, found blind."""

from __future__ import annotations

from typing import Any

import click

from ddip_tf.commands.options import Sectioned, read_binned, stack_options
from ddip_tf.config import NORMALISATIONS
from ddip_tf.errors import InputError


@click.command(cls=Sectioned)
@stack_options
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(),
    help="Write transfer.csv and .png there; of many slices strength.csv.",
)
@click.option("--normalisation", type=click.Choice(NORMALISATIONS), default="auto", show_default=True)
def transfer(files: tuple[str, ...], output: str | None, normalisation: str, **options: Any) -> None:
    """How do my slices mix: T(k) found blind, and from which feature size on the data tell the slices apart.

    \b
    ddip-tf transfer slice1.tif slice2.tif -o law
    """
    from ddip_tf.quality import depth, warnings
    from ddip_tf.report import text
    from ddip_tf.slices.numbering import numbered_caution
    from ddip_tf.training import waiting
    from ddip_tf.transfer import by_evidence

    if options["quantity"] == "both":
        raise InputError("transfer takes one quantity at a time: phase or amplitude")
    waiting.say("auto", f"reading {', '.join(files)} …")
    stack = read_binned(files, options, options["quantity"])
    for sentence in depth.cautions(depth.of_stack(stack)):
        click.echo(f"Note: {sentence}", err=True)
    for caution in warnings.same_images(stack.images):
        return click.echo(f"Warning: {numbered_caution(caution, stack.numbers)}")
    with waiting.spinner("auto", "estimating T(k) …"):
        found, _ = by_evidence.find(stack.images, normalisation)
    click.echo(text.transfer(found, stack.pixel_size_m, stack.numbers, stack.spacing_m))
    for sentence in stack.notes:
        click.echo(f"Warning: {sentence}")
    if output:
        from ddip_tf.report import figures

        for path in figures.write_transfer(found, output, stack.pixel_size_m, stack.numbers, stack.spacing_m):
            click.echo(path)
