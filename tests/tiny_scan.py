"""A scan of seconds, by the tools' own simulation: for tests of programs that are installed."""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
from simulated_scan import Experiment, scan

EXPERIMENT = Experiment(size=64, detector=48, epochs=6)


class TinyScan(NamedTuple):
    pattern: np.ndarray
    probe: np.ndarray
    positions: np.ndarray  # (P, 2) from the middle of the object
    corners: np.ndarray  # (P, 2) of the window that the probe sees
    start: np.ndarray
    wavelength_m: float
    pixel_size_m: float


def tiny_scan() -> TinyScan:
    made = scan(EXPERIMENT)
    middle = np.array(made.start.shape[1:]) // 2 - EXPERIMENT.detector // 2
    beam = EXPERIMENT.wavelength_m, EXPERIMENT.pixel_size_m
    return TinyScan(made.pattern, made.probe, made.positions, middle + made.positions, made.start, *beam)
