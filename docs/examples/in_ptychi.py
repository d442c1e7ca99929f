"""pty-chi with separations after epochs 50 and 100 of 150.

python in_ptychi.py scan.npz    # pattern (P, K, K), probe (K, K), positions (P, 2) px, start (N, H, W) complex64,
                                # wavelength_m, pixel_size_m, spacing_m
"""

import sys

import numpy as np


def make_task(pattern, probe, positions, start, wavelength_m, pixel_size_m, spacing_m, epochs=150):
    """A task of pty-chi's LSQML, not yet run; ``positions`` (y, x) are from the middle of the object."""
    from ptychi import api
    from ptychi.api.task import PtychographyTask

    options = api.LSQMLOptions()
    options.data_options.wavelength_m = float(wavelength_m)
    options.object_options.pixel_size_m = float(pixel_size_m)
    options.object_options.slice_spacings_m = [float(spacing_m)] * (len(start) - 1)
    options.reconstructor_options.num_epochs = epochs
    options.reconstructor_options.batch_size = 64
    options.reconstructor_options.default_device = api.Devices.CPU
    return PtychographyTask(
        options,
        diffraction_data=pattern.astype(np.float32),
        object_data=start.astype(np.complex64),
        probe_data=probe.astype(np.complex64)[None, None],
        probe_position_y_px=positions[:, 0],
        probe_position_x_px=positions[:, 1],
    )


if __name__ == "__main__":
    from ddip_tf.hooks import Separations, ptychi

    with np.load(sys.argv[1]) as scan:
        task = make_task(**scan)
    loop = ptychi.attach(task, Separations(epochs=(50, 100), weight=1.0))
    task.run()
    print(*loop.reports, sep="\n")
    np.save("object.npy", task.get_data_to_cpu("object", as_numpy=True))
