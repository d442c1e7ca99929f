"""``regenerate``: the pictures of a run folder from its generators alone."""

from __future__ import annotations

from pathlib import Path

import click

from ddip_tf.errors import RunError


@click.command()
@click.argument("run", type=click.Path())
@click.option("-o", "--output", metavar="DIR", type=click.Path(), help="Where pictures go; left out: RUN/regenerated.")
@click.option(
    "--runtime",
    type=click.Choice(["onnx", "tensorflow"]),
    default="onnx",
    show_default=True,
    help="onnx does without TensorFlow.",
)
@click.option("--check", is_flag=True, help="Compare with RUN/outputs and the manifest's hashes instead.")
def regenerate(run: str, output: str | None, runtime: str, check: bool) -> None:
    """Make the pictures of a run folder again, from its generators alone.

    \b
    ddip-tf regenerate RUN                       pictures in RUN/regenerated
    ddip-tf regenerate RUN --check               hold files and pictures against the archive
    """
    from ddip_tf.archive import regenerate as regeneration
    from ddip_tf.archive.run import Run

    if runtime == "tensorflow":
        from ddip_tf.environment import quiet
        from ddip_tf.training import waiting

        waiting.say("auto", "starting TensorFlow …")
        with quiet():
            import tensorflow  # noqa: F401
    opened = Run(run)
    if check:
        found = regeneration.check(opened, runtime)
        if found:
            raise RunError(f"{run} does not match: " + "; ".join(found))
        click.echo(f"{run}: {len(opened.manifest['files'])} files unchanged, {runtime} pictures agree with outputs/")
    if output or not check:
        folder = Path(output or Path(run) / "regenerated")
        pictures = regeneration.pictures(opened, runtime)
        regeneration.write(pictures, folder, opened.pixel_size_m)
        click.echo(f"{len(pictures)} pictures in {folder}")
