"""Does `--preset paper` take a one-sided ghost out, which eq. (3) of Du, Huang & Jacobsen (2021) was written for?

    python tools/paper_at_its_best.py OUT                  # goes on where it was stopped
    python tools/paper_at_its_best.py OUT --part small     # minutes a fit in place of an hour
    python tools/paper_at_its_best.py OUT --table          # only the tables of what is there

The pair is a folder (--pair, by default tools/one_sided_pair) that has slice1.tif, slice2.tif with a ghost of slice 1
in slice 2, and truth1.npy, truth2.npy. Parts: ``whole``, the whole images, kernels and shallow filters, three gammas
each, --epochs; ``small``, 96 x 96 pixels of them, as they are and upsampled twice and four times, with larger gammas,
slices exchanged, and each slice scaled to [0, 1] by itself, --small-epochs.

About every 250 epochs of a fit OUT/rows.jsonl gets a line: PSNR (dB), SSIM and leak against the truth, the weights and
the terms of the loss. Last comes what eq. (5) itself says of the slices as they came and of the truth: its least value
at the best gains, offsets, weights and filters, at several gammas.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
import tensorflow as tf
from json_lines import read_rows
from numpy.lib.stride_tricks import sliding_window_view

import ddip_tf
from ddip_tf.methods import MIXINGS
from ddip_tf.objectives import losses
from ddip_tf.objectives.mixing import mix, weight_matrix
from ddip_tf.quality.with_truth import Score, score
from ddip_tf.slices import affine

GAMMAS = {"kernel": (0.1, 0.4, 1.0), "shallow": (0.04, 0.1, 0.2)}
#: for what eq. (5) says of given slices
LOSSES_AT = {mixing: (*gammas, *(gammas[2] * by for by in (3, 10))) for mixing, gammas in GAMMAS.items()}
#: of the part, its upper left corner and side, pixels
CORNER, SIDE = (52, 52), 96
EVERY = 250


@dataclass(frozen=True)
class Cell:
    """One fit: mixing, gamma, how often upsampled, and what was done to the slices before."""

    part: str
    mixing: str
    gamma: float
    upsampled: int = 1
    done: str = "as they are"

    @property
    def name(self) -> str:
        return f"{self.part}-{self.mixing}-g{self.gamma:g}-x{self.upsampled}-{self.done.replace(' ', '-')}"


def cells(part: str) -> Iterator[Cell]:
    """The fits of a part."""
    if part == "whole":
        yield from (Cell(part, mixing, gamma) for i in (1, 0, 2) for mixing, gamma in of_all(GAMMAS, i))
        return
    yield from (Cell(part, mixing, gamma, by) for by in (1, 2, 4) for mixing, gamma in of_all(GAMMAS, 1))
    yield from (Cell(part, mixing, gamma) for i in (2, 3, 4) for mixing, gamma in of_all(LOSSES_AT, i))
    yield from (
        Cell(part, mixing, gamma, 1, done)
        for done in ("exchanged", "scaled one by one")
        for mixing, gamma in of_all(GAMMAS, 1)
    )


def of_all(gammas: Mapping[str, tuple[float, ...]], i: int) -> list[tuple[str, float]]:
    """The i-th gamma of each mixing."""
    return [(mixing, of_one[i]) for mixing, of_one in gammas.items()]


def prepared(cell: Cell, images: np.ndarray) -> np.ndarray:
    """(2, H, W) slices or truths, as the fit gets them."""
    if cell.part == "small":
        images = images[:, CORNER[0] : CORNER[0] + SIDE, CORNER[1] : CORNER[1] + SIDE]
    if cell.done == "scaled one by one":
        low, high = (of(images, (1, 2), keepdims=True) for of in (np.min, np.max))
        images = (images - low) / (high - low)
    if cell.done == "exchanged":
        images = images[::-1]
    if cell.upsampled > 1:
        from skimage.transform import resize

        shape = (2, *(cell.upsampled * side for side in images.shape[1:]))
        images = resize(images.astype(float), shape, order=1, mode="edge", anti_aliasing=False)
    return np.ascontiguousarray(images, np.float32)


class Curve(keras.callbacks.Callback):
    """Writes a row about every `EVERY` epochs."""

    def __init__(self, cell: Cell, truth: np.ndarray, path: Path) -> None:
        super().__init__()
        self._cell, self._truth, self._path = cell, truth, path

        self._written = self._due_at = 0

    def needs_weights(self, done: int) -> bool:
        """Told of every so many epochs, whose number is the fit's own: the first time past `EVERY` more."""
        if done // EVERY > self._written // EVERY or done == self.params["epochs"]:
            self._due_at = self._written = done
        return self._due_at == done

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if epoch + 1 != self._due_at:
            return
        images = np.stack([np.asarray(image)[0, ..., 0] for image in self.model(self.params["latents"])])
        row = asdict(self._cell) | {"epoch": epoch + 1} | figures(images, self._truth) | dict(logs or {})
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def figures(images: np.ndarray, truth: np.ndarray) -> dict[str, list[float]]:
    """PSNR, SSIM and leak of each slice."""
    found: tuple[Score, ...] = score(images, truth)
    return {key: [round(getattr(one, key), 4) for one in found] for key in ("psnr", "ssim", "leak")}


