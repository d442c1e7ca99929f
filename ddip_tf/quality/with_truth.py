"""How good are separated slices: figures against known truth. NumPy, SciPy and scikit-image only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.errors import InputError


@dataclass(frozen=True)
class Score:
    """One slice held against its truth.

    Attributes
    ----------
    psnr
        dB, after the affine fit of the image to its truth that leaves the least squares; data range = the truth's.
    ssim
        structural similarity (Wang et al. 2004) after the same fit.
    correlation
        Pearson's, with the own truth.
    leak
        the most telling of `leaks`, signed.
    leaks
        for every other slice: regression coefficient of its truth over that of the own, all standardised; 0 is clean.
    error
        root mean square of image − truth, as it is but for the mean, in the image's unit (rad for phases).
    """

    psnr: float
    ssim: float
    correlation: float
    leak: float
    leaks: tuple[float, ...]
    error: float

    @property
    def leaks_text(self) -> str:
        """All leaks, in the order of the other slices."""
        return ", ".join(f"{leak:+.3f}" for leak in self.leaks)


def score(images: Floats, truth: Floats) -> tuple[Score, ...]:
    """Score every slice of ``images`` (N, H, W) against ``truth`` (N, H, W).

    Raises InputError if the shapes differ or a truth is constant.
    """
    from skimage.metrics import structural_similarity

    images, truth = np.asarray(images, np.float64), np.asarray(truth, np.float64)
    if images.shape != truth.shape:
        raise InputError(f"truth has shape {truth.shape}, the images {images.shape}")
    if any(np.ptp(t) == 0 for t in truth):
        raise InputError("a truth image is constant: nothing can be held against it")
    scores = []
    for i, (image, own) in enumerate(zip(images, truth, strict=True)):
        fitted, spread = affine_fit(image, own), float(np.ptp(own))
        leaks = leak(image, truth, i)
        scores.append(
            Score(
                psnr=float(10 * np.log10(spread**2 / max(np.mean((fitted - own) ** 2), 1e-30))),
                ssim=float(structural_similarity(fitted, own, data_range=spread)),
                correlation=float(np.corrcoef(image.ravel(), own.ravel())[0, 1]) if np.ptp(image) else 0.0,
                leak=max(leaks, key=abs),
                leaks=leaks,
                error=float(np.std(image - own)),
            )
        )
    return tuple(scores)


def affine_fit(image: Floats, target: Floats) -> Floats:
    """Gain and offset put on ``image`` that bring it nearest to ``target``, both (H, W), in least squares."""
    centred = image - image.mean()
    power = float((centred**2).sum())
    gain = float((centred * target).sum()) / power if power else 0.0
    return target.mean() + gain * centred


def leak(image: Floats, truth: Floats, own: int) -> tuple[float, ...]:
    """Share of every other slice in ``image`` (H, W), relative to that of slice ``own``; ``truth`` is (N, H, W)."""
    columns = [(t - t.mean()).ravel() / t.std() for t in truth]
    weights, *_ = np.linalg.lstsq(np.stack(columns, 1), (image - image.mean()).ravel(), rcond=None)
    return tuple(float(w / weights[own]) if weights[own] else np.inf for j, w in enumerate(weights) if j != own)


def table(scores: tuple[Score, ...], before: tuple[Score, ...] | None = None) -> str:
    """Scores as lines of text; with ``before``, those of the input stand in front."""
    lines = ["slice        PSNR   SSIM   corr   leak    error"]
    for number, after in enumerate(scores, 1):
        rows = [("input", before[number - 1])] if before else []
        for name, row in [*rows, ("output", after)]:
            lines.append(
                f"{number} {name:8s} {row.psnr:6.2f} {row.ssim:6.3f} {row.correlation:6.3f} "
                f"{row.leak:+6.3f} {row.error:8.4g}" + (f"   of {row.leaks_text}" if len(row.leaks) > 1 else "")
            )
    return "\n".join(lines)
