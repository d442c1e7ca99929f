"""`separate` and `separate_object` are what `fit` and export do, where TensorFlow cannot even be imported."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import known_transfer, mix, sources
from scipy.ndimage import gaussian_filter

import ddip_tf
from ddip_tf.archive.export import export
from ddip_tf.errors import InputError
from ddip_tf.slices.phase import Conversion

QUICK = ddip_tf.preset("quick")
SHAPE = (61, 72)
#: of the scanned part within a larger object
BOX = ((14, 14 + SHAPE[0]), (9, 9 + SHAPE[1]))
WITHOUT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "keras", "torch"):
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Refuse())
import numpy, ddip_tf
images = numpy.load(sys.argv[1])
numpy.save(sys.argv[2], ddip_tf.separate(images, ddip_tf.preset("quick")).outputs)
ddip_tf.separate_object(numpy.exp(1j * images), ddip_tf.preset("quick"))
"""


def one_sided(shape=SHAPE, seed=3):
    """Two slices, the first of which is a ghost in the second."""
    images = sources(2, shape, seed)
    return np.stack([images[0], images[1] + 0.4 * images[0]])


def three():
    return mix(sources(3, SHAPE), known_transfer(SHAPE, 3))


@pytest.fixture(scope="module")
def pair():
    """A part of the demo's slices, which mix both ways, with a level and a hot pixel."""
    slices = [tifffile.imread(Path(ddip_tf.__file__).parent / f"demo_data/slice{n}.tif") for n in (1, 2)]
    images = np.stack(slices)[:, 20 : 20 + SHAPE[0], 30 : 30 + SHAPE[1]] + np.float32(0.3)
    images[1, 20, 33] = 9.0
    return images


@pytest.fixture(scope="module")
def obj(pair):
    """A complex object (2, H, W) that holds the pair with ramps, whole turns and an amplitude of its own."""
    y, x = np.mgrid[:90, :97]
    phase = np.stack([0.01 * y - 0.03 * x, 0.2 - 0.02 * y])
    phase[:, slice(*BOX[0]), slice(*BOX[1])] += pair - np.median(pair)
    rng = np.random.default_rng(2)
    return ((1 + 0.1 * gaussian_filter(rng.normal(size=phase.shape), (0, 2, 2))) * np.exp(1j * phase)).astype("c8")


def same(one, other):
    for name in ("outputs", "ghosts", "modelled"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.smoothed is None) == (other.smoothed is None)
    assert one.smoothed is None or np.array_equal(one.smoothed, other.smoothed)
    assert one.warnings == other.warnings
    assert one.mixing.keys() == other.mixing.keys()
    for name, values in one.mixing.items():
        np.testing.assert_array_equal(values, other.mixing[name])
    left_out = {"device", "threads", "wall_time_s", "peak_memory_bytes", "available_memory_bytes"}
    for name in one.provenance.keys() - left_out:
        assert name.endswith("bytes") or one.provenance[name] == other.provenance[name], name


@pytest.mark.parametrize("count", [2, 3])
def test_separate_is_fit_to_the_last_bit(pair, count):
    images = pair if count == 2 else three()
    solution, separation = ddip_tf.separate(images, QUICK), ddip_tf.fit(ddip_tf.SliceStack(images), QUICK)
    assert type(solution) is ddip_tf.Solution and isinstance(separation, ddip_tf.Solution)
    assert solution.provenance["mixed"] and np.abs(solution.ghosts).max() > 0.01
    assert any(caution.code == "outliers-replaced" for caution in solution.warnings) == (count == 2)
    same(solution, separation)


@pytest.mark.slow
def test_separate_with_the_spread_is_the_default_fit(pair):
    same(ddip_tf.separate(pair), ddip_tf.fit(ddip_tf.SliceStack(pair)))


def test_a_start_goes_the_same_way(pair):
    start = np.stack([pair.sum(0) - pair.sum(0).mean(), np.zeros(SHAPE)])
    same(ddip_tf.separate(pair, QUICK, start=start), ddip_tf.fit(ddip_tf.SliceStack(pair), QUICK, start=start))


def test_numbers_of_a_file_stay(pair):
    stack = ddip_tf.SliceStack(pair, numbers=(2, 5))
    said = [caution.slice for caution in ddip_tf.separate(stack, QUICK).warnings if caution.code == "outliers-replaced"]
    assert said == [5]


def test_threads_at_a_time_give_the_same_bits(pair):
    others = [one_sided(), three(), one_sided((48, 53), 4), one_sided()]
    alone = [ddip_tf.separate(images, QUICK, threads=1).outputs for images in others]
    with ThreadPoolExecutor(len(others)) as pool:
        together = list(pool.map(lambda images: ddip_tf.separate(images, QUICK, threads=2).outputs, others))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_tensorflow_is_needed(pair, tmp_path):
    np.save(tmp_path / "in.npy", pair)
    subprocess.run([sys.executable, "-c", WITHOUT, tmp_path / "in.npy", tmp_path / "out.npy"], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), ddip_tf.separate(pair, QUICK).outputs)


@pytest.mark.parametrize("quantity", ["phase", "amplitude"])
@pytest.mark.parametrize("box", [BOX, None])
def test_an_object_goes_the_way_of_files(obj, box, quantity, tmp_path):
    new, solution = ddip_tf.separate_object(obj, QUICK, scanned=box, quantity=quantity, despite_warnings=True)
    np.save(tmp_path / "obj.npy", obj)
    stack = ddip_tf.read(tmp_path / "obj.npy", conversion=Conversion(quantity, crop=box or "auto"))
    ddip_tf.save(ddip_tf.fit(stack, QUICK), tmp_path / "run")
    export([tmp_path / "run"], tmp_path / "obj.npy", tmp_path / "new.npy", despite_warnings=True)
    np.testing.assert_array_equal(new, np.load(tmp_path / "new.npy"))
    assert new.dtype == obj.dtype and solution.stack.crop == stack.crop
    if quantity == "phase" and box:
        assert np.abs(np.angle(new / obj)).max() > 0.01
        np.testing.assert_allclose(abs(new), abs(obj), rtol=1e-5)
        outside = np.ones(obj.shape[1:], bool)
        outside[slice(*box[0]), slice(*box[1])] = False
        np.testing.assert_array_equal(new[:, outside], obj[:, outside])


def test_vacuum_stays_vacuum(obj):
    three = np.stack([obj[0], np.ones(obj.shape[1:], "c8"), obj[1]])
    new, solution = ddip_tf.separate_object(three, QUICK, scanned=BOX)
    two, _ = ddip_tf.separate_object(obj, QUICK, scanned=BOX)
    np.testing.assert_array_equal(new[[0, 2]], two)
    np.testing.assert_array_equal(new[1], three[1])
    assert solution.stack.numbers == (1, 3)


def test_what_cannot_be_separated_is_refused(pair, obj):
    for config in (ddip_tf.FitConfig(mixing="kernel"), ddip_tf.FitConfig(prior="dip")):
        with pytest.raises(InputError, match="trains no networks"):
            ddip_tf.separate(pair, config)
    with pytest.raises(InputError, match="complex object"):
        ddip_tf.separate_object(pair)
    with pytest.raises(InputError, match="outside the image"):
        ddip_tf.separate_object(obj, scanned=((0, 91), (0, 50)))
    with pytest.raises(InputError, match="NaN or infinite"):
        ddip_tf.separate_object(np.where(np.arange(97) == 40, np.nan, obj), scanned=BOX)