def fit(cell: Cell, images: np.ndarray, truth: np.ndarray, out: Path, epochs: int, threads: int) -> None:
    """One fit, or what is left of it."""
    run = out / "runs" / cell.name
    config = ddip_tf.preset("paper", mixing=cell.mixing, gamma=cell.gamma, epochs=epochs)
    options = ddip_tf.RunOptions(resume=True, checkpoint_every=str(EVERY), threads=threads, progress="none")
    stack = ddip_tf.SliceStack(prepared(cell, images))
    ddip_tf.fit_and_save(  # a finished run of these settings stays as it is, one of others is refused
        stack, run, config, options, callbacks=[Curve(cell, prepared(cell, truth), out / "rows.jsonl")]
    )


def table(out: Path, images: np.ndarray, truth: np.ndarray) -> str:
    """The best and the last of every fit, beside the slices as they came."""
    curves: dict[Cell, dict[int, dict[str, Any]]] = {}
    for row in read_rows(out / "rows.jsonl"):
        curves.setdefault(Cell(*(row[key] for key in Cell.__dataclass_fields__)), {})[row["epoch"]] = row
    lines = [
        "fit: PSNR of the slices, leaks, weights of slice 1 in slices 1 and 2; its best epoch by the ghosted slice"
    ]
    for cell, curve in curves.items():
        ghosted = 0 if cell.done == "exchanged" else 1
        came = figures(prepared(cell, images), prepared(cell, truth))
        last = curve[max(curve)]
        best = max(curve.values(), key=lambda row: row["psnr"][ghosted])
        head = f"{cell.mixing:8s}{cell.gamma:5g} {cell.part}, x{cell.upsampled}, {cell.done}"
        lines.append(f"{head:52s}{'came':>6s}        " + said(came))
        lines += [
            f"{'':52s}{word:>6s} {row['epoch']:6d} " + said(row) for word, row in (("last", last), ("best", best))
        ]
    return "\n".join(lines)


def said(row: Mapping[str, Any]) -> str:
    text = " ".join(f"{a:5.1f}/{b:5.1f} dB, leak {c:+.2f}/{d:+.2f}" for (a, b), (c, d) in [(row["psnr"], row["leak"])])
    return text + (f", weights {row['alpha1']:.2f}, {row['alpha2']:.2f}" if "alpha1" in row else "")


