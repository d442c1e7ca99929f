"""Runs of many slices without a fit: slices, ghosts of neighbours and a law that are known, archived as a fit's are."""

from dataclasses import replace

import numpy as np
from helpers import blobs, known_transfer

from ddip_tf.config import FitConfig
from ddip_tf.networks.pixels import build_pixels
from ddip_tf.slices import SliceStack
from ddip_tf.slices.affine import Affine
from ddip_tf.slices.separation import Separation, by_file_numbers


def law_of(count, shape=(43, 56)):
    """T(k) (K, N, N) whose ghosts fall with the distance of two slices, and with k; columns sum to one."""
    law = known_transfer(shape)
    apart = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    share = 0.5 * np.exp(-((law.k / 0.05) ** 2))[:, None, None]
    matrix = share * np.exp(-apart / 2.0) * (apart > 0)
    matrix = matrix + np.eye(count) * (1 - matrix.sum(1))[:, None]
    return replace(law, matrix=matrix, raw=matrix, sigma=np.full_like(matrix, 0.05))


def stack_of(count, shape=(43, 56), **said):
    return SliceStack(np.stack([blobs(6, shape, seed, 3.0) for seed in range(count)]), **said)


def separation_of(stack, warnings=()):
    """``stack`` with a tenth of every neighbour taken out of it."""
    images, count = stack.images, len(stack)
    ghosts = 0.1 * np.stack([images[max(i - 1, 0)] + images[min(i + 1, count - 1)] for i in range(count)])
    outputs = (images - ghosts).astype(np.float32)
    names = [f"slice{i + 1}" for i in range(count)]
    arrays = law_of(count, stack.shape).to_arrays()
    named = by_file_numbers(
        Separation(
            stack=stack,
            config=FitConfig(),
            outputs=outputs,
            to_output=Affine((1.0,) * count, (0.0,) * count),
            generators={name: build_pixels(y, name=name) for name, y in zip(names, outputs, strict=True)},
            latents={f"{name}_base": np.zeros((1, *stack.shape, 1), np.float32) for name in names},
            filters={},
            mixing={**arrays, "decided": outputs - outputs.mean((1, 2), keepdims=True)},
            modelled=images,
            history={"epoch": np.array([1]), "fidelity": np.array([0.1])},
            warnings=(),
            provenance={"device": "/CPU:0", "mixed": True, "wall_time_s": 1.0, "unexplained": [0.0] * count},
        )
    )
    return replace(named, warnings=tuple(warnings))
