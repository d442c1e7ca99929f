"""Which axis counts the slices, pixels outside the scan, and vacuum, in files as people in the field have them."""

import numpy as np
import pytest
import tifffile
from exports import run_with
from helpers import DATA, FIELD
from make_fixtures import SHAPE, the_object

from ddip_tf.archive.export import export
from ddip_tf.errors import InputError
from ddip_tf.formats import open_content, read
from ddip_tf.formats.gaps import finite_box, vacuum
from ddip_tf.slices.phase import Conversion

WHOLE = Conversion(steps=(), crop="whole")
IMAGES = np.angle(the_object())


def test_the_slice_axis_is_found_or_asked_for(tmp_path):
    found = open_content(FIELD / "slice_axis_last.npy")
    assert found.images.shape == (3, 48, 64) and found.slice_axis == "last"
    np.testing.assert_array_equal(found.images, np.moveaxis(np.load(FIELD / "slice_axis_last.npy"), -1, 0))
    many = np.random.default_rng(1).normal(size=(36, 38, 34)).astype("f4")
    np.save(tmp_path / "many.npy", many)
    with pytest.raises(InputError, match=r'36 slices of 38 x 34 pixels, or as 34 of 36 x 38.*`slice_axis="last"`'):
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
    done = export([run_with(tmp_path / "run", stack, ghosts)], tmp_path / "object.npy", tmp_path / "new.npy")
    assert str(done) == f"with the separated slices 1 and 3 of {array.shape[-1]}"
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
    assert "NaN or infinite: cropped to 8:41,10:55" in stack.notes[0].text
    with pytest.raises(InputError, match="slice 1 has 839 pixels that are NaN or infinite: `crop`"):
        read(FIELD / "nan_outside_scan.npy", conversion=WHOLE)
    holes = IMAGES.copy()
    holes[1, 20, 20] = np.nan
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
        assert bool(stack.notes) == bool(stack.vacuum) == (slices is None)
        assert stack.numbers == (2, 3, 4)
    assert read(path).notes[0].text.endswith("as in the file in outputs and export: slices 1 and 5.")
    assert [(one.number, one.page) for one in read(path).vacuum] == [(1, 0), (5, 4)]
    if name == "ptyrad_vacuum.hdf5":
        np.testing.assert_allclose(read(path).spacing_m, (1e-9, 1e-9), rtol=1e-6)
    ghosts = 0.1 * np.sin(np.arange(64) / 6) * np.ones((3, 48, 1))
    stack = read(path, conversion=WHOLE)
    done = export([run_with(tmp_path / "run", stack, ghosts)], path, tmp_path / name)
    assert str(done) == "with the separated slices 2 to 4 of 5"
    old, new = open_content(path).images, open_content(tmp_path / name).images
    np.testing.assert_array_equal(new[[0, 4]], old[[0, 4]])
    assert abs(new[1:4] - old[1:4]).max() > 0.05


def test_vacuum_in_a_file_by_ptyrad_itself():
    stack = read(DATA / "electrons.hdf5", conversion=WHOLE)
    np.testing.assert_allclose(stack.images, IMAGES, atol=1e-6)
    np.testing.assert_allclose(stack.spacing_m, (1.42e-9, 1.42e-9), rtol=1e-6)


def test_fewer_than_two_slices_beside_vacuum_are_refused_in_a_line(tmp_path, call):
    np.save(tmp_path / "four.npy", np.stack([IMAGES[0], *np.ones((3, *SHAPE[1:]), "f4")]))
    with pytest.raises(InputError, match=r"same everywhere \(vacuum\): slices 2 to 4; only slice 1 is left"):
        read(tmp_path / "four.npy")
    code, out, err = call("fit", tmp_path / "four.npy", "-o", tmp_path / "run")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert not (tmp_path / "run").exists()


def test_complex_zeros_are_vacuum_too():
    padded = np.concatenate([np.zeros((1, *SHAPE[1:])), np.exp(1j * IMAGES[:2])])
    assert [vacuum(image) for image in padded] == [True, False, False]
