"""PtyRAD with separations after iterations 50 and 100 of 150.

python in_ptyrad.py scan.npz    # pattern (P, K, K), probe (K, K), corners (P, 2) px, start (N, H, W) complex64,
                                # wavelength_m, pixel_size_m, spacing_m
"""

import sys

import numpy as np

ANGSTROM = 1e10


def parameters(pattern, probe, corners, start, wavelength_m, pixel_size_m, spacing_m):
    """PtyRAD's parameters for arrays in memory; ``corners`` (y, x) of the window that the probe sees at a position."""
    from ptyrad.params.ptyrad_params import PtyRADParams

    side = int(np.sqrt(len(pattern)))
    init = {
        "probe_illum_type": "electron",  # PtyRAD's lengths are in Å; the beam's energy in kV that has the wavelength
        "probe_kv": kilovolts(wavelength_m),
        "probe_conv_angle": 1.0,  # of a probe that PtyRAD would make itself
        "meas_Npix": pattern.shape[-1],
        "meas_calibration": {"mode": "dx", "value": pixel_size_m * ANGSTROM},
        "pos_N_scans": len(pattern),
        "pos_N_scan_slow": side,
        "pos_N_scan_fast": len(pattern) // side,
        "pos_scan_step_size": 1.0,  # positions are given
        "pos_scan_rand_std": 0.0,
        "probe_pmode_max": 1,
        "probe_pmode_init_pows": [1.0],
        "obj_Nlayer": len(start),
        "obj_slice_thickness": spacing_m * ANGSTROM,
        "meas_source": "custom",
        "meas_params": pattern.astype(np.float32),
        "probe_source": "custom",
        "probe_params": probe[None].astype(np.complex64),
        "pos_source": "custom",
        "pos_params": np.asarray(corners, float),
        "obj_source": "custom",
        "obj_params": start[None].astype(np.complex64),
    }
    # constraints that blur across slices mix them by design
    off = {"obj_rblur": {"start_iter": None}, "obj_zblur": {"start_iter": None}, "kz_filter": {"start_iter": None}}
    recon = {"NITER": 150, "BATCH_SIZE": {"size": 16}, "SAVE_ITERS": None, "copy_params": False}
    loss = {"loss_single": {"state": True}, "loss_sparse": {"state": False}}
    given = {"init_params": init, "constraint_params": off, "recon_params": recon, "loss_params": loss}
    return PtyRADParams.model_validate(given).model_dump()


def kilovolts(wavelength_m):
    """Of electrons with the wavelength: λ = hc / √(E (E + 2 m c²))."""
    rest, momentum = 510.99895, 1.239841984e-9 / wavelength_m  # keV, keV
    return float(np.sqrt(momentum**2 + rest**2) - rest)


if __name__ == "__main__":
    from ptyrad.solver import PtyRADSolver

    from ddip_tf.hooks import Separations, ptyrad

    with np.load(sys.argv[1]) as scan:
        solver = PtyRADSolver(parameters(**scan), device="cpu", seed=0)
    loop = ptyrad.reconstruct(solver, Separations(epochs=(50, 100)))
    print(*loop.reports, sep="\n")
    model = solver.reconstruct_results
    np.save(
        "object.npy", model.opt_obja.detach()[0].cpu().numpy() * np.exp(1j * model.opt_objp.detach()[0].cpu().numpy())
    )
