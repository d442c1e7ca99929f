"""Small images, laws and edges that tests of several rooms use."""

import json
import shutil
from pathlib import Path

import numpy as np
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter
from scipy.special import erf

from ddip_tf.archive.manifest import sha256
from ddip_tf.formats import tiff
from ddip_tf.quality.edge_resolution import FWHM
from ddip_tf.transfer import Transfer, dct
from ddip_tf.transfer.bands import band_centres, frequencies
from ddip_tf.transfer.curves import fill_diagonal

#: files of reconstruction programs, see make_fixtures
DATA = Path(__file__).parent / "data"
#: files as people in the field have them: synthetic content, layouts and faults of public reports
FIELD = Path(__file__).parent / "field"

# non-square, odd and even, asymmetric; small enough for four levels only
SHAPE = (43, 36)


def blobs(count: int, shape: tuple[int, int], seed: int, size: float = 5.0) -> np.ndarray:
    """Smooth asymmetric image (H, W) of a few Gaussian blobs, values in about 0 … 1."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape)
    for _ in range(count):
        cy, cx = random.uniform(0, shape[0]), random.uniform(0, shape[1])
        image += np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * random.uniform(0.5, 1) * size**2))
    return image / image.max()


def discs(n, shape, seed=0):
    """Piecewise constant objects on a zero background, (N, H, W)."""
    rng, (y, x) = np.random.default_rng(seed), np.mgrid[: shape[0], : shape[1]]
    images = np.zeros((n, *shape))
    for image in images:
        for _ in range(6):
            cy, cx, r = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(5, 14)
            image[(y - cy) ** 2 + (x - cx) ** 2 < r**2] = -rng.uniform(0.2, 0.6)
    return gaussian_filter(images, (0, 0.7, 0.7))


def sources(n, shape, seed=0):
    """n independent textures, each under its own smooth envelope: non-stationary, as objects are. (N, H, W)"""
    rng = np.random.default_rng(seed)
    k = frequencies(*shape)
    spectrum = 1 / (1 + (k / 0.03) ** 2)
    texture = idctn(
        dctn(rng.standard_normal((n, *shape)), axes=(1, 2), norm="ortho") * spectrum, axes=(1, 2), norm="ortho"
    )
    envelope = gaussian_filter(rng.standard_normal((n, *shape)), (0, 22, 22))
    return texture * np.exp(1.5 * envelope / envelope.std())


def known_transfer(shape, n=2, power=1e-2):
    k = band_centres(*shape)
    T = fill_diagonal(np.tile((0.98 / n / (1 + (k / 0.03) ** 2))[:, None, None], (1, n, n)), "sum")
    zeros = np.zeros_like(T)
    return Transfer(k, T, T, zeros + 0.02, np.full((len(k), n), power), k * 0 + 50)


def mix(y, transfer):
    return dct.idct(dct.matvec(transfer.at(frequencies(*y.shape[1:])), dct.dct(y)))


def edge(fwhm_px, angle_deg=0.0, shape=(61, 84), noise=0.0, seed=0, step=-0.3):
    """A straight edge of known width through the image's centre; its normal is ``angle_deg`` from the x axis."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    angle = np.deg2rad(angle_deg)
    along = (x - shape[1] / 2) * np.cos(angle) + (y - shape[0] / 2) * np.sin(angle)
    image = 0.7 + step / 2 * erf(along * FWHM / (np.sqrt(2) * fwhm_px))
    return image + noise * np.random.default_rng(seed).normal(size=shape)


def with_smoothed(run: Path, folder: Path, smoothed: np.ndarray) -> Path:
    """A copy of a run that says of a part of its ghosts, ``smoothed`` (N, H, W), that no slice explains it."""
    shutil.copytree(run, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    for number, part in enumerate(smoothed.astype(np.float32), 1):
        ghost, size = tiff.read(folder / f"outputs/ghost{number}.tif")
        tiff.write(folder / f"outputs/ghost{number}.tif", ghost[0] - part, size)
        names = [f"outputs/ghost{number}.tif"]
        if part.any():
            tiff.write(folder / f"outputs/smoothed{number}.tif", part, size)
            names.append(f"outputs/smoothed{number}.tif")
        manifest["files"] |= {name: sha256(folder / name) for name in names}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def noise_of_slice_two(shape=SHAPE) -> np.ndarray:
    """(2, H, W): what was smoothed in a run whose first slice lost nothing so."""
    return np.stack([np.zeros(shape), 0.02 * np.random.default_rng(8).standard_normal(shape)]).astype(np.float32)
