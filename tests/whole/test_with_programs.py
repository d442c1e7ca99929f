"""Exports opened by the reconstruction programs themselves; each test runs where its program is installed.

py4DSTEM needs an older NumPy than ddip-tf: name an interpreter that has it in PY4DSTEM_PYTHON.
"""

import os
import subprocess

import numpy as np
import pytest
from exports import expected, run_of
from helpers import DATA
from make_fixtures import ELECTRONS, PIXEL_M, SHAPE, SPACING_M, positions_px, ptychi_task

from ddip_tf.archive.export import export


@pytest.fixture
def exported(tmp_path, ghosts):
    """Writes the export of a fixture, and gives its path and the object that must stand in it."""

    def write(name):
        export([run_of(DATA / name, tmp_path, ghosts)], DATA / name, tmp_path / name)
        return tmp_path / name, expected(ghosts)

    return write


@pytest.mark.parametrize("name", ["ptychodus.h5", "ptychodus.npz"])
def test_ptychodus_opens_the_product(exported, name):
    pytest.importorskip("ptychodus")
    from ptychodus.api.io import load_product
    from ptychodus.plugins.npz_product_file import NPZProductFileIO

    path, obj = exported(name)
    product = load_product(path) if name.endswith("h5") else NPZProductFileIO().read(path)
    np.testing.assert_allclose(product.object_.get_array(), obj, atol=1e-6)
    geometry = product.object_.get_geometry()
    assert (geometry.pixel_height_m, geometry.pixel_width_m) == PIXEL_M
    np.testing.assert_allclose(product.object_.layer_spacing_m, SPACING_M)
    place = geometry.map_probe_positions_to_object_y_px(product.probe_positions)
    np.testing.assert_allclose(place, positions_px()[:, 0], atol=1e-6)


def test_ptyrad_loads_the_object(exported):
    pytest.importorskip("ptyrad")
    from ptyrad.init.initializer import Initializer

    path, obj = exported("ptyrad.hdf5")
    start = Initializer.__new__(Initializer)
    start.use_cached_obj = False
    found = start._load_obj_from_ptyrad(str(path))
    assert found.shape == (1, *SHAPE)
    np.testing.assert_allclose(found[0], obj, atol=1e-6)


@pytest.mark.parametrize("name", ["matlab.mat"])
def test_ptyrad_loads_a_fold_slice_object(exported, name):
    pytest.importorskip("ptyrad")
    from ptyrad.init.initializer import Initializer

    path, obj = exported(name)
    start = Initializer.__new__(Initializer)
    start.use_cached_obj = False
    found = start._load_obj_from_ptyshv(str(path))
    found = found["real"] + 1j * found["imag"] if found.dtype.names else found
    np.testing.assert_allclose(found[0], obj, atol=1e-6)


def test_mat73_reads_the_matlab_file(exported):
    """A reader of v7.3 that did not write the fixture shows rows, columns, slices, as MATLAB does."""
    mat73 = pytest.importorskip("mat73")
    path, obj = exported("matlab.mat")
    content = mat73.loadmat(str(path))
    np.testing.assert_allclose(content["object"].transpose(2, 0, 1), obj, atol=1e-6)
    np.testing.assert_allclose(content["p"]["dx_spec"], PIXEL_M)


def test_phaser_reads_its_state(exported):
    pytest.importorskip("phaser.state")
    from phaser.utils.io import hdf5_read_state

    path, obj = exported("phaser.h5")
    state = hdf5_read_state(path)
    np.testing.assert_allclose(state.object.data, obj, atol=1e-6)
    np.testing.assert_allclose(state.object.sampling.sampling, ELECTRONS[0])


def test_ptylab_loads_its_results(exported):
    pytest.importorskip("PtyLab")
    from PtyLab.Reconstruction.Reconstruction import Reconstruction

    path, obj = exported("ptylab.hdf5")
    np.testing.assert_allclose(Reconstruction.loadResults(path, "object")[0, 0, 0], obj, atol=1e-6)


@pytest.mark.parametrize("name", ["signal.hspy", "berkeley.emd"])
def test_rosettasciio_reads_the_signal(exported, name):
    pytest.importorskip("rsciio")
    from rsciio.emd import file_reader as read_emd
    from rsciio.hspy import file_reader as read_hspy

    path, obj = exported(name)
    (signal,) = (read_hspy if name.endswith("hspy") else read_emd)(str(path))
    found = signal["data"] if signal["data"].shape == SHAPE else signal["data"].T
    np.testing.assert_allclose(found, obj, atol=1e-6)
    scales = {axis["name"]: axis["scale"] for axis in signal["axes"]}
    assert scales["y"] == pytest.approx(ELECTRONS[0][0])


def test_emdfile_reads_the_array(exported):
    emdfile = pytest.importorskip("emdfile")
    path, obj = exported("emdfile.emd")
    array = emdfile.read(str(path))
    np.testing.assert_allclose(array.data, obj, atol=1e-6)
    assert array.dim_units == ("A", "A", "A") and array.dims[1][1] == pytest.approx(ELECTRONS[0][0])


def test_ptychi_takes_the_object_for_its_task(exported):
    pytest.importorskip("ptychi")
    path, obj = exported("ptychi.npy")
    task = ptychi_task(np.load(path))
    np.testing.assert_allclose(task.get_data_to_cpu("object", as_numpy=True), obj, atol=1e-6)


def test_py4dstem_reads_its_reconstruction(exported, tmp_path):
    python = os.environ.get("PY4DSTEM_PYTHON")
    if not python:
        pytest.skip("PY4DSTEM_PYTHON names no interpreter")
    path, obj = exported("py4dstem.h5")
    code = "import sys, numpy, py4DSTEM; numpy.save(sys.argv[2], py4DSTEM.read(sys.argv[1])._object)"
    subprocess.run([python, "-W", "ignore", "-c", code, str(path), str(tmp_path / "object.npy")], check=True)
    np.testing.assert_allclose(np.load(tmp_path / "object.npy"), obj, atol=1e-6)
