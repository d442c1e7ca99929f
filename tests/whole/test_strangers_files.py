"""The files of reconstruction programs, in and out. make_fixtures.AUTHORS says which program's code wrote which."""

import h5py
import make_fixtures
import numpy as np
import pytest
import tifffile
from exports import CROP, expected, run_of
from helpers import DATA, with_smoothed
from make_fixtures import ELECTRONS, ENERGY_EV, PIXEL_M, SCANNED, SHAPE, SPACING_M, the_object

from ddip_tf.archive.export import export
from ddip_tf.errors import InputError, RunError
from ddip_tf.formats import FAMILIES, family_of, open_content, read
from ddip_tf.slices.ghosts import window
from ddip_tf.slices.optics import HC_EV_M
from ddip_tf.slices.phase import Conversion

WHOLE = Conversion(crop="whole")
#: of electrons
PIXEL_E, SPACING_E = (ELECTRONS[0][0] * 1e-10, ELECTRONS[0][1] * 1e-10), (ELECTRONS[1] * 1e-10,) * 2
#: file, family, (pixel size, spacing, wavelength, scanned) that it states
FILES = {
    "ptychodus.h5": ("ptychodus", PIXEL_M, SPACING_M, HC_EV_M / ENERGY_EV, SCANNED),
    "ptychodus.npz": ("npz", PIXEL_M, SPACING_M, HC_EV_M / ENERGY_EV, SCANNED),
    "ptyrad.hdf5": ("ptyrad", (7e-9, 7e-9), (10e-6, 10e-6), HC_EV_M / ENERGY_EV, SCANNED),
    "py4dstem.h5": ("py4dstem", (0.625e-10, 0.625e-10), (20e-10, 30e-10), 1.96875e-12, ((7, 16), (8, 17))),
    "ptychi.npy": ("numpy", None, None, None, None),
    "phaser.h5": ("phaser", PIXEL_E, (20e-10, 30e-10), ELECTRONS[2] * 1e-10, SCANNED),
    "ptylab.hdf5": ("ptylab", (20e-9, 20e-9), None, 12.4e-9, SCANNED),
    "signal.hspy": ("signals", PIXEL_E, SPACING_E, ELECTRONS[2] * 1e-10, None),
    "signal.zspy": ("zspy", PIXEL_E, SPACING_E, ELECTRONS[2] * 1e-10, None),
    "emdfile.emd": ("signals", PIXEL_E, SPACING_E, None, None),
    "berkeley.emd": ("signals", PIXEL_E, SPACING_E, None, None),
    "matlab.mat": ("matlab", PIXEL_M, SPACING_M, HC_EV_M / ENERGY_EV, SCANNED),
    "slices.h5": ("ptypy", PIXEL_M, SPACING_M, None, None),
    "obj_phase_ds_1.tiff": ("adorym", None, None, None, None),
    "obj_mag_ds_1.tiff": ("adorym", None, None, None, None),
}


def test_every_fixture_says_who_wrote_it():
    assert {path.name for path in DATA.iterdir()} == set(make_fixtures.AUTHORS)


@pytest.mark.parametrize("name", FILES)
def test_objects_are_read_with_axes_and_units_right(name):
    family, size, spacing, wavelength, scanned = FILES[name]
    assert family_of(DATA / name) == family
    content = open_content(DATA / name)
    assert content.images.shape == SHAPE
    np.testing.assert_allclose(content.images, the_object(), atol=3e-7)
    said = (content.pixel_size_m, content.spacing_m, content.wavelength_m)
    for found, stated in zip(said, (size, spacing, wavelength), strict=True):
        assert (found is None) == (stated is None)
        if stated is not None:
            np.testing.assert_allclose(found, stated, rtol=1e-5)
    assert content.scanned == scanned


@pytest.mark.parametrize("name", FILES)
def test_three_slices_become_phase_images(name):
    stack = read(DATA / name, conversion=Conversion(steps=(), crop="whole"))
    np.testing.assert_allclose(stack.images, np.angle(the_object()), atol=3e-7)
    assert [source.family for source in stack.sources] == [FILES[name][0]] * 3
    two = stack.pick([2, 0])
    np.testing.assert_array_equal(two.images, stack.images[[2, 0]])
    assert two.record.planes == ((0.0, 0.0, 0.0),) * 2


