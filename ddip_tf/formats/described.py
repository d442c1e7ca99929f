"""Pixel sizes and slice spacing that a TIFF states: in OME's XML, ImageJ's description, or the resolution tags."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ddip_tf.formats import tiff
from ddip_tf.formats.content import one
from ddip_tf.slices.quantities import unit_m


@dataclass(frozen=True)
class Sizes:
    """(y, x) pixel size and distance between slices in metres, each None where the file does not say."""

    pixel_m: tuple[float, float] | None = None
    spacing_m: float | None = None


def described(file: Any) -> Sizes:
    """What an open `tifffile.TiffFile` states."""
    tags = tiff.pixel_size_m(file.pages.first.tags)
    try:
        if file.is_ome and file.ome_metadata:
            return _of_ome(file.ome_metadata) or Sizes(tags)
        if file.is_imagej and file.imagej_metadata:
            return _of_imagej(file.imagej_metadata, file.pages.first.tags) or Sizes(tags)
    except (KeyError, ValueError, TypeError, ZeroDivisionError):
        pass
    return Sizes(tags)


def _of_imagej(about: dict[str, Any], tags: Any) -> Sizes | None:
    """ImageJ's resolution tags are pixels per ``unit``; ``yunit`` and ``zunit`` stand there where they differ."""
    x, y, z = (unit_m(about.get(name, about.get("unit", ""))) for name in ("unit", "yunit", "zunit"))
    pixel = _pair(
        unit * _inverse(tags[name].value) if unit and name in tags else None
        for unit, name in ((y, "YResolution"), (x, "XResolution"))
    )
    step = one(about.get("spacing"))
    return Sizes(pixel, step * z if step and z else None) if x or y or z else None


def _of_ome(text: str) -> Sizes | None:
    from xml.etree import ElementTree

    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None  # no OME file declares entities; expanding them is how XML attacks work
    try:
        pixels = next(node for node in ElementTree.fromstring(text).iter() if node.tag.endswith("Pixels"))
    except (StopIteration, ElementTree.ParseError):
        return None
    steps = []
    for axis in "YXZ":
        step = one(pixels.attrib.get(f"PhysicalSize{axis}"))
        unit = unit_m(pixels.attrib.get(f"PhysicalSize{axis}Unit", "µm"))
        steps.append(step * unit if step and unit else None)
    return Sizes(_pair(steps[:2]), steps[2])


def _pair(steps: Iterable[float | None]) -> tuple[float, float] | None:
    y, x = steps
    return (y, x) if y and x else None


def _inverse(ratio: tuple[int, int]) -> float:
    return ratio[1] / ratio[0]
