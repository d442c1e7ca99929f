"""Makes tests/data: one object, written by each reconstruction program's own code where that can be installed.

    python tests/make_fixtures.py tests/data ptychodus npz     (pip install --no-deps ptychodus; h5py numpy scipy …)
    python tests/make_fixtures.py tests/data ptyrad            (pip install --no-deps ptyrad; torch, h5py, tifffile)
    python tests/make_fixtures.py tests/data ptychi            (pip install torch; pip install --no-deps ptychi)
    python tests/make_fixtures.py tests/data matlab    (pip install hdf5storage)
    python tests/make_fixtures.py tests/data ptylab            (pip install ptylab)
    python tests/make_fixtures.py tests/data ptypy adorym      (h5py, tifffile: by hand, after the programs' sources)

Those of electrons are in make_electron_fixtures.py. `AUTHORS` says which code wrote which file. The programs need not
be installed to run the tests.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

SHAPE = (3, 40, 47)  # three slices, not square, neither side odd and even alike
PIXEL_M = (7e-9, 8e-9)  # y, x
SPACING_M = (10e-6, 20e-6)
ENERGY_EV = 12e3
#: electrons of 300 keV: (y, x) pixel in Å, distance between slices in Å, wavelength in Å
ELECTRONS = ((0.2, 0.25), 14.2, 0.0196875)
#: px: rows and columns that the probe positions span
SCANNED = ((2, 38), (4, 42))

AUTHORS = {
    "ptychodus.h5": "Ptychodus 1.7.0, ptychodus.api.io.save_product",
    "ptychodus.npz": "Ptychodus 1.7.0, NPZProductFileIO.write",
    "ptyrad.hdf5": "PtyRAD 1.0.0, its save_dict_to_hdf5 (entries laid out by hand as make_save_dict does)",
    "py4dstem.h5": "py4DSTEM 0.14.18, MultislicePtychography after preprocess, saved by py4DSTEM.save; object put in",
    "ptychi.npy": "pty-chi 2.2.0, object of a PtychographyTask, saved by numpy.save as its documentation says",
    "electrons.hdf5": "PtyRAD 1.0.0, its save_dict_to_hdf5 (entries laid out by hand as make_save_dict does)",
    "phaser.h5": "phaserEM 0.3.1, phaser.utils.io.hdf5_write_state",
    "ptylab.hdf5": "PtyLab 0.3.7, Reconstruction.saveResults (attributes set by hand)",
    "signal.hspy": "RosettaSciIO 0.15.0, rsciio.hspy.file_writer, as HyperSpy saves",
    "signal.zspy": "RosettaSciIO 0.15.0, rsciio.zspy.file_writer with zarr 2.18.7, a folder in a zip archive",
    "emdfile.emd": "emdfile 0.0.16, emdfile.save of an Array",
    "berkeley.emd": "RosettaSciIO 0.15.0, rsciio.emd.file_writer (EMD 0.2)",
    "matlab.mat": "hdf5storage 0.2.2, which writes MATLAB's v7.3; NOT VERIFIED with MATLAB or fold_slice",
    "slices.h5": "by hand after PtyPy's ThreePIE, which PyPI does not have: NOT VERIFIED with PtyPy",
    "product.ptyr": "by hand after PtyPy's h5write: NOT VERIFIED with PtyPy",
    "obj_phase_ds_1.tiff": "tifffile, as Adorym's dxchange calls it; PyPI does not have Adorym: NOT VERIFIED with it",
    "obj_mag_ds_1.tiff": "as obj_phase_ds_1.tiff",
}


def the_object() -> np.ndarray:
    """(3, H, W) complex64, unlike under every flip and rotation, phases within ±0.5 rad."""
    count, height, width = SHAPE
    y, x = np.mgrid[:height, :width]
    slices = []
    for n in range(count):
        bump = np.exp(-((y - 12 - 5 * n) ** 2 + (x - 30 + 7 * n) ** 2) / (2 * (3.0 + n) ** 2))
        stripe = 0.1 * np.sin(2 * np.pi * (y / (9 + n) + x / 23))
        slices.append((1 - 0.1 * bump) * np.exp(1j * (0.4 * bump + stripe - 0.1)))
    return np.stack(slices).astype(np.complex64)


def positions_px() -> np.ndarray:
    """(P, 2) probe positions y, x in object pixels, spanning `SCANNED`."""
    (y0, y1), (x0, x1) = SCANNED
    grid = np.meshgrid(np.linspace(y0, y1 - 1, 5), np.linspace(x0, x1 - 1, 6), indexing="ij")
    return np.stack(grid, -1).reshape(-1, 2)


def product():
    """A Ptychodus product, its centre off the origin."""
    from ptychodus.api.geometry import PixelGeometry
    from ptychodus.api.object import Object, ObjectCenter
    from ptychodus.api.probe import ProbeSequence
    from ptychodus.api.probe_positions import ProbePosition, ProbePositionSequence
    from ptychodus.api.product import Product, ProductMetadata

    geometry = PixelGeometry(width_m=PIXEL_M[1], height_m=PIXEL_M[0])
    centre = ObjectCenter(x_m=1e-6, y_m=-2e-6)
    metadata = ProductMetadata(
        name="fixture",
        comments="",
        detector_distance_m=2.0,
        photon_energy_eV=ENERGY_EV,
        probe_photon_count=1e6,
        exposure_time_s=0.1,
        mass_attenuation_m2_per_kg=0.0,
        tomography_angle_deg=0.0,
    )
    points = [
        ProbePosition(
            i,
            centre.x_m + PIXEL_M[1] * (x - (SHAPE[2] - 1) / 2),
            centre.y_m + PIXEL_M[0] * (y - (SHAPE[1] - 1) / 2),
        )
        for i, (y, x) in enumerate(positions_px())
    ]
    return Product(
        metadata=metadata,
        probe_positions=ProbePositionSequence(points),
        probes=ProbeSequence(array=np.ones((1, 1, 8, 8), complex), opr_weights=None, pixel_geometry=geometry),
        object_=Object(array=the_object(), pixel_geometry=geometry, center=centre, layer_spacing_m=SPACING_M),
        losses=[],
    )


def ptychodus(out: Path) -> None:
    from ptychodus.api.io import save_product

    save_product(out / "ptychodus.h5", product())


def npz(out: Path) -> None:
    from ptychodus.plugins.npz_product_file import NPZProductFileIO

    NPZProductFileIO().write(out / "ptychodus.npz", product())


def ptyrad(out: Path) -> None:
    """X-rays: PtyRAD's lengths are metres then. One pixel size for both axes, one thickness for all slices."""
    import torch
    from ptyrad.io.save import save_dict_to_hdf5

    tensor = lambda array: torch.tensor(np.asarray(array))  # noqa: E731
    obj = the_object()[None]
    save_dict_to_hdf5(
        {
            "ptyrad_version": "1.0.0",
            "optimizable_tensors": {
                "obja": tensor(np.abs(obj)),
                "objp": tensor(np.angle(obj)),
                "probe": tensor(np.ones((1, 8, 8), np.complex64)),
                "slice_thickness": tensor(np.float32(10e-6)),
            },
            "params": {"init_params": {"probe_illum_type": "xray"}},
            "model_attributes": {
                "crop_pos": tensor((positions_px() - 4).astype(np.int16)),
                "slice_thickness": tensor(np.float32(10e-6)),
                "dx": tensor(np.float32(PIXEL_M[0])),
                "lambd": tensor(np.float32(1.239841984e-6 / ENERGY_EV)),
                "omode_occu": tensor(np.ones(1, np.float32)),
                "simu_Npix": 8,
            },
        },
        str(out / "ptyrad.hdf5"),
    )


