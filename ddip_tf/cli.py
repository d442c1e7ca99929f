"""The command line. Heavy imports stand inside the commands, so that ``--help`` answers at once."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import click

from ddip_tf import config as configuration
from ddip_tf.errors import InputError, RunError
from ddip_tf.options import fit_options, read_stack, settings_from, stack_options

RUNS = Path("saved_models")


def main() -> None:
    """Entry point of ``ddip-tf``: one line on standard error and the contract's exit codes."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a batch queue's end is an interruption
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except InputError as error:
        code = _complain(error, 2)
    except (RunError, FloatingPointError, OSError, MemoryError) as error:
        code = _complain(error, 1)
    except ModuleNotFoundError as error:
        code = _complain(f"this needs the package {error.name}: install ddip-tf with its dependencies", 1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("ddip-tf: interrupted, nothing was written", err=True)
        code = 130
    sys.exit(code)


def _complain(error: BaseException | str, code: int) -> int:
    click.echo(f"ddip-tf: {error or type(error).__name__}", err=True)
    return code


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="ddip-tf")
def cli() -> None:
    """Separate crosstalk between the slices of a multislice ptychography reconstruction.

    \b
    ddip-tf fit slice1.tif slice2.tif -o RUN     separate two slices, archive the generators
    ddip-tf regenerate RUN --check               make the same pictures again, and compare
    ddip-tf demo                                 the same on a small pair that ships with ddip-tf
    """


@cli.command()
@stack_options
@click.option("-o", "--output", metavar="RUN", help="Run folder; left out: saved_models/<first file>-<seed>.")
@fit_options
def fit(files: tuple[str, ...], output: str | None, **options: Any) -> None:
    """Separate slices into a run folder.

    Give one image a slice, upstream first, or one file that holds all slices.

    \b
    ddip-tf fit slice1.tif slice2.tif
    ddip-tf fit stack.tif --slices 0,3 --crop 0:272,16:288 -o runs/sample7
    ddip-tf fit slice1.tif slice2.tif --preset paper --gamma 0.2
    """
    settings = settings_from(options)
    stack = read_stack(files, options)
    _fit_into(stack, settings, Path(output) if output is not None else _free_run(files[0], settings.seed), options)


def _fit_into(stack: Any, settings: configuration.FitConfig, run: Path, options: dict[str, Any]) -> None:
    from ddip_tf import archive, describe, report, runtime

    with archive.RunFolder(run, overwrite=options["overwrite"]) as folder:
        with runtime.quiet():
            from ddip_tf import progress
            from ddip_tf.fitting import fit as run_fit
        separation = run_fit(
            stack,
            settings,
            callbacks=progress.callback(options["progress"]),
            device=options["device"],
            threads=options["threads"],
        )
        if sys.stderr.isatty():
            click.echo("archiving …", err=True)
        folder.write(separation)
    preview = report.write_figures(run)[0]
    if options["progress"] == "json":
        return
    last = {name: float(values[-1]) for name, values in separation.history.items()}
    seconds = separation.provenance["wall_time_s"]
    click.echo(f"{describe.work_done(separation)} in {seconds:.0f} s: {progress.summary(last)}")
    for sentence in separation.warnings:
        click.echo(f"Warning: {sentence}")
    click.echo(f"pictures   {run / 'outputs'}\npreview    {preview}\nagain      ddip-tf regenerate {run} --check")


@cli.command()
@click.argument("run", type=click.Path())
@click.option("-o", "--output", metavar="DIR", help="Where pictures go; left out: RUN/regenerated.")
@click.option(
    "--runtime",
    type=click.Choice(["onnx", "tensorflow"]),
    default="onnx",
    show_default=True,
    help="onnx does without TensorFlow.",
)
@click.option("--check", is_flag=True, help="Compare with RUN/outputs and the manifest's hashes instead.")
def regenerate(run: str, output: str | None, runtime: str, check: bool) -> None:
    """Make the pictures of a run folder again, from its generators alone."""
    from ddip_tf import archive, regeneration

    if runtime == "tensorflow":
        from ddip_tf.runtime import quiet

        with quiet():
            import tensorflow  # noqa: F401
    manifest = archive.load_manifest(run)
    if check:
        found = regeneration.check(run, runtime)
        if found:
            raise RunError(f"{run} does not match: " + "; ".join(found))
        click.echo(f"{run}: {len(manifest['files'])} files unchanged, {runtime} pictures agree with outputs/")
    if output or not check:
        folder = Path(output or Path(run) / "regenerated")
        pictures = regeneration.regenerate(run, runtime)
        regeneration.write(pictures, folder, manifest["pixel_size_m"])
        click.echo(f"{len(pictures)} pictures in {folder}")


