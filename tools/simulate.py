"""Simulate a multislice ptychography scan and reconstruct it with pty-chi: real crosstalk, known truth.

    python tools/simulate.py OUT --sample discs,particle --spacing 30e-6
    python tools/simulate.py OUT --kind textures --seed 1
    python tools/simulate.py OUT --kind epie --halves
    python tools/simulate.py --list

A sample of N thin slices is scanned (multislice forward model, far-field detector, Poisson noise), and
pty-chi, an independent program, reconstructs it by LSQML from a nearly flat object and a probe that is a few
per cent off: the ghosts are the reconstruction's own. OUT gets slice1.tif ... (phase, rad), truth1.npy ...
(the true phase on the same pixels), start1.tif ... where the reconstruction did not start flat, object.npy
(the whole reconstructed object) and meta.json.

`--kind` makes one of many kinds of data with known truth (`simulated_kinds`): other samples, engines, starts and
contrasts, clean slices, painted ghosts. Flags given beside it take the place of the kind's own settings; object.npy
is not written, and kinds without a reconstruction need no pty-chi.

`--halves` also reconstructs the scan twice from disjoint halves of its positions, which are known to share nothing but
the sample, probe and program: half1_slice1.tif ..., half2_slice1.tif ....
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import tifffile
from click.core import ParameterSource
from simulated_effects import Case
from simulated_kinds import KINDS, Kind, make_case
from simulated_pictures import EVERY_SAMPLE
from simulated_reconstruction import describe, load_ptychi, phases, simulate, simulate_halves
from simulated_scan import ENGINES, STARTS, Experiment


def write(out: Path, case: Case, meta: dict[str, Any]) -> None:
    """slice*.tif, truth*.npy and start*.tif, (H, W) float32 each, and last meta.json."""
    out.mkdir(parents=True, exist_ok=True)
    scale: dict[str, Any] = {}
    if "pixel_size_m" in meta:
        scale = {"resolution": (0.01 / meta["pixel_size_m"],) * 2, "resolutionunit": "CENTIMETER"}
    for name, part in (("slice", case.images), ("start", case.start)):
        for n, image in enumerate([] if part is None else part, start=1):
            tifffile.imwrite(out / f"{name}{n}.tif", image.astype(np.float32), **scale)
    for n, true in enumerate(case.truth, start=1):
        np.save(out / f"truth{n}.npy", true.astype(np.float32))
    (out / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")


def make(out: Path, kind: str, seed: int, threads: int = 1, **settings: Any) -> None:
    """One case of a kind into `out`; `settings` take the place of the kind's own."""
    began = time.perf_counter()
    case, meta = make_case(kind, seed, threads, **settings)
    write(out, case, {**meta, "seconds": round(time.perf_counter() - began, 1)})


def make_pair(out: Path, experiment: Experiment, threads: int = 1) -> None:
    """The slices of an experiment, and the whole object that was found, into `out`."""
    made = simulate(experiment, threads)
    images, truth, start = (phases(part, experiment) for part in made[:3])
    case = Case(images, truth, None if experiment.start == "flat" else start)
    write(out, case, describe(experiment, made.positions))
    np.save(out / "object.npy", made.obj)


def write_halves(out: Path, experiment: Experiment, threads: int) -> None:
    """half1_slice*.tif and half2_slice*.tif, (H, W) float32 each, in rad."""
    for number, obj in enumerate(simulate_halves(experiment, threads), start=1):
        for n, image in enumerate(phases(obj, experiment), start=1):
            tifffile.imwrite(out / f"half{number}_slice{n}.tif", image.astype(np.float32))


def has_halves(kind: Kind) -> bool:
    """Whether slices of a kind are those of one scan, as they were reconstructed."""
    return kind.source == "scan" and not kind.effects


def names(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    """Slices along the beam from text with commas between."""
    chosen = tuple(value.split(","))
    if len(chosen) < 2 or not set(chosen) <= set(EVERY_SAMPLE):
        raise click.BadParameter(f"give two or more of {', '.join(EVERY_SAMPLE)}, with commas between")
    return chosen


def print_kinds(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    """The table of kinds, then exit."""
    if value:
        for name, kind in KINDS.items():
            click.echo(f"{name:20s} {kind.source:7s} {kind.about}")
        context.exit()


POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command(context_settings={"show_default": True})
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--kind", type=click.Choice(list(KINDS)), metavar="NAME", help="A kind of data; see --list.")
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=print_kinds, help="The kinds.")
@click.option("--sample", default="discs,particle", callback=names, help="Slices along the beam, two or more.")
@click.option("--spacing", "spacing_m", type=POSITIVE, default=30e-6, help="Between neighbouring slices, m.")
@click.option("--energy", "energy_kev", type=POSITIVE, default=12.0, help="Photon energy, keV.")
@click.option("--pixel-size", "pixel_size_m", type=POSITIVE, default=7.3e-9, help="Of the object, m.")
@click.option("--photons", type=POSITIVE, default=2e6, help="At each position.")
@click.option("--size", type=click.IntRange(min=32), default=272, help="Side of the scanned square, pixels.")
@click.option("--beta-over-delta", type=click.FloatRange(min=0), default=0.0, help="Absorption.")
@click.option("--probe-error", type=click.FloatRange(min=0), default=0.05, help="Of the first probe.")
@click.option("--position-error", "position_error_px", type=click.FloatRange(min=0), default=0.0, help="Pixels, rms.")
@click.option("--engine", type=click.Choice(ENGINES), default="lsqml", help="Of the reconstruction.")
@click.option("--start", type=click.Choice(STARTS), default="flat", help="What the reconstruction starts from.")
@click.option("--epochs", type=click.IntRange(min=1), default=150, help="Of the reconstruction.")
@click.option("--halves", is_flag=True, help="Also reconstruct two disjoint halves of the positions.")
@click.option("--seed", type=click.IntRange(min=0), default=0)
@click.option("--threads", type=click.IntRange(min=1), default=1, help="Of PyTorch.")
@click.pass_context
def main(context: click.Context, out: Path, kind: str | None, threads: int, halves: bool, **settings: Any) -> None:
    """Simulate the scan of a SAMPLE of slices, reconstruct it with pty-chi, write slices and truth into OUT.

    Slices: discs, particle, zones, print, fibres, cells, tpart, lattice, atoms, and pictures of skimage.data:
    gravel, brick, grass, camera, cell, coins, moon, page, text, clock.
    """
    if kind is None:
        load_ptychi()
        make_pair(out, Experiment(**settings), threads)
        if halves:
            write_halves(out, Experiment(**settings), threads)
        return
    if halves and not has_halves(KINDS[kind]):
        raise click.BadParameter(f"--halves needs a scan without further effects, which {kind} is not")
    if KINDS[kind].reconstructs:
        load_ptychi()
    given = {n for n in settings if context.get_parameter_source(n) is ParameterSource.COMMANDLINE} - {"seed"}
    own = {name: settings[name] for name in given}
    make(out, kind, settings["seed"], threads, **own)
    if halves:
        write_halves(out, replace(KINDS[kind].experiment(settings["seed"]), **own), threads)


if __name__ == "__main__":
    main()
