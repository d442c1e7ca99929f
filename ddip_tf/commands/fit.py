"""``fit`` and ``demo``: from slices to a run folder."""

from __future__ import annotations

import functools
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ddip_tf.archive.lock import FolderLock, clear, taken
from ddip_tf.commands.options import Sectioned, fit_options, read_guide, read_stack, settings_from, stack_options
from ddip_tf.commands.report import write_page
from ddip_tf.commands.score import scores
from ddip_tf.errors import InputError

if TYPE_CHECKING:
    from ddip_tf.config import FitConfig
    from ddip_tf.slices.stack import SliceStack
    from ddip_tf.training.checkpoint import Checkpoints

RUNS = Path("saved_models")


@click.command(cls=Sectioned)
@stack_options
@click.option(
    "--guide",
    "guides",
    multiple=True,
    metavar="sliceK=MAP",
    help="An image of what slice K holds, such as an element map of the same area; a soft tie (mixing transfer).",
)
@click.option("-o", "--output", metavar="RUN", help="Run folder; left out: saved_models/<first file>-<seed>.")
@click.option(
    "--runs",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="R",
    help="Fit from R seeds: outputs are the mean, std1.tif … the deviation, RUN/runs/ has every fit.",
)
@fit_options
def fit(files: tuple[str, ...], output: str | None, runs: int, **options: Any) -> None:
    """Separate slices into a run folder.

    Give one image a slice, upstream first, or one file that holds all slices.

    \b
    ddip-tf fit slice1.tif slice2.tif
    ddip-tf fit stack.tif --slices 0,3 --crop 0:272,16:288 -o runs/sample7
    ddip-tf fit product.h5 -o runs/sample8          (a complex object: its phase is taken)
    ddip-tf fit slice1.tif slice2.tif --preset paper --gamma 0.2 --runs 5
    """
    settings = settings_from(options)
    run = place_of(output, files[0], settings.seed, resume=options["resume"])
    if runs > 1 and not settings.trained:
        raise InputError(
            f"--runs {runs} would make {runs} times the same pictures: mixing transfer with prior tv is solved, not "
            "trained, and seeds change nothing; decided.png and mixing.npz show its spread over starts and draws of "
            "T(k) (preset default); repeats are for --prior dip, null-dip, or the paper's mixings"
        )
    wanted = ("phase", "amplitude") if options["quantity"] == "both" else (options["quantity"],)
    if options["guides"] and (settings.trained or wanted != ("phase",)):
        raise InputError("--guide works with mixing transfer, prior tv and quantity phase")
    stacks = [read_stack(files, options, quantity) for quantity in wanted]
    if len(stacks) > 1 and not settings.trained:  # log-amplitudes are further observations of the same slices
        stacks[0] = replace(stacks[0], amplitudes=stacks[1].images)
    stacks = [stack.guided([read_guide(text) for text in options["guides"]]) for stack in stacks]
    for stack, place in zip(stacks, (run, run.with_name(f"{run.name}-amplitude")), strict=False):
        if runs > 1:
            fit_repeatedly(stack, settings, place, runs, options)
        else:
            fit_into(stack, settings, place, options)


@click.command(cls=Sectioned)
@click.option("-o", "--output", metavar="RUN", help="Run folder; left out: saved_models/demo-<seed>.")
@fit_options
def demo(output: str | None, **options: Any) -> None:
    """Separate a small simulated pair that ships with ddip-tf, and hold it against its known truth.

    \b
    ddip-tf demo -o saved_models/demo
    """
    data = Path(__file__).parents[1] / "demo_data"
    settings = settings_from(options)
    run = place_of(output, "demo", settings.seed, resume=options["resume"])
    stack = read_stack((str(data / "slice1.tif"), str(data / "slice2.tif")), {})
    fit_into(stack, settings, run, options)
    if options["progress"] != "json":
        click.echo(scores(run, (str(data / "truth1.tif"), str(data / "truth2.tif"))))


