"""Files as people in the field have them (tests/field: synthetic content, layouts and faults of public reports)."""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from helpers import DATA, blobs
from make_fixtures import ELECTRONS, SHAPE, the_object

from ddip_tf.archive.export import export
from ddip_tf.errors import InputError
from ddip_tf.formats import family_of, open_content, read
from ddip_tf.slices.phase import Conversion
from ddip_tf.slices.quantities import unit_m

FIELD = Path(__file__).parents[1] / "field"
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


# --- MATLAB ----------------------------------------------------------------------------------------------------------


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
    with pytest.raises(InputError, match=r"cell array.*choose one \(--dataset\): /#refs#/a \(3, 47, 40\), /#refs#/b"):
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


# --- TIFF ------------------------------------------------------------------------------------------------------------


def test_eight_bit_planes_are_slices_with_a_sentence():
    stack = read(FIELD / "zstack_08bit_3slices.tif")
    assert stack.images.shape == (3, 48, 64) and stack.images.max() == 255
    assert "taken as slices" in stack.notes[0]
    assert "8-bit integers" in stack.notes[1] and "not rad" in stack.notes[1] and "by itself" in stack.notes[1]


@pytest.mark.parametrize("count", [3, 4])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_stacks_that_a_writer_took_for_colour_planes(tmp_path, count, kind):
    images = (200 * np.concatenate([IMAGES, IMAGES[:1]])[:count] + 99).astype(kind)
    tifffile.imwrite(tmp_path / "stack.tif", images)
    np.testing.assert_array_equal(read(tmp_path / "stack.tif").images, images)


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "?"])
def test_whole_numbers_are_never_taken_in_silence(tmp_path, kind):
    images = (90 * IMAGES + 40).astype(kind) if kind != "?" else IMAGES > 0.1
    np.save(tmp_path / "stack.npy", images)
    (note,) = read(tmp_path / "stack.npy").notes
    assert "not rad" in note
    assert read(DATA / "ptychi.npy").notes == ()


def test_floats_that_were_scaled_to_one_are_said(tmp_path):
    np.save(tmp_path / "stack.npy", (IMAGES - IMAGES.min()) / np.ptp(IMAGES))
    assert "exactly from 0 to 1" in read(tmp_path / "stack.npy").notes[0]


def grey(count: int, *, even: bool) -> np.ndarray:
    """A palette of greys, (3, 256): a ramp, or its square."""
    ramp = np.linspace(0, 1, 256) ** (1 if even else 2)
    return np.stack([(65535 * ramp).round().astype("u2")] * count)


def test_palettes_of_grey_are_read_and_colours_refused(tmp_path):
    image = blobs(5, (45, 38), 1)
    entries = (255 * image).astype("u1")
    for name, palette in (("even", grey(3, even=True)), ("steep", grey(3, even=False))):
        for n in (1, 2):
            part = entries if n == 1 else entries[::-1]
            tifffile.imwrite(tmp_path / f"{name}{n}.tif", part, photometric="palette", colormap=palette)
    np.testing.assert_array_equal(read(tmp_path / "even1.tif", tmp_path / "even2.tif").images[0], entries)
    steep = read(tmp_path / "steep1.tif", tmp_path / "steep2.tif").images[1]
    np.testing.assert_array_equal(steep, grey(1, even=False)[0][entries[::-1]])
    palette = grey(3, even=True)
    palette[1] = 0
    tifffile.imwrite(tmp_path / "red.tif", entries, photometric="palette", colormap=palette)
    with pytest.raises(InputError, match="palette of colours"):
        open_content(tmp_path / "red.tif")


def test_channels_and_times_are_chosen():
    with pytest.raises(InputError, match=r"3 z x 2 channel\): choose \(--dataset channel=0\)"):
        read(FIELD / "hyperstack_zc.tif")
    content = open_content(FIELD / "hyperstack_zc.tif", dataset="channel=1")
    whole = tifffile.imread(FIELD / "hyperstack_zc.tif")
    np.testing.assert_array_equal(content.images, whole[:, 1])
    np.testing.assert_allclose(content.pixel_size_m, (7e-9, 8e-9), rtol=1e-6)
    np.testing.assert_allclose(content.spacing_m, (20e-6, 20e-6))
    slices = open_content(FIELD / "hyperstack_zc.tif", dataset="z=2,slices=channel")
    np.testing.assert_array_equal(slices.images, whole[2])
    for words, message in (
        ("channel=2", "there is no 2"),
        ("plane=0", "takes channel=0"),
        ("channel", "takes channel"),
    ):
        with pytest.raises(InputError, match=message):
            open_content(FIELD / "hyperstack_zc.tif", dataset=words)


