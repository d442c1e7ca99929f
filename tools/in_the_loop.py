"""What separations inside a reconstruction are worth, on scans with known truth, beside what else one could do.

    python tools/in_the_loop.py OUT --depths 4,2,1 --seeds 0        # goes on where it was stopped
    python tools/in_the_loop.py OUT --table                         # only the table and the figure of what is there

For each sample, engine of pty-chi, distance in depths of focus, start and seed of the noise, of E epochs each pass:

    from scratch        E epochs
    going on            E more
    four times          4 E more
    second pass         E epochs from the first pass' probe and object without ghosts
    in the loop         2 E epochs, separated after E and 1.5 E
    judged              the same, with 5 % of the positions held out, which decide
    pull                2 E epochs, a part .8, .5, .3, .1 of the ghosts taken out after .75, 1, 1.25 and 1.5 E

OUT/rows.jsonl gets a line each, with the rms error (rad) of each slice by band of k; OUT/limits.json the bound of
fisher_limit.py; in_the_loop.png shows both.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from fisher_limit import EDGES, limit, rms_by_band
from json_lines import read_rows
from loop_table import draw, table
from simulated_reconstruction import first_object, level, load_ptychi, make_task
from simulated_scan import Experiment, scan

import ddip_tf
from ddip_tf.hooks import Separations, ptychi

QUICK = ddip_tf.preset("quick")
PULL = ((0.75, 0.8), (1.0, 0.5), (1.25, 0.3), (1.5, 0.1))


def error(obj: np.ndarray, truth: np.ndarray, experiment: Experiment) -> np.ndarray:
    """(N, H, W) phase - true phase on the scanned square, rad, both without plane."""
    phases = [np.angle(level(each, experiment.square))[:, *experiment.square] for each in (obj, truth)]
    return (phases[0] - phases[1]).astype(float)


class Cell:
    """One scan, and the ways to reconstruct it."""

    def __init__(self, experiment: Experiment, threads: int) -> None:
        self.experiment, self.threads = experiment, threads
        self.scan = scan(experiment)
        self.scan = self.scan._replace(start=first_object(experiment, self.scan, threads))
        self.box = tuple((side.start, side.stop) for side in experiment.square)
        self.known = None if experiment.start == "flat" else np.asarray(self.scan.start)

    def task(self, obj: np.ndarray, probe: np.ndarray) -> Any:
        return make_task(self.experiment, self.scan.pattern, self.scan.positions, probe, obj, self.threads)

    def row(self, way: str, task: Any, epochs: int, began: float, **more: Any) -> dict[str, Any]:
        """What came of a way."""
        obj = task.get_data_to_cpu("object", as_numpy=True)
        wrong = error(obj, self.scan.truth, self.experiment)
        return {
            "way": way,
            "epochs": epochs,
            "error_rad": wrong.std((1, 2)).round(5).tolist(),
            "bands_rad": rms_by_band(wrong).round(5).tolist(),
            "loss": float(task.reconstructor.loss_tracker.table["loss"].iloc[-1]),
            "seconds": round(time.perf_counter() - began, 1),
            **more,
        }

    def ways(self, wanted: set[str]) -> Iterator[dict[str, Any]]:
        """A row for each of the ways that are ``wanted``."""
        each = self.experiment.epochs
        separations: dict[str, tuple[tuple[int, ...], Any, float]] = {
            "in the loop": ((each, round(1.5 * each)), 1.0, 0.0),
            "judged": ((each, round(1.5 * each)), 1.0, 0.05),
            "pull": (tuple(round(at * each) for at, _ in PULL), [weight for _, weight in PULL], 0.0),
        }
        for way, settings in separations.items():
            if way in wanted:
                yield self.separated(way, *settings)
        if wanted - separations.keys():
            yield from self.one_after_the_other(each, wanted)

    def one_after_the_other(self, each: int, wanted: set[str]) -> Iterator[dict[str, Any]]:
        """From scratch and what goes on from there."""
        began = time.perf_counter()
        task = self.task(self.scan.start, self.scan.probe)
        task.run(each)
        yield self.row("from scratch", task, each, began)
        if "second pass" in wanted:
            obj, known = (task.get_data_to_cpu(name, as_numpy=True) for name in ("object", "probe"))
            yield self.second(obj, known.reshape(-1, *known.shape[-2:])[0])
        if wanted & {"going on", "four times"}:
            task.run(each)
            yield self.row("going on", task, 2 * each, began)
        if "four times" in wanted:
            task.run(3 * each)
            yield self.row("four times", task, 5 * each, began)

    def second(self, obj: np.ndarray, probe: np.ndarray) -> dict[str, Any]:
        began = time.perf_counter()
        cleaned, solution = ddip_tf.separate_object(
            obj.astype(np.complex64), QUICK, scanned=self.box, start=self.known, threads=1, despite_warnings=True
        )
        task = self.task(cleaned, probe)
        task.run(self.experiment.epochs)
        wrong = error(cleaned, self.scan.truth, self.experiment).std((1, 2)).round(5).tolist()
        said = [caution.code for caution in solution.warnings]
        more = {"separated_rad": wrong, "model": solution.provenance.get("model"), "warnings": said}
        return self.row("second pass", task, 2 * self.experiment.epochs, began, **more)

    def separated(self, way: str, epochs: tuple[int, ...], weight: Any, hold_out: float) -> dict[str, Any]:
        """A run of 2 E epochs with separations, and the error before and some epochs after each."""
        began, errors = time.perf_counter(), {}
        task = self.task(self.scan.start, self.scan.probe)

        def look(epoch: int) -> None:
            obj = task.get_data_to_cpu("object", as_numpy=True)
            errors[epoch] = error(obj, self.scan.truth, self.experiment).std((1, 2)).round(5).tolist()

        ptychi.chain(task.reconstructor, look)  # before the separation that follows the same epoch
        settings = Separations(
            epochs, weight, hold_out, scanned=self.box, start=self.known, config=QUICK, threads=1, seed=1
        )
        loop = ptychi.attach(task, settings)
        task.run(2 * self.experiment.epochs)
        settled = settings.settle * (2 if hold_out else 1)
        reports = [
            asdict(report)
            | {
                "error_before": errors[report.epoch],
                "error_settled": errors[min(report.epoch + settled, task.reconstructor.current_epoch)],
            }
            for report in loop.reports
        ]
        return self.row(way, task, 2 * self.experiment.epochs, began, reports=reports)


WAYS = ("from scratch", "second pass", "in the loop", "judged", "pull", "going on", "four times")


def cells(settings: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Experiment]]:
    """What tells a cell from others, and its experiment."""
    kinds = itertools.product(settings["seeds"], settings["starts"], settings["samples"], settings["engines"])
    for (seed, start, sample, engine), depths in itertools.product(kinds, settings["depths"]):
        experiment = Experiment(
            sample=tuple(sample.split("+")),
            size=settings["size"],
            detector=settings["detector"],
            epochs=settings["epochs"],
            engine=engine,
            start=start,
            seed=seed,
        )
        name = {"sample": sample, "engine": engine, "depths": depths, "start": start, "seed": seed}
        same = {"size": settings["size"], "detector": settings["detector"], "each": settings["epochs"]}
        yield name | same, experiment.at_depths_of_focus(depths)


def measure(out: Path, settings: dict[str, Any], threads: int) -> None:
    """Add the rows and limits that are not there yet."""
    path, limits = out / "rows.jsonl", out / "limits.json"
    if path.exists() and not path.read_text().endswith("\n"):  # stopped within a line
        path.write_text(path.read_text() + "\n")
    for name, experiment in cells(settings):
        there = {row["way"] for row in read_rows(path) if all(row[key] == value for key, value in name.items())}
        if not there >= set(WAYS):
            for row in Cell(experiment, threads).ways({*WAYS} - there):
                if row["way"] not in there:
                    with path.open("a") as file:
                        file.write(json.dumps(name | row) + "\n")
                    click.echo(f"{name['sample']} {name['engine']} {name['depths']:g} {name['start']} {row['way']}: "
                               f"{row['error_rad']} rad, {row['seconds']} s")  # fmt: skip
        known = json.loads(limits.read_text()) if limits.exists() else {}
        key = f"{name['sample']} {name['depths']:g} {name['seed']}"
        if key not in known:
            known[key] = limit(replace(experiment, start="flat")).round(6).tolist()
            limits.write_text(json.dumps(known, indent=1))


def numbers(_context: Any, _option: Any, text: str) -> list[Any]:
    """Numbers between commas."""
    return [float(part) for part in text.split(",")]


def words(_context: Any, _option: Any, text: str) -> list[str]:
    """Words between commas."""
    return text.split(",")


@click.command(context_settings={"show_default": True})
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--samples", default="discs+particle,cells+zones", callback=words, help="Two slices each.")
@click.option("--engines", default="lsqml,adam", callback=words)
@click.option("--depths", default="10,4,2,1", callback=numbers, help="Depths of focus of a pixel between the slices.")
@click.option("--starts", default="flat", callback=words, help="flat, map (aided) …, as in simulate.py.")
@click.option("--seeds", default="0,1,2", callback=lambda _c, _o, text: [int(part) for part in text.split(",")])
@click.option("--size", default=160, help="Side of the scanned square, pixels.")
@click.option("--detector", default=64, help="Side of the patterns, pixels.")
@click.option("--epochs", default=40, help="E, of one pass.")
@click.option("--threads", default=1, help="Of PyTorch.")
@click.option("--table", "only_table", is_flag=True, help="Measure nothing.")
def main(out: Path, threads: int, only_table: bool, **settings: Any) -> None:
    """Measure what is not in OUT yet, then print the table and draw OUT/in_the_loop.png."""
    out.mkdir(parents=True, exist_ok=True)
    if not only_table:
        load_ptychi()
        measure(out, settings, threads)
    rows = read_rows(out / "rows.jsonl")
    limits = json.loads((out / "limits.json").read_text()) if (out / "limits.json").exists() else {}
    click.echo(table(rows, limits, EDGES))
    draw(rows, limits, EDGES, out / "in_the_loop.png")


if __name__ == "__main__":
    main()
