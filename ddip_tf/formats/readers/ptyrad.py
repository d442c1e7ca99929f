"""PtyRAD ``model_iterNNNN.hdf5``: amplitude and phase of (modes, N, H, W); Å for electrons, metres for X-rays."""

from __future__ import annotations

from typing import Any

from ddip_tf.caution import Caution
from ddip_tf.formats import hdf5
from ddip_tf.formats.content import box_of, gaps, metres_in, neighbours_mixed, one, pair_in


def find(file: Any) -> hdf5.Layout | None:
    """``/optimizable_tensors/obja`` and ``objp``; the thickness beside them is the refined one."""
    names = ("optimizable_tensors/obja", "optimizable_tensors/objp")
    if any(hdf5.get(file, name) is None for name in names):
        return None
    shape = hdf5.shape_of(file, names[1])
    size, wavelength = (one(hdf5.numbers(file, f"model_attributes/{name}")) for name in ("dx", "lambd"))
    unit = metres_in(size, wavelength)
    places = ("optimizable_tensors", "model_attributes")
    thicknesses = (hdf5.numbers(file, f"{place}/slice_thickness") for place in places)
    thickness = next((number for number in thicknesses if number is not None), None)
    corners = hdf5.numbers(file, "model_attributes/crop_pos")
    probe = hdf5.numbers(file, "model_attributes/simu_Npix")
    angle = one(hdf5.numbers(file, "params/init_params/probe_conv_angle"))
    scanned = None
    if corners is not None and corners.ndim == 2 and probe is not None and probe.size == 1:
        middle = corners + float(probe.ravel()[0]) / 2
        scanned = box_of(middle[:, 0], middle[:, 1], (shape[-2], shape[-1]))
    return hdf5.Layout(
        names,
        polar=True,
        pixel_size_m=pair_in(size, unit),
        spacing_m=gaps(thickness, shape[-3], unit) if len(shape) > 2 else None,
        wavelength_m=wavelength * unit if wavelength else None,
        scanned=scanned,
        electrons=unit != 1.0 if size or wavelength else None,
        notes=_notes(file) if len(shape) > 2 and shape[-3] > 1 else (),
        probe_angle_rad=1e-3 * angle if angle else None,
    )


def _notes(file: Any) -> tuple[Caution, ...]:
    """On what mixes slices: ``kz_filter`` (an arctan filter along z) and ``obj_zblur``, from the iteration on at which
    they start (``freq`` in early versions), by their strength beta or width std in slices."""
    settings = []
    for name, strength in (("kz_filter", "beta"), ("obj_zblur", "std")):
        place = f"params/constraint_params/{name}"
        start, end, how = (one(hdf5.numbers(file, f"{place}/{key}")) for key in ("start_iter", "end_iter", strength))
        start = start or one(hdf5.numbers(file, f"{place}/freq"))
        if start and how and not (end and end <= start):
            settings.append(f"PtyRAD's {name} ({strength} {how:.4g})")
    return (neighbours_mixed(" and ".join(settings)),) if settings else ()