@pytest.mark.parametrize("axes", ["TZCYX", "ZTCYX"])
def test_all_axes_of_ome(tmp_path, axes):
    array = np.random.default_rng(0).normal(size=(2, 3, 2, 40, 47)).astype("f4")
    tifffile.imwrite(tmp_path / "all.ome.tif", array, metadata={"axes": axes}, ome=True)
    with pytest.raises(InputError, match="choose"):
        read(tmp_path / "all.ome.tif")
    found = open_content(tmp_path / "all.ome.tif", dataset="time=1,channel=0").images
    np.testing.assert_array_equal(found, array[1, :, 0] if axes[0] == "T" else array[:, 1, 0])


@pytest.mark.parametrize(("axes", "word"), [("CYX", "channel"), ("TYX", "time")])
def test_images_that_are_called_channels_are_slices_with_a_sentence(tmp_path, axes, word):
    tifffile.imwrite(tmp_path / "stack.tif", IMAGES, imagej=True, metadata={"axes": axes})
    stack = read(tmp_path / "stack.tif")
    np.testing.assert_array_equal(stack.images, IMAGES)
    assert f"calls its 3 images {word}s; taken as slices" in stack.notes[0]


def test_a_series_behind_one_page(tmp_path):
    tifffile.imwrite(tmp_path / "one.tif", IMAGES, photometric="minisblack", truncate=True)
    with tifffile.TiffFile(tmp_path / "one.tif") as file:
        assert len(file.pages) == 1
    np.testing.assert_array_equal(read(tmp_path / "one.tif").images, IMAGES)


def test_several_series_are_chosen_from(tmp_path):
    with tifffile.TiffWriter(tmp_path / "two.ome.tif", ome=True) as file:
        file.write(IMAGES, metadata={"axes": "ZYX"})
        file.write(IMAGES[:2, :35], metadata={"axes": "ZYX"})
    with pytest.raises(InputError, match=r"2 series \(0: 3 x 40 x 47, 1: 2 x 35 x 47\): choose one"):
        read(tmp_path / "two.ome.tif")
    np.testing.assert_array_equal(open_content(tmp_path / "two.ome.tif", dataset="series=1").images, IMAGES[:2, :35])


def test_pages_in_a_circle_are_refused_at_once(tmp_path):
    tifffile.imwrite(tmp_path / "round.tif", IMAGES, photometric="minisblack", metadata=None)
    with tifffile.TiffFile(tmp_path / "round.tif") as file:
        second, last = file.pages[1].offset, file.pages[2]
        end = last.offset + 2 + 12 * len(last.tags)
    data = bytearray((tmp_path / "round.tif").read_bytes())
    data[end : end + 4] = second.to_bytes(4, "little")
    (tmp_path / "round.tif").write_bytes(data)
    with pytest.raises(InputError, match="its pages lead in a circle"):
        read(tmp_path / "round.tif")


ANGSTROMS = ["\u00c5", "\u212b", "\\u00c5", "A", "Angstrom", "Angstroms", "angstrom", "ang", "[Å]"]
NANOMETRES = ["nm", "nanometer", "Nanometers", "nanometre", "[n_m]"]
MICRONS = ["µm", "μm", "um", "micron", "Microns", "micrometer", "\\u00b5m", "\\u00B5m"]
SPELLINGS = (
    [(word, 1e-10) for word in ANGSTROMS]
    + [(word, 1e-9) for word in NANOMETRES]
    + [(word, 1e-6) for word in MICRONS]
    + [("pm", 1e-12), ("mm", 1e-3), ("cm", 1e-2), ("m", 1.0), ("meters", 1.0)]
)


