"""Thin slices to simulate: each kind draws its phase retardation (H, W) on size x size pixels, rad, >= 0."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage


def discs(rng: np.random.Generator, size: int) -> np.ndarray:
    """Gold-like spheres of 4 to 12 px radius, up to 0.45 rad deep."""
    y, x = np.mgrid[:size, :size]
    phase = np.zeros((size, size))
    for cy, cx, radius in rng.uniform((0, 0, 4), (size, size, 12), (size * size // 2200, 3)):
        phase = np.maximum(phase, _chord(np.hypot(y - cy, x - cx), radius) * 0.45 / 24)
    return phase


def particle(rng: np.random.Generator, size: int) -> np.ndarray:
    """One irregular porous particle in the middle, up to 0.6 rad."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    outline = 0.2 * size * _wavy(rng, np.arctan2(y, x), 0.07)
    inside = np.clip(outline - np.hypot(y, x), 0, 4) / 4
    return 0.6 * inside * np.clip(0.55 + 0.25 * smooth_noise(rng, size, 2.5), 0, 1)


def zones(rng: np.random.Generator, size: int) -> np.ndarray:
    """Arcs of a broken zone plate, 0.4 rad: widths, gaps and the lengths of the pieces all vary."""
    radius, along = _polar(rng, size)
    phase = np.zeros((size, size))
    edge = radius.min()
    while edge < radius.max():
        width, gap = rng.uniform(5, 10), rng.uniform(6, 14)
        cuts = along.min() + np.cumsum(rng.uniform(12, 60, int(np.ptp(along) // 20) + 2))
        piece = np.searchsorted(cuts, along) % 2 == rng.integers(2)
        phase[(radius > edge) & (radius < edge + width) & piece] = rng.uniform(0.36, 0.44)
        edge += width + gap
    return ndimage.gaussian_filter(phase, 0.6)


def print_(rng: np.random.Generator, size: int) -> np.ndarray:
    """Printed conductors: tracks that turn at right angles and end in pads, 0.3 rad."""
    phase = np.zeros((size, size))
    for _ in range(size * size // 5000):
        (cy, cx), width = rng.integers(0, size, 2), int(rng.integers(4, 8))
        _box(phase, cy, cx, cy, cx, width + 5)
        for turn in range(rng.integers(2, 6)):
            step = int(rng.integers(18, 55)) * int(rng.choice((-1, 1)))
            ey, ex = (cy + step, cx) if turn % 2 else (cy, cx + step)
            _box(phase, cy, cx, ey, ex, width)
            cy, cx = ey, ex
        _box(phase, cy, cx, cy, cx, width + 5)
    return 0.3 * ndimage.gaussian_filter(phase, 0.7)


def fibres(rng: np.random.Generator, size: int) -> np.ndarray:
    """Gently curved round fibres of 2 to 5 px radius that cross each other, 0.15 to 0.3 rad each."""
    phase = np.zeros((size, size))
    for _ in range(size // 13):
        radius, _along = _polar(rng, size)
        middle, thick = rng.uniform(radius.min(), radius.max()), rng.uniform(2, 5)
        phase += _chord(radius - middle, thick) / (2 * thick) * rng.uniform(0.15, 0.3)
    return np.minimum(phase, 0.6)


def cells(rng: np.random.Generator, size: int) -> np.ndarray:
    """Soft domes with a membrane, a nucleus and granules, up to about 0.5 rad."""
    y, x = np.mgrid[:size, :size]
    phase = np.zeros((size, size))
    for cy, cx, radius in rng.uniform((0, 0, 24), (size, size, 44), (size * size // 7000, 3)):
        angle = np.arctan2(y - cy, x - cx)
        rho = np.hypot(y - cy, x - cx) / (radius * _wavy(rng, angle, 0.1))
        phase += 0.16 * np.sqrt(np.clip(1 - rho**2, 0, 1)) + 0.08 * np.exp(-(((rho - 0.96) / 0.05) ** 2))
        for dy, dx, r in rng.uniform((-0.5, -0.5, 1.5), (0.5, 0.5, 4), (8, 3)) * (radius, radius, 1):
            phase += 0.12 * _chord(np.hypot(y - cy - dy, x - cx - dx), r) / (2 * r)
        dy, dx = rng.uniform(-0.25, 0.25, 2) * radius
        phase += 0.1 * np.clip(1.2 - np.hypot(y - cy - dy, x - cx - dx) / (0.3 * radius), 0, 0.4) / 0.4
    return np.minimum(phase, 0.6)


SAMPLES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "discs": discs, "particle": particle, "zones": zones, "print": print_, "fibres": fibres, "cells": cells,
}  # fmt: skip


def _chord(distance: np.ndarray, radius: float) -> np.ndarray:
    """Length of a ray through a ball or a cylinder that it passes at `distance` from the centre."""
    return 2 * np.sqrt(np.clip(radius**2 - distance**2, 0, None))


def _wavy(rng: np.random.Generator, angle: np.ndarray, amount: float) -> np.ndarray:
    """A closed outline's relative radius at each angle, around 1."""
    modes = np.arange(2, 7)
    height, start = rng.normal(0, amount, 5) / modes**0.5, rng.uniform(0, 2 * np.pi, 5)
    return 1 + sum(h * np.cos(m * angle + s) for m, h, s in zip(modes, height, start, strict=True))


def _polar(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Distance from a far centre in a random direction, and length along the arcs around it, px."""
    far, direction = rng.uniform(0.8, 3) * size, rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    across = x * np.cos(direction) + y * np.sin(direction) + far
    sideways = y * np.cos(direction) - x * np.sin(direction)
    return np.hypot(across, sideways), far * np.arctan2(sideways, across)


def _box(image: np.ndarray, y0: int, x0: int, y1: int, x1: int, width: int) -> None:
    """Set a straight track from (y0, x0) to (y1, x1) to 1."""
    (y0, y1), (x0, x1) = sorted((y0, y1)), sorted((x0, x1))
    low, high = width // 2, width - width // 2
    image[max(y0 - low, 0) : max(y1 + high, 0), max(x0 - low, 0) : max(x1 + high, 0)] = 1


def smooth_noise(rng: np.random.Generator, size: int, width: float) -> np.ndarray:
    """Smooth Gaussian noise (H, W) of zero mean and unit deviation."""
    noise = ndimage.gaussian_filter(rng.normal(size=(size, size)), width, mode="wrap")
    return (noise - noise.mean()) / noise.std()