def test_the_scanned_area_is_taken_unless_another_is_given():
    (y0, y1), (x0, x1) = SCANNED
    assert read(DATA / "ptychodus.h5").crop == SCANNED
    assert read(DATA / "ptychodus.h5").shape == (y1 - y0, x1 - x0)
    assert read(DATA / "ptychodus.h5", conversion=WHOLE).crop is None
    given = read(DATA / "ptychodus.h5", conversion=Conversion(steps=(), crop=((3, 37), (5, 44))))
    np.testing.assert_allclose(given.images, np.angle(the_object())[:, 3:37, 5:44], atol=1e-6)
    with pytest.raises(InputError, match="outside the image, x has pixels 0:47"):
        read(DATA / "ptychodus.h5", conversion=Conversion(crop=((0, 40), (0, 48))))


def test_any_dataset_by_its_path(tmp_path):
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["entry/data/phase"] = np.angle(the_object())
        file["entry/link"] = h5py.SoftLink("/entry/data")
        file["entry/more"] = np.ones((4, 40, 47))
    for place in ("entry/data/phase", "/entry/link/phase"):
        np.testing.assert_allclose(
            open_content(tmp_path / "own.h5", dataset=place).images, np.angle(the_object()), atol=1e-6
        )
    with pytest.raises(InputError, match=r"choose one \(`dataset`\): /entry/data/phase \(3, 40, 47\), /entry/more"):
        open_content(tmp_path / "own.h5")
    with pytest.raises(InputError, match="is no dataset"):
        open_content(tmp_path / "own.h5", dataset="/nothing")
    with pytest.raises(InputError, match="no format 'hdf'"):
        open_content(tmp_path / "own.h5", family="hdf")
    with pytest.raises(InputError, match="holds no object of this format"):
        open_content(tmp_path / "own.h5", family="ptychodus")


def test_npz_of_one_array_or_a_named_one(tmp_path):
    np.savez_compressed(tmp_path / "two.npz", a=np.angle(the_object()), b=the_object(), c=np.arange(3))
    np.testing.assert_array_equal(open_content(tmp_path / "two.npz", dataset="b").images, the_object())
    with pytest.raises(InputError, match=r"holds a, b, c: choose one"):
        open_content(tmp_path / "two.npz")
    with pytest.raises(InputError, match="holds no array 'd'; it holds a, b, c"):
        open_content(tmp_path / "two.npz", dataset="d")


def test_the_product_of_the_slices_is_refused_with_the_reason():
    with pytest.raises(InputError, match=r"product of all slices: give the slices\.h5"):
        read(DATA / "product.ptyr")


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_slice_axis_last_as_tiff_readers_show_it(tmp_path, count):
    images = np.angle(np.concatenate([the_object(), the_object()[::-1]]))[:count]
    tifffile.imwrite(tmp_path / "obj_delta_ds_1.tiff", np.moveaxis(images, 0, -1))
    np.testing.assert_array_equal(read(tmp_path / "obj_delta_ds_1.tiff").images, images)


@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_pixel_size_that_microscopes_write(tmp_path, kind):
    images = np.angle(the_object())
    if kind == "imagej":
        about = dict(imagej=True, resolution=(1 / 0.008, 1 / 0.007), metadata={"unit": "um", "axes": "ZYX"})
    else:
        sizes = {"PhysicalSizeX": 8.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.007, "PhysicalSizeYUnit": "µm"}
        about = dict(ome=True, metadata={"axes": "ZYX", **sizes})
    tifffile.imwrite(tmp_path / "stack.ome.tif" if kind == "ome" else tmp_path / "stack.tif", images, **about)
    stack = read(next(tmp_path.iterdir()))
    np.testing.assert_allclose(stack.pixel_size_m, PIXEL_M, rtol=1e-6)
    np.testing.assert_array_equal(stack.images, images)


# --- and out again ---------------------------------------------------------------------------------------------------


WRITABLE = [name for name in FILES if FAMILIES[FILES[name][0]].change]


