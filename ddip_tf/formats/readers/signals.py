"""Arrays whose axes have names, steps and units: HyperSpy's ``.hspy``, and EMD files of Berkeley and of emdfile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ddip_tf.errors import InputError
from ddip_tf.formats import hdf5
from ddip_tf.formats.content import one
from ddip_tf.slices.optics import electron_wavelength_m
from ddip_tf.slices.quantities import unit_m

#: names of axes that count slices, and of those that are an image's rows and columns
SLICES, ROWS, COLUMNS = ("z", "slice", "slices", "depth", "thickness", "layer", "layers"), ("y",), ("x",)
#: groups that are looked into, and how deep EMD files are nested
MOST_GROUPS, DEEPEST = 1000, 6


@dataclass(frozen=True)
class Axis:
    """``name`` of an axis, and the ``step`` between its pixels in metres, or None where it says no length."""

    name: str
    step: float | None


def find(file: Any) -> hdf5.Layout | None:
    """The only signal of two or more axes, with its calibration. Raises InputError where there are several."""
    found = [group for group in _groups(file) if getattr(hdf5.get(file, f"{group}/data"), "ndim", 0) in (2, 3, 4)]
    if len(found) > 1:
        named = ", ".join(f"/{group}/data {hdf5.get(file, group)['data'].shape}" for group in found[: hdf5.MOST_NAMED])
        raise InputError(f"{file.filename} holds {len(found)} signals; choose one (`dataset`): {named}")
    return at(file, f"{found[0]}/data") if found else None


def at(file: Any, dataset: str) -> hdf5.Layout | None:
    """The layout of the signal whose numbers are at ``dataset``, or None if no axes are described beside it."""
    group = dataset.strip("/").rpartition("/")[0]
    node = hdf5.get(file, dataset)
    if node is None or group not in _groups(file):
        return None
    energy = one(_attribute(file, f"{group}/metadata/Acquisition_instrument/TEM", "beam_energy"))
    return layout_of(dataset, node.shape, _axes(file, group, len(node.shape)), energy)


def layout_of(dataset: str, shape: tuple[int, ...], axes: Sequence[Axis], energy_kev: float | None) -> hdf5.Layout:
    """Slices, rows and columns by the names of ``axes``, in the array's order; unnamed ones are in this order."""
    order = arrangement([axis.name for axis in axes[-3:]]) if len(axes) > 2 else (0, 1, 2)
    last = axes[-3:] if len(axes) > 2 else [Axis("", None), *axes]
    depth, y, x = (last[axis].step for axis in order or (0, 1, 2))
    gaps = shape[-3:][(order or (0,))[0]] - 1 if len(shape) > 2 else 0
    return hdf5.Layout(
        (dataset,),
        order=order or (0, 1, 2),
        pixel_size_m=(y, x) if y and x else None,
        spacing_m=(depth,) * gaps if depth and gaps else None,
        wavelength_m=electron_wavelength_m(1e3 * energy_kev) if energy_kev else None,
        electrons=True if energy_kev else None,
        slice_axis="last" if order and order[0] == 2 else "first",
        axis_known=order is not None,
    )


def arrangement(names: Sequence[str]) -> tuple[int, int, int] | None:
    """Which of three axes are slices, rows and columns by their names, or None where the names do not say."""
    names = [name.strip().lower() for name in names]
    slices = [axis for axis, name in enumerate(names) if name in SLICES]
    rows = [axis for axis, name in enumerate(names) if name in ROWS]
    columns = [axis for axis, name in enumerate(names) if name in COLUMNS]
    if len(rows) == len(columns) == 1:
        (depth,) = slices or set(range(3)) - {rows[0], columns[0]}
        return depth, rows[0], columns[0]
    if len(slices) == 1:
        row, column = (axis for axis in range(3) if axis != slices[0])
        return slices[0], row, column
    return None


def _groups(file: Any) -> list[str]:
    """Paths of the groups that are signals: HyperSpy's experiments, and those of EMD's type array."""
    experiments = hdf5.get(file, "Experiments")
    if hasattr(experiments, "keys"):
        return [f"Experiments/{name}" for name in experiments if hdf5.get(file, f"Experiments/{name}/data") is not None]
    if "version_major" not in file.attrs:
        return []
    found, seen, level = [], 0, [""]
    for _ in range(DEEPEST):
        below = []
        for path in level:
            group = hdf5.get(file, path)
            for name in group if hasattr(group, "keys") else ():
                child = f"{path}/{name}".strip("/")
                node = _local(file, child)
                seen += 1
                if seen > MOST_GROUPS or not hasattr(node, "keys"):
                    continue
                below.append(child)
                if _text(node.attrs.get("emd_group_type")) in ("1", "array") and "data" in node:
                    found.append(child)
        level = below
    return found


def _local(file: Any, path: str) -> Any:
    try:
        return hdf5.get(file, path)
    except InputError:
        return None  # a link to elsewhere, which nobody asked for


def _axes(file: Any, group: str, count: int) -> list[Axis]:
    if group.startswith("Experiments/"):
        return [_hyperspy_axis(file, f"{group}/axis-{number}") for number in range(count)]
    first = 0 if hdf5.get(file, f"{group}/dim0") is not None else 1  # emdfile counts from 0, Berkeley from 1
    return [_emd_axis(file, f"{group}/dim{number}") for number in range(first, first + count)]


def _hyperspy_axis(file: Any, path: str) -> Axis:
    return axis_of(*(_attribute(file, path, key) for key in ("name", "scale", "units")))


def _emd_axis(file: Any, path: str) -> Axis:
    values = hdf5.numbers(file, path)
    if values is None or np.size(values) < 2:
        return Axis("", None)
    values = np.ravel(values).astype(float)
    return axis_of(_attribute(file, path, "name"), abs(values[1] - values[0]), _attribute(file, path, "units"))


def axis_of(name: Any, scale: Any, unit: Any) -> Axis:
    """From what a file writes of an axis."""
    step, factor = one(scale), unit_m(_text(unit))
    return Axis(_text(name), step * factor if step and factor else None)


def _attribute(file: Any, path: str, key: str) -> Any:
    node = hdf5.get(file, path)
    return node.attrs.get(key) if node is not None else None


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple, np.ndarray)) and isinstance(value, Iterable):
        value = np.ravel(value)[0] if np.size(value) else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
