"""A reconstruction's own file again, without the ghosts: what a second reconstruction starts from.

Nothing is regridded: of every slice of the original object, exp(i θ), the ghost that a run took out of the phase is
taken out as a factor exp(−i w ghost), or of log-amplitudes exp(−w ghost). The window w is 1 inside the area that was
separated, falls to 0 over its rim, and leaves all outside untouched. So ramps, offsets and whole turns of the phase
stay as the program wrote them. Where a run says what was smoothed, beside the ghost, that goes with it: the new object
holds the run's outputs.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf._types import Box, StrPath
from ddip_tf.archive.manifest import sha256
from ddip_tf.archive.run import Run, open_run
from ddip_tf.caution import Caution
from ddip_tf.errors import InputError, RunError
from ddip_tf.formats import FAMILIES, change_content, family_of, limits, open_content
from ddip_tf.slices.ghosts import drop_rounding, refuse_unexplained, take_out
from ddip_tf.slices.numbering import listed
from ddip_tf.slices.stack import check_box

#: the warning that says how much it is
UNEXPLAINED = re.compile(r"(\d+) % of the contrast of slice (\d+) is not explained")


@dataclass(frozen=True)
class Exported:
    """What an export did: ``slices`` whose ghosts were taken out, from 1, of ``count`` in the file; ``notes`` on it."""

    slices: tuple[int, ...]
    count: int
    notes: tuple[Caution, ...]

    def __str__(self) -> str:
        """As in ``start.h5: product.h5 with …``."""
        if not self.slices:
            return "nothing was changed: no ghosts were found in these slices"
        if len(self.slices) == self.count:
            return "with the separated slice" + ("s" if self.count > 1 else "")
        several = "s" if len(self.slices) > 1 else ""
        return f"with the separated slice{several} {listed(self.slices)} of {self.count}"


def export(
    runs: Sequence[StrPath],
    original: StrPath,
    new: StrPath,
    *,
    family: str | None = None,
    dataset: str | None = None,
    slice_axis: str | None = None,
    overwrite: bool = False,
    despite_warnings: bool = False,
) -> Exported:
    """Write ``new``: a copy of the file ``original`` from whose slices the ghosts found by ``runs`` are taken out.

    Parameters
    ----------
    runs
        a run folder, or several: one of the phase, one of the amplitude.
    original
        the file the runs were made from, or another with an object on the same grid.
    new
        the file to write, in the format of ``original``.
    family, dataset, slice_axis
        see `ddip_tf.formats.read`; what the run was read with if None.
    overwrite
        whether ``new`` may exist.
    despite_warnings
        whether runs that leave more than half of a slice's contrast unexplained are written too.

    Returns
    -------
    Exported
        which slices were written, and what the user should know, the runs' warnings among it.

    Raises
    ------
    InputError
        no run folder, no such file, an object of other shape or too few slices, ``new`` exists, or a run that explains
        too little.
    RunError
        a run folder was changed since it was archived, or ``new`` cannot be written.
    """
    source, target = Path(original), Path(new)
    opened = [open_run(run) for run in runs]
    inputs: list[dict] = next((run.manifest["inputs"] for run in opened if run.manifest["inputs"]), [{}])
    if not despite_warnings:
        for run in opened:
            _refuse_unexplained(run)
    dataset = dataset or inputs[0].get("dataset")
    slice_axis = slice_axis or inputs[0].get("slice_axis")
    name = family_of(source, family or (inputs[0].get("family") if dataset else None), dataset)
    kind = FAMILIES[name]
    if kind.change is None:
        raise InputError(f"ddip-tf cannot write files of format {name}")
    if target.exists() and target.samefile(source):
        raise InputError(f"{target} is the original itself: choose another `new`")
    if target.exists() and not overwrite:
        raise InputError(f"{target} exists: choose another `new`, or `overwrite`")
    images = open_content(source, name, dataset, slice_axis).images
    limits.admit(source, images.shape, "c16")
    digest = sha256(source)
    notes: list[Caution] = []
    factor = np.zeros(images.shape, np.complex128)
    for run in opened:
        notes += _take_out(factor, run, source, digest, complex_object=np.iscomplexobj(images))
        whose = f"{run.path.name}: " if len(opened) > 1 else ""
        notes += [replace(caution, text=f"{whose}{caution}") for caution in run.cautions]
    drop_rounding(factor, images)
    written = tuple(number for number, part in enumerate(factor, 1) if np.any(part))
    _write(kind, source, target, lambda file: change_content(file, name, dataset, slice_axis, factor))
    return Exported(written, len(factor), tuple(dict.fromkeys(notes)))


def _take_out(factor: np.ndarray, run: Run, source: Path, digest: str, *, complex_object: bool) -> list[Caution]:
    """Add what the run took out to ``factor`` (N, H, W), with a minus sign."""
    manifest = run.manifest
    if manifest.get("summed"):
        raise InputError(
            f"{run} separated sums of neighbouring slices: what belongs to each of them is not known, "
            "so none is exported; fit the slices as they are for that"
        )
    changed = [sentence for sentence in run.changed_files() if sentence.startswith("outputs/")]
    if changed:
        raise RunError(f"{run} is not as it was archived: " + "; ".join(changed))
    quantity = (manifest.get("from_complex") or {}).get("quantity", "phase")
    if quantity == "amplitude" and not complex_object:
        raise InputError(f"{run} separated amplitudes, but {source} holds real images")
    pages, notes = _pages(manifest, run, source, digest)
    (_, y1), (_, x1) = box = _box(run)
    if not manifest["crop"] and (y1, x1) != factor.shape[1:]:
        raise InputError(f"{source} holds images of {_sides(factor)} pixels; {run} separated {y1} x {x1}, not cropped")
    try:
        check_box(*box, factor.shape[1:])
    except InputError as error:
        raise InputError(f"{source} holds images of {_sides(factor)} pixels, {run} is of others: {error}") from None
    last = max(page for _, page in pages)
    if last >= len(factor):
        raise InputError(f"{source} holds {len(factor)} slices; {run} separated number {last}, counted from 0")
    taken = np.stack(list(run.taken_out.values())).sum(0, dtype=np.float64)
    for number, page in pages:
        take_out(factor[page], taken[number - 1], box, phase=quantity == "phase", complex_object=complex_object)
    return notes


def _pages(
    manifest: Mapping[str, Any], run: StrPath, source: Path, digest: str
) -> tuple[list[tuple[int, int]], list[Caution]]:
    """Which slice of the run (from 1) is which of the file (from 0), and what to say of it."""
    inputs = manifest["inputs"] or [{"page": n, "sha256": ""} for n in range(manifest["slices"])]
    pages = [entry.get("page") for entry in inputs]
    if len(pages) != manifest["slices"] or not all(isinstance(page, int) and page >= 0 for page in pages):
        raise InputError(f"the manifest of {run} is damaged: inputs")
    own = [(number, page) for number, page in enumerate(pages, 1) if inputs[number - 1].get("sha256") == digest]
    if own:
        return own, []
    if len({entry.get("sha256") for entry in inputs}) > 1:
        names = ", ".join(entry["name"] for entry in inputs)
        raise InputError(f"{source} is none of the files that the run was made from: {names}")
    said = f"{source} is not the very file that the run was made from; its object lies on the same grid."
    return list(enumerate(pages, 1)), [Caution("another-file", said)]


def _box(run: Run) -> Box:
    try:
        (y0, y1), (x0, x1) = run.manifest["crop"] or [[0, side] for side in run.manifest["shape"]]
        return (int(y0), int(y1)), (int(x0), int(x1))
    except (TypeError, ValueError) as error:
        raise InputError(f"the manifest of {run} is damaged: crop") from error


def _sides(images: np.ndarray) -> str:
    return f"{images.shape[1]} x {images.shape[2]}"


def _refuse_unexplained(run: Run) -> None:
    """Raise InputError where what the run models is not even half of what a slice shows: its ghosts may be none."""
    shares = run.manifest.get("unexplained")
    if not isinstance(shares, list):  # runs that did not write it down said so from a third on
        said = (UNEXPLAINED.match(str(sentence)) for sentence in run.cautions)
        shares = {int(found[2]): int(found[1]) / 100 for found in said if found}
    elif not all(isinstance(share, int | float) for share in shares):
        raise InputError(f"the manifest of {run} is damaged: unexplained")
    else:
        shares = {number: float(share) for number, share in zip(run.numbers, shares, strict=False)}
    refuse_unexplained(shares, run)


def _write(kind: Any, source: Path, target: Path, change: Callable[[Path], None]) -> None:
    """Copy, change, and only then put in place."""
    others = kind.companions(source)
    if others and target.name != source.name:
        raise InputError(
            f"{source.name} and {others[0].name} find each other by name: keep the name, in another folder"
        )
    try:
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.absolute().parent) as folder:
            aside = Path(folder) / target.name
            shutil.copyfile(source, aside)
            for other in others:
                shutil.copyfile(other, Path(folder) / other.name)
            change(aside)
            for file in Path(folder).iterdir():
                file.replace(target.absolute().parent / file.name)
    except OSError as error:
        raise RunError(f"cannot write {target}: {error.strerror or error}") from error
