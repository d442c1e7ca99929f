"""The same fit from several seeds, one after the other, and the run folder of their mean and deviation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ddip_tf._types import StrPath
from ddip_tf.archive import repeats
from ddip_tf.archive.lock import FolderLock, clear, taken
from ddip_tf.archive.run import Run
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError, Interrupted
from ddip_tf.workflows import run as whole

if TYPE_CHECKING:
    from ddip_tf.slices.stack import SliceStack


def fit_repeatedly(
    stack: SliceStack,
    run: StrPath,
    count: int,
    config: FitConfig,
    options: whole.RunOptions | None = None,
    *,
    each: Callable[[Run, bool], object] = lambda run, new: None,
    archived: Callable[[Run], object] = lambda run: None,
) -> Run:
    """``count`` fits of ``stack`` from the seeds ``config.seed``, + 1, …, in ``run/runs/``; ``run`` gets their mean.

    Parameters
    ----------
    stack, run, config, options
        as in `ddip_tf.fit_and_save`, which does every one.
    each
        called with every finished fit, and whether it was not there before.
    archived
        called with every fit before its figures are made.

    Returns
    -------
    Run
        with ``deviations`` (N, H, W) and ``members``.

    Raises
    ------
    RunError
        no two of them agree (`ddip_tf.archive.repeats.assemble`); else as `ddip_tf.fit_and_save`.
    """
    from ddip_tf.report import figures

    path, options = Path(run), options or whole.RunOptions()
    if options.tensorboard:
        options = replace(options, tensorboard=str(Path(options.tensorboard) / path.name))
    names = [f"{number:04d}" for number in range(1, count + 1)]
    with FolderLock(path):
        if taken(path) and not (options.overwrite or options.resume):
            raise InputError(f"{path} exists and is not empty: `resume` goes on with it, or choose another `run`")
        if options.overwrite:
            clear(path)
        for number, name in enumerate(names):
            seeded = replace(config, seed=config.seed + number)
            try:
                each(*whole.carry_out(stack, path / "runs" / name, seeded, options, archived=archived))
            except Interrupted as error:
                error.kept = error.kept or number > 0
                raise
        repeats.assemble(path, names)
        opened = Run(path)
        figures.write_figures(opened)
        whole.write_page(opened)
    return opened
