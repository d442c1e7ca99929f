"""How fast ddip-tf is, beside the paper's method in plain PyTorch: seconds an epoch, memory, seconds of whole commands.

    python tools/benchmark.py OUT --peer PYTHON --sides 128,272,448,1024     # OUT/benchmark.json, OUT/benchmark.md

PYTHON is an interpreter with torch, numpy, tifffile and click (tools/pytorch_reference.py runs in it; left out: no
peer). Both sides do the arithmetic of ``--preset paper`` with shallow filters, on all cores, in turns of a few seconds
in one run, so that what else the machine does hits both. Archiving is held against Keras's own export. Every figure is
a median with the least and the most.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from benchmark_table import table

import ddip_tf
from ddip_tf import environment
from ddip_tf.config import PRECISIONS

HERE = Path(__file__).parent
COMMAND = (sys.executable, "-c", "from ddip_tf.cli import main; main()")
SIDE = 272  # of the pair that whole commands get
TURN_S = 4.0


class Side:
    """A process that runs epochs when asked."""

    def __init__(self, command: Sequence[str], epochs: int) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._epochs, self.seconds, self.record = epochs, [], {}

    def turn(self, counts: bool = True) -> None:
        print(self._epochs, file=self._process.stdin, flush=True)
        self.record = json.loads(self._process.stdout.readline())
        self.seconds += [self.record["seconds"] / self._epochs] if counts else []

    def leave(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def ours(side: int, epochs: int, precision: str) -> Side:
    """ddip-tf's epochs, ``epochs`` a turn."""
    options = ["--serve", str(side), "--epochs", str(epochs), "--precision", precision]
    return Side([sys.executable, str(HERE / "benchmark_epochs.py"), *options], epochs)


def epochs_at(side: int, peer: str | None, turns: int, precision: str) -> dict[str, Any]:
    """Seconds an epoch and peak memory of both sides, in turns."""
    epochs = max(1, round(TURN_S / (0.12 * (side / SIDE) ** 2)))
    sides = {"ddip-tf": ours(side, epochs, precision)}
    if peer:
        sides["peer"] = Side([peer, str(HERE / "pytorch_reference.py"), "--serve", str(side)], epochs)
    for turn in range(turns + 1):  # the first is for warming up
        for one in sides.values():
            one.turn(counts=turn > 0)
    for one in sides.values():
        one.leave()
    found: dict[str, Any] = {"side": side, "epochs_a_turn": epochs}
    for name, one in sides.items():
        found[name] = {**spread(one.seconds), "peak_bytes": one.record["peak_bytes"]}
    if peer:
        found["times_faster"] = found["peer"]["median"] / found["ddip-tf"]["median"]
        ratios = [b / a for a, b in zip(*(one.seconds for one in sides.values()), strict=True)]
        found["times_faster_by_turn"] = spread(ratios)
    return found