@pytest.mark.parametrize(("word", "metres"), SPELLINGS)
def test_units_in_every_spelling(tmp_path, word, metres):
    assert unit_m(word) == unit_m(word.encode()) == metres
    if not word.isascii():
        return  # tifffile does not write it so
    size = 2e-11 if metres < 1e-3 else 2e-9
    about = {"axes": "ZYX", "unit": word, "spacing": 50 * size / metres}
    steps = (0.5 * metres / size, metres / size)
    tifffile.imwrite(tmp_path / "stack.tif", IMAGES, imagej=True, resolution=steps, metadata=about)
    content = open_content(tmp_path / "stack.tif")
    np.testing.assert_allclose(content.pixel_size_m, (size, 2 * size), rtol=1e-4)
    np.testing.assert_allclose(content.spacing_m, (50 * size,) * 2, rtol=1e-4)


@pytest.mark.parametrize("word", ["", "pixel", "px", "1/nm", "nm^-1", "rad", "As", "s"])
def test_words_that_are_no_lengths(word):
    assert unit_m(word) is None


def test_units_of_each_axis_by_itself(tmp_path):
    sizes = {"PhysicalSizeX": 8.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 70.0, "PhysicalSizeYUnit": "Å"}
    depth = {"PhysicalSizeZ": 0.02, "PhysicalSizeZUnit": "mm"}
    tifffile.imwrite(tmp_path / "stack.ome.tif", IMAGES, ome=True, metadata={"axes": "ZYX", **sizes, **depth})
    content = open_content(tmp_path / "stack.ome.tif")
    np.testing.assert_allclose(content.pixel_size_m, (7e-9, 8e-9))
    np.testing.assert_allclose(content.spacing_m, (20e-6, 20e-6))
    about = {"axes": "ZYX", "unit": "nm", "yunit": "A", "zunit": "um", "spacing": 20.0}
    tifffile.imwrite(tmp_path / "ij.tif", IMAGES, imagej=True, resolution=(1 / 8, 1 / 70), metadata=about)
    content = open_content(tmp_path / "ij.tif")
    np.testing.assert_allclose(content.pixel_size_m, (7e-9, 8e-9), rtol=1e-6)
    np.testing.assert_allclose(content.spacing_m, (20e-6, 20e-6))


def test_absurd_lengths_are_never_silent(tmp_path):
    about = {"axes": "ZYX", "unit": "m", "spacing": 5.0}
    tifffile.imwrite(tmp_path / "stack.tif", IMAGES, imagej=True, resolution=(5, 5), metadata=about)
    stack = read(tmp_path / "stack.tif")
    assert stack.pixel_size_m is None and stack.spacing_m is None
    assert "a pixel size of 200 mm, which cannot be; left out (--pixel-size)" in stack.notes[0]
    assert "a spacing of 5 m" in stack.notes[1] or "spacing of 5 m" in stack.notes[1]


def test_a_chosen_channel_goes_back_to_its_place(tmp_path):
    """The other channel, and all that ImageJ says, stay."""
    stack = read(FIELD / "hyperstack_zc.tif", dataset="channel=1")
    ghosts = 0.1 * np.cos(np.arange(48)[:, None] / 5) * np.ones((3, 48, 64)) * np.array([1, 2, 3])[:, None, None]
    run = run_with(tmp_path, stack, ghosts)
    export([run], FIELD / "hyperstack_zc.tif", tmp_path / "new.tif")
    old, new = (tifffile.imread(path) for path in (FIELD / "hyperstack_zc.tif", tmp_path / "new.tif"))
    np.testing.assert_array_equal(new[:, 0], old[:, 0])
    np.testing.assert_allclose(new[:, 1], old[:, 1] - ghosts, atol=1e-6)
    with tifffile.TiffFile(tmp_path / "new.tif") as file:
        assert file.imagej_metadata["channels"] == 2 and file.imagej_metadata["unit"] == "um"


