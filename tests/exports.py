"""Runs of a part of the object of make_fixtures, and what an export of them must hold."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from make_fixtures import SHAPE, the_object

from ddip_tf.archive.manifest import sha256
from ddip_tf.formats import read
from ddip_tf.slices.ghosts import window
from ddip_tf.slices.phase import Conversion
from ddip_tf.slices.stack import SliceStack
from ddip_tf.transfer.ramps import without_plane

CROP = ((3, 40), (5, 44))  # reaches the lower edge of the object, no other


def run_of(path: Path, folder: Path, ghosts: np.ndarray, quantity="phase", pages=(0, 1, 2), crop=CROP) -> Path:
    """A run of the part ``crop`` of some ``pages`` of a file whose ghosts are (N, H, W)."""
    stack = read(path, conversion=Conversion(quantity, crop=crop)).pick(list(pages))
    (y0, y1), (x0, x1) = crop
    own = ghosts[list(pages), y0:y1, x0:x1]
    return run_with(folder / f"run-{quantity}-{path.name}", stack, own, pixel_size_m=stack.pixel_size_m)


def run_with(run: Path, stack: SliceStack, ghosts: np.ndarray, **said: Any) -> Path:
    """The run folder ``run`` as archive writes it, as far as export reads it, of a stack and its ghosts (N, H, W)."""
    (run / "outputs").mkdir(parents=True)
    for number, ghost in zip(stack.numbers, ghosts, strict=True):
        tifffile.imwrite(run / f"outputs/ghost{number}.tif", ghost.astype("f4"))
    manifest = {
        "format_version": 1,
        "slices": len(stack),
        "numbers": list(stack.numbers),
        "shape": stack.shape,
        "inputs": [asdict(source) for source in stack.sources],
        "crop": stack.crop,
        "from_complex": asdict(stack.record) if stack.record else None,
        "files": {f"outputs/{file.name}": sha256(file) for file in (run / "outputs").iterdir()},
        "normalisation": {"gain": [1.0] * len(stack), "offset": [0.0] * len(stack)},
        "pixel_size_m": None,
        "config": {"mixing": "transfer", "seed": 0},
        "versions": {},
        "platform": "",
        "status": "done",
        "warnings": [],
        "final": {},
        "wall_time_s": 1.0,
        "epochs_done": 1,
        **said,
    }
    (run / "manifest.json").write_text(json.dumps(manifest))
    return run


def expected(ghosts, factor=1j, pages=(0, 1, 2)):
    (y0, y1), (x0, x1) = CROP
    new = the_object().astype(complex)
    for page in pages:
        ghost = ghosts[page, y0:y1, x0:x1]
        amplitude, phase = ghost - ghost.mean(), without_plane(ghost)  # without what is the probe's as well
        taken = np.real(factor) * amplitude + 1j * np.imag(factor) * phase
        new[page, y0:y1, x0:x1] *= np.exp(-window(CROP, SHAPE[1:]) * taken)
    return new
