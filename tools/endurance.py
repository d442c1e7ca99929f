"""A long fit: does memory stay flat, do file handles, and does every line of progress parse?

    python tools/endurance.py OUT --epochs 10000 --width 1

Runs `ddip-tf fit --progress json` on a pair of 64 × 64 in a process of its own, with a checkpoint every 100 epochs, and
looks at that process (Linux, /proc) every 500 epochs. Exits 1 if from the second look on resident memory grows by more
than 5 %, or the number of open files at all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np

COMMAND = [sys.executable, "-c", "from ddip_tf.cli import main; main()", "fit"]


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--epochs", default=10_000, show_default=True)
@click.option("--width", default=1, show_default=True)
@click.option("--every", default=500, show_default=True, help="Epochs between two looks.")
def main(out: Path, epochs: int, width: int, every: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(0).normal(size=(2, 64, 64)).cumsum(1).cumsum(2)
    np.save(out / "slices.npy", images.astype(np.float32))
    options = ["--preset", "paper", "--width", str(width), "--epochs", str(epochs), "--threads", "1", "--overwrite"]
    options += ["--checkpoint-every", "100", "--progress", "json", "-o", str(out / "run")]
    fit = subprocess.Popen([*COMMAND, str(out / "slices.npy"), *options], stdout=subprocess.PIPE, text=True)
    looks, heard = [], 0
    click.echo("| epoch | seconds | resident, MB | open files |\n| --- | --- | --- | --- |")
    for line in fit.stdout or ():
        record = json.loads(line)
        heard += 1
        assert record["epoch"] == heard
        if heard % every == 0 and heard < epochs:
            pages = int(Path(f"/proc/{fit.pid}/statm").read_text().split()[1])
            memory = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
            looks.append((memory, len(os.listdir(f"/proc/{fit.pid}/fd"))))
            click.echo(f"| {heard} | {record['seconds']:.0f} | {memory:.1f} | {looks[-1][1]} |")
    code = fit.wait()
    (memory, files), rest = looks[1], looks[2:]
    flat = all(m <= 1.05 * memory and f <= files for m, f in rest)
    click.echo(f"{heard} lines of {epochs} parsed, exit {code}, {'flat' if flat else 'NOT flat'}")
    sys.exit(code or heard != epochs or not flat)


if __name__ == "__main__":
    main()
