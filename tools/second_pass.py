"""Does a second reconstruction that starts from ddip-tf's slices end nearer to the truth than one from scratch?

    python tools/second_pass.py OUT --sample discs,particle --size 160

A scan with known truth is simulated as in simulate.py and reconstructed by pty-chi from a nearly flat object. Three
ways are compared, with the same scan and the same number of epochs: from scratch (the first reconstruction itself), the
first one going on, and a second one that starts from its probe and its object without the ghosts (`ddip-tf fit`, then
`ddip-tf export`). OUT gets errors.csv (by epoch, each slice against the truth, and the loss), second_pass.png,
the objects, and the run folder.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from simulate import POSITIVE, names
from simulated_reconstruction import level, load_ptychi, make_task
from simulated_scan import Experiment, scan

SCRATCH, ON, SECOND = "from scratch", "the same, going on", "from ddip-tf's slices"


def errors(obj: np.ndarray, truth: np.ndarray, experiment: Experiment) -> list[float]:
    """For each slice of obj (N, H, W) the rms of phase - true phase on the scanned square, rad, both without plane."""
    phases = [np.angle(level(each, experiment.square))[:, *experiment.square] for each in (obj, truth)]
    return [float(np.std(image - true)) for image, true in zip(*phases, strict=True)]


def follow(task: Any, epochs: int, truth: np.ndarray, experiment: Experiment) -> list[list[float]]:
    """Run a task; after each epoch the `errors` and, last, the loss that pty-chi reports."""
    rows = []
    for _ in range(epochs):
        task.run(1)
        loss = float(task.reconstructor.loss_tracker.table["loss"].iloc[-1])
        rows.append([*errors(task.get_data_to_cpu("object", as_numpy=True), truth, experiment), loss])
    return rows


def without_ghosts(obj: np.ndarray, out: Path, experiment: Experiment) -> np.ndarray:
    """The object (N, H, W) that `ddip-tf fit` and `ddip-tf export` make of a reconstruction's."""
    import ddip_tf
    from ddip_tf.archive.export import export
    from ddip_tf.slices.phase import Conversion

    np.save(out / "first.npy", obj)
    square = tuple((side.start, side.stop) for side in experiment.square)
    stack = ddip_tf.read(out / "first.npy", conversion=Conversion(crop=square))
    ddip_tf.save(ddip_tf.fit(stack), out / "run", overwrite=True)
    export([out / "run"], out / "first.npy", out / "start.npy", overwrite=True)
    return np.load(out / "start.npy")


def compare(experiment: Experiment, out: Path, threads: int = 1) -> dict[str, np.ndarray]:
    """For each way (E, N + 1): errors of the slices and loss, by epoch; the last way has its start as one row more."""
    truth, positions, pattern, guess, start = scan(experiment)
    measured = (experiment, pattern, positions)
    first = make_task(*measured, guess, start, threads)
    found = {SCRATCH: follow(first, experiment.epochs, truth, experiment)}
    obj, known = (first.get_data_to_cpu(name, as_numpy=True) for name in ("object", "probe"))
    found[ON] = follow(first, experiment.epochs, truth, experiment)
    cleaned = without_ghosts(obj.astype(np.complex64), out, experiment)
    second = make_task(*measured, known.reshape(-1, *known.shape[-2:])[0], cleaned, threads)
    found[SECOND] = [
        [*errors(cleaned, truth, experiment), np.nan],
        *follow(second, experiment.epochs, truth, experiment),
    ]
    np.save(out / "second.npy", second.get_data_to_cpu("object", as_numpy=True))
    np.save(out / "truth.npy", truth.astype(np.complex64))
    return {name: np.array(rows) for name, rows in found.items()}


def write(found: dict[str, np.ndarray], out: Path) -> None:
    """errors.csv and second_pass.png."""
    slices = found[SCRATCH].shape[1] - 1
    with (out / "errors.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["way", "epoch", *(f"error{n + 1}_rad" for n in range(slices)), "loss"])
        for name, rows in found.items():
            first = 0 if name == SECOND else 1
            table.writerows([name, first + i, *(f"{value:.6g}" for value in row)] for i, row in enumerate(rows))
    draw(found, out / "second_pass.png")


def draw(found: dict[str, np.ndarray], path: Path) -> None:
    """Errors and loss by epoch, one panel a column."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    columns = found[SCRATCH].shape[1]
    figure, axes = plt.subplots(1, columns, figsize=(3.6 * columns, 3.4), layout="constrained")
    for column, axis in enumerate(axes):
        last = column == columns - 1
        for (name, rows), colour in zip(found.items(), ("0.3", "tab:blue", "tab:red"), strict=True):
            epochs = np.arange(len(rows)) + (0 if name == SECOND else 1)
            axis.plot(epochs, rows[:, column], color=colour, label=name, lw=1.5)
        axis.set(
            xlabel="epoch of this reconstruction",
            title="data misfit (pty-chi's loss)" if last else f"slice {column + 1}: error (rad)",
        )
        if last:
            axis.set_yscale("log")
        else:
            axis.set_ylim(bottom=0)
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


@click.command(context_settings={"show_default": True})
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--sample", default="discs,particle", callback=names, help="Slices along the beam, two or more.")
@click.option("--spacing", "spacing_m", type=POSITIVE, default=30e-6, help="Between neighbouring slices, m.")
@click.option("--size", type=click.IntRange(min=32), default=160, help="Side of the scanned square, pixels.")
@click.option("--epochs", type=click.IntRange(min=1), default=100, help="Of each reconstruction.")
@click.option("--seed", type=click.IntRange(min=0), default=0)
@click.option("--threads", type=click.IntRange(min=1), default=1, help="Of PyTorch.")
def main(out: Path, threads: int, **settings: Any) -> None:
    """Reconstruct a simulated SAMPLE from scratch and from ddip-tf's slices; write errors by epoch into OUT."""
    load_ptychi()
    out.mkdir(parents=True, exist_ok=True)
    found = compare(replace(Experiment(), **settings), out, threads)
    write(found, out)
    for name, rows in found.items():
        *slices, loss = rows[-1]
        text = ", ".join(f"slice {n + 1} {value:.4f} rad" for n, value in enumerate(slices))
        click.echo(f"{name:24s} after {settings['epochs']} epochs: {text}, loss {loss:.5g}")
    *slices, _ = found[SECOND][0]
    click.echo(f"{'ddip-tf, before any':24s}: " + ", ".join(f"slice {n + 1} {v:.4f} rad" for n, v in enumerate(slices)))


if __name__ == "__main__":
    main()
