"""Does a fit repeat to the bit whatever else runs? The same one again and again, several at a time.

    python tools/repeats_under_load.py OUT --loads 1,2,3,4,5,6 --each 10    # goes on where it was stopped
    python tools/repeats_under_load.py OUT --cost 5        # what deterministic operations of TensorFlow cost

A load of L is L fits at once, each with all cores. Every fit is of 64 × 80 pixels of the pair that ships, by
`--prior dip`, seed 1, a learning rate of 1e-3. OUT/fits.jsonl gets a line a fit: its load, seconds, a digest of its
losses, epoch by epoch, and of its pictures; where losses differ from the first fit's, the first epoch at which they do.
Exits 1 if any does. --cost runs fits in turns with and without TF_DETERMINISTIC_OPS, alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click
from json_lines import read_rows

import ddip_tf

DEMO = Path(ddip_tf.__file__).with_name("demo_data")
FIT = ["fit", str(DEMO / "slice1.tif"), str(DEMO / "slice2.tif"), "--crop", "0:64,0:80"]
DIP = ["--prior", "dip", "--seed", "1", "--learning-rate", "1e-3", "--progress", "none"]
COMMAND = [sys.executable, "-c", "from ddip_tf.cli import main; main()", *FIT, *DIP]


def start(run: Path, epochs: int, deterministic: bool = False) -> subprocess.Popen[bytes]:
    """A fit into the folder ``run``, which is replaced."""
    shutil.rmtree(run, ignore_errors=True)
    environment = os.environ | ({"TF_DETERMINISTIC_OPS": "1"} if deterministic else {})
    command = [*COMMAND, "--epochs", str(epochs), "-o", str(run)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finished(fit: subprocess.Popen[bytes], run: Path, kept: Path, epochs: int) -> dict[str, Any]:
    """What came of it; its losses stay in ``kept``."""
    if fit.wait():
        raise click.ClickException(f"{run} ended with {fit.returncode}")
    losses = (run / "history.csv").read_bytes()
    if losses.count(b"\n") != 1 + epochs:
        raise click.ClickException(f"{run} was not trained for {epochs} epochs")
    pictures = b"".join(path.read_bytes() for path in sorted((run / "outputs").glob("slice*.tif")))
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(losses)
    shutil.rmtree(run)
    return {"losses": digest(losses), "pictures": digest(pictures)}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def first_difference(one: Path, other: Path) -> int | None:
    """The first epoch whose line of losses differs."""
    lines = zip(one.read_text().splitlines(), other.read_text().splitlines(), strict=True)
    return next((epoch for epoch, (a, b) in enumerate(lines) if a != b), None)


def repeat(out: Path, load: int, epochs: int, path: Path, done: int) -> None:
    """``load`` fits at once, and the seconds until the last has ended."""
    began, runs = time.perf_counter(), [out / f"run{number}" for number in range(load)]
    fits = [start(run, epochs) for run in runs]
    try:
        for fit in fits:
            fit.wait()
    finally:
        for fit in fits:
            fit.kill()  # of one that has ended nothing
    seconds = round(time.perf_counter() - began, 1)
    for number, (fit, run) in enumerate(zip(fits, runs, strict=True), done):
        kept = out / "losses" / f"{number:04d}.csv"
        row = {"number": number, "load": load, "epochs": epochs} | finished(fit, run, kept, epochs)
        row |= {"differs_at": first_difference(out / "losses" / "0000.csv", kept), "seconds": seconds}
        with path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        click.echo(json.dumps(row))


def cost(out: Path, turns: int, epochs: int) -> None:
    """Whole fits in turns with and without deterministic operations."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    said = set()
    for _ in range(turns):
        for deterministic, taken in seconds.items():
            began = time.perf_counter()
            fit = start(out / "run", epochs, deterministic)
            fit.wait()
            taken.append(time.perf_counter() - began)
            said.add(finished(fit, out / "run", out / "losses" / "cost.csv", epochs)["losses"])
    for deterministic, taken in seconds.items():
        name = "deterministic operations" if deterministic else "as it is"
        click.echo(
            f"{name}: {statistics.median(taken):.1f} s ({min(taken):.1f} to {max(taken):.1f}) for {epochs} epochs"
        )
    click.echo(f"{len(said)} kind(s) of losses among {2 * turns} fits")


@click.command(context_settings={"show_default": True})
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--loads", default="1,2,3,4,5,6", help="Fits at a time.")
@click.option("--each", default=10, help="Fits at each load, at least.")
@click.option("--epochs", default=2000)
@click.option("--cost", "turns", default=0, help="Turns of timing instead.")
def main(out: Path, loads: str, each: int, epochs: int, turns: int) -> None:
    """Run what is missing, then count."""
    out.mkdir(parents=True, exist_ok=True)
    if turns:
        cost(out, turns, epochs)
        return
    path = out / "fits.jsonl"
    if any(row["epochs"] != epochs for row in read_rows(path)):
        raise click.UsageError(f"{path} has fits of other epochs")
    for load in map(int, loads.split(",")):
        while Counter(row["load"] for row in read_rows(path))[load] < each:
            repeat(out, load, epochs, path, len(read_rows(path)))
    rows = read_rows(path)
    different = [row for row in rows if row["differs_at"] is not None]
    kinds = len({(row["losses"], row["pictures"]) for row in rows})
    click.echo(f"{len(rows)} fits of {epochs} epochs, {len(different)} with other losses, {kinds} kind(s) of results")
    sys.exit(bool(different) or kinds > 1)


if __name__ == "__main__":
    main()
