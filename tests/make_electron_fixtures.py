"""Makes the part of tests/data that is of electron microscopes: the object of make_fixtures, lengths in Å.

python tests/make_electron_fixtures.py tests/data py4dstem     (pip install py4DSTEM)
python tests/make_electron_fixtures.py tests/data electrons    (PtyRAD: a refined thickness, vacuum)
python tests/make_electron_fixtures.py tests/data phaser       (pip install phaserEM)
python tests/make_electron_fixtures.py tests/data hyperspy     (pip install "rosettasciio[hdf5,zspy]")
python tests/make_electron_fixtures.py tests/data emd          (pip install emdfile "rosettasciio[hdf5]")
"""

from pathlib import Path

import numpy as np
from make_fixtures import ELECTRONS, SHAPE, positions_px, the_object, write


def py4dstem(out: Path) -> None:
    """Electrons of 300 keV: py4DSTEM's lengths are Å."""
    import py4DSTEM

    cube = py4DSTEM.DataCube(data=np.random.default_rng(0).poisson(5, (5, 6, 16, 16)).astype(np.float32))
    cube.calibration.set_R_pixel_size(1.0)
    cube.calibration.set_R_pixel_units("A")
    cube.calibration.set_Q_pixel_size(0.1)
    cube.calibration.set_Q_pixel_units("A^-1")
    run = py4DSTEM.process.phase.MultislicePtychography(
        datacube=cube,
        num_slices=3,
        slice_thicknesses=(20.0, 30.0),
        energy=300e3,
        semiangle_cutoff=20.0,
        verbose=False,
    )
    quiet = dict(plot_center_of_mass=False, plot_rotation=False, plot_probe_overlaps=False)
    run.preprocess(**quiet, force_com_rotation=0, force_com_transpose=False)
    run._object = the_object()
    run.error_iterations = [1.0]
    py4DSTEM.save(str(out / "py4dstem.h5"), run, mode="o")


def electrons(out: Path) -> None:
    """PtyRAD's lengths are Å then; the thickness was refined from 10 Å; vacuum lies above and below."""
    import torch
    from ptyrad.io.save import save_dict_to_hdf5

    tensor = lambda array: torch.tensor(np.asarray(array))  # noqa: E731
    empty = np.ones((1, *SHAPE[1:]), np.complex64)
    obj = np.concatenate([empty, the_object(), empty])[None]
    save_dict_to_hdf5(
        {
            "ptyrad_version": "1.0.0",
            "optimizable_tensors": {
                "obja": tensor(np.abs(obj)),
                "objp": tensor(np.angle(obj)),
                "slice_thickness": tensor(np.float32(ELECTRONS[1])),
            },
            "params": {"init_params": {"probe_illum_type": "electron"}},
            "model_attributes": {
                "crop_pos": tensor((positions_px() - 4).astype(np.int32)),
                "slice_thickness": tensor(np.float32(10.0)),
                "dx": tensor(np.float32(ELECTRONS[0][0])),
                "lambd": tensor(np.float32(ELECTRONS[2])),
                "simu_Npix": 8,
            },
        },
        str(out / "electrons.hdf5"),
        compression=None,
    )


def phaser(out: Path) -> None:
    from phaser.state import IterState, PartialReconsState, PixelatedObjectState, PixelatedProbeState, ScanState
    from phaser.utils.io import hdf5_write_state
    from phaser.utils.num import Sampling
    from phaser.utils.object import ObjectSampling

    sampling = ObjectSampling(SHAPE[1:], ELECTRONS[0], corner=(-5.0, 3.0))
    scan = np.array([-5.0, 3.0]) + positions_px() * np.array(ELECTRONS[0])
    hdf5_write_state(
        PartialReconsState(
            iter=IterState(1, 10, 10),
            wavelength=ELECTRONS[2],
            probe=PixelatedProbeState(Sampling((8, 8), sampling=ELECTRONS[0]), np.ones((1, 8, 8), np.complex64)),
            object=PixelatedObjectState(sampling, the_object(), np.array([20.0, 30.0, 40.0])),
            scan=ScanState(scan.reshape(5, 6, 2), scan.reshape(5, 6, 2)),
        ),
        out / "phaser.h5",
    )


def signal() -> dict:
    """A signal as HyperSpy hands it to RosettaSciIO."""

    def axis(number: int, name: str, scale: float, units: str) -> dict:
        about = {"_type": "UniformDataAxis", "offset": 0.0, "is_binned": False, "navigate": number == 0}
        return {**about, "name": name, "scale": scale, "units": units, "size": SHAPE[number], "index_in_array": number}

    (y, x), z, _ = ELECTRONS
    return {
        "data": the_object(),
        "axes": [axis(0, "z", z / 10, "nm"), axis(1, "y", y, "Å"), axis(2, "x", 100 * x, "pm")],
        "metadata": {
            "General": {"title": "object"},
            "Signal": {"signal_type": ""},
            "Acquisition_instrument": {"TEM": {"beam_energy": 300.0}},
        },
        "original_metadata": {},
        "package_info": {"package": "hyperspy", "package_version": "2.5.0"},
        "attributes": {"_lazy": False, "ragged": False},
        "learning_results": {},
        "models": None,
        "tmp_parameters": {},
    }


def hyperspy(out: Path) -> None:
    from rsciio.hspy import file_writer as write_hspy
    from rsciio.zspy import file_writer as write_zspy

    write_hspy(str(out / "signal.hspy"), signal())
    write_zspy(str(out / "signal.zspy"), signal(), store_type="zip", chunks=(2, 16, 47))


def emd(out: Path) -> None:
    import emdfile
    from rsciio.emd import file_writer

    (y, x), z, _ = ELECTRONS
    array = emdfile.Array(
        the_object(), name="object", dims=[z, [0, y], x], dim_units=["A", "A", "A"], dim_names=["z", "y", "x"]
    )
    emdfile.save(str(out / "emdfile.emd"), array, mode="o")
    file_writer(str(out / "berkeley.emd"), signal())


if __name__ == "__main__":
    write(globals())