def growth(epochs: int, precision: str, side: int = 128, pieces: int = 10) -> dict[str, Any]:
    """Resident and allocated memory over a long fit: after each tenth of it."""
    one = ours(side, epochs // pieces, precision)
    records = []
    for _ in range(pieces):
        one.turn()
        records.append(one.record)
    one.leave()
    found: dict[str, Any] = {"side": side, "epochs": epochs}
    for what in ("bytes", "bytes_allocated"):
        memory = [record[what] for record in records]
        if None in memory:
            continue
        found[what] = {"values": memory, "growth": memory[-1] / memory[0] - 1}
        found[what]["growth_in_second_half"] = memory[-1] / memory[pieces // 2 - 1] - 1
    return found


def spread(values: Sequence[float]) -> dict[str, Any]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "runs": len(values)}


def pair(folder: Path, side: int, kind: str = "slice") -> list[str]:
    """Files of the pair that ships, or of its truth, continued by reflection to ``side`` × ``side``."""
    from ddip_tf.formats import tiff

    paths = []
    for name in (f"{kind}1", f"{kind}2"):
        image = tiff.read(Path(ddip_tf.__file__).with_name("demo_data") / f"{name}.tif")[0][0]
        border = [(0, max(0, side - length)) for length in image.shape]
        tiff.write(folder / f"{name}.tif", np.pad(image, border, "reflect")[:side, :side], None)
        paths.append(str(folder / f"{name}.tif"))
    return paths


def large(folder: Path, side: int) -> dict[str, Any]:
    """The default preset on a large pair as a whole command: seconds, peak memory, and PSNR (dB) against truth."""
    from ddip_tf import read
    from ddip_tf.quality import with_truth

    began = time.perf_counter()
    command = [*COMMAND, "fit", *pair(folder, side), "-o", str(folder / "run"), "--overwrite", "--progress", "none"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise RuntimeError(f"{command} ended with {os.waitstatus_to_exitcode(status)}")
    truth = read(*pair(folder, side, "truth")).images
    before, after = (
        [round(one.psnr, 1) for one in with_truth.score(read(*(place / f"slice{i}.tif" for i in (1, 2))).images, truth)]
        for place in (folder, folder / "run" / "outputs")
    )
    return {"side": side, "seconds": seconds, "peak_bytes": usage.ru_maxrss * 1024, "input": before, "output": after}


def commands(folder: Path, times: int) -> dict[str, Any]:
    """Seconds of whole cold commands on a 272 × 272 pair."""
    slices = pair(folder, SIDE)
    run = str(folder / "run")
    fits = [*COMMAND, "fit", *slices, "-o", run, "--overwrite", "--progress", "none"]
    measured: dict[str, Callable[[], dict[str, float]]] = {
        "ddip-tf --help": lambda: whole([*COMMAND, "--help"]),
        "import ddip_tf": lambda: whole([sys.executable, "-c", "import ddip_tf"]),
        "ddip-tf transfer": lambda: whole([*COMMAND, "transfer", *slices]),
        "fit --preset quick": lambda: whole([*fits, "--preset", "quick"]),
        "fit --preset default": lambda: whole(fits),
        "regenerate --runtime onnx": lambda: whole([*COMMAND, "regenerate", run, "-o", str(folder / "again")]),
        "fit --preset paper --epochs 20": lambda: to_epoch_20([*fits[:-1], "json", "--preset", "paper"]),
    }
    found: dict[str, dict[str, list[float]]] = {name: {} for name in measured}
    for _ in range(times):
        for name, measure in measured.items():
            for what, seconds in measure().items():
                found[name].setdefault(what, []).append(seconds)
    return {name: {what: spread(seconds) for what, seconds in one.items()} for name, one in found.items()}


def archive(way: str) -> None:
    """Write the generators of a pair as a run does, or as Keras does (`Model.export`); say the seconds a generator."""
    from ddip_tf.archive.network_files import Exporter
    from ddip_tf.config import preset
    from ddip_tf.networks.generators import build_generators

    generators, _ = build_generators(preset("paper"), 2, (SIDE, SIDE), np.random.default_rng(0))
    exporter, seconds = Exporter(), {"SavedModel": 0.0, "ONNX": 0.0}
    writers: dict[str, dict[str, Callable[[Any, Path], object]]] = {
        "ddip-tf": {
            "SavedModel": lambda model, path: exporter.architecture(model).save_model(model, path),
            "ONNX": lambda model, path: exporter.architecture(model).save_onnx(model, path.with_suffix(".onnx")),
        },
        "Keras": {
            "SavedModel": lambda model, path: model.export(path, verbose=False),
            "ONNX": lambda model, path: model.export(path.with_suffix(".onnx"), format="onnx", verbose=False),
        },
    }
    with tempfile.TemporaryDirectory() as folder, environment.quiet():
        for name, model in generators.items():
            for what, write in writers[way].items():
                began = time.perf_counter()
                write(model, Path(folder, name))
                seconds[what] += (time.perf_counter() - began) / len(generators)
    print(json.dumps(seconds), flush=True)


def archives(times: int) -> dict[str, Any]:
    """Seconds a generator, each time in a process of its own, both ways in turns."""
    found: dict[str, dict[str, list[float]]] = {"ddip-tf": {}, "Keras": {}}
    for _ in range(times):
        for way, one in found.items():
            told = subprocess.run([sys.executable, __file__, "--archive", way], check=True, stdout=subprocess.PIPE)
            for what, seconds in json.loads(told.stdout.splitlines()[-1]).items():
                one.setdefault(what, []).append(seconds)
    return {way: {what: spread(seconds) for what, seconds in one.items()} for way, one in found.items()}


def whole(command: Sequence[str]) -> dict[str, float]:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {"whole": time.perf_counter() - began}


def to_epoch_20(command: Sequence[str]) -> dict[str, float]:
    """Seconds from the command's start until epoch 20 is done, and of what comes after it: archive and report."""
    began, last = time.perf_counter(), 0.0
    command = [*command, "--epochs", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout:
            if json.loads(line).get("epoch") == 20:
                last = time.perf_counter() - began
    end = time.perf_counter() - began
    return {"epoch 20": last, "after it": end - last, "whole": end}


@click.command(help=__doc__)
@click.argument("out", required=False, type=click.Path(path_type=Path))
@click.option("--peer", help="Interpreter that has torch.")
@click.option("--sides", default="128,272,448,1024", show_default=True)
@click.option("--precision", type=click.Choice(PRECISIONS), default="float32", show_default=True, help="Of our epochs.")
@click.option("--turns", default=5, show_default=True, help="Counted turns of about four seconds for each side.")
@click.option("--times", default=3, show_default=True, help="Runs of each whole command and of archiving; 0: none.")
@click.option(
    "--long", "long_epochs", default=2000, show_default=True, help="Epochs of the fit whose memory is watched."
)
@click.option("--large", "large_sides", default="", help="Sides of pairs for the default preset, such as 1024,2048.")
@click.option("--archive", "way", hidden=True)
def main(
    out: Path | None,
    peer: str | None,
    sides: str,
    precision: str,
    turns: int,
    times: int,
    long_epochs: int,
    large_sides: str,
    way: str | None,
) -> None:
    if way:
        archive(way)
        return
    if out is None:
        raise click.UsageError("give the folder for benchmark.json and benchmark.md")
    out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {
        "versions": environment.versions(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "precision": precision,
        "epochs": [],
        "growth": None,
        "commands": {},
        "archive": {},
        "large": [],
    }
    for one in sides.split(",") if sides else []:
        found["epochs"].append(epochs_at(int(one), peer, turns, precision))
        click.echo(json.dumps(found["epochs"][-1]), err=True)
    if long_epochs:
        found["growth"] = growth(long_epochs, precision)
    if times:
        with tempfile.TemporaryDirectory() as folder:
            found["commands"] = commands(Path(folder), times)
        found["archive"] = archives(times)
    for one in large_sides.split(",") if large_sides else []:
        with tempfile.TemporaryDirectory() as folder:
            found["large"].append(large(Path(folder), int(one)))
        click.echo(json.dumps(found["large"][-1]), err=True)
    (out / "benchmark.json").write_text(json.dumps(found, indent=1) + "\n")
    (out / "benchmark.md").write_text(table(found, SIDE))
    click.echo(table(found, SIDE))


if __name__ == "__main__":
    main()
