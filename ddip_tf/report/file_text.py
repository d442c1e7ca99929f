"""What a file holds, in lines of text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ddip_tf._types import StrPath
from ddip_tf.formats import family_of, open_content
from ddip_tf.formats.content import Content
from ddip_tf.formats.gaps import finite_box, vacuum
from ddip_tf.quality import depth
from ddip_tf.slices.optics import HC_EV_M, depth_of_focus_m, electron_wavelength_m
from ddip_tf.slices.quantities import show_length, show_lengths, stated_beam
from ddip_tf.slices.stack import spacing_of


def file(
    path: StrPath,
    family: str | None = None,
    dataset: str | None = None,
    slice_axis: str | None = None,
    *,
    energy: str | None = None,
    electrons: bool = False,
    wavelength_m: float | None = None,
    pixel_size_m: float | None = None,
    spacing_m: float | None = None,
    resolution_m: float | None = None,
    probe_angle_rad: float | None = None,
) -> str:
    """Format, shape, quantity, pixel size, spacing, wavelength, depth of focus and value ranges of a file.

    Above all that, whether it holds more slices than can be told apart.

    Lengths in metres, ``energy`` as `ddip_tf.quantities.beam` takes it; what is given wins over what the file says.
    Raises InputError if the file is unreadable, or an energy and a wavelength are given.
    """
    content = open_content(path, family, dataset, slice_axis)
    images = content.images
    size = (pixel_size_m, pixel_size_m) if pixel_size_m else content.pixel_size_m
    spacing = (spacing_m,) * (len(images) - 1) if spacing_m else content.spacing_m
    wavelength, whose = _beam(content, size, energy, electrons, wavelength_m)
    last = ", slice axis last" if content.slice_axis == "last" else ""
    angle = probe_angle_rad or content.probe_angle_rad
    found = _depth(content, size, spacing, wavelength, angle, resolution_m)
    lines = [
        f"{Path(path).name}: {len(images)} image(s) of {images.shape[1]} x {images.shape[2]}, {images.dtype}, "
        f"format {family_of(path, family, dataset)}{last}",
        *(f"Note: {sentence}" for sentence in depth.cautions(found)),
        "quantity   " + _quantity(images.dtype),
        "pixel size " + (show_lengths(size, " x ") if size else "not stated"),
        "spacing    " + (show_lengths(spacing) if spacing else "not stated"),
        "wavelength " + (f"{show_length(wavelength)}{whose}" if wavelength else "not stated"),
    ]
    if content.scanned:
        (y0, y1), (x0, x1) = content.scanned
        lines.append(f"scanned    {y0}:{y1},{x0}:{x1}")
    lines += [f"probe      half angle {1e3 * angle:.4g} mrad"] if angle else []
    lines += depth_of_focus(wavelength, resolution_m or (max(size) if size else None), spacing)
    lines += [f"slice {number}: {_values(image)}" for number, image in enumerate(images, 1)]
    if len(images) > 2:
        lines.append("fit --slices counts from 0: --slices 0,2 takes slices 1 and 3")
    if not all(np.isfinite(image).all() for image in images):
        box = finite_box(images)
        where = f"--crop {','.join(f'{start}:{end}' for start, end in box)}" if box else "--crop to a part without them"
        lines.append(f"Pixels that are NaN or infinite are not separated: {where}.")
    return "\n".join([*lines, *(f"Note: {sentence}" for sentence in content.notes)])


def _depth(
    content: Content,
    size: tuple[float, float] | None,
    spacing: tuple[float, ...] | None,
    wavelength_m: float | None,
    angle: float | None,
    resolution_m: float | None,
) -> depth.Depth | None:
    """Of the slices that are not vacuum, in the scanned area."""
    full = [i for i, image in enumerate(content.images) if not vacuum(image)]
    if len(full) < 2:
        return None
    rows, columns = content.scanned or ((0, None), (0, None))
    part = content.images[full][:, slice(*rows), slice(*columns)]
    return depth.of(part, size, spacing_of(spacing, full), wavelength_m, angle, resolution_m)


def _beam(
    content: Content, size: tuple[float, float] | None, energy: str | None, electrons: bool, wavelength_m: float | None
) -> tuple[float | None, str]:
    """The wavelength in metres, and what to say of the beam."""
    if energy:
        found = stated_beam(energy, wavelength_m, size, electrons or bool(content.electrons))
        return (
            found.wavelength_m,
            f" ({'electrons' if found.electrons else 'photons'}, {found.energy_ev / 1e3:.5g} keV)",
        )
    if wavelength_m:
        return wavelength_m, ""
    if electrons and content.electrons is False and content.wavelength_m:
        return electron_wavelength_m(HC_EV_M / content.wavelength_m), " (electrons)"
    return content.wavelength_m, {True: " (electrons)", False: " (photons)", None: ""}[content.electrons]


def _quantity(kind: np.dtype) -> str:
    if kind.kind == "c":
        return "complex objects: phase in rad, and magnitude"
    return "real images, taken as phase in rad" if kind.kind == "f" else "whole numbers: scaled, not rad"


def _values(image: np.ndarray) -> str:
    """Ranges of an image (H, W), of its finite pixels."""
    known = image[np.isfinite(image)]
    missing = image.size - known.size
    gap = f", NaN or infinite in {missing} pixels ({100 * missing / image.size:.0f} %)" if missing else ""
    if not known.size:
        return gap[2:]
    values = np.abs(known) if np.iscomplexobj(image) else known
    kind = "magnitude " if np.iscomplexobj(image) else ""
    low, mean, high, spread = (float(f(values)) for f in (np.min, np.mean, np.max, np.std))
    phase = f", phase {np.angle(known).min():.3g} … {np.angle(known).max():.3g} rad" if kind else ""
    same = ", the same everywhere: set aside in a fit" if vacuum(image) else ""
    return f"{kind}{low:.4g} … {high:.4g}, mean {mean:.4g}, deviation {spread:.4g}{phase}{gap}{same}"


def depth_of_focus(
    wavelength_m: float | None,
    resolution_m: float | None,
    spacing_m: tuple[float, ...] | None,
) -> list[str]:
    """Depth of focus 2 δ² / (0.61² λ) (paper, eq. 1), the spacing in units of it, and what that lets one expect.

    Structure is common to both slices as long as diffraction over the spacing hardly changes it: larger than a few
    times √(λ · spacing).
    """
    if not (wavelength_m and resolution_m):
        return []
    focus = depth_of_focus_m(resolution_m, wavelength_m)
    lines = [f"depth of focus {show_length(focus, 3)} (eq. 1) at a resolution of {show_length(resolution_m, 3)}"]
    if spacing_m:
        closest = min(spacing_m)
        share = closest / focus
        fresnel = show_length(float(np.sqrt(wavelength_m * closest)), 3)
        verdict = (
            "under one: the data hardly tell these slices apart"
            if share < 1
            else f"expect ghosts of structure larger than a few times √(λ · spacing) = {fresnel}"
        )
        lines.append(f"slices lie {share:.3g} depths of focus apart; {verdict}")
    return lines
