"""Slices of real atoms: a sample of crystallites by abTEM, scanned and reconstructed as `simulate.py` does.

    python tools/simulated_lattice.py sample GRAINS.npz --slices 6 --seed 0
    python tools/simulated_lattice.py scan GRAINS.npz OUT

`sample` needs abTEM (pip install abtem, best in an environment of its own), `scan` pty-chi; neither needs the other.
In the middle of every slice lies a thin crystallite of SrTiO3 along [001], turned about the beam and ending at an edge
of its own, one atom in ten missing; with `--aligned` one crystal runs through all slices and only what is missing
differs. Atoms are displaced by what they swing at room temperature, frozen. Their projected potential (Lobato & Van
Dyck, Acta Cryst. A70, 636, 2014) is what turns the phase; one configuration is the truth and the sample alike.

GRAINS.npz holds phases (N, H, W) in rad and seed; OUT gets what `simulate.py` writes: slice1.tif ..., truth1.npy ...,
meta.json. 300 keV, 0.2 A pixels, slices 4 nm apart, Adam.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from simulated_effects import Case
from simulated_kinds import ELECTRONS, FAST, SIZE
from simulated_reconstruction import MissingError, describe, level, load_ptychi, phases, reconstruct
from simulated_scan import Experiment, scan

INSTALL = "abTEM is missing: pip install abtem ase, best in an environment of its own"
CELL_A = 3.905  # of SrTiO3
CELLS = 2  # of it that a crystallite is thick
SWING_A = 0.08  # standard deviation of an atom's place in each direction
EMPTY = 0.1  # part of the atoms' sites
ANGSTROM = 1e-10


def experiment(count: int, seed: int) -> Experiment:
    """The scan of `count` slices."""
    settings = {**SIZE, **FAST["adam"], **ELECTRONS, "engine": "adam"}
    return Experiment(**settings, sample=("SrTiO3",) * count, seed=seed)


def crystallite(side: float, rng: np.random.Generator, turned: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Chemical symbols (A,) and places (A, 3) in A, x and y from 0 to `side`, z from 0."""
    sites = [("Sr", 0, 0, 0), ("Ti", 0.5, 0.5, 0.5), ("O", 0.5, 0.5, 0), ("O", 0.5, 0, 0.5), ("O", 0, 0.5, 0.5)]
    half = int(np.ceil(side / CELL_A))  # cells from the middle on, enough for any angle
    line = np.arange(-half, half)
    corners = np.stack(np.meshgrid(line, line, np.arange(CELLS), indexing="ij"), -1).reshape(-1, 1, 3)
    places = CELL_A * (corners + np.array([site[1:] for site in sites])).reshape(-1, 3)
    symbols = np.tile([site[0] for site in sites], len(corners))
    kept = rng.random(len(places)) > EMPTY
    if turned:
        angle, edge, reach = rng.uniform(0, np.pi / 2), rng.uniform(0, 2 * np.pi), rng.uniform(-0.1, 0.3) * side
        kept &= places[:, 0] * np.cos(edge) + places[:, 1] * np.sin(edge) < reach
        c, s = np.cos(angle), np.sin(angle)
        places[:, :2] = places[:, :2] @ np.array([[c, s], [-s, c]])
    places = places + rng.normal(0, SWING_A, places.shape)
    places[:, :2] += side / 2
    kept &= (places[:, :2] > 0).all(1) & (places[:, :2] < side).all(1)
    return symbols[kept], places[kept]


def projected(symbols: np.ndarray, places: np.ndarray, side: float, size: int, energy_kev: float) -> np.ndarray:
    """Phase (H, W) in rad, on size x size pixels, that atoms at places (A, 3) in A turn electrons by."""
    try:
        import abtem
        import ase
        from abtem.core.energy import energy2sigma
    except ImportError as error:
        raise MissingError(f"{INSTALL} ({error})") from error
    thick = CELL_A * (CELLS + 2)
    atoms = ase.Atoms(list(symbols), places + np.array([0, 0, CELL_A]), cell=[side, side, thick], pbc=True)
    potential = abtem.Potential(
        atoms, gpts=(size, size), slice_thickness=thick, parametrization="lobato", projection="infinite"
    )
    return np.asarray(potential.build(lazy=False).array[0] * energy2sigma(1e3 * energy_kev))


def draw(count: int, seed: int, size: int, aligned: bool = False) -> np.ndarray:
    """Phases (N, H, W) of `count` crystallites on size x size pixels, rad; the same for the same seed."""
    made = experiment(count, seed)
    side = size * made.pixel_size_m / ANGSTROM
    rngs = [np.random.default_rng([seed, n]) for n in range(count)]
    return np.stack([projected(*crystallite(side, rng, not aligned), side, size, made.energy_kev) for rng in rngs])


@click.group(help=(__doc__ or "").split("\n")[0])
def main() -> None:
    pass


@main.command("sample")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--slices", "count", type=click.IntRange(min=2), default=2, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--aligned", is_flag=True, help="One crystal runs through all slices.")
def sample_command(file: Path, count: int, seed: int, aligned: bool) -> None:
    """Draw the slices of a sample into FILE (.npz), by abTEM."""
    made = experiment(count, seed)
    drawn = draw(count, seed, made.size + 2 * made.edge, aligned)
    with file.open("wb") as opened:  # by its own name, whatever its suffix
        np.savez_compressed(opened, phases=drawn.astype(np.float32), seed=seed)


@main.command("scan")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Of PyTorch.")
def scan_command(file: Path, out: Path, threads: int) -> None:
    """Scan the sample in FILE, reconstruct it by pty-chi, write slices and truth into OUT."""
    load_ptychi()
    from simulate import write

    began = time.perf_counter()
    with np.load(file) as held:
        truth, seed = np.exp(1j * held["phases"].astype(float)), int(held["seed"])
    made = experiment(len(truth), seed)
    measured = scan(made, truth)
    obj = level(reconstruct(made, measured, threads), made.square)
    case = Case(phases(obj, made), phases(measured.truth, made))
    meta: dict[str, Any] = {"kind": "lattice", "source": "scan", **describe(made, len(measured.positions))}
    write(out, case, {**meta, "seconds": round(time.perf_counter() - began, 1)})


if __name__ == "__main__":
    sys.exit(main())
