"""``fit`` and ``demo``: from slices to a run folder."""

from __future__ import annotations

import contextlib
import functools
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ddip_tf.commands.options import Sectioned, binned, read_guide, read_stack, stack_options, with_beside
from ddip_tf.commands.score import scores
from ddip_tf.commands.settings import fit_options, run_options, settings_from
from ddip_tf.errors import InputError, Interrupted
from ddip_tf.training import waiting

if TYPE_CHECKING:
    from ddip_tf.archive.run import Run
    from ddip_tf.config import FitConfig
    from ddip_tf.slices.stack import SliceStack
    from ddip_tf.workflows.run import RunOptions
    from ddip_tf.workflows.second_process import Process

RUNS = Path("saved_models")
#: pixels from which on the import of TensorFlow takes too little of a fit to be done beside it, and memory is dear
WORTH_TWO = 2**23


@click.command(cls=Sectioned)
@stack_options
@click.option(
    "--guide",
    "guides",
    multiple=True,
    metavar="sliceK=MAP",
    help="An image of what slice K holds, such as an element map of the same area; a soft tie (mixing transfer).",
)
@click.option(
    "--start",
    "start_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(),
    help="What the reconstruction started from: one file a slice (--start A --start B), or one with all.",
)
@click.option(
    "--half",
    "half_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(),
    help="The other half of the scan, reconstructed, one file a slice or one with all; or both halves, one after the "
    "other, where the slices are of the whole scan. Measures noise and resolution.",
)
@click.option(
    "-o",
    "--output",
    metavar="RUN",
    type=click.Path(),
    help="Run folder; left out: saved_models/<first file>-<seed>.",
)
@click.option(
    "--runs",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="R",
    help="Fit from R seeds: outputs are the mean, std1.tif … the deviation, RUN/runs/ has every fit.",
)
@click.option("--dry-run", is_flag=True, help="Read, check, say what would be done and for how long; write nothing.")
@fit_options()
def fit(files: tuple[str, ...], output: str | None, runs: int, dry_run: bool, **options: Any) -> None:
    """Separate slices into a run folder.

    Give one image a slice, upstream first, or one file that holds all slices.

    \b
    ddip-tf fit slice1.tif slice2.tif
    ddip-tf fit slice1.tif slice2.tif --dry-run     (what would be done, and for how long)
    ddip-tf fit stack.tif --slices 0,3 --crop 0:272,16:288 -o runs/sample7
    ddip-tf fit stack.tif --slices 8:24 --bin-slices 4   (sums of neighbours that lie too close)
    ddip-tf fit product.h5 -o runs/sample8          (a complex object: its phase is taken)
    ddip-tf fit product.h5 --start initial.h5       (it did not start from a flat object)
    ddip-tf fit product.h5 --half odd.h5 --half even.h5
    ddip-tf fit slice1.tif slice2.tif --preset paper --gamma 0.2 --runs 5
    """
    settings, how = settings_from(options), run_options(options)
    run = place_of(output, files[0], settings.seed, resume=how.resume)
    if runs > 1 and not settings.trained:
        raise InputError(
            f"--runs {runs} would make {runs} times the same pictures: mixing transfer with prior tv is solved, not "
            "trained, and seeds change nothing; decided.png and mixing.npz show its spread over starts and draws of "
            "T(k) (preset default); repeats are for --prior dip, null-dip, or the paper's mixings"
        )
    with second_process(settings, useful=runs == 1 and not dry_run) as process:
        for stack, place in zip(_stacks(files, settings, how, options), _places(run), strict=False):
            if dry_run:
                from ddip_tf.workflows.plan import plan

                click.echo(plan(stack, place, settings, how, runs))
            else:
                job(stack, place, settings, how, process, runs)


def _places(run: Path) -> tuple[Path, Path]:
    """Where the phases go, and the amplitudes."""
    return run, run.with_name(f"{run.name}-amplitude")


def second_process(settings: FitConfig, *, useful: bool = True) -> contextlib.AbstractContextManager[Process]:
    """Another process, if that is ``useful``, which solves for slices while this one imports TensorFlow."""
    from ddip_tf.workflows.second_process import beside

    return beside("ddip_tf.training.solving", useful=useful and settings.mixing == "transfer")


