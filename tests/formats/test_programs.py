"""Files of reconstruction programs as people in the field have them: lengths, modes, cells, scans."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from helpers import DATA, FIELD
from make_fixtures import ELECTRONS, SHAPE, the_object

from ddip_tf.errors import InputError
from ddip_tf.formats import family_of, open_content, read
from ddip_tf.slices.phase import Conversion

WHOLE = Conversion(steps=(), crop="whole")
IMAGES = np.angle(the_object())


#: file, family, (y, x) pixel size, spacing, wavelength, in metres
CALIBRATED = {
    "foldslice_electron.mat": ("matlab", (2e-11, 2e-11), (1e-9, 1e-9), 1.96876e-12),
    "ptyrad_refined_dz.hdf5": ("ptyrad", (2e-11, 2e-11), (1.42e-9, 1.42e-9), 1.97e-12),
    "ptylab.hdf5": ("ptylab", (20e-9, 20e-9), None, 12.4e-9),
    "phaser.h5": ("phaser", (2e-11, 2.5e-11), (2e-9, 3e-9), 1.97e-12),
    "object.hspy": ("signals", (2e-11, 2.5e-11), (1e-9, 1e-9), None),
    "imagej_angstrom.tif": ("tiff", (2e-11, 2.5e-11), (1e-9, 1e-9), None),
}


@pytest.mark.parametrize("name", CALIBRATED)
def test_lengths_are_metres_whatever_the_program_writes(name):
    family, size, spacing, wavelength = CALIBRATED[name]
    content = open_content(FIELD / name)
    assert (family_of(FIELD / name), content.images.shape) == (family, (3, 48, 64))
    for found, right in (
        (content.pixel_size_m, size),
        (content.spacing_m, spacing),
        (content.wavelength_m, wavelength),
    ):
        assert (found is None) == (right is None)
        if right is not None:
            np.testing.assert_allclose(found, right, rtol=1e-4)


def test_a_named_dataset_keeps_what_its_program_says_of_it(tmp_path):
    content = open_content(DATA / "berkeley.emd", dataset="/signals/object/data")
    np.testing.assert_array_equal(content.images, the_object())
    np.testing.assert_allclose(content.pixel_size_m, np.array(ELECTRONS[0]) * 1e-10)
    assert open_content(DATA / "phaser.h5", dataset="object/data").wavelength_m == pytest.approx(1.96875e-12)
    phase = open_content(DATA / "electrons.hdf5", dataset="/optimizable_tensors/objp")
    np.testing.assert_allclose(phase.images[1:4], IMAGES, atol=1e-6)
    assert phase.spacing_m[0] == pytest.approx(1.42e-9)


def test_several_signals_are_named(tmp_path):
    with h5py.File(DATA / "signal.hspy") as old, h5py.File(tmp_path / "two.hspy", "w") as new:
        for name in ("first", "second"):
            old.copy("Experiments/object", new.require_group("Experiments"), name)
    with pytest.raises(InputError, match=r"2 signals; choose one .*/Experiments/first/data \(3, 40, 47\), /Exp"):
        open_content(tmp_path / "two.hspy")
    found = open_content(tmp_path / "two.hspy", dataset="/Experiments/second/data")
    np.testing.assert_allclose(found.spacing_m, [1.42e-9, 1.42e-9])


def matlab_file(path: Path, **datasets: np.ndarray) -> Path:
    """A v7.3 file as MATLAB writes it: its block in front, axes reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in datasets.items():
            file[name.replace("__", "/")] = np.asarray(array).T
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


def test_a_named_variable_has_its_axes_as_the_reader_shows_them(tmp_path):
    whole, named = (open_content(FIELD / "foldslice_electron.mat", dataset=place) for place in (None, "object"))
    np.testing.assert_array_equal(named.images, whole.images)
    assert named.pixel_size_m == whole.pixel_size_m
    stack = matlab_file(tmp_path / "own.mat", mine=np.moveaxis(IMAGES, 0, -1), first=IMAGES, one=IMAGES[0])
    for place in ("mine", "first"):  # (H, W, N), and (N, H, W), whose first axis is too short for a side
        np.testing.assert_array_equal(open_content(stack, dataset=place).images, IMAGES)
    np.testing.assert_array_equal(open_content(stack, dataset="one").images, IMAGES[:1])


def test_object_modes_of_matlab_are_not_slices(tmp_path):
    obj = np.moveaxis(the_object(), 0, -1)
    modes = matlab_file(tmp_path / "modes.mat", object=obj, p__dx_spec=[0.2, 0.2])
    with pytest.raises(InputError, match="holds 3 object modes"):
        read(modes)
    assert read(modes, dataset="object", conversion=WHOLE).shape == SHAPE[1:]
    about = {"p__dx_spec": [0.2, 0.2], "p__multi_slice_param__z_distance": [[20.0, 30.0, np.inf]]}
    layers = matlab_file(tmp_path / "layers.mat", object=obj[:, :, None], **about)  # (H, W, one mode, N)
    content = open_content(layers)
    np.testing.assert_array_equal(content.images, the_object())
    np.testing.assert_allclose(content.spacing_m, [2e-9, 3e-9])
    both = matlab_file(tmp_path / "both.mat", object=np.stack([obj, obj], 2), **about)
    with pytest.raises(InputError, match="holds 2 object modes"):
        read(both)


