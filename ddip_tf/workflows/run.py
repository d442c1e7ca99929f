"""One whole job: slices are separated, the run folder is archived, its figures and its page are made."""

from __future__ import annotations

import contextlib
import functools
import shlex
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddip_tf import environment
from ddip_tf._types import StrPath
from ddip_tf.archive.lock import PREVIEW
from ddip_tf.archive.run import Run
from ddip_tf.config import FitConfig, preset, setting
from ddip_tf.errors import InputError, Interrupted
from ddip_tf.training import solving, waiting
from ddip_tf.training.checkpoint import Checkpoints
from ddip_tf.training.interruption import Interruption, seconds
from ddip_tf.workflows.job_log import LOGGER, JobLog
from ddip_tf.workflows.second_process import Process, ThisProcess

if TYPE_CHECKING:
    import keras

    from ddip_tf.slices.separation import Separation
    from ddip_tf.slices.stack import SliceStack


@dataclass(frozen=True)
class RunOptions:
    """How a job is done; what comes of it is `ddip_tf.FitConfig`'s business (and, to the bit, threads' and device's).

    ``checkpoint_every``: ``"500"`` epochs, or a time such as ``"30s"``, ``"5m"``, ``"1h"``. ``stop_after``: a time
    after which the fit stops, the state kept (`Interrupted`). ``resume``: go on with an unfinished run; a finished one
    stays as it is. ``overwrite``: replace a run. ``device``, ``threads``: see `ddip_tf.fit`. ``progress``: ``auto``,
    ``bar``, ``json`` or ``none``. ``verbose``: whether standard error has the lines of ``log.txt``. ``tensorboard``:
    the folder in which its files get one of the run's name.

    Raises
    ------
    InputError
        a number of epochs under 1, or a time that is none.

    Examples
    --------
    >>> ddip_tf.RunOptions(stop_after="1h30m", resume=True).stop_after_s
    5400.0
    """

    checkpoint_every: str = setting(
        "5m", "keep the state every N epochs, or every so often (30s, 5m, 1h)", metavar="N|TIME"
    )
    stop_after: str | None = setting(None, "stop after 90s, 30m, 1h30m …, the state kept (exit 130)", metavar="TIME")
    resume: bool = setting(False, "go on with the unfinished RUN; begin if there is none")
    overwrite: bool = setting(False, "replace an existing run folder")
    device: str = setting("auto", "of the networks", help="auto, cpu or gpu:0.")
    threads: int | None = setting(None, "CPU threads (all cores if left out)", least=1)
    progress: str = setting(
        "auto",
        "how far the fit is",
        choices=("auto", "bar", "json", "none"),
        help="auto: a bar on a terminal, nothing elsewhere; json: a line an epoch on standard output.",
    )
    verbose: bool = setting(False, "say on standard error what is done and when, as RUN/log.txt does", short=("-v",))
    tensorboard: str | None = setting(None, "losses, α and pictures for it, in DIR/<RUN's name>", metavar="DIR")

    def __post_init__(self) -> None:
        _ = self.stop_after_s, self.checkpoint_interval

    @property
    def stop_after_s(self) -> float | None:
        """``stop_after`` in seconds."""
        return seconds(self.stop_after) if self.stop_after else None

    @property
    def checkpoint_interval(self) -> dict[str, Any]:
        """``checkpoint_every`` as `ddip_tf.Checkpoints` takes it: ``every`` in epochs, or ``every_s``."""
        try:
            epochs = int(self.checkpoint_every)
        except ValueError:
            return {"every_s": seconds(self.checkpoint_every)}
        if epochs < 1:
            raise InputError(f"`checkpoint_every` is {epochs}; the least is 1")
        return {"every": epochs}