@pytest.mark.parametrize("name", WRITABLE)
def test_export_takes_the_ghosts_out_and_touches_nothing_else(tmp_path, name, ghosts):
    run = run_of(DATA / name, tmp_path, ghosts)
    before = (DATA / name).read_bytes()
    done = export([run], DATA / name, tmp_path / "new" / name)
    assert (done.slices, done.notes, str(done)) == ((1, 2, 3), (), "with the separated slices")
    assert (DATA / name).read_bytes() == before
    content, old = open_content(tmp_path / "new" / name), open_content(DATA / name)
    np.testing.assert_allclose(content.images, expected(ghosts), atol=1e-6)
    (y0, _), (x0, x1) = CROP
    outside = np.ones(SHAPE[1:], bool)
    outside[y0:, x0:x1] = False
    np.testing.assert_allclose(content.images[:, outside], old.images[:, outside], atol=1e-7)
    assert (content.pixel_size_m, content.spacing_m) == (old.pixel_size_m, old.spacing_m)
    assert [file.name for file in (tmp_path / "new").iterdir() if file.name.startswith(".")] == []


def test_export_takes_out_what_was_smoothed_too(tmp_path, ghosts):
    run = run_of(DATA / "ptychodus.h5", tmp_path, ghosts)
    (y0, y1), (x0, x1) = CROP
    shares = np.random.default_rng(2).uniform(size=ghosts.shape)
    shares[1] = 0
    smoothed = with_smoothed(run, tmp_path / "split", (shares * ghosts)[:, y0:y1, x0:x1])
    assert (smoothed / "outputs/smoothed3.tif").exists() and not (smoothed / "outputs/smoothed2.tif").exists()
    export([smoothed], DATA / "ptychodus.h5", tmp_path / "new.h5")
    np.testing.assert_allclose(open_content(tmp_path / "new.h5").images, expected(ghosts), atol=1e-6)


def test_export_keeps_all_else_that_stands_in_the_file(tmp_path, ghosts):
    names = [name for name in WRITABLE if h5py.is_hdf5(DATA / name)]
    assert len(names) == 10
    for name in names:
        export([run_of(DATA / name, tmp_path, ghosts)], DATA / name, tmp_path / name)
        with h5py.File(DATA / name) as old, h5py.File(tmp_path / name) as new:
            changed = []

            def compare(path, node, new=new, changed=changed):
                twin = new[path]
                assert dict(node.attrs).keys() == dict(twin.attrs).keys()
                if not isinstance(node, h5py.Dataset) or node.dtype == object:
                    return
                if np.asarray(node[()]).tobytes() != np.asarray(twin[()]).tobytes():
                    assert node.dtype == twin.dtype
                    changed.append(path)

            old.visititems(compare)
        assert 1 <= len(changed) <= 3 and "ob" in changed[0], (name, changed)


@pytest.mark.parametrize(
    "name", ["ptychodus.h5", "ptyrad.hdf5", "matlab.mat", "obj_phase_ds_1.tiff", "obj_mag_ds_1.tiff"]
)
def test_amplitude_runs_change_amplitudes_only(tmp_path, name, ghosts):
    runs = [run_of(DATA / name, tmp_path, ghosts, quantity) for quantity in ("phase", "amplitude")]
    export(runs, DATA / name, tmp_path / "both" / name)
    np.testing.assert_allclose(open_content(tmp_path / "both" / name).images, expected(ghosts, 1 + 1j), atol=1e-6)
    export(runs[1:], DATA / name, tmp_path / "one" / name)
    found = open_content(tmp_path / "one" / name).images
    np.testing.assert_allclose(np.angle(found), np.angle(the_object()), atol=1e-6)
    np.testing.assert_allclose(abs(found), abs(expected(ghosts, 1)), atol=1e-6)


def test_slices_that_were_picked_go_back_to_their_places(tmp_path, ghosts):
    run = run_of(DATA / "ptychodus.h5", tmp_path, ghosts, pages=(2, 0))
    export([run], DATA / "ptychodus.h5", tmp_path / "new.h5")
    found = open_content(tmp_path / "new.h5").images
    np.testing.assert_allclose(found, expected(ghosts, pages=(2, 0)), atol=1e-6)
    np.testing.assert_array_equal(found[1], the_object()[1])


