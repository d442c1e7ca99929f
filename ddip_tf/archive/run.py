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
    """The input slices (output + ghost + smoothed) and the outputs of a run, as archived, each (N, H, W).

    Raises InputError if it is no run folder or a picture cannot be read.
    """
    numbers = range(1, load_manifest(run)["slices"] + 1)
    output, ghost = (np.stack([_picture(run, f"{kind}{number}") for number in numbers]) for kind in ("slice", "ghost"))
    smoothed = read_smoothed(run)
    return output + ghost if smoothed is None else output + ghost + smoothed, output


def read_smoothed(run: StrPath) -> Floats | None:
    """What was taken out of each slice as no slice's, (N, H, W), 0 where nothing was; None where nothing was of any.

    Raises InputError if it is no run folder or a picture cannot be read.
    """
    manifest = load_manifest(run)
    names = [f"smoothed{number}" for number in range(1, manifest["slices"] + 1)]
    found = {name: _picture(run, name) for name in names if f"outputs/{name}.tif" in manifest["files"]}
    if not found:
        return None
    nothing = np.zeros_like(next(iter(found.values())))
    return np.stack([found.get(name, nothing) for name in names])


def _picture(run: StrPath, name: str) -> Floats:
    return tiff.read(inside(run, f"outputs/{name}.tif"))[0][0]


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
    return np.stack([_picture(run, f"std{number}") for number in range(1, count + 1)])
