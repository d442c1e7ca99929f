"""The table of a sweep, ``summary.csv``: one line a fit, with its settings and what came out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf._types import StrPath
from ddip_tf.archive.lock import replace_text
from ddip_tf.archive.manifest import MANIFEST, inside
from ddip_tf.archive.run import Run
from ddip_tf.errors import InputError
from ddip_tf.formats import limits
from ddip_tf.quality import without_truth
from ddip_tf.slices.separation import alphas
from ddip_tf.workflows.sweep import Task

SUMMARY = "summary.csv"


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
    run = Run(task.run)
    manifest = run.manifest
    matrix = manifest["mixing"].get("matrix")  # none under T(k)
    alpha = [] if matrix is None else alphas(np.asarray(matrix, float))
    return {
        **found,
        "status": manifest["status"],
        "epochs": manifest["epochs_done"],
        **{name: value for name, value in manifest["final"].items() if not name.startswith("alpha")},
        **{f"alpha{i + 1}": float(value) for i, value in enumerate(alpha)},
        **asdict(without_truth.indicators(run.inputs, run.outputs)),
        "unexplained": without_truth.unexplained(run.inputs, manifest["final"]["fidelity"]),
        "wall_time_s": manifest["wall_time_s"],
        "warnings": len(manifest["warnings"]),
    }


def write_summary(rows: Iterable[Mapping[str, Any]], folder: StrPath) -> Path:
    """``summary.csv``, one line a run, replaced in one go; values that a run lacks stay empty. Raises RunError."""
    rows = list(rows)
    columns = list(dict.fromkeys(name for one in sorted(rows, key=len, reverse=True) for name in one))
    text = io.StringIO()
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    for one in rows:
        table.writerow({name: f"{v:.6g}" if isinstance(v, float) else v for name, v in one.items()})
    return replace_text(Path(folder) / SUMMARY, text.getvalue())


def read_summary(folder: StrPath) -> list[dict[str, Any]]:
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
