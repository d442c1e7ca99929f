"""What positions held out tell of separations, right and wrong: their misfit after the same epochs, from one state.

    python tools/loop_judge.py --engines lsqml,adam --depths 10,4 --seeds 0,1

After 40 epochs of a scan with known truth the ghosts are taken out (right), half of them (half), added once more
(wrong), or each slice is given the other's (swapped); or nothing is, but momentum starts anew as after a separation
(without). Printed: the misfit (`ddip_tf.hooks.held_out`) before, at once, and 5 and 10 epochs later, and the rms error
of both slices then. The judge of `ddip_tf.hooks` compares *without* with what was done.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import numpy as np
from in_the_loop import QUICK, Cell, error, numbers, words
from simulated_reconstruction import load_ptychi
from simulated_scan import Experiment

from ddip_tf.hooks import held_out, ptychi
from ddip_tf.training.without_networks import factor_of, object_stack, separate

HOLD_OUT, SEED, EPOCHS = 0.05, 1, (5, 5)
CHANGES = {
    "without": lambda factor: 0 * factor,
    "right": lambda factor: factor,
    "half": lambda factor: 0.5 * factor,
    "wrong": lambda factor: -factor,
    "swapped": lambda factor: factor[::-1],
}


def followed(cell: Cell) -> Iterator[dict[str, Any]]:
    """What is done to the object after the epochs of ``cell``, its misfits, and the error it ends with."""
    task = cell.task(cell.scan.start, cell.scan.probe)
    program = ptychi.Reconstructor(task.reconstructor)
    held = held_out.choose(program.positions, HOLD_OUT, SEED)
    program.hold_out(held)
    task.run(cell.experiment.epochs)
    state, obj = program.state(), program.object()
    factor = factor_of(separate(object_stack(obj, cell.box), QUICK, threads=1), obj)
    if not factor.any():
        return
    for name, made in CHANGES.items():
        program.restore(state)
        misfits = [program.misfit(held)]
        program.multiply(made(factor))
        misfits.append(program.misfit(held))
        for more in EPOCHS:
            task.run(more)
            misfits.append(program.misfit(held))
        wrong = error(program.object(), cell.scan.truth, cell.experiment)
        yield {"done": name, "misfits": misfits, "error": float(np.sqrt((wrong**2).mean()))}


@click.command(context_settings={"show_default": True})
@click.option("--sample", default="discs+particle", help="Two slices.")
@click.option("--engines", default="lsqml,adam", callback=words)
@click.option("--depths", default="10,4", callback=numbers, help="Depths of focus of a pixel between the slices.")
@click.option("--seeds", default="0,1", callback=numbers)
@click.option("--epochs", default=40, help="Before the separation.")
@click.option("--threads", default=1, help="Of PyTorch.")
def main(sample: str, engines: list[str], depths: list[float], seeds: list[float], epochs: int, threads: int) -> None:
    """Print the misfits of right and wrong separations."""
    load_ptychi()
    later = ", ".join(str(each) for each in np.cumsum(EPOCHS))
    click.echo(f"| engine | depths | seed | done | misfit × 10⁴: before, at once, after {later} | error (rad) |")
    click.echo("| --- " * 6 + "|")
    for engine in engines:
        for distance in depths:
            for seed in (int(number) for number in seeds):
                parts = tuple(sample.split("+"))
                of = Experiment(sample=parts, size=160, detector=64, epochs=epochs, engine=engine, seed=seed)
                for row in followed(Cell(of.at_depths_of_focus(distance), threads)):
                    misfits = ", ".join(f"{1e4 * misfit:.2f}" for misfit in row["misfits"])
                    kind = f"{engine} | {distance:g} | {seed} | {row['done']}"
                    click.echo(f"| {kind} | {misfits} | {row['error']:.4f} |")


if __name__ == "__main__":
    main()
