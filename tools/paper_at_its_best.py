"""Does `--preset paper` take a one-sided ghost out, which eq. (3) of Du, Huang & Jacobsen (2021) was written for?

    python tools/paper_at_its_best.py OUT                  # goes on where it was stopped
    python tools/paper_at_its_best.py OUT --part small     # minutes a fit in place of an hour
    python tools/paper_at_its_best.py OUT --table          # only the tables of what is there

The pair is a folder (--pair, by default tools/one_sided_pair) that has slice1.tif, slice2.tif with a ghost of slice 1
in slice 2, and truth1.npy, truth2.npy. Parts: ``whole``, the whole images, kernels and shallow filters, three gammas
each, --epochs; ``half``, the whole images averaged over 2 x 2 pixels, where a kernel reaches twice as far; ``small``,
96 x 96 pixels of them, as they are and upsampled twice and four times, with larger gammas, slices exchanged, and each
slice scaled to [0, 1] by itself, --small-epochs; ``loss``, what eq. (5) itself says, without networks.

About every 250 epochs of a fit OUT/rows.jsonl gets a line: PSNR (dB), SSIM and leak against the truth, the weights and
the terms of the loss.
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
from json_lines import read_rows
from least_paper_loss import GAMMAS, what_the_loss_says
from skimage.transform import downscale_local_mean, resize

import ddip_tf
from ddip_tf.quality.with_truth import Score, score

#: of the part, its upper left corner and side, pixels
CORNER, SIDE = (52, 52), 96
EVERY = 250


@dataclass(frozen=True)
class Cell:
    """One fit: mixing, gamma, how often upsampled, and what was done to the slices before."""

    part: str
    mixing: str
    gamma: float
    upsampled: float = 1
    done: str = "as they are"

    @property
    def name(self) -> str:
        return f"{self.part}-{self.mixing}-g{self.gamma:g}-x{self.upsampled}-{self.done.replace(' ', '-')}"


def cells(part: str) -> Iterator[Cell]:
    """The fits of a part."""
    if part == "whole":
        yield from (Cell(part, mixing, gamma) for i in (1, 0, 2) for mixing, gamma in of_all(i))
        return
    if part == "half":
        yield from (Cell(part, mixing, gamma, 0.5) for i in (1, 2) for mixing, gamma in of_all(i))
        return
    yield from (Cell(part, mixing, gamma, by) for by in (1, 2, 4) for mixing, gamma in of_all(1))
    yield from (Cell(part, mixing, gamma) for i in (2, 3, 4) for mixing, gamma in of_all(i))
    yield from (
        Cell(part, mixing, gamma, 1, done) for done in ("exchanged", "scaled one by one") for mixing, gamma in of_all(1)
    )


def of_all(i: int) -> list[tuple[str, float]]:
    """The i-th gamma of each mixing."""
    return [(mixing, of_one[i]) for mixing, of_one in GAMMAS.items()]


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
        shape = (2, *(int(cell.upsampled * side) for side in images.shape[1:]))
        images = resize(images.astype(float), shape, order=1, mode="edge", anti_aliasing=False)
    if cell.upsampled < 1:
        images = downscale_local_mean(images.astype(float), (1, *2 * (round(1 / cell.upsampled),)))
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
    "--part",
    "parts",
    multiple=True,
    default=["loss", "half", "small", "whole"],
    type=click.Choice(["loss", "half", "small", "whole"]),
)
@click.option("--mixing", "mixings", multiple=True, default=[*GAMMAS], type=click.Choice([*GAMMAS]))
@click.option("--gamma", "gammas", multiple=True, type=float, help="Only fits at these.  [default: all]")
@click.option("--epochs", default=10000, help="Of the whole images, also shrunk.")
@click.option("--small-epochs", default=2000)
@click.option("--threads", default=2)
@click.option("--table", "only_table", is_flag=True, help="Fit nothing.")
def main(
    out: Path,
    folder: Path,
    parts: tuple[str, ...],
    mixings: tuple[str, ...],
    gammas: tuple[float, ...],
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
            if cell.mixing not in mixings or (gammas and cell.gamma not in gammas):
                continue
            fit(cell, images, truth, out, small_epochs if part == "small" else epochs, threads)
    click.echo(table(out, images, truth))
    click.echo(what_the_loss_says(images, truth, out / "losses.jsonl", only_table or "loss" not in parts))


if __name__ == "__main__":
    main()
