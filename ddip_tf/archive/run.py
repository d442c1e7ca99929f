"""What stands in a run folder, read without trust and without TensorFlow."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf._types import Floats, StrPath
from ddip_tf.archive.manifest import inside, load_manifest
from ddip_tf.errors import InputError, RunError
from ddip_tf.formats import arrays, limits, tiff


def archived(run: StrPath) -> tuple[Floats, Floats]:
    """The input slices (output + ghost) and the outputs of a run, as archived, each (N, H, W).

    Raises InputError if it is no run folder or a picture cannot be read.
    """
    count = load_manifest(run)["slices"]
    output, ghost = (
        np.concatenate([tiff.read(inside(run, f"outputs/{kind}{i + 1}.tif"))[0] for i in range(count)])
        for kind in ("slice", "ghost")
    )
    return output + ghost, output


def member_folders(run: Path, manifest: Mapping[str, Any]) -> list[Path]:
    """Folders of the single runs. Raises RunError where one leads elsewhere or is no single run."""
    try:
        folders = [inside(run, f"runs/{record['name']}") for record in manifest["runs"]]
    except (KeyError, TypeError) as error:
        raise RunError(f"{run} is damaged: its list of runs cannot be read") from error
    if any("runs" in load_manifest(folder) for folder in folders):
        raise RunError(f"{run} is damaged: one of its runs is several")
    return folders


def read_history(run: Path) -> dict[str, Floats]:
    """Columns of ``history.csv`` by name."""
    path = inside(run, "history.csv")
    try:
        rows = list(csv.reader(io.StringIO(limits.read_text(path))))
        columns = np.array(rows[1:], float).reshape(len(rows) - 1, len(rows[0])).T
        return {"epoch": np.arange(1.0, len(rows)), **dict(zip(rows[0], columns, strict=True))}
    except (OSError, ValueError, IndexError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {str(error)[:200]}") from error


def read_learned(run: StrPath, manifest: Mapping[str, Any]) -> dict[str, Floats]:
    """What the forward model learned: the arrays of ``mixing.npz`` by name.

    Without ``spread`` where the pictures are networks': older versions wrote that of total variation's solves there.

    Raises InputError if it cannot be read.
    """
    found = arrays.read_npz(inside(run, "mixing.npz"))
    foreign = set() if manifest["config"].get("prior", "tv") == "tv" else {"spread"}
    return {name: values for name, values in found.items() if name not in foreign}


def read_deviations(run: StrPath, count: int) -> Floats:
    """Standard deviations over repeated fits of ``count`` slices, (N, H, W). Raises InputError for damaged ones."""
    return np.stack([tiff.read(inside(run, f"outputs/std{number}.tif"))[0][0] for number in range(1, count + 1)])
