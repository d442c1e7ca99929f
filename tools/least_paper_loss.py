"""What eq. (5) of Du, Huang & Jacobsen (2021) says of given slices: its least value over all but the slices.

Used by `paper_at_its_best.py`. The slices as they came and the truth each get the best gains, offsets, weights and
filters; whichever has the lower loss is what a fit that finds the minimum ends at, whatever its networks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from json_lines import read_rows
from numpy.lib.stride_tricks import sliding_window_view

from ddip_tf.methods import MIXINGS
from ddip_tf.networks.filters import build_kernel_filter, high_pass_kernel, low_pass_kernel
from ddip_tf.objectives import losses
from ddip_tf.objectives.mixing import mix
from ddip_tf.slices import affine
from ddip_tf.slices.separation import OWN_WEIGHT

#: of each mixing, three that fits of whole images have, then larger ones
GAMMAS = {"kernel": (0.1, 0.4, 1.0, 3.0, 10.0), "shallow": (0.04, 0.1, 0.2, 0.6, 2.0)}


@dataclass(frozen=True)
class Asked:
    """What eq. (5) is asked: filters, gamma, the side of a kernel (pixels) and how far an own weight may range."""

    mixing: str
    gamma: float
    size: int = 7
    weights: tuple[float, float] = OWN_WEIGHT

    def __str__(self) -> str:
        size = f"{self.size} x {self.size}" if self.mixing == "kernel" else ""
        return f"{self.mixing:8s}{size:8s} gamma {self.gamma:5g}, weights in {self.weights[0]:g} to {self.weights[1]:g}"


def asked() -> Iterator[Asked]:
    """The filters of the product at `GAMMAS`, then kernels twice as wide, then weights that may be 0 and 1."""
    yield from (Asked(mixing, gamma) for mixing, gammas in GAMMAS.items() for gamma in gammas)
    yield from (Asked("kernel", gamma, 15) for gamma in GAMMAS["kernel"][:3])
    yield from (Asked(mixing, gammas[1], weights=(0.0, 1.0)) for mixing, gammas in GAMMAS.items())


def filters(what: Asked, shape: tuple[int, int]) -> tuple[keras.Model, keras.Model]:
    """f_1 and f_2 as a fit begins with them, a wider kernel with the same taps in its middle."""
    if what.mixing == "kernel":
        low, high = (np.pad(taps, (what.size - 7) // 2) for taps in (low_pass_kernel(), high_pass_kernel()))
        return build_kernel_filter(*shape, low, name="f1"), build_kernel_filter(*shape, high, name="f2")
    random, build = np.random.default_rng(0), MIXINGS[what.mixing].load()
    return build(shape, random, 0, 1, "f1"), build(shape, random, 1, 0, "f2")


def least_loss(measured: np.ndarray, slices: np.ndarray, what: Asked, steps: int = 1500) -> list[float]:
    """Eq. (5), fidelity, exclusion and own weights of ``slices`` (2, H, W) at the best gains, offsets and filters."""
    into1, into2 = filters(what, measured.shape[1:])
    raw, gain, offset = (keras.Variable(np.array(x, np.float32)) for x in ((3, -3), (1, 1), (0, 0)))
    variables = [raw, gain, offset, *into1.trainable_variables, *into2.trainable_variables]
    optimiser = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-2, steps))
    (low, high), target, given = what.weights, *(tf.constant(x, tf.float32) for x in (measured, slices))

    @tf.function(autograph=False)
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            y = tf.clip_by_value(0.5 + gain[:, None, None] * (given - 0.5) + offset[:, None, None], 0.0, 1.0)
            f1, f2 = into1(y[1][None, ..., None])[0, ..., 0], into2(y[0][None, ..., None])[0, ..., 0]
            alpha = low + (high - low) * tf.sigmoid(raw)  # as `mixing.weight_matrix`, whose range is OWN_WEIGHT
            modelled = mix(tf.stack([alpha, 1 - alpha], axis=1), [[y[0], f1], [f2, y[1]]])
            fidelity, exclusion = losses.fidelity(modelled, target), losses.exclusion(y)
            loss = fidelity + what.gamma * exclusion
        optimiser.apply(tape.gradient(loss, variables), variables)
        return tf.stack([loss, fidelity, exclusion, *tf.unstack(alpha)])

    return min((step().numpy().tolist() for _ in range(steps)), key=lambda terms: terms[0])


def wider_kernel(target: np.ndarray, own: np.ndarray, other: np.ndarray, size: int) -> float:
    """Mean squared error of own + kernel * other + offset at the best kernel, the margin within its reach left out."""
    windows = sliding_window_view(other, (size, size))
    inner = np.s_[size // 2 : own.shape[0] - size // 2, size // 2 : own.shape[1] - size // 2]
    windows = np.c_[windows.reshape(-1, size * size), np.ones(windows.shape[0] * windows.shape[1])]
    left = (target - own)[inner].ravel()
    return float(np.mean((left - windows @ np.linalg.lstsq(windows, left, rcond=None)[0]) ** 2))


def what_the_loss_says(images: np.ndarray, truth: np.ndarray, path: Path, only_table: bool) -> str:
    """Eq. (5) of the slices as they came and of the truth, at several gammas."""
    scale = affine.to_unit_interval(images)
    measured = scale.inverse(images).astype(np.float32)
    true = affine.least_squares(truth, measured)(truth).astype(np.float32)
    known = {Asked(**row["asked"] | {"weights": tuple(row["asked"]["weights"])}): row for row in read_rows(path)}
    lines = ["least of eq. (5) (fidelity, exclusion; weights of slice 1 in slices 1 and 2), at these slices:"]
    for what in asked():
        if what not in known and not only_table:
            each = {name: least_loss(measured, y, what) for name, y in (("came", measured), ("true", true))}
            known[what] = {"asked": asdict(what)} | each
            with path.open("a") as file:
                file.write(json.dumps(known[what]) + "\n")
        if what in known:
            of_each = (
                "{:.5f} ({:.5f}, {:.5f}; {:.2f}, {:.2f})".format(*known[what][name]) for name in ("came", "true")
            )
            lines.append(f"{what}: " + "as they came {}, the truth {}".format(*of_each))
    lines += [
        f"the ghost by a kernel of {size} x {size}, the truth given: mean squared error "
        f"{wider_kernel(measured[1].astype(float), true[1].astype(float), true[0].astype(float), size):.6f}"
        for size in (7, 15, 23)
    ]
    return "\n".join(lines)
