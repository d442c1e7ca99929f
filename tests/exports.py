"""Runs of a part of the object of make_fixtures, and what an export of them must hold."""

from pathlib import Path

import numpy as np
import tifffile
from make_fixtures import SHAPE, the_object

from ddip_tf.archive.manifest import sha256
from ddip_tf.formats import read
from ddip_tf.slices.ghosts import window
from ddip_tf.slices.phase import Conversion

CROP = ((3, 40), (5, 44))  # reaches the lower edge of the object, no other


def run_of(path: Path, folder: Path, ghosts: np.ndarray, quantity="phase", pages=(0, 1, 2), crop=CROP) -> Path:
    """A run folder as archive writes it, without generators: all that export reads."""
    import json

    stack = read(path, conversion=Conversion(quantity, crop=crop)).pick(list(pages))
    run = folder / f"run-{quantity}-{path.name}"
    (run / "outputs").mkdir(parents=True)
    (y0, y1), (x0, x1) = crop
    for number, page in enumerate(pages, 1):
        tifffile.imwrite(run / "outputs" / f"ghost{number}.tif", ghosts[page, y0:y1, x0:x1].astype("f4"))
    files = {f"outputs/{file.name}": sha256(file) for file in (run / "outputs").iterdir()}
    from dataclasses import asdict

    manifest = {
        "format_version": 1,
        "slices": len(stack),
        "shape": stack.shape,
        "inputs": [asdict(source) for source in stack.sources],
        "crop": stack.crop,
        "from_complex": asdict(stack.record) if stack.record else None,
        "files": files,
        "normalisation": {"gain": [1.0] * len(stack), "offset": [0.0] * len(stack)},
        "pixel_size_m": stack.pixel_size_m,
        "config": {"mixing": "transfer", "seed": 0},
        "versions": {},
        "platform": "",
        "status": "done",
        "warnings": [],
        "final": {},
        "wall_time_s": 1.0,
        "epochs_done": 1,
    }
    (run / "manifest.json").write_text(json.dumps(manifest))
    return run


def expected(ghosts, factor=1j, pages=(0, 1, 2)):
    (y0, y1), (x0, x1) = CROP
    new = the_object().astype(complex)
    for page in pages:
        ghost = ghosts[page, y0:y1, x0:x1]
        new[page, y0:y1, x0:x1] *= np.exp(-factor * window(CROP, SHAPE[1:]) * (ghost - ghost.mean()))
    return new
