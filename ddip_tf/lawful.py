"""Separation under the physical mixing law I(k) = T(k) y(k): T found blind, y solved for, one generator a slice."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from ddip_tf import diagnose, networks, nullspace, runtime
from ddip_tf._typing import Floats
from ddip_tf.config import FitConfig
from ddip_tf.normalise import Affine
from ddip_tf.result import Separation
from ddip_tf.slices import SliceStack
from ddip_tf.transfer import Transfer, estimate_transfer


def fit_transfer(
    stack: SliceStack,
    config: FitConfig,
    device: str,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Separation:
    """Separate ``stack`` under the blindly estimated law.

    The slices keep their gain (no regression on the input): only the unit is taken out and put back.

    Parameters
    ----------
    stack
        N ≥ 2 slices (N, H, W).
    config
        ``normalisation`` of T, ``starts`` of the solve and ``seed`` are used.
    device
        name of the device the generators run on, for the record.
    callbacks
        Keras callbacks; they hear of one epoch, when all is done.

    Returns
    -------
    Separation
        ``generators`` take ``base`` (1, H, W, 1), what the data fix by themselves, instead of z.
    """
    began = time.perf_counter()
    unit = Affine((float(np.ptp(stack.images)),) * len(stack), (0.0,) * len(stack))
    images = unit.inverse(stack.images)
    law = estimate_transfer(images, normalisation=config.normalisation)
    solution = nullspace.solve(images, law, starts=config.starts, seed=config.seed)
    names = [f"slice{i + 1}" for i in range(len(stack))]
    base, separated = solution.base.astype(np.float32), solution.images.astype(np.float32)
    separation = Separation(
        stack=stack,
        config=config,
        outputs=unit(base + (separated - base)),
        to_output=unit,
        generators={
            name: networks.build_pixels(y - b, name=name) for name, y, b in zip(names, separated, base, strict=True)
        },
        latents={f"{name}_base": b[None, ..., None] for name, b in zip(names, base, strict=True)},
        filters={},
        mixing={**_arrays(law), "decided": unit(solution.decided)},
        modelled=unit(images - solution.residual),
        history={
            "epoch": np.array([1]),
            "fidelity": np.array([float(np.mean(solution.residual**2, axis=(1, 2)).sum())]),
        },
        warnings=law.warnings,
        provenance={
            "device": device,
            "threads": runtime.threads_in_use(),
            "normalisation_of_transfer": law.normalisation,
            "mixed": law.mixed,
            "crossover_px": round(law.crossover_px, 3),
            "wall_time_s": round(time.perf_counter() - began, 3),
            **runtime.memory_bytes(),
        },
    )
    listeners = keras.callbacks.CallbackList(list(callbacks), epochs=1)
    listeners.on_train_begin()
    listeners.on_epoch_end(0, {"fidelity": float(separation.history["fidelity"][0])})
    listeners.on_train_end()
    return diagnose.with_warnings(separation)


def _arrays(law: Transfer) -> Mapping[str, Floats]:
    """The law's profiles by name: ``k`` (K,) in cycles/pixel, T as ``transfer`` (K, N, N), its raw points …

    `ddip_tf.report` draws the law from them; images are in units of the stack's range.
    """
    return {
        "k": law.k,
        "transfer": law.matrix,
        "raw": law.raw,
        "sigma": law.sigma,
        "power": law.power,
        "samples": law.samples,
    }
