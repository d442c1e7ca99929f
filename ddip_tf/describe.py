"""What a file or a run folder holds, in lines of text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ddip_tf import _typing, archive
from ddip_tf.formats import read_images


def file(path: _typing.Path) -> str:
    """Shape, type, pixel size and value range of every image in a file. Raises InputError if it is unreadable."""
    images, size = read_images(path)
    lines = [f"{Path(path).name}: {len(images)} image(s) of {images.shape[1]} x {images.shape[2]}, {images.dtype}"]
    lines.append("pixel size " + (f"{size[0] * 1e9:.4g} x {size[1] * 1e9:.4g} nm" if size else "not stated"))
    for number, image in enumerate(images, 1):
        values = np.abs(image) if np.iscomplexobj(image) else image
        kind = "magnitude " if np.iscomplexobj(image) else ""
        low, mean, high, spread = (float(f(values)) for f in (np.min, np.mean, np.max, np.std))
        lines.append(f"slice {number}: {kind}{low:.4g} … {high:.4g}, mean {mean:.4g}, deviation {spread:.4g}")
    return "\n".join(lines)


def run(path: _typing.Path) -> str:
    """What a run folder was made from, how, and how it ended. Raises InputError if it is none."""
    manifest = archive.load_manifest(path)
    config = manifest["config"]
    names = ", ".join(source["name"] for source in manifest["inputs"]) or "arrays"
    lines = [
        f"{path}: {manifest['slices']} slices of {manifest['shape'][0]} x {manifest['shape'][1]}, from {names}",
        f"status     {manifest['status']}, {manifest['epochs_done']} epochs in {manifest['wall_time_s']:.0f} s",
        f"mixing     {config['mixing']}, γ {config['gamma']}, seed {config['seed']}",
        "final      " + ", ".join(f"{name} {value:.4g}" for name, value in manifest["final"].items()),
        f"made with  ddip-tf {manifest['versions'].get('ddip-tf', '?')} on {manifest['platform']}",
        *(f"Warning: {sentence}" for sentence in manifest["warnings"]),
    ]
    return "\n".join(lines)
