"""The run folder: generators as SavedModel and ONNX, latents, pictures, and a manifest with every file's hash.

Writing needs TensorFlow; reading (`ddip_tf.archive.run`) does not.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddip_tf import environment
from ddip_tf._types import Floats, StrPath
from ddip_tf.archive import pictures
from ddip_tf.archive.lock import FolderLock, as_run_error, taken
from ddip_tf.archive.manifest import FORMAT_VERSION, MANIFEST, load_manifest, sha256
from ddip_tf.archive.runtimes import run_saved_model
from ddip_tf.config import effective
from ddip_tf.errors import InputError
from ddip_tf.slices.separation import loss_terms
from ddip_tf.training.checkpoint import STATE

if TYPE_CHECKING:
    from ddip_tf.config import FitConfig
    from ddip_tf.slices.separation import Separation
    from ddip_tf.slices.stack import SliceStack

#: arrays of the mixing with fewer numbers also stand in the manifest, for people to read
LARGEST_LISTED = 1000
#: what manifests say of the input since slices go by the numbers of their file
SINCE_MANY = ("numbers", "vacuum")


def save(separation: Separation, run: StrPath, *, overwrite: bool = False) -> Path:
    """Archive a separation as run folder ``run``; complete or not there at all.

    Parameters
    ----------
    separation
        what `ddip_tf.fit` gave.
    run
        the folder to make.
    overwrite
        whether an existing folder that is not empty may be replaced.

    Returns
    -------
    pathlib.Path
        the folder.

    Raises
    ------
    InputError
        the folder exists, is not empty, and ``overwrite`` is not set.
    RunError
        it cannot be written.

    Examples
    --------
    >>> separation = ddip_tf.fit(ddip_tf.read("slice1.tif", "slice2.tif"))
    >>> folder = ddip_tf.save(separation, "runs/sample7")
    >>> ddip_tf.load(folder).outputs.shape
    (2, 96, 101)
    """
    with RunFolder(run, overwrite=overwrite) as folder:
        folder.write(separation)
    return Path(run)


class RunFolder:
    """A run folder in the making: filled aside, under a name of its own, and exchanged when complete.

    Use it as a context: entering claims the folder (so that a missing permission shows before hours of work, and no
    second process works on it), leaving with an error removes what was written. Raises as `save`.

    Parameters
    ----------
    run, overwrite
        as in `save`.
    resume
        whether the folder may hold an unfinished run (its checkpoints) or a finished one (`finished`).
    """

    def __init__(self, run: StrPath, *, overwrite: bool = False, resume: bool = False) -> None:
        self.run = Path(run).absolute()
        self._lock = FolderLock(run)
        self._keep = not (overwrite or resume)

    def __enter__(self) -> RunFolder:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._lock)
            if self._keep and taken(self.run):
                hint = "`resume` goes on with it, " if (self.run / STATE).exists() else ""
                raise InputError(f"{self.run} exists and is not empty: {hint}choose another `run`, or `overwrite`")
            self._leave = stack.pop_all()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._leave.close()

    def finished(self, stack: SliceStack, config: FitConfig) -> bool:
        """Whether there is a finished run of this ``stack`` and ``config``, and nothing to go on with.

        Raises InputError where there is a finished run of others.
        """
        if (self.run / STATE).exists() or not (self.run / MANIFEST).exists():
            return False
        manifest = load_manifest(self.run)
        inputs = [{"slice_axis": None, **entry} for entry in manifest["inputs"]]  # older runs know no slice axis
        there = {**manifest, "config": effective(manifest["config"]), "inputs": inputs}
        now = {**_manifest_of_input(stack, config), "config": effective(config.to_dict())}
        for name, value in json.loads(json.dumps(now)).items():
            if there.get(name) != value and not (name in SINCE_MANY and name not in there):
                raise InputError(
                    f"{self.run} is a finished run with another {name}: choose another `run`, or `overwrite`"
                )
        return True

    def write(self, separation: Separation) -> None:
        """Fill the folder and put it in its place."""
        with as_run_error(self.run):
            _write_run(separation, self._lock.aside)
            self._lock.commit()


def _write_run(separation: Separation, folder: Path) -> None:
    import tensorflow as tf

    from ddip_tf.archive.network_files import Exporter

    networks, exporter = {**separation.generators, **separation.filters}, Exporter()
    for name in networks:
        (folder / ("generators" if name in separation.generators else "onnx")).mkdir(exist_ok=True)
    (folder / "onnx").mkdir(exist_ok=True)
    images = []
    for name, model in networks.items():
        architecture = exporter.architecture(model)
        architecture.save_onnx(model, folder / "onnx" / f"{name}.onnx")
        if name in separation.generators:
            architecture.save_model(model, folder / "generators" / name)
            # the picture is the reloaded generator's: what is archived is what regenerates
            with tf.device(separation.provenance.get("device", "/CPU:0")):
                images.append(run_saved_model(folder, name, separation.latents)[0, ..., 0])
    outputs = separation.to_output(np.stack(images))
    np.savez(folder / "latents.npz", **separation.latents)  # type: ignore[arg-type]
    np.savez(folder / "mixing.npz", **separation.mixing)  # type: ignore[arg-type]
    taken = pictures.taken_out(separation.stack.images, outputs, separation.smoothed)
    stack = separation.stack
    aside = () if stack.summed else stack.vacuum
    pictures.write(folder / "outputs", {"slice": outputs, **taken}, stack.pixel_size_m, stack.numbers, aside)
    _write_history(folder / "history.csv", separation.history)
    files = {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    text = json.dumps({**_manifest(separation), "files": files}, indent=1, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n")


def _write_history(path: Path, history: Mapping[str, Floats]) -> None:
    rows = zip(*history.values(), strict=True)
    lines = [",".join(history), *(",".join(f"{value:.8g}" for value in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def _manifest(separation: Separation) -> dict[str, Any]:
    stack = separation.stack
    # α of the last epoch's start is in history.csv; the final one is mixing.matrix
    losses = {name: float(values[-1]) for name, values in loss_terms(separation.history).items()}
    return {
        "format_version": FORMAT_VERSION,
        "versions": environment.versions(),
        "platform": environment.platform_name(),
        **separation.provenance,
        "status": separation.status,
        "epochs_done": separation.epochs,
        **_manifest_of_input(stack, separation.config),
        "seed": separation.config.seed,
        "pixel_size_m": stack.pixel_size_m,
        "spacing_m": stack.spacing_m,
        "wavelength_m": stack.wavelength_m,
        "probe_angle_rad": stack.probe_angle_rad,
        "normalisation": {
            "rule": "output = gain * generator + offset",
            **dataclasses.asdict(separation.to_output),
        },
        "gamma": separation.config.exclusion_weight,
        "final": losses,
        "mixing": {
            name: np.round(values.astype(float), 6).tolist()
            for name, values in separation.mixing.items()
            if values.size < LARGEST_LISTED
        },
        "warnings": [dataclasses.asdict(caution) for caution in separation.warnings],
    }


def _manifest_of_input(stack: SliceStack, config: FitConfig) -> dict[str, Any]:
    """What a run was asked to do."""
    return {
        "config": config.to_dict(),
        "slices": len(stack),
        "numbers": list(stack.numbers),
        "vacuum": [dataclasses.asdict(one) for one in stack.vacuum],
        "summed": [list(numbers) for numbers in stack.summed] or None,
        "shape": list(stack.shape),
        "inputs": [dataclasses.asdict(source) for source in stack.sources],
        "crop": stack.crop,
        "guides": [{"slice": stack.numbers[g.index], "name": g.name, "sha256": g.sha256} for g in stack.guides] or None,
        "start": stack.start and stack.start.record,
        "half": stack.halves and stack.halves.record,
        "amplitudes": True if stack.amplitudes is not None else None,
        "from_complex": dataclasses.asdict(stack.record) if stack.record else None,
    }
