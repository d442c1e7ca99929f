"""Pictures from a run folder alone: generators + latents + normalisation record, no inputs, no fit.

The ONNX runtime needs numpy, tifffile and onnxruntime only; TensorFlow is not imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ddip_tf._types import Floats, StrPath
from ddip_tf.archive.run import Run, open_run
from ddip_tf.archive.runtimes import RUNTIMES
from ddip_tf.errors import InputError, RunError
from ddip_tf.formats import tiff
from ddip_tf.quality import repeatability
from ddip_tf.slices.affine import Affine

#: most that a regenerated image may differ from the archived one, in units of its range
TOLERANCE = {"tensorflow": 1e-5, "onnx": 1e-4}


def regenerate(run: StrPath, runtime: str = "onnx") -> Floats:
    """The separated slices, generated anew from the archive.

    Parameters
    ----------
    run
        a run folder.
    runtime
        ``onnx`` (onnxruntime, CPU) or ``tensorflow`` (the SavedModel).

    Returns
    -------
    array
        (N, H, W) float32, in the unit of the fit's input.

    Raises
    ------
    InputError
        no run folder, or no such runtime.
    RunError
        a generator or its latent input is missing or damaged.

    Examples
    --------
    >>> ddip_tf.regenerate("saved_models/example").shape
    (2, 160, 192)
    """
    if runtime not in RUNTIMES:
        raise InputError(f"no runtime {runtime!r}; there are {', '.join(RUNTIMES)}")
    run = open_run(run)
    if run.repeated:
        return _repeats(run, runtime)[0]
    manifest = run.manifest
    try:
        names = [f"slice{number}" for number in run.numbers]
        images = [RUNTIMES[runtime](run.path, name, run.latents) for name in names]
        if any(image.shape != (1, *manifest["shape"], 1) for image in images):
            raise RunError(f"the generators' images are not {manifest['shape']} as the manifest says")
        record = manifest["normalisation"]
        to_output = Affine(tuple(record["gain"]), tuple(record["offset"]))
        return to_output(np.stack([image[0, ..., 0] for image in images]))
    except ModuleNotFoundError as error:
        raise RunError(f"runtime {runtime} needs the package {error.name}: pip install {error.name}") from error
    except Exception as error:  # the runtimes raise kinds of their own
        raise RunError(f"{run} cannot be regenerated: {' '.join(str(error).split())}") from error


def pictures(run: StrPath, runtime: str = "onnx") -> dict[str, Floats]:
    """All that can be generated anew, (H, W) each, by the name of its file in ``outputs/``.

    ``slice1`` …, by their numbers in the file, vacuum too; of repeated runs, whose slices are means, also their
    deviations ``std1`` … . Raises as `regenerate`.
    """
    run = open_run(run)
    made = _repeats(run, runtime) if run.repeated else (regenerate(run, runtime),)
    kinds = zip(("slice", "std"), made, strict=False)
    found = {f"{kind}{n}": image for kind, images in kinds for n, image in zip(run.numbers, images, strict=True)}
    shape = made[0].shape[1:]
    return found | {f"slice{one.number}": np.full(shape, one.value, np.float32) for one in run.vacuum}


def check(run: StrPath, runtime: str = "onnx") -> list[str]:
    """Whether the archive still gives the archived pictures: a sentence for each file that does not match.

    Hashes of all files are held against the manifest, then each regenerated slice against ``outputs/``:
    the largest difference, over the image's range, may be 1e-5 (TensorFlow) or 1e-4 (ONNX).

    Raises as `regenerate`.

    Examples
    --------
    >>> ddip_tf.check("saved_models/example")
    []
    """
    run = open_run(run)
    found = run.changed_files()
    for member in run.members:
        found += [f"{member.path.name}/{one}" for one in member.changed_files()]
    for name, (image, difference) in differences(run, runtime).items():
        if not difference <= TOLERANCE[runtime]:
            found.append(
                f"outputs/{name}.tif: the {runtime} picture differs by {difference:.2e} of the range "
                f"(allowed {TOLERANCE[runtime]:.0e}), at most {np.ptp(image) * difference:.3g} in its unit"
            )
    return found


def differences(run: StrPath, runtime: str = "onnx") -> dict[str, tuple[Floats, float]]:
    """For each of `pictures` the archived one (H, W) and the largest difference to it, over its slice's range.

    Raises as `regenerate`; InputError also for an archived picture that cannot be read.
    """
    run = open_run(run)
    found: dict[str, tuple[Floats, float]] = {}
    for name, picture in pictures(run, runtime).items():
        archived = run.picture(name)
        if archived.shape != picture.shape:
            raise RunError(f"outputs/{name}.tif is {archived.shape}, regenerated {picture.shape}")
        own_slice = found.get(name.replace("std", "slice"), (archived, 0.0))[0]
        found[name] = archived, float(np.abs(picture - archived).max()) / (float(np.ptp(own_slice)) or 1.0)
    return found


def write(pictures: Mapping[str, Floats], folder: StrPath, pixel_size_m: tuple[float, float] | None = None) -> None:
    """Write pictures (H, W), each as TIFF of its name, into ``folder``, made if need be.

    Raises RunError if it cannot be written.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, picture in pictures.items():
            tiff.write(Path(folder) / f"{name}.tif", picture, pixel_size_m)
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror or error}") from error


def _repeats(run: Run, runtime: str) -> tuple[Floats, Floats]:
    """Mean and deviation (N, H, W) over the runs in ``runs/``, generated anew."""
    outputs, members = [], []
    for single, record in zip(run.members, run.manifest["runs"], strict=True):
        try:
            member = repeatability.Member.from_dict(record)
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{run} is damaged: the record of {single.path.name} cannot be read") from error
        if member.used:
            outputs.append(regenerate(single, runtime))
            members.append(member)
    try:
        return repeatability.combine(outputs, members)
    except (ValueError, IndexError) as error:
        raise RunError(f"{run} is damaged: its runs do not go together") from error