def _stacks(files: tuple[str, ...], settings: FitConfig, how: RunOptions, options: dict[str, Any]) -> list[SliceStack]:
    """The slices of each quantity that was asked for, with all that was given beside them."""
    from ddip_tf.quality import depth
    from ddip_tf.slices.stack import check_beside

    wanted = ("phase", "amplitude") if options["quantity"] == "both" else (options["quantity"],)
    if options["guides"] and (settings.trained or wanted != ("phase",)):
        raise InputError("--guide works with mixing transfer, prior tv and quantity phase")
    waiting.say(how.progress, f"reading {', '.join(files)} …")
    stacks = [read_stack(files, options, quantity) for quantity in wanted]
    if len(stacks) > 1 and not settings.trained:  # log-amplitudes are further observations of the same slices
        stacks[0] = replace(stacks[0], amplitudes=stacks[1].images)
    stacks = [with_beside(stack, options, quantity) for stack, quantity in zip(stacks, wanted, strict=False)]
    stacks = [binned(stack, options) for stack in stacks]
    for stack in stacks:
        check_beside(stack, settings)
    for sentence in depth.cautions(depth.of_stack(stacks[0])):  # before a fit that may take long
        click.echo(f"Note: {sentence}", err=True)
    return [stack.guided([read_guide(text, stack) for text in options["guides"]]) for stack in stacks]


@click.command(cls=Sectioned)
@click.option(
    "-o", "--output", metavar="RUN", type=click.Path(), help="Run folder; left out: saved_models/demo-<seed>."
)
@fit_options()
def demo(output: str | None, **options: Any) -> None:
    """Separate a small simulated pair that ships with ddip-tf, and hold it against its known truth.

    \b
    ddip-tf demo -o saved_models/demo
    """
    data = Path(__file__).parents[1] / "demo_data"
    settings, how = settings_from(options), run_options(options)
    run = place_of(output, "demo", settings.seed, resume=how.resume)
    with second_process(settings) as process:
        stack = read_stack((str(data / "slice1.tif"), str(data / "slice2.tif")), {})
        job(stack, run, settings, how, process)
    if how.progress != "json":
        click.echo(scores(run, (str(data / "truth1.tif"), str(data / "truth2.tif"))))


def job(
    stack: SliceStack, run: Path, settings: FitConfig, options: RunOptions, process: Process, runs: int = 1
) -> None:
    """Fit ``stack``, once, with the help of ``process`` where it is no large one, or from so many seeds, and say what
    came of it."""
    from ddip_tf.report import text
    from ddip_tf.workflows.repeats import fit_repeatedly
    from ddip_tf.workflows.run import carry_out

    quiet = options.progress == "json"
    said = (lambda run: None) if quiet else functools.partial(tell, stack)

    def each(made: Run, new: bool) -> None:
        if not new:
            click.echo(f"{made} was finished already: nothing was fitted")
        elif not quiet:
            click.echo(places(made.path))

    try:
        if runs == 1:
            helper = process if stack.images.size < WORTH_TWO else None
            return each(*carry_out(stack, run, settings, options, archived=said, process=helper))
        made = fit_repeatedly(stack, run, runs, settings, options, archived=said, each=each)
    except Interrupted as error:
        on = f": the same command with -o {shlex.quote(str(run))} --resume goes on" if error.kept else ""
        raise Interrupted(f"{error}{on}", kept=error.kept) from error
    if not quiet:
        for caution in made.cautions:
            click.echo(f"Warning: {caution}")
        click.echo(text.repeats(made.manifest))
        click.echo(places(run))


def tell(stack: SliceStack, run: Run) -> None:
    """What a fit found, said as soon as it is archived."""
    from ddip_tf.report import halves, text
    from ddip_tf.training.callbacks import progress

    last = {name: float(values[-1]) for name, values in run.history.items()}
    click.echo(f"{text.work_done(run.manifest)} in {run.manifest['wall_time_s']:.0f} s: {progress.summary(last)}")
    if stack.record:
        click.echo(text.conversion(stack))
    for line in halves.lines(run.manifest):
        click.echo(line)
    for caution in run.cautions:
        click.echo(f"Warning: {caution}")


def places(run: Path) -> str:
    """Where to look next."""
    lines = {
        "pictures": run / "outputs",
        "preview": run / "preview.png",
        "page": run / "report.html",
        "again": shlex.join(["ddip-tf", "regenerate", str(run), "--check"]),
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
