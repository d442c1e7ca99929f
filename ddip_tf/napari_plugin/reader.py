"""Run folders in napari: every slice's pictures as image layers. The manifest is ``napari.yaml``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ddip_tf._types import Floats, StrPath
from ddip_tf.archive.manifest import MANIFEST
from ddip_tf.archive.run import Run
from ddip_tf.slices import display

#: napari's word for a layer: data, keywords, kind
LayerData = tuple[Floats, dict[str, Any], str]


def get_reader(path: str | list[str]) -> Callable[[str], list[LayerData]] | None:
    """`read_run` where ``path`` is a run folder or its manifest, else None: napari then asks other readers."""
    if isinstance(path, list):
        return None
    return read_run if (_folder(path) / MANIFEST).is_file() else None


def read_run(path: StrPath) -> list[LayerData]:
    """Layers of a run folder: inputs below, what was smoothed (if anything was) and ghosts over them, outputs on top;
    deviations of repeated runs first.

    Scales are micrometres where the pixel size is known, each grey scale [μ − 4σ, μ + 4σ]. Raises InputError for
    no run folder and for pictures that cannot be read.
    """
    run = Run(_folder(path))
    kinds = {"input": run.inputs, **dict(reversed(run.taken_out.items())), "output": run.outputs}
    if run.repeated:
        kinds = {"deviation": run.deviations, **kinds}
    known = {"metadata": {"run": str(run), "warnings": run.manifest["warnings"]}}
    return [
        layer(image, f"slice {number} {kind}", run.pixel_size_m, **known)
        for kind, images in kinds.items()
        for number, image in zip(run.numbers, images, strict=True)
    ]


def layer(image: Floats, name: str, pixel_size_m: Sequence[float] | None = None, **keywords: Any) -> LayerData:
    """``image`` (H, W) as an image layer, in micrometres where the pixel size (y, x) is known."""
    if pixel_size_m:
        keywords |= {"scale": tuple(size * 1e6 for size in pixel_size_m), "units": ("µm", "µm")}
    low, high = display.display_range(image)
    if high > low:
        keywords["contrast_limits"] = (low, high)
    return image, {"name": name, "colormap": "gray", **keywords}, "image"


def _folder(path: StrPath) -> Path:
    return Path(path).parent if Path(path).name == MANIFEST else Path(path)