def fit_into(stack: SliceStack, settings: FitConfig, run: Path, options: dict[str, Any]) -> None:
    from ddip_tf import environment
    from ddip_tf.archive import write
    from ddip_tf.report import figures
    from ddip_tf.report import text as describe
    from ddip_tf.training import interruption

    guard = interruption.Interruption(options["stop_after"] and interruption.seconds(options["stop_after"]))
    with write.RunFolder(run, overwrite=options["overwrite"], resume=options["resume"]) as folder:
        if options["resume"] and folder.finished(stack, settings):
            if not (run / "preview.png").exists():  # killed between the archive and its figures
                figures.write_figures(run)
            if not (run / "report.html").exists():
                write_page(run)
            return click.echo(f"{run} is finished: nothing to do")
        with environment.quiet():
            from ddip_tf.training.callbacks import progress
            from ddip_tf.training.fitting import fit as run_fit
        # what is solved at once takes no checkpoints: an interruption ends it
        pause = progress.waiting(options["progress"], "estimating T(k) and solving for the slices …")
        with guard if settings.trained else pause:
            separation = run_fit(
                stack,
                settings,
                callbacks=listeners(stack, run, options, settings.trained),
                device=options["device"],
                threads=options["threads"],
                checkpoints=checkpoints_of(run, options),
                stop=guard.reason,
            )
        if sys.stderr.isatty():
            click.echo("archiving …", err=True)
        folder.write(separation)
    figures.write_figures(run)
    write_page(run)
    if options["progress"] == "json":
        return
    last = {name: float(values[-1]) for name, values in separation.history.items()}
    seconds = separation.provenance["wall_time_s"]
    click.echo(f"{describe.work_done(separation)} in {seconds:.0f} s: {progress.summary(last)}")
    if stack.record:
        click.echo(describe.conversion(stack))
    for caution in separation.warnings:
        click.echo(f"Warning: {caution}")
    click.echo(places(run))


def listeners(stack: SliceStack, run: Path, options: dict[str, Any], trained: bool) -> list[Any]:
    """What watches a fit: the bar or the lines, preview.png, TensorBoard; of one that is not trained only the end."""
    from ddip_tf.report import figures
    from ddip_tf.training.callbacks import pictures, progress, tensorboard

    found = progress.callback(options["progress"] if trained or options["progress"] == "json" else "none")
    if trained:
        found.append(pictures.Pictures(functools.partial(figures.write_progress, run, stack.images)))
    if options["tensorboard"]:
        found += tensorboard.tensorboard(Path(options["tensorboard"]) / run.name)
    return found


def checkpoints_of(run: Path, options: dict[str, Any]) -> Checkpoints:
    """The keeper of a run's state, from --checkpoint-every (epochs, or a time) and --resume."""
    from ddip_tf.training import checkpoint, interruption

    every = options["checkpoint_every"]
    try:
        epochs = int(every)
    except ValueError:
        return checkpoint.Checkpoints(run, every_s=interruption.seconds(every), resume=options["resume"])
    if epochs < 1:
        raise InputError(f"--checkpoint-every is {epochs}; the least is 1")
    return checkpoint.Checkpoints(run, every=epochs, resume=options["resume"])


def fit_repeatedly(stack: SliceStack, settings: FitConfig, run: Path, count: int, options: dict[str, Any]) -> None:
    """``count`` fits of seeds from the settings' one up, one after the other, then their mean and deviation."""
    from ddip_tf.archive import repeats
    from ddip_tf.archive.manifest import cautions, load_manifest
    from ddip_tf.report import figures
    from ddip_tf.report import text as describe

    names = [f"{number:04d}" for number in range(1, count + 1)]
    if options["tensorboard"]:
        options = {**options, "tensorboard": str(Path(options["tensorboard"]) / run.name)}
    with FolderLock(run):
        if taken(run) and not (options["overwrite"] or options["resume"]):
            raise InputError(f"{run} exists and is not empty: --resume goes on with it, or choose another -o")
        if options["overwrite"]:
            clear(run)
        for number, name in enumerate(names):
            fit_into(stack, replace(settings, seed=settings.seed + number), run / "runs" / name, options)
        repeats.assemble(run, names)
        figures.write_figures(run)
        write_page(run)
    if options["progress"] == "json":
        return
    manifest = load_manifest(run)
    for caution in cautions(manifest):
        click.echo(f"Warning: {caution}")
    click.echo(describe.repeats(manifest))
    click.echo(places(run))


def places(run: Path) -> str:
    """Where to look next."""
    lines = {
        "pictures": run / "outputs",
        "preview": run / "preview.png",
        "page": run / "report.html",
        "again": f"ddip-tf regenerate {run} --check",
    }
    return "\n".join(f"{name:11s}{value}" for name, value in lines.items())


def place_of(output: str | None, first_file: str, seed: int, *, resume: bool) -> Path:
    """The run folder: ``output``, else a free name after the first file. Raises InputError where none can go on."""
    if output is not None:
        return Path(output)
    if resume:
        raise InputError("--resume needs -o RUN: which run shall go on?")
    stem = RUNS / f"{Path(first_file).stem}-{seed}"
    number, run = 1, stem
    while run.exists():
        number += 1
        run = stem.with_name(f"{stem.name}-{number}")
    return run