def least_loss(measured: np.ndarray, slices: np.ndarray, mixing: str, gamma: float, steps: int = 1500) -> list[float]:
    """Eq. (5), fidelity and exclusion of ``slices`` (2, H, W) at the best gains, offsets, weights and filters."""
    random, shape, build = np.random.default_rng(0), measured.shape[1:], MIXINGS[mixing].load()
    into1, into2 = build(shape, random, 0, 1, "filter12"), build(shape, random, 1, 0, "filter21")
    raw, gain, offset = (keras.Variable(np.array(x, np.float32)) for x in ((3, -3), (1, 1), (0, 0)))
    variables = [raw, gain, offset, *into1.trainable_variables, *into2.trainable_variables]
    optimiser = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-2, steps))
    target, given = (tf.constant(x, tf.float32) for x in (measured, slices))

    @tf.function(autograph=False)
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            y = tf.clip_by_value(0.5 + gain[:, None, None] * (given - 0.5) + offset[:, None, None], 0.0, 1.0)
            f1, f2 = into1(y[1][None, ..., None])[0, ..., 0], into2(y[0][None, ..., None])[0, ..., 0]
            modelled = mix(weight_matrix(tf.convert_to_tensor(raw), 2), [[y[0], f1], [f2, y[1]]])
            fidelity, exclusion = losses.fidelity(modelled, target), losses.exclusion(y)
            loss = fidelity + gamma * exclusion
        optimiser.apply(tape.gradient(loss, variables), variables)
        return tf.stack([loss, fidelity, exclusion])

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
    known = {(row["mixing"], row["gamma"]): row for row in read_rows(path)}
    lines = ["least of eq. (5), fidelity + gamma x exclusion, at these slices:"]
    for mixing, gammas in LOSSES_AT.items():
        for gamma in gammas:
            if (mixing, gamma) not in known and not only_table:
                each = {
                    name: least_loss(measured, y, mixing, gamma) for name, y in (("came", measured), ("true", true))
                }
                known[mixing, gamma] = {"mixing": mixing, "gamma": gamma} | each
                with path.open("a") as file:
                    file.write(json.dumps(known[mixing, gamma]) + "\n")
            if (mixing, gamma) in known:
                (came, *of_came), (there, *of_true) = (known[mixing, gamma][name] for name in ("came", "true"))
                lines.append(
                    f"{mixing:8s} gamma {gamma:5g}: as they came {came:.5f} ({of_came[0]:.5f}, {of_came[1]:.5f}), "
                    f"the truth {there:.5f} ({of_true[0]:.5f}, {of_true[1]:.5f})"
                )
    lines += [
        f"the ghost by a kernel of {size} x {size}, the truth given: mean squared error "
        f"{wider_kernel(measured[1].astype(float), true[1].astype(float), true[0].astype(float), size):.6f}"
        for size in (7, 15, 23)
    ]
    return "\n".join(lines)


@click.command(context_settings={"show_default": True})
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--pair",
    "folder",
    default=Path(__file__).with_name("one_sided_pair"),
    show_default="tools/one_sided_pair",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option(
    "--part", "parts", multiple=True, default=["loss", "small", "whole"], type=click.Choice(["loss", "small", "whole"])
)
@click.option("--mixing", "mixings", multiple=True, default=[*GAMMAS], type=click.Choice([*GAMMAS]))
@click.option("--epochs", default=10000, help="Of the whole images.")
@click.option("--small-epochs", default=2000)
@click.option("--threads", default=2)
@click.option("--table", "only_table", is_flag=True, help="Fit nothing.")
def main(
    out: Path,
    folder: Path,
    parts: tuple[str, ...],
    mixings: tuple[str, ...],
    epochs: int,
    small_epochs: int,
    threads: int,
    only_table: bool,
) -> None:
    """Fit what is not in OUT yet, then print both tables."""
    images = ddip_tf.read(folder / "slice1.tif", folder / "slice2.tif").images
    truth = ddip_tf.read(folder / "truth1.npy", folder / "truth2.npy").images
    out.mkdir(parents=True, exist_ok=True)
    for part in () if only_table else parts:
        for cell in cells(part) if part != "loss" else ():
            if cell.mixing not in mixings:
                continue
            fit(cell, images, truth, out, epochs if part == "whole" else small_epochs, threads)
    click.echo(table(out, images, truth))
    click.echo(what_the_loss_says(images, truth, out / "losses.jsonl", only_table or "loss" not in parts))


if __name__ == "__main__":
    main()
