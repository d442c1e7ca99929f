"""Many independent fits: what each is to do, doing it, and the table of what came out.

A `Task` carries paths and settings, never pixels; its result is an ordinary run folder. Who runs the tasks, and
where, is `ddip_tf.workflows.dask_cluster`'s business.
"""

from __future__ import annotations

import dataclasses
import gc
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ddip_tf.archive import write
from ddip_tf.archive.lock import as_run_error, clear
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError
from ddip_tf.slices.stack import SliceStack
from ddip_tf.training.checkpoint import STATE
from ddip_tf.workflows.run import RunOptions, fit_and_save, illustrated

#: TensorFlow's threads and default graph belong to the process: its fits go one after the other
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Task:
    """One fit of a sweep.

    Attributes
    ----------
    name
        of the run folder, such as ``shallow-g0.1-s3``.
    preset
        where its settings came from, for the table.
    config
        the settings.
    read
        makes the stack from files; must pickle small (a function of the package and paths).
    run
        absolute path of the run folder.
    device, threads
        see `ddip_tf.fit`.
    """

    name: str
    preset: str
    config: FitConfig
    read: Callable[[], SliceStack]
    run: Path
    device: str = "auto"
    threads: int | None = None


def name_of(config: FitConfig) -> str:
    """``shallow-g0.1-s3``: mixing, γ and seed; the transfer model has no γ."""
    gamma = "" if config.mixing == "transfer" else f"-g{config.exclusion_weight:g}"
    return f"{config.mixing}{gamma}-s{config.seed}"


def work(task: Task) -> None:
    """Do one fit, in this process: the run folder is complete or not there at all. Raises as `ddip_tf.fit_and_save`.

    A fit that another worker left behind goes on from its checkpoint, if threads and device are the same.
    """
    options = RunOptions(device=task.device, threads=task.threads, resume=True, progress="none")
    with _ONE_AT_A_TIME:
        stack = task.read()
        try:
            fit_and_save(stack, task.run, task.config, options)
        except InputError:
            if not (task.run / STATE).exists():
                raise
            anew = dataclasses.replace(options, resume=False, overwrite=True)
            fit_and_save(stack, task.run, task.config, anew)
    import keras

    keras.backend.clear_session()  # a worker does many fits: their graphs must not pile up
    gc.collect()


def unfinished(tasks: Sequence[Task], stack: SliceStack, *, resume: bool) -> list[Task]:
    """The tasks whose run folder is not finished, or lacks its figures.

    Raises InputError where a run folder is there and ``resume`` is not set, or where it is finished but was made with
    other settings or from other slices than ``stack``.
    """
    there = [task.run for task in tasks if task.run.exists()]
    if there and not resume:
        raise InputError(f"{there[0]} exists: `resume` keeps what is done, `overwrite` starts anew")
    return [
        task
        for task in tasks
        if not (write.RunFolder(task.run, resume=True).finished(stack, task.config) and illustrated(task.run))
    ]


def prepare(folder: Path, *, overwrite: bool) -> None:
    """Make the sweep's folder, without the runs that are there if ``overwrite``; the caller holds its place.

    Raises as `ddip_tf.archive.lock.clear`.
    """
    if overwrite:
        clear(folder / "runs")
    with as_run_error(folder):
        (folder / "runs").mkdir(parents=True, exist_ok=True)
