"""What happens to slices beside the crosstalk of a reconstruction: painted ghosts, noise, contrast, sampling, cuts.

Every effect is a small frozen dataclass that turns a `Case` into another; chains of them make a kind of
`simulated_kinds`. N slices, H rows, W columns; frequencies in cycles/pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from scipy import fft, ndimage
from simulated_samples import smooth_noise


class Case(NamedTuple):
    """Slices as a program gives them, what is truly there, and what a reconstruction started from."""

    images: np.ndarray  # (N, H, W)
    truth: np.ndarray  # (N, H, W)
    start: np.ndarray | None = None  # (N, H, W)

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> Case:
        """`change` applied to images, truth and start alike."""
        return Case(change(self.images), change(self.truth), None if self.start is None else change(self.start))


class Effect(Protocol):
    def __call__(self, case: Case, rng: np.random.Generator) -> Case: ...


@dataclass(frozen=True)
class Ghost:
    """A filtered copy of one true slice painted into another.

    The filter is (level + bump exp(-(ln(k / centre) / width)^2)) (1 + anisotropy cos 2(direction - turn)), displaced by
    `shift` (y, x) px. `source` and `target` count slices from 1.
    """

    level: float
    bump: float = 0.0
    centre: float = 0.03
    width: float = 0.8
    anisotropy: float = 0.0
    turn: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    source: int = 1
    target: int = 2

    def transfer(self, height: int, width: int) -> np.ndarray:
        """The filter on the grid of a real 2-D Fourier transform, (H, W // 2 + 1)."""
        ky, kx = fft.fftfreq(height)[:, None], fft.rfftfreq(width)
        k = np.maximum(np.hypot(ky, kx), 1e-9)
        radial = self.level + self.bump * np.exp(-((np.log(k / self.centre) / self.width) ** 2))
        turned = 1 + self.anisotropy * np.cos(2 * (np.arctan2(ky, kx) - self.turn))
        return radial * turned * np.exp(-2j * np.pi * (ky * self.shift[0] + kx * self.shift[1]))

    def __call__(self, case: Case, rng: np.random.Generator) -> Case:
        own = case.truth[self.source - 1]
        height, width = own.shape
        margin = 32  # reflected, so that no ghost comes in from the opposite edge
        padded = np.pad(own - own.mean(), margin, mode="symmetric")
        ghost = fft.irfft2(self.transfer(*padded.shape) * fft.rfft2(padded), padded.shape)
        images = case.images.copy()
        images[self.target - 1] += ghost[margin : margin + height, margin : margin + width]
        return case._replace(images=images)


@dataclass(frozen=True)
class Noise:
    """White noise of deviation `rms`, then smoothed by `smooth` px, its own in every slice."""

    rms: float
    smooth: float = 0.0

    def __call__(self, case: Case, rng: np.random.Generator) -> Case:
        white = self.rms * rng.normal(size=case.images.shape)
        return case._replace(images=case.images + ndimage.gaussian_filter(white, (0, self.smooth, self.smooth)))


@dataclass(frozen=True)
class Grain:
    """Noise of unit-deviation texture `smooth` px wide that grows with the slice's own contrast: `share` of it."""

    share: float
    smooth: float = 1.0

    def __call__(self, case: Case, rng: np.random.Generator) -> Case:
        height, width = case.images.shape[1:]
        local = np.sqrt(ndimage.gaussian_filter((case.truth - np.median(case.truth)) ** 2, (0, 6, 6)))
        noise = [smooth_noise(rng, max(height, width), self.smooth)[:height, :width] for _ in case.images]
        return case._replace(images=case.images + self.share * local * np.stack(noise))


@dataclass(frozen=True)
class DepthFilter:
    """A low pass along depth, as reconstructions of many slices are regularised: PtyRAD's kz_filter, which is
    fold_slice's regularize_layers, applied once.

    Coefficients of the three-dimensional Fourier transform, frequencies kz in cycles/slice and k in cycles/pixel, times

        (1 - 2/pi arctan((beta kz)^2 / (k^2 + 0.001))) exp(-alpha k^2)

    The transform is periodic: the first slice and the last mix as well.
    """

    beta: float = 1.0
    alpha: float = 1.0

    def transfer(self, count: int, height: int, width: int) -> np.ndarray:
        """The filter on the grid of a real 3-D Fourier transform, (N, H, W // 2 + 1)."""
        kz = fft.fftfreq(count)[:, None, None]
        k2 = fft.fftfreq(height)[:, None] ** 2 + fft.rfftfreq(width) ** 2
        return (1 - 2 / np.pi * np.arctan((self.beta * kz) ** 2 / (k2 + 1e-3))) * np.exp(-self.alpha * k2)

    def __call__(self, case: Case, rng: np.random.Generator) -> Case:
        shape = case.images.shape
        return case._replace(images=fft.irfftn(self.transfer(*shape) * fft.rfftn(case.images), shape))


@dataclass(frozen=True)
class Gain:
    """One slice's contrast times `factor`, as if in another unit; slices count from 1."""

    factor: float
    target: int = 1

    def __call__(self, case: Case, rng: np.random.Generator) -> Case:
        images = case.images.copy()
        images[self.target - 1] *= self.factor
        return case._replace(images=images)


@dataclass(frozen=True)
class Bytes:
    """Every slice by itself cut at mean +- `deviations`, scaled to 0 to 255, rounded, inverted; truth in that unit."""

    deviations: float = 4.0
    inverted: bool = True

    def __call__(self, case: Case, rng: np.random.Generator) -> Case:
        middle = case.images.mean((1, 2), keepdims=True)
        reach = self.deviations * case.images.std((1, 2), keepdims=True)
        sign = -1 if self.inverted else 1

        def grey(part: np.ndarray) -> np.ndarray:
            return 127.5 * (1 + sign * (part - middle) / reach)

        true = case.truth - case.truth.mean((1, 2), keepdims=True) + middle
        return case._replace(images=np.round(np.clip(grey(case.images), 0, 255)), truth=grey(true))


@dataclass(frozen=True)
class Halve:
    """Two pixels a side become one, by means."""

    def __call__(self, case: Case, rng: np.random.Generator) -> Case:
        def means(x: np.ndarray) -> np.ndarray:
            n, height, width = x.shape
            return x[:, : height // 2 * 2, : width // 2 * 2].reshape(n, height // 2, 2, width // 2, 2).mean((2, 4))

        return case.each(means)


@dataclass(frozen=True)
class Double:
    """One pixel a side becomes two, by cubic splines."""

    def __call__(self, case: Case, rng: np.random.Generator) -> Case:
        return case.each(lambda x: ndimage.zoom(x, (1, 2, 2), order=3, mode="reflect", grid_mode=True))


@dataclass(frozen=True)
class Cut:
    """The middle height x width pixels."""

    height: int
    width: int

    def __call__(self, case: Case, rng: np.random.Generator) -> Case:
        y, x = ((have - want) // 2 for have, want in zip(case.images.shape[1:], (self.height, self.width), strict=True))
        return case.each(lambda part: part[:, y : y + self.height, x : x + self.width])
