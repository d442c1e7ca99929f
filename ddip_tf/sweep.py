"""Many independent fits: what each is to do, doing it, and the table of what came out.

A `Task` carries paths and settings, never pixels; its result is an ordinary run folder. Who runs the tasks, and
where, is `ddip_tf.cluster`'s business.
"""

from __future__ import annotations

import csv
import functools
import gc
import io
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf import _typing, archive, blind, regeneration, runtime
from ddip_tf.checkpoint import STATE, Checkpoints
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError
from ddip_tf.formats import limits
from ddip_tf.manifest import MANIFEST, inside
from ddip_tf.place import as_run_error, clear, replace_text
from ddip_tf.result import alphas
from ddip_tf.slices import SliceStack

SUMMARY = "summary.csv"

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
    """``shallow-g0.1-s3``: mixing, γ and seed; the transfer law has no γ."""
    gamma = "" if config.mixing == "transfer" else f"-g{config.exclusion_weight:g}"
    return f"{config.mixing}{gamma}-s{config.seed}"


def work(task: Task) -> None:
    """Do one fit, in this process: the run folder is complete or not there at all. Raises as `ddip_tf.fit`.

    A fit that another worker left behind goes on from its checkpoint, if threads and device are the same.
    """
    with _ONE_AT_A_TIME, archive.RunFolder(task.run, resume=True) as folder:
        with runtime.quiet():
            from ddip_tf.fitting import fit
        stack = task.read()
        do = functools.partial(fit, stack, task.config, device=task.device, threads=task.threads)
        try:
            separation = do(checkpoints=Checkpoints(task.run, resume=True))
        except InputError:
            if not (task.run / STATE).exists():
                raise
            separation = do(checkpoints=Checkpoints(task.run))
        folder.write(separation)
    import keras

    keras.backend.clear_session()  # a worker does many fits: their graphs must not pile up
    gc.collect()


def unfinished(tasks: Sequence[Task], stack: SliceStack, *, resume: bool) -> list[Task]:
    """The tasks whose run folder is not finished.

    Raises InputError where a run folder is there and ``resume`` is not set, or where it is finished but was made with
    other settings or from other slices than ``stack``.
    """
    there = [task.run for task in tasks if task.run.exists()]
    if there and not resume:
        raise InputError(f"{there[0]} exists: --resume keeps what is done, --overwrite starts anew")
    return [task for task in tasks if not archive.RunFolder(task.run, resume=True).finished(stack, task.config)]


def prepare(folder: Path, *, overwrite: bool) -> None:
    """Make the sweep's folder, without the runs that are there if ``overwrite``; the caller holds its place.

    Raises as `ddip_tf.place.clear`.
    """
    if overwrite:
        clear(folder / "runs")
    with as_run_error(folder):
        (folder / "runs").mkdir(parents=True, exist_ok=True)


def row(task: Task, failure: str | None = None) -> dict[str, Any]:
    """One line of the table: settings, and of a finished run its losses, α, figures and warnings.

    ``status`` is that of the run (``done``, ``stopped``), ``failed: why``, or ``waiting``.
    """
    config = task.config
    found: dict[str, Any] = {
        "run": task.name,
        "status": "waiting" if failure is None else f"failed: {failure}",
        "preset": task.preset,
        "mixing": config.mixing,
        "gamma": None if config.mixing == "transfer" else config.exclusion_weight,
        "seed": config.seed,
    }
    if failure is not None or not (task.run / MANIFEST).exists():
        return found
    manifest = archive.load_manifest(task.run)
    inputs, outputs = regeneration.archived(task.run)
    matrix = manifest["mixing"].get("matrix")  # none under T(k)
    alpha = [] if matrix is None else alphas(np.asarray(matrix, float))
    return {
        **found,
        "status": manifest["status"],
        "epochs": manifest["epochs_done"],
        **{name: value for name, value in manifest["final"].items() if not name.startswith("alpha")},
        **{f"alpha{i + 1}": float(value) for i, value in enumerate(alpha)},
        **asdict(blind.figures(inputs, outputs)),
        "unexplained": blind.unexplained(inputs, manifest["final"]["fidelity"]),
        "wall_time_s": manifest["wall_time_s"],
        "warnings": len(manifest["warnings"]),
    }


def write_summary(rows: Iterable[Mapping[str, Any]], folder: _typing.Path) -> Path:
    """``summary.csv``, one line a run, replaced in one go; values that a run lacks stay empty. Raises RunError."""
    rows = list(rows)
    columns = list(dict.fromkeys(name for one in sorted(rows, key=len, reverse=True) for name in one))
    text = io.StringIO()
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    for one in rows:
        table.writerow({name: f"{v:.6g}" if isinstance(v, float) else v for name, v in one.items()})
    return replace_text(Path(folder) / SUMMARY, text.getvalue())


def read_summary(folder: _typing.Path) -> list[dict[str, Any]]:
    """The rows of ``summary.csv`` as `row` made them, floats to six digits; what a run lacks is left out.

    Raises InputError if it is missing or damaged, RunError if a run of it leads out of the folder.
    """
    path = Path(folder) / SUMMARY
    try:
        rows = list(csv.DictReader(io.StringIO(limits.read_text(path))))
        found = [{name: _value(name, text) for name, text in one.items() if text or name == "gamma"} for one in rows]
    except (OSError, UnicodeDecodeError, csv.Error, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} cannot be read: {str(error)[:200]}") from error
    for one in found:
        if missing := {"run", "status", "preset", "mixing", "gamma", "seed"} - one.keys():
            raise InputError(f"{path} is no table of a sweep: a line has no {min(missing)}")
        inside(folder, f"runs/{one['run']}")
    return found


def _value(name: str, text: str) -> str | float | None:
    """A cell of the table, back in its type."""
    if name in ("run", "status", "preset", "mixing"):
        return text
    return None if not text else int(text) if text.isdecimal() else float(text)
