"""More thin slices to simulate, beside those of `simulated_samples`: a grainy particle, crystals, pictures.

The pictures are those that lie in the scikit-image package itself: natural textures and objects that fill the field.
All draw a phase retardation (H, W) on size x size pixels, rad, >= 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import ndimage
from simulated_samples import SAMPLES, particle, smooth_noise

PICTURES = ("gravel", "brick", "grass", "camera", "cell", "coins", "moon", "page", "text", "clock")
BLUR_PX, PICTURE_RAD = 1.2, 0.5
ATOM_PX, ATOM_RAD = 2.0, 0.3  # standard deviation of an atom's column, and its phase


def tpart(rng: np.random.Generator, size: int) -> np.ndarray:
    """A particle with a grain of 1 px all over it, up to about 1.1 rad."""
    return particle(rng, size) * np.clip(1 + 0.3 * smooth_noise(rng, size, 1.0), 0, None)


def picture(name: str, rng: np.random.Generator, size: int) -> np.ndarray:
    """A random cut of a picture of `skimage.data`, turned at random, blurred by 1.2 px, 0 to 0.5 rad."""
    from skimage import data

    grey = np.rot90(np.asarray(getattr(data, name)(), float), int(rng.integers(4)))
    short = [max(0, size - side) for side in grey.shape]
    grey = np.pad(grey, [(s // 2, s - s // 2) for s in short], mode="symmetric")
    y, x = (rng.integers(side - size + 1) for side in grey.shape)
    cut = ndimage.gaussian_filter(grey[y : y + size, x : x + size], BLUR_PX)
    return PICTURE_RAD * (cut - cut.min()) / np.ptp(cut)


def lattice(rng: np.random.Generator, size: int) -> np.ndarray:
    """A crystal down a zone axis: two columns a cell of 14 to 20 px, an edge where it ends, 0.3 rad."""
    base, turn = rng.uniform(14, 20), rng.uniform(0, np.pi)
    first = base * np.array([np.sin(turn), np.cos(turn)])
    second = base * rng.uniform(0.9, 1.1) * np.array([np.cos(turn), -np.sin(turn)])
    reach = np.arange(-size // 10, size // 10)
    corners = (reach[:, None, None] * first + reach[:, None] * second).reshape(-1, 2) + size / 2
    sites = np.concatenate([corners, corners + (first + second) * (0.5, 0.5)])
    weight = np.repeat([1.0, 0.55], len(corners)) * rng.uniform(0.9, 1.1, len(sites))
    edge = rng.uniform(0, 2 * np.pi)
    inside = (sites - size / 2) @ (np.sin(edge), np.cos(edge)) < rng.uniform(0.1, 0.35) * size
    return _columns(sites[inside], weight[inside], size)


def atoms(rng: np.random.Generator, size: int) -> np.ndarray:
    """Single heavy atoms at least 6 px apart, in clusters and alone, 0.1 to 0.3 rad."""
    centres = rng.uniform(0, size, (max(3, size // 30), 2))
    spread = rng.choice([8.0, 20.0, 60.0], (size * size // 300, 1))
    sites = centres[rng.integers(len(centres), size=len(spread))] + spread * rng.normal(size=(len(spread), 2))
    kept: list[np.ndarray] = []
    for site in sites:
        if all(np.hypot(*(site - other)) >= 6 for other in kept):
            kept.append(site)
    return _columns(np.array(kept), rng.uniform(0.35, 1.0, len(kept)), size)


def _columns(sites: np.ndarray, weight: np.ndarray, size: int) -> np.ndarray:
    """Gaussian columns of ATOM_RAD times weight (S,) at sites (S, 2), y and x in px."""
    line = np.arange(size)
    y, x = (np.exp(-((line - at[:, None]) ** 2) / (2 * ATOM_PX**2)) for at in np.transpose(sites))
    return ATOM_RAD * np.einsum("s,sy,sx->yx", weight, y, x, optimize=True)


#: every kind of slice by its name
EVERY_SAMPLE: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    **SAMPLES, "tpart": tpart, "lattice": lattice, "atoms": atoms,
    **{name: partial(picture, name) for name in PICTURES},
}  # fmt: skip
