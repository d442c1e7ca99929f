"""PtyPy: the ``slices.h5`` of its multislice engine ThreePIE. Lengths in metres."""

from __future__ import annotations

from typing import Any

from ddip_tf.errors import InputError
from ddip_tf.formats import hdf5
from ddip_tf.formats.content import gaps, pair


def find(file: Any) -> hdf5.Layout | None:
    """``/content/objects/<object>_o_<i>/<storage>/data`` (1, H, W), one container for each slice.

    Raises InputError for a ``.ptyr`` file, which holds the product of all slices.
    """
    objects = hdf5.get(file, "content/objects")
    if objects is None:
        if hdf5.get(file, "content/obj") is not None:
            raise InputError(
                f"{file.filename} is PtyPy's .ptyr, which holds the product of all slices: give the slices.h5 that "
                "ThreePIE writes (its parameter fslices)"
            )
        return None
    containers = sorted(
        (name for name in objects if name.rpartition("_o_")[2].isdigit()),
        key=lambda name: int(name.rpartition("_o_")[2]),
    )
    if not containers:
        return None
    first = hdf5.get(file, f"content/objects/{containers[0]}")
    storages = list(first) if hasattr(first, "keys") else []
    if len(storages) != 1:
        named = ", ".join(f"content/objects/{containers[0]}/{storage}/data" for storage in storages[:8])
        raise InputError(
            f"{file.filename} holds {len(storages)} scans ({', '.join(storages[:8])}); ddip-tf works on one: "
            f"save its slices as one .npy (of slice 1 they are {named})"
        )
    where = [f"content/objects/{name}/{storages[0]}" for name in containers]
    size = hdf5.numbers(file, f"{where[0]}/_psize")
    thickness = hdf5.numbers(file, "content/slice_thickness")
    return hdf5.Layout(
        tuple(f"{place}/data" for place in where),
        pixel_size_m=pair(size) if size is not None else None,
        spacing_m=gaps(thickness, len(where)),
    )