def ptychi_task(obj: np.ndarray) -> Any:
    """pty-chi's task that starts from ``obj`` (N, H, W), not run."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
    from simulated_reconstruction import load_ptychi

    api, ptychography_task = load_ptychi()
    options = api.LSQMLOptions()
    options.data_options.wavelength_m = 1.239841984e-6 / ENERGY_EV
    options.object_options.pixel_size_m = PIXEL_M[0]
    options.object_options.slice_spacings_m = list(SPACING_M)
    options.reconstructor_options.default_device = api.Devices.CPU
    place = positions_px() - np.mean(positions_px(), 0)
    return ptychography_task(
        options,
        diffraction_data=np.ones((len(place), 8, 8), np.float32),
        object_data=obj,
        probe_data=np.ones((1, 1, 8, 8), np.complex64),
        probe_position_y_px=place[:, 0],
        probe_position_x_px=place[:, 1],
    )


def ptychi(out: Path) -> None:
    np.save(out / "ptychi.npy", ptychi_task(the_object()).get_data_to_cpu("object", as_numpy=True))


def as_matlab() -> dict:
    """What fold_slice writes, axes as MATLAB has them: object (H, W, N); positions x, y about the middle."""
    about = positions_px()[:, ::-1] - np.array(SHAPE[:0:-1]) / 2
    distances = np.array([*SPACING_M, 0.0])
    return {
        "object": the_object().transpose(1, 2, 0),
        "probe": np.ones((8, 8, 1), np.complex64),
        "outputs": {"probe_positions": about, "fourier_error_out": np.array([1.0, 0.5])},
        "p": {
            "dx_spec": np.array([PIXEL_M]),
            "lambda": 1.239841984e-6 / ENERGY_EV,
            "multi_slice_param": {"z_distance": distances[None]},
        },
    }


def matlab(out: Path) -> None:
    import hdf5storage

    hdf5storage.savemat(str(out / "matlab.mat"), as_matlab(), format="7.3", oned_as="row", store_python_metadata=False)


def ptylab(out: Path) -> None:
    """What PtyLab saves, attributes set by hand: a reconstruction of its own has a square object."""
    from types import SimpleNamespace

    from PtyLab.Reconstruction.Reconstruction import Reconstruction

    run = Reconstruction.__new__(Reconstruction)
    run.data = SimpleNamespace(operationMode="CPM")
    run.object, run.probe = the_object()[None, None, None], np.ones((1, 1, 1, 3, 8, 8), np.complex64)
    run.error, run.purityProbe, run.purityObject, run._zo, run.theta = [1.0], 1.0, 1.0, 0.05, None
    run.wavelength, run.dxp, run.extraResults = 12.4e-9, 20e-9, {}
    run.encoder_corrected = (positions_px() - np.array(SHAPE[1:]) // 2) * run.dxp
    run.saveResults(str(out / "ptylab.hdf5"))


def ptypy(out: Path) -> None:
    import h5py

    with h5py.File(out / "slices.h5", "w") as file:
        file["header/description"] = "multi-slices result details."
        file["content/number_of_slices"] = 3
        file["content/slice_thickness"] = np.array(SPACING_M)
        for n, image in enumerate(the_object()):
            group = file.create_group(f"content/objects/Cobj_o_{n}/Sscan_00G00")
            group["data"] = image[None]
            group["_psize"] = np.array(PIXEL_M)
    with h5py.File(out / "product.ptyr", "w") as file:
        file["content/obj/Sscan_00G00/data"] = the_object().prod(0)[None]
        file["content/probe/Sscan_00G00/data"] = np.ones((1, 8, 8), np.complex64)


def adorym(out: Path) -> None:
    import tifffile

    obj = np.moveaxis(the_object(), 0, -1)
    tifffile.imwrite(out / "obj_mag_ds_1.tiff", np.abs(obj))
    tifffile.imwrite(out / "obj_phase_ds_1.tiff", np.angle(obj))


def write(makers: dict[str, Any]) -> None:
    """Call the makers that the command line names, with the folder that it names first."""
    for name in sys.argv[2:]:
        makers[name](Path(sys.argv[1]))
        print(name, "written")


if __name__ == "__main__":
    write(globals())
