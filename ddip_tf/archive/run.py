"""What stands in a run folder, read without trust and without TensorFlow: one reader for all who want to know."""

from __future__ import annotations

import csv
import io
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf._types import Floats, StrPath
from ddip_tf.archive.manifest import cautions, changed_files, inside, load_manifest, numbers_of
from ddip_tf.caution import Caution
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError, RunError
from ddip_tf.formats import arrays, limits, tiff
from ddip_tf.methods import networks_trained
from ddip_tf.slices.numbering import Vacuum


class Run:
    """A run folder, open: its manifest at once, everything else when it is first asked for, and then kept.

    It is a path, too (`os.PathLike`), so that whoever takes a run folder takes an open one and reads nothing twice
    (`open_run`). Arrays are kept for as long as the object is.

    Parameters
    ----------
    folder
        what ``ddip-tf fit`` or `ddip_tf.save` wrote.

    Attributes
    ----------
    path
        the folder, as it was given.
    manifest
        checked by `ddip_tf.archive.manifest.load_manifest`.

    Raises
    ------
    InputError
        it is no run folder, or its manifest is damaged; of every property: a file of it is missing or damaged.
    RunError
        of every property: a file of it leads out of the folder.

    Examples
    --------
    >>> run = ddip_tf.Run("saved_models/example")
    >>> run.outputs.shape, run.repeated
    ((2, 160, 192), False)
    """

    def __init__(self, folder: StrPath) -> None:
        self.path = Path(folder)
        self.manifest: dict[str, Any] = load_manifest(folder)

    def __repr__(self) -> str:
        height, width = self.manifest["shape"]
        of = f"{self.manifest['slices']} slices of {height} x {width}, mixing {self.manifest['config']['mixing']}"
        return f"<ddip_tf.Run {str(self.path)!r}: {of}, {len(self.manifest['warnings'])} warnings>"

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def file(self, name: str) -> Path:
        """The path of the file ``name`` in it. Raises RunError if that, or a link on its way, leads out of it."""
        return inside(self.path, name)

    def changed_files(self) -> list[str]:
        """One sentence for each archived file that is missing or whose sha256 is not the manifest's."""
        return changed_files(self.path, self.manifest)

    def picture(self, name: str) -> Floats:
        """The archived picture ``name``, such as ``slice1`` or ``ghost2``: (H, W)."""
        return tiff.read(self.file(f"outputs/{name}.tif"))[0][0]

    def images(self, kind: str) -> Floats:
        """The archived pictures of ``kind``, such as ``slice`` or ``ghost``, one a slice: (N, H, W)."""
        return np.stack([self.picture(f"{kind}{number}") for number in self.numbers])

    @property
    def numbers(self) -> tuple[int, ...]:
        """(N,) of the slices that were fitted, from 1, in their file; 1 … N in runs of older versions."""
        return numbers_of(self.manifest)

    @property
    def vacuum(self) -> tuple[Vacuum, ...]:
        """Slices that are the same everywhere and stand in ``outputs/`` as they were; in no array of this object."""
        aside = () if self.manifest.get("summed") else self.manifest.get("vacuum", ())
        return tuple(Vacuum(**one) for one in aside)

    @property
    def repeated(self) -> bool:
        """Whether it holds several fits (`members`), of which its pictures are the mean."""
        return "runs" in self.manifest

    @property
    def pixel_size_m(self) -> tuple[float, float] | None:
        """(y, x) in metres, if known."""
        size = self.manifest["pixel_size_m"]
        return None if size is None else (size[0], size[1])

    @property
    def config(self) -> FitConfig:
        """Its settings. Raises InputError for some that this ddip-tf does not know."""
        return FitConfig.from_dict(self.manifest["config"])

    @property
    def cautions(self) -> list[Caution]:
        """The warnings of its manifest."""
        return cautions(self.manifest)

    @cached_property
    def outputs(self) -> Floats:
        """(N, H, W): the separated slices."""
        return self.images("slice")

    @cached_property
    def ghosts(self) -> Floats:
        """(N, H, W): what was taken out as the other slices'."""
        return self.images("ghost")

    @cached_property
    def smoothed(self) -> Floats | None:
        """(N, H, W): what was taken out as no slice's, 0 where nothing was; None where nothing was of any."""
        names = [f"smoothed{number}" for number in self.numbers]
        found = {name: self.picture(name) for name in names if f"outputs/{name}.tif" in self.manifest["files"]}
        if not found:
            return None
        nothing = np.zeros_like(next(iter(found.values())))
        return np.stack([found.get(name, nothing) for name in names])

    @property
    def taken_out(self) -> dict[str, Floats]:
        """`ghosts` and, where anything was, `smoothed`, by the kind of their pictures."""
        return {"ghost": self.ghosts} | ({} if self.smoothed is None else {"smoothed": self.smoothed})

    @cached_property
    def inputs(self) -> Floats:
        """(N, H, W): the slices that were fitted, output + ghost + smoothed."""
        return sum(self.taken_out.values(), self.outputs)

    @cached_property
    def deviations(self) -> Floats:
        """(N, H, W): standard deviations over repeated fits."""
        return self.images("std")

    @cached_property
    def latents(self) -> dict[str, Floats]:
        """What its generators are fed, by name (`ddip_tf.slices.separation.latents_of`)."""
        return arrays.read_npz(self.file("latents.npz"))

    @cached_property
    def mixing(self) -> dict[str, Floats]:
        """What the forward model learned: the arrays of ``mixing.npz`` by name.

        Without ``spread`` where the pictures are networks': older versions wrote that of total variation's solves.
        """
        found = arrays.read_npz(self.file("mixing.npz"))
        foreign = {"spread"} if networks_trained(self.manifest["config"]) else set()
        return {name: values for name, values in found.items() if name not in foreign}

    @cached_property
    def history(self) -> dict[str, Floats]:
        """Columns (E,) of ``history.csv`` by name, ``epoch`` first."""
        path = self.file("history.csv")
        try:
            rows = list(csv.reader(io.StringIO(limits.read_text(path))))
            columns = np.array(rows[1:], float).reshape(len(rows) - 1, len(rows[0])).T
            return {"epoch": np.arange(1.0, len(rows)), **dict(zip(rows[0], columns, strict=True))}
        except (OSError, ValueError, IndexError, csv.Error) as error:
            raise InputError(f"{path} cannot be read: {str(error)[:200]}") from error

    @cached_property
    def members(self) -> list[Run]:
        """The single fits of a repeated one, in order; of another none. RunError where one is no single run."""
        try:
            folders = [self.file(f"runs/{record['name']}") for record in self.manifest.get("runs", ())]
        except (KeyError, TypeError) as error:
            raise RunError(f"{self} is damaged: its list of runs cannot be read") from error
        members = [Run(folder) for folder in folders]
        if any(member.repeated for member in members):
            raise RunError(f"{self} is damaged: one of its runs is several")
        return members


def open_run(run: StrPath) -> Run:
    """``run`` if it is open, else the folder opened. Raises as `Run`."""
    return run if isinstance(run, Run) else Run(run)


def load(run: StrPath) -> Run:
    """Open the run folder ``run``, which `ddip_tf.save`, `ddip_tf.fit_and_save` or ``ddip-tf fit`` wrote.

    Without TensorFlow: its ``outputs``, ``ghosts``, ``manifest``, ``config`` … are read when they are asked for.
    Raises as `Run`.

    Examples
    --------
    >>> run = ddip_tf.load("saved_models/example")
    >>> run
    <ddip_tf.Run 'saved_models/example': 2 slices of 160 x 192, mixing transfer, 0 warnings>
    >>> run.outputs.shape
    (2, 160, 192)
    """
    return open_run(run)


def archived(run: StrPath) -> tuple[Floats, Floats]:
    """The input slices and the outputs of a run, each (N, H, W). Raises as `Run`."""
    opened = open_run(run)
    return opened.inputs, opened.outputs