def test_real_images_go_back_as_real_images(tmp_path, ghosts):
    images = np.angle(the_object())
    tifffile.imwrite(tmp_path / "stack.tif", images, photometric="minisblack", resolution=(5, 6), description="mine")
    tifffile.imwrite(tmp_path / "packed.tif", images, photometric="minisblack", compression="zlib")
    np.save(tmp_path / "stack.npy", images)
    (y0, y1), (x0, x1) = CROP
    new = images.copy()
    new[:, y0:y1, x0:x1] -= (window(CROP, SHAPE[1:]) * ghosts[:, y0:y1, x0:x1]).astype("f4")
    for name in ("stack.tif", "packed.tif", "stack.npy"):
        export([run_of(tmp_path / name, tmp_path, ghosts)], tmp_path / name, tmp_path / f"new-{name}")
        np.testing.assert_allclose(open_content(tmp_path / f"new-{name}").images, new, atol=1e-6)
    with tifffile.TiffFile(tmp_path / "new-stack.tif") as file:
        assert file.pages[0].tags["XResolution"].value == (5, 1)
        assert file.pages[0].description == "mine"


def test_export_refuses_what_does_not_fit(tmp_path, ghosts):
    own = run_of(DATA / "ptychodus.h5", tmp_path, ghosts)
    new = tmp_path / "new.h5"
    np.save(tmp_path / "small.npy", the_object()[:, :39])
    np.save(tmp_path / "two.npy", the_object()[:2])
    with pytest.raises(InputError, match="images of 39 x 47 pixels"):
        export([own], tmp_path / "small.npy", new)
    with pytest.raises(InputError, match="holds 2 slices"):
        export([own], tmp_path / "two.npy", new)
    with pytest.raises(InputError, match="keep the name"):
        export([own], DATA / "obj_phase_ds_1.tiff", tmp_path / "other.tiff")
    with pytest.raises(InputError, match="is the original itself"):
        export([own], DATA / "ptychodus.h5", DATA / "ptychodus.h5", overwrite=True)
    with pytest.raises(InputError, match="is neither a run nor"):
        export([tmp_path], DATA / "ptychodus.h5", new)
    assert not new.exists()
    assert str(export([own], DATA / "ptychi.npy", new).notes[0]).startswith(
        f"{DATA / 'ptychi.npy'} is not the very file"
    )
    with pytest.raises(InputError, match="exists: choose another `new`, or `overwrite`"):
        export([own], DATA / "ptychodus.h5", new)
    assert export([own], DATA / "ptychodus.h5", new, overwrite=True).notes == ()
    damaged = own / "manifest.json"
    text = damaged.read_text()
    for lie in ('"page": -1', '"page": "x"'):
        damaged.write_text(text.replace('"page": 1', lie))
        with pytest.raises(InputError, match="manifest"):
            export([own], DATA / "ptychodus.h5", tmp_path / "newer.h5")
    damaged.write_text(text.replace('"crop": [[3', '"crop": [[-3'))
    with pytest.raises(InputError, match="outside the image"):
        export([own], DATA / "ptychodus.h5", tmp_path / "newer.h5")
    damaged.write_text(text)
    ghost = own / "outputs" / "ghost2.tif"
    ghost.write_bytes(ghost.read_bytes()[:-1])
    with pytest.raises(RunError, match=r"not as it was archived: outputs/ghost2\.tif"):
        export([own], DATA / "ptychodus.h5", tmp_path / "newer.h5")
    assert not (tmp_path / "newer.h5").exists()


def test_the_seam_is_soft_and_only_where_there_is_one():
    weights = window(CROP, SHAPE[1:])
    assert weights.shape == (37, 39)
    assert weights[0].max() < 0.05 and weights[:, 0].max() < 0.05 and weights[:, -1].max() < 0.05
    assert weights[-1, 12:-12].min() == 1.0  # the object's own edge
    assert np.abs(np.diff(weights[:, 20])).max() < 0.2
    assert window(((0, 40), (0, 47)), SHAPE[1:]).min() == 1.0