def run_with(folder: Path, stack, ghosts: np.ndarray, **said) -> Path:
    """A run folder as far as export reads it, of a stack and its ghosts (N, H, W)."""
    import json
    from dataclasses import asdict

    from ddip_tf.archive.manifest import sha256

    run = folder / "run"
    (run / "outputs").mkdir(parents=True)
    for number, ghost in enumerate(ghosts, 1):
        tifffile.imwrite(run / "outputs" / f"ghost{number}.tif", ghost.astype("f4"))
    manifest = {
        "format_version": 1,
        "slices": len(stack),
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


# --- slice axis, gaps, vacuum ----------------------------------------------------------------------------------------


def test_the_slice_axis_is_found_or_asked_for(tmp_path):
    found = open_content(FIELD / "slice_axis_last.npy")
    assert found.images.shape == (3, 48, 64) and found.slice_axis == "last"
    np.testing.assert_array_equal(found.images, np.moveaxis(np.load(FIELD / "slice_axis_last.npy"), -1, 0))
    many = np.random.default_rng(1).normal(size=(36, 38, 34)).astype("f4")
    np.save(tmp_path / "many.npy", many)
    with pytest.raises(InputError, match=r"36 slices of 38 x 34 pixels, or as 34 of 36 x 38.*--slice-axis last"):
        open_content(tmp_path / "many.npy")
    np.testing.assert_array_equal(open_content(tmp_path / "many.npy", slice_axis="first").images, many)
    last = open_content(tmp_path / "many.npy", slice_axis="last").images
    np.testing.assert_array_equal(last, np.moveaxis(many, -1, 0))
    for name in ("obj_delta_ds_1.tiff", "other.tif"):
        tifffile.imwrite(tmp_path / name, many, photometric="minisblack")
    np.testing.assert_array_equal(open_content(tmp_path / "obj_delta_ds_1.tiff").images, last)  # Adorym's name
    with pytest.raises(InputError, match="is the slice axis last"):
        open_content(tmp_path / "other.tif")
    np.testing.assert_array_equal(open_content(tmp_path / "other.tif", slice_axis="last").images, last)
    np.testing.assert_array_equal(open_content(tmp_path / "obj_delta_ds_1.tiff", slice_axis="first").images, many)
    with pytest.raises(InputError, match="it can be first or last"):
        open_content(tmp_path / "other.tif", slice_axis="middle")


@pytest.mark.parametrize("axis", [None, "last"])
def test_an_export_keeps_the_slice_axis(tmp_path, axis):
    array = np.moveaxis(IMAGES, 0, -1) if axis is None else np.moveaxis(np.concatenate([IMAGES] * 11), 0, -1)
    np.save(tmp_path / "object.npy", array)
    stack = read(tmp_path / "object.npy", slice_axis=axis, slices=(2, 0))
    ghosts = np.stack([0.1 * np.sin(np.arange(47) / 4) * np.ones((40, 1)), 0.2 * np.ones((40, 1)) * np.ones(47)])
    done = export([run_with(tmp_path, stack, ghosts)], tmp_path / "object.npy", tmp_path / "new.npy")
    assert str(done) == f"with the separated slices 1, 3 of {array.shape[-1]}"
    new = np.load(tmp_path / "new.npy")
    assert new.shape == array.shape
    np.testing.assert_allclose(new[..., 2], array[..., 2] - ghosts[0], atol=1e-6)
    np.testing.assert_allclose(new[..., 0], array[..., 0] - ghosts[1], atol=1e-6)
    np.testing.assert_array_equal(new[..., 1], array[..., 1])


def test_pixels_outside_the_scan_are_cropped_away():
    objects = np.load(FIELD / "nan_outside_scan.npy")
    stack = read(FIELD / "nan_outside_scan.npy")
    (y0, y1), (x0, x1) = stack.crop
    assert np.isfinite(objects[:, y0:y1, x0:x1]).all()
    assert (y1 - y0) * (x1 - x0) > 0.6 * np.isfinite(objects[0]).sum()
    assert "NaN or infinite: cropped to 8:41,10:55" in stack.notes[0]
    with pytest.raises(InputError, match="slice 1 has 839 pixels that are NaN or infinite: --crop"):
        read(FIELD / "nan_outside_scan.npy", conversion=WHOLE)
    holes = IMAGES.copy()
    holes[1, 20, 20] = np.nan
    from ddip_tf.formats.gaps import finite_box

    assert finite_box(holes) is None  # a dead pixel in the middle is no rim
    assert finite_box(IMAGES) is None


def test_real_images_with_a_frame_of_nan(tmp_path):
    images = np.pad(IMAGES, ((0, 0), (3, 2), (4, 5)), constant_values=np.nan)
    np.save(tmp_path / "framed.npy", images)
    stack = read(tmp_path / "framed.npy")
    assert stack.crop == ((3, 43), (4, 51))
    np.testing.assert_array_equal(stack.images, IMAGES.astype("f4"))


@pytest.mark.parametrize("name", ["ptyrad_vacuum.hdf5", "zstack_vacuum.tif"])
def test_vacuum_is_set_aside_and_back_in_the_export(tmp_path, name):
    path = FIELD / name
    for slices in (None, (1, 2, 3)):
        stack = read(path, slices=slices, conversion=WHOLE)
        assert [source.page for source in stack.sources] == [1, 2, 3]
        assert bool(stack.notes) == (slices is None)
    assert "left out: 0, 4, counted from 0" in read(path).notes[0]
    if name == "ptyrad_vacuum.hdf5":
        np.testing.assert_allclose(read(path).spacing_m, (1e-9, 1e-9), rtol=1e-6)
    ghosts = 0.1 * np.sin(np.arange(64) / 6) * np.ones((3, 48, 1))
    stack = read(path, conversion=WHOLE)
    done = export([run_with(tmp_path, stack, ghosts)], path, tmp_path / name)
    assert str(done) == "with the separated slices 2, 3, 4 of 5"
    old, new = open_content(path).images, open_content(tmp_path / name).images
    np.testing.assert_array_equal(new[[0, 4]], old[[0, 4]])
    assert abs(new[1:4] - old[1:4]).max() > 0.05


def test_vacuum_in_a_file_by_ptyrad_itself():
    stack = read(DATA / "electrons.hdf5", conversion=WHOLE)
    np.testing.assert_allclose(stack.images, IMAGES, atol=1e-6)
    np.testing.assert_allclose(stack.spacing_m, (1.42e-9, 1.42e-9), rtol=1e-6)


def test_a_slice_of_one_value_is_refused_where_only_one_other_is_left(tmp_path):
    np.save(tmp_path / "two.npy", np.stack([IMAGES[0], np.ones(SHAPE[1:], "f4")]))
    with pytest.raises(InputError, match="slice 2 is constant"):
        read(tmp_path / "two.npy")


# --- what is no slices -----------------------------------------------------------------------------------------------


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name in names:
            file.writestr(name, "hello")
    return stream.getvalue()


FOREIGN = {
    "object.png": (b"\x89PNG\r\n\x1a\n" + bytes(40), "PNG picture.*float TIFF"),
    "object.jpg": (b"\xff\xd8\xff\xe0" + bytes(40), "JPEG picture"),
    "object.mrc": (bytes(208) + b"MAP " + bytes(900), "MRC file.*save it as TIFF"),
    "object.dm4": (b"\0\0\0\4" + bytes(400), "DigitalMicrograph file"),
    "object.pkl": (b"\x80\x04\x95" + bytes(40), "Python pickle, which is never loaded"),
    "object.gz": (b"\x1f\x8b\x08" + bytes(40), "packed by gzip.*unpack"),
    "object.raw": (bytes(4000), "bytes of zero"),
    "empty.tif": (b"", r"is empty \(0 bytes\)"),
    "notes.txt": (b"phase of slice 1\n1 2 3\n", "it is text"),
    "many.zip": (zipped("a.tif", "b.tif"), "zip archive of a.tif, b.tif, not of NumPy arrays: unpack it"),
    "net.keras": (zipped("metadata.json.x", "model.weights.h5"), "Keras model"),
    "empty.npz": (zipped(), "zip archive of nothing|cannot be read|not an image"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_files_are_named_for_what_they_are(tmp_path, name):
    content, message = FOREIGN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        open_content(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_zip_files_that_are_no_arrays():
    with pytest.raises(InputError, match=r"PyTorch file .*numpy.save"):
        open_content(FIELD / "model.pt")
    with pytest.raises(InputError, match="Nion Swift file"):
        open_content(FIELD / "stack.ndata1.ndata")


# --- zarr without trust ----------------------------------------------------------------------------------------------


def hostile_zarr(folder: Path, kind: str) -> Path:
    path = folder / "bad.zspy"
    with zipfile.ZipFile(DATA / "signal.zspy") as old, zipfile.ZipFile(path, "w") as new:
        for name in dict.fromkeys(old.namelist()):
            data = old.read(name)
            if name.endswith("data/.zarray"):
                swap = {
                    "huge": (b"40,", b"4000000,"),
                    "objects": (b'"<c8"', b'"|O8"'),
                    "codec": (b'"blosc"', b'"mine"'),
                    "negative": (b"40,", b"-40,"),
                }
                data = data.replace(*swap.get(kind, (b"", b"")))
            if "/data/" in name and not name.endswith(".zarray"):
                data = data[:4] + b"\xff\xff\xff\x7f" + data[8:] if kind == "bomb" else data
                data = data[:30] if kind == "truncated" else data
            new.writestr(name, data)
    return path


@pytest.mark.parametrize("kind", ["huge", "objects", "codec", "negative", "bomb", "truncated"])
def test_hostile_zarr_stores_are_refused_in_one_line(tmp_path, kind):
    with pytest.raises(InputError) as caught:
        open_content(hostile_zarr(tmp_path, kind))
    assert "\n" not in str(caught.value)


def test_a_zarr_store_that_is_a_folder(tmp_path):
    with zipfile.ZipFile(DATA / "signal.zspy") as file:
        file.extractall(tmp_path / "signal.zspy")
    stack = read(tmp_path / "signal.zspy", conversion=WHOLE)
    np.testing.assert_allclose(stack.images, IMAGES, atol=1e-6)
    assert len(stack.sources[0].sha256) == 64
    (tmp_path / "signal.zspy/Experiments/object/data/.zarray").unlink()
    with pytest.raises(InputError, match="holds 0 signals"):
        read(tmp_path / "signal.zspy")


# --- export's word ---------------------------------------------------------------------------------------------------


def test_export_repeats_warnings_and_refuses_what_is_not_explained(tmp_path):
    path = DATA / "ptychi.npy"
    stack = read(path, conversion=WHOLE)
    ghosts = 0.1 * np.sin(np.arange(47) / 6) * np.ones((3, 40, 1))
    sentence = "62 % of the contrast of slice 2 is not explained by the modelled mixture: look at input − model."
    said = {"new": {"unexplained": [0.1, 0.62, 0.2]}, "old": {"warnings": [sentence]}}
    for kind, fields in said.items():
        run = run_with(tmp_path / kind, stack, ghosts, **fields)
        with pytest.raises(InputError, match=r"62 % of the contrast of slice 2 unexplained.*--despite-warnings"):
            export([run], path, tmp_path / kind / "new.npy")
        assert not (tmp_path / kind / "new.npy").exists()
        done = export([run], path, tmp_path / kind / "new.npy", despite_warnings=True)
        assert done.slices == (1, 2, 3) and done.notes == tuple(fields.get("warnings", ()))
    damaged = run_with(tmp_path / "damaged", stack, ghosts, unexplained=["x"])
    with pytest.raises(InputError, match=r"manifest of .* is damaged"):
        export([damaged], path, tmp_path / "x.npy")


def test_export_says_what_it_changed(tmp_path, call):
    path = DATA / "ptychi.npy"
    stack = read(path, conversion=WHOLE)
    ghosts = np.zeros((3, *SHAPE[1:]))
    clean = run_with(tmp_path / "clean", stack, ghosts + 1e-9, warnings=["Look twice."])
    code, out, _ = call("export", clean, "--into", path, "-o", "same.npy")
    assert code == 0 and "Warning: Look twice." in out and "nothing was changed" in out
    np.testing.assert_array_equal(np.load("same.npy"), np.load(path))
    ghosts[0] = 0.1 * np.sin(np.arange(47) / 6)
    one = run_with(tmp_path / "one", stack, ghosts)
    code, out, _ = call("export", one, "--into", path, "-o", "one.npy")
    assert (code, out) == (0, f"one.npy: {path} with the separated slice 1 of 3\n")