@cli.command()
@stack_options
@click.option("-o", "--output", metavar="DIR", help="Also write transfer.csv and transfer.png there.")
@click.option("--normalisation", type=click.Choice(configuration.NORMALISATIONS), default="auto", show_default=True)
def transfer(files: tuple[str, ...], output: str | None, normalisation: str, **options: Any) -> None:
    """How do my slices mix: T(k) found blind, and from which feature size on the data tell the slices apart."""
    from ddip_tf import describe
    from ddip_tf.transfer import estimate_transfer

    stack = read_stack(files, options)
    law = estimate_transfer(stack.images, normalisation=normalisation)
    click.echo(describe.transfer(law, stack.pixel_size_m))
    if output:
        from ddip_tf import report

        for path in report.write_transfer(law, output, stack.pixel_size_m):
            click.echo(path)


@cli.command()
@click.argument("run", type=click.Path())
@click.option("--truth", required=True, metavar="T1 T2 …", help="True slices, one file each (TIFF or .npy).")
@click.argument("more", nargs=-1, metavar="")
def score(run: str, truth: str, more: tuple[str, ...]) -> None:
    """Hold a run against known truth: PSNR, SSIM, correlation, leak, absolute error, before and after.

    \b
    ddip-tf score RUN --truth truth1.tif truth2.tif
    """
    click.echo(_score(Path(run), (truth, *more)))


@cli.command()
@click.argument("path", metavar="FILE|RUN", type=click.Path())
def show(path: str) -> None:
    """Say what an image file or a run folder holds."""
    from ddip_tf import describe

    click.echo(describe.run(path) if Path(path).is_dir() else describe.file(path))


@cli.command("config")
@click.option("--preset", default="default", show_default=True, type=click.Choice(list(configuration.PRESETS)))
def config_command(preset: str) -> None:
    """Print all settings as YAML, to edit and give to fit --config."""
    click.echo(configuration.preset(preset).to_yaml(), nl=False)


@cli.command()
def doctor() -> None:
    """Check this installation: versions, devices, a small self-test."""
    from ddip_tf.doctor import examine

    for line in examine():
        click.echo(line)


@cli.command()
@click.option("-o", "--output", metavar="RUN", help="Run folder; left out: saved_models/demo-<seed>.")
@fit_options
def demo(output: str | None, **options: Any) -> None:
    """Separate a small simulated pair that ships with ddip-tf, and hold it against its known truth."""
    data = Path(__file__).with_name("demo_data")
    settings = settings_from(options)
    stack = read_stack((str(data / "slice1.tif"), str(data / "slice2.tif")), {})
    run = Path(output) if output is not None else _free_run("demo", settings.seed)
    _fit_into(stack, settings, run, options)
    if options["progress"] != "json":
        click.echo(_score(run, (str(data / "truth1.tif"), str(data / "truth2.tif"))))


def _score(run: Path, truth: tuple[str, ...]) -> str:
    from ddip_tf import metrics, regeneration
    from ddip_tf.formats import read

    inputs, outputs = regeneration.archived(run)
    true = read(*truth).images
    return metrics.table(metrics.score(outputs, true), metrics.score(inputs, true))


def _free_run(first_file: str, seed: int) -> Path:
    stem = RUNS / f"{Path(first_file).stem}-{seed}"
    number, run = 1, stem
    while run.exists():
        number += 1
        run = stem.with_name(f"{stem.name}-{number}")
    return run