def fit_and_save(
    stack: SliceStack,
    run: StrPath,
    config: FitConfig | None = None,
    options: RunOptions | None = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Separate ``stack`` into the run folder ``run``, with preview.png and report.html: what ``ddip-tf fit`` does.

    Ctrl-C, SIGTERM and ``options.stop_after`` end the training of networks after an epoch, the state kept, so that
    ``resume`` goes on to the same bits. A page that cannot be made is said on standard error, and the run stands.

    Parameters
    ----------
    stack
        N ≥ 2 slices (N, H, W).
    run
        the folder to make.
    config
        settings; those of ``preset("default")`` if None.
    options
        how it is done; `RunOptions()` if None.
    callbacks
        as in `ddip_tf.fit`.

    Returns
    -------
    Run
        the finished run folder, open: its ``outputs`` (N, H, W), ``ghosts``, ``manifest``.

    Raises
    ------
    InputError
        as `ddip_tf.fit`; or the folder is not empty and neither ``resume`` nor ``overwrite`` is set, or another process
        works on it.
    RunError
        the folder or a checkpoint cannot be written.
    Interrupted
        it was stopped; ``kept`` says whether anything is there that ``resume`` goes on from.
    FloatingPointError
        the loss is no longer finite.

    Examples
    --------
    >>> stack = ddip_tf.read("slice1.tif", "slice2.tif")
    >>> run = ddip_tf.fit_and_save(stack, "saved_models/auni", ddip_tf.preset("quick"))
    >>> run.outputs.shape, run.manifest["status"], sorted(path.name for path in run.path.glob("*.html"))
    ((2, 96, 101), 'done', ['report.html'])
    """
    return carry_out(stack, run, config, options, callbacks=callbacks)[0]


def carry_out(
    stack: SliceStack,
    run: StrPath,
    config: FitConfig | None = None,
    options: RunOptions | None = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    archived: Callable[[Run], object] = lambda run: None,
    process: Process | None = None,
) -> tuple[Run, bool]:
    """As `fit_and_save`, with whether anything was fitted: a finished run only gets the figures that it lacks.

    ``archived`` is called as soon as the result of a fit is there, before its figures and its page. ``process`` does
    what needs no TensorFlow; this one if None.
    """
    from ddip_tf.archive.write import RunFolder
    from ddip_tf.report import run_page

    path, config, options = Path(run), config or preset("default"), options or RunOptions()
    process = process or ThisProcess()
    checkpoints = Checkpoints(path, resume=options.resume, **options.checkpoint_interval)
    log = JobLog(path, resume=options.resume, verbose=options.verbose)
    new = there = False
    try:
        with RunFolder(path, overwrite=options.overwrite, resume=options.resume) as folder:
            new = not (options.resume and folder.finished(stack, config))
            with log:
                if new:
                    _log_begin(stack, config, options)
                    separation = _fit(stack, path, config, options, callbacks, checkpoints, process)
                    for caution in separation.warnings:
                        LOGGER.info("warning %s: %s", caution.code, caution)
                    waiting.say(options.progress, "archiving …")
                    with environment.uncollected():
                        folder.write(separation)
                    log.anew()
                    del separation
                there = True
                opened = Run(path)
                hindered = _told(archived, opened) if new else None
                if new or not illustrated(path):
                    _illustrate(opened, process)
                if new or not (path / run_page.PAGE).exists():
                    write_page(opened)
                    LOGGER.info("archived, with figures and page, in %s", path)
                if hindered:
                    raise hindered
    except KeyboardInterrupt:  # where no epoch could be waited for
        kept = "the run is archived, without its page" if there else "the state of the fit is saved"
        kept = kept if there or checkpoints.kept else "nothing was saved"
        raise Interrupted(f"interrupted, {kept}", kept=there or checkpoints.kept) from None
    return opened, new


def _told(archived: Callable[[Run], object], run: Run) -> OSError | None:
    """What hinders saying what was found, a full disk or a reader that left: no reason to draw no pictures."""
    try:
        archived(run)
    except OSError as error:
        return error
    return None


def _log_begin(stack: SliceStack, config: FitConfig, options: RunOptions) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in environment.versions().items())
    names = ", ".join(dict.fromkeys(source.name for source in stack.sources)) or "an array"
    LOGGER.info("%s, %s", versions, environment.platform_name())
    LOGGER.info("%d slices of %d x %d pixels from %s", len(stack), *stack.shape, names)
    LOGGER.info("%r, %r", config, options)


def illustrated(run: Path) -> bool:
    """Whether all figures of the finished ``run`` are there, and whole: its page is written last, in one go."""
    from ddip_tf.report import run_page

    names = [PREVIEW, run_page.PAGE, *(("transfer.png", "decided.png") if "transfer" in Run(run).mixing else ())]
    return all((run / name).exists() for name in names)


def _illustrate(run: Run, process: Process) -> None:
    """All figures, those of the law by ``process``."""
    from ddip_tf.report import figures

    of_law = process.submit(figures.write_law, run.path)
    figures.write_preview(run)
    of_law.result()


def write_page(run: Run) -> None:
    """The page of a run that just ended: where it cannot be made a line says so, and the run stands."""
    from ddip_tf.report import run_page

    try:
        run_page.write(run)
    except Exception as error:
        again = shlex.join(["ddip-tf", "report", str(run)])
        print(f"Warning: no {run.path / run_page.PAGE}: {error}; {again} makes it again", file=sys.stderr)


def _fit(
    stack: SliceStack,
    run: Path,
    config: FitConfig,
    options: RunOptions,
    callbacks: Sequence[keras.callbacks.Callback],
    checkpoints: Checkpoints,
    process: Process,
) -> Separation:
    """The fit, watched and kept as ``options`` say; what comes before its networks by ``process``."""
    from ddip_tf.report import figures

    prepared = process.submit(solving.prepared, stack, config, options.threads or environment.available_cores())
    process.submit(figures.load)
    guard = Interruption(options.stop_after_s)
    waiting.say(options.progress, "starting TensorFlow …")
    with environment.quiet(), environment.uncollected():
        from ddip_tf.training.fitting import fit_prepared
    figures.load()
    # what is solved at once takes no checkpoints: an interruption ends it; and only a main thread hears signals
    watched = (
        waiting.spinner(options.progress, "estimating T(k) and solving for the slices …")
        if not config.trained
        else guard
        if threading.current_thread() is threading.main_thread()
        else contextlib.nullcontext()
    )
    with watched:
        return fit_prepared(
            stack,
            config,
            prepared.result,
            callbacks=[*_listeners(stack, run, options, config.trained), *callbacks],
            device=options.device,
            threads=options.threads,
            checkpoints=checkpoints,
            stop=guard.reason,
        )


def _listeners(stack: SliceStack, run: Path, options: RunOptions, trained: bool) -> list[keras.callbacks.Callback]:
    """What watches a fit: the bar or the lines, preview.png, TensorBoard; of one that is not trained only the end."""
    from ddip_tf.report import figures
    from ddip_tf.training.callbacks import pictures, progress, tensorboard

    found = [
        *progress.callback(options.progress if trained or options.progress == "json" else "none"),
        progress.Logged(),
    ]
    if trained:
        found.append(pictures.Pictures(functools.partial(figures.write_progress, run, stack)))
    if options.tensorboard:
        found += tensorboard.tensorboard(Path(options.tensorboard) / run.name)
    return found