def test_cells_are_named_and_can_be_chosen(tmp_path):
    path = matlab_file(tmp_path / "cells.mat", p__dx_spec=[0.2, 0.2])
    with h5py.File(path, "r+") as file:
        for name in "ab":
            file[f"#refs#/{name}"] = the_object().swapaxes(1, 2)
        file["object"] = np.array([[file[f"#refs#/{name}"].ref for name in "ab"]], h5py.ref_dtype)
    with pytest.raises(InputError, match=r"cell array.*choose one \(`dataset`\): /#refs#/a \(3, 47, 40\), /#refs#/b"):
        open_content(path)
    np.testing.assert_array_equal(open_content(path, dataset="/#refs#/b").images, the_object())


def test_several_scans_are_named(tmp_path):
    with h5py.File(tmp_path / "slices.h5", "w") as file:
        for n, scan in ((n, scan) for n in range(2) for scan in ("Sscan_00G00", "Sscan_01G00")):
            file[f"content/objects/Cobj_o_{n}/{scan}/data"] = the_object()[:1]
    with pytest.raises(InputError, match=r"holds 2 scans \(Sscan_00G00, Sscan_01G00\)"):
        read(tmp_path / "slices.h5")


@pytest.mark.parametrize("program", ["ptypy", "ptyrad", "ptylab", "npy"])
def test_object_modes_of_no_program_are_slices(tmp_path, program):
    path = tmp_path / ("modes.npy" if program == "npy" else "modes.h5")
    if program == "npy":
        np.save(path, np.stack([the_object()] * 2))
    else:
        with h5py.File(path, "w") as file:
            if program == "ptypy":
                for n in range(2):
                    file[f"content/objects/Cobj_o_{n}/scan/data"] = the_object()[:2]
            elif program == "ptyrad":  # one slice of two modes
                for name in ("obja", "objp"):
                    file[f"optimizable_tensors/{name}"] = np.stack([IMAGES[:1]] * 2)
            else:
                file["object"], file["dxp"] = np.stack([the_object()] * 2)[None, :, None], 20e-9
    with pytest.raises(InputError, match="holds 2 object modes"):
        read(path)


def test_stacks_of_object_modes_by_their_name(tmp_path):
    tifffile.imwrite(tmp_path / "objp_ostack_crop_iter0100.tif", IMAGES, photometric="minisblack")
    with pytest.raises(InputError, match="object modes, not slices"):
        read(tmp_path / "objp_ostack_crop_iter0100.tif")
    tifffile.imwrite(tmp_path / "objp_4D.tif", np.stack([IMAGES] * 2), photometric="minisblack")
    with pytest.raises(InputError, match=r"more axes than slices .*object modes"):
        read(tmp_path / "objp_4D.tif")


def with_settings(tmp_path, settings):
    """PtyRAD's file with some of its constraint_params, as its writer stores them: None is ``__NONE__``."""
    path = tmp_path / "filtered.hdf5"
    path.write_bytes((DATA / "electrons.hdf5").read_bytes())
    with h5py.File(path, "r+") as file:
        for name, value in settings.items():
            file[f"params/constraint_params/{name}"] = "__NONE__" if value is None else value
        file["params/init_params/probe_conv_angle"] = 21.4
    return path


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kz_filter/start_iter": 1, "kz_filter/beta": 0.5}, "PtyRAD's kz_filter (beta 0.5)"),
        (
            {"kz_filter/start_iter": 2, "kz_filter/beta": 1.0, "obj_zblur/start_iter": 1, "obj_zblur/std": 1.5},
            "PtyRAD's kz_filter (beta 1) and PtyRAD's obj_zblur (std 1.5)",
        ),
        ({"obj_zblur/freq": 1, "obj_zblur/std": 1.0}, "PtyRAD's obj_zblur (std 1)"),
        ({"kz_filter/start_iter": None, "kz_filter/beta": 1.0}, None),
        ({"obj_zblur/start_iter": 1, "obj_zblur/std": 0.0}, None),
        ({"kz_filter/start_iter": 5, "kz_filter/end_iter": 5, "kz_filter/beta": 1.0}, None),
    ],
)
def test_what_mixes_slices_in_ptyrad_is_noted(tmp_path, settings, said):
    content = open_content(with_settings(tmp_path, settings))
    assert [note.code for note in content.notes] == ([] if said is None else ["neighbours-mixed"])
    assert said is None or f"by design, with {said}: " in content.notes[0].text
    assert content.probe_angle_rad == pytest.approx(0.0214)


@pytest.mark.parametrize("place", ["engines", "par"])
@pytest.mark.parametrize("strength", [0.0, 0.01])
def test_what_mixes_slices_in_fold_slice_is_noted(tmp_path, place, strength):
    path = tmp_path / "Niter.mat"
    path.write_bytes((FIELD / "foldslice_electron.mat").read_bytes())
    with h5py.File(path, "r+") as file:
        if place == "par":
            file["par/regularize_layers"] = [[strength]]
        else:  # a cell of structs, as MATLAB stores it
            for name, value in (("a", 0.0), ("b", strength)):
                file[f"#refs#/{name}/regularize_layers"] = [[value]]
            references = [[file["#refs#/a"].ref], [file["#refs#/b"].ref]]
            file.create_dataset("p/engines", data=references, dtype=h5py.ref_dtype)
    notes = open_content(path).notes
    assert [note.code for note in notes] == (["neighbours-mixed"] if strength else [])
    assert not strength or "fold_slice's regularize_layers (0.01)" in notes[0].text


def test_the_probe_of_py4dstem_is_a_cone():
    assert open_content(DATA / "py4dstem.h5").probe_angle_rad == pytest.approx(0.02)
    assert read(DATA / "py4dstem.h5").probe_angle_rad == pytest.approx(0.02)
