import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import SHAPE, blobs

import ddip_tf
from ddip_tf.config import FitConfig
from ddip_tf.formats import read
from ddip_tf.quality import with_truth
from ddip_tf.slices import SliceStack, affine, outliers
from ddip_tf.training.fitting import fit

DATA = Path(ddip_tf.__file__).parent / "demo_data"


@pytest.fixture(scope="module")
def demo():
    return read(DATA / "slice1.tif", DATA / "slice2.tif")


@pytest.fixture(scope="module")
def scores():
    truth = read(DATA / "truth1.tif", DATA / "truth2.tif").images
    config = ddip_tf.preset("default", starts=1)  # more of them tell of the spread only
    return lambda stack: [row.psnr for row in with_truth.score(fit(stack, config).outputs, truth)]


@pytest.fixture(scope="module")
def small(demo):
    """A part of the demo, and what fits of it give under some settings."""
    part = demo.cropped((3, 83), (11, 102))
    return part, functools.cache(lambda config: fit(part, config).outputs)


@pytest.fixture(scope="module")
def clean_scores(demo, scores):
    return scores(demo)


def spoiled(stack, which, value, share=None):
    """One pixel, or a share of all, of some slices set to ``value`` in units of the slice's range above its least."""
    images, random = stack.images.copy(), np.random.default_rng(4)
    for i in which:
        low, spread = images[i].min(), np.ptp(images[i])
        bad = random.random(images[i].shape) < (share or 0)
        if share is None:
            bad[tuple(random.integers(images[i].shape))] = True
        images[i][bad] = low + value * spread
    return replace(stack, images=images)


def test_a_clean_stack_comes_back_as_it_is(demo, stack):
    for clean in (demo, stack):
        same, said = outliers.replaced(clean)
        assert same is clean
        assert said == ()


@pytest.mark.parametrize("value", [1.5, 1000.0, -3.0])
def test_one_pixel_is_found_replaced_and_named(demo, value):
    bad = spoiled(demo, [1], value)
    (place,) = np.argwhere(bad.images != demo.images)
    better, (sentence,) = outliers.replaced(bad)
    assert str(sentence).startswith(f"Slice 2: one pixel (y {place[1]}, x {place[2]})")
    np.testing.assert_array_equal(np.argwhere(better.images != bad.images), [place])
    assert abs(better.images[tuple(place)] - demo.images[tuple(place)]) < 0.1 * np.ptp(demo.images[1])
    np.testing.assert_array_equal(bad.images, spoiled(demo, [1], value).images)  # the input is not written to


def test_outliers_side_by_side_and_at_the_margin_are_found():
    image = blobs(6, SHAPE, 3).astype(np.float32)
    bad = image.copy()
    places = [(0, 0), (20, 11), (20, 12), (42, 35)]
    for place in places:
        bad[place] += 2
    assert [tuple(place) for place in np.argwhere(outliers.find(bad))] == places


def test_lines_edges_noise_and_constant_regions_are_no_outliers():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    noise = np.random.default_rng(0).normal(size=SHAPE)
    line = np.where(np.abs(y - 0.4 * x - 9) < 0.7, 1.0, 0.0)
    for image in (noise, line, np.where(x > 17, 5.0, 0.0), blobs(5, SHAPE, 1) * (x > 10)):
        assert not outliers.find(image.astype(np.float32)).any()


@pytest.mark.parametrize("scale", [1e-15, 1e15])
def test_finding_knows_no_unit(demo, scale):
    bad = spoiled(demo, [0], 1.5, 0.01).images[0]
    np.testing.assert_array_equal(outliers.find(bad * np.float32(scale)), outliers.find(bad))


@pytest.mark.parametrize(("value", "share"), [(30.0, None), (1.0, 0.01), (3.0, 0.01)])
def test_hot_and_saturated_pixels_cost_at_most_one_db(demo, scores, clean_scores, value, share):
    for now, before in zip(scores(spoiled(demo, [0, 1], value, share)), clean_scores, strict=True):
        assert now > before - 1


def test_the_input_keeps_its_hot_pixel_and_the_result_says_so(stack, without_graphs):
    bad = spoiled(stack, [0], 8.0)
    result = fit(bad, FitConfig(mixing="linear", width=1, epochs=2))
    assert result.stack is bad
    np.testing.assert_allclose(result.ghosts + result.outputs, bad.images, atol=1e-6)
    assert (result.warnings[0].code, result.warnings[0].slice) == ("outliers-replaced", 1)
    assert np.isfinite(result.outputs).all()


@pytest.mark.parametrize("power", [-100, 100])
@pytest.mark.parametrize("mixing", ["transfer", "linear"])
def test_a_unit_that_is_a_power_of_two_comes_out_bit_for_bit(small, power, mixing, without_graphs):
    """Such a unit rounds nothing; no threshold on the way may be in the unit of the images."""
    config = FitConfig(mixing=mixing, width=1, epochs=3)
    part, fitted = small
    scaled = fit(replace(part, images=np.ldexp(part.images, power)), config).outputs
    np.testing.assert_array_equal(np.ldexp(scaled, -power), fitted(config))


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_any_unit_comes_out_as_it_went_in(small, scale):
    """But for rounding: with eq. (3) of what the networks are shown, for their training makes much of little.

    Adam's first steps are as long for a gradient of rounding as for any other, and a float32 image times 1e-30 is
    another one in the last place of every fourth pixel.
    """
    part, fitted = small
    scaled, config = replace(part, images=part.images * np.float32(scale)), FitConfig(mixing="transfer", starts=1)
    clean, same = fitted(config), fit(scaled, config).outputs
    assert np.abs(same / scale - clean).max() < 1e-3 * np.ptp(clean)
    shown, same = (affine.to_unit_interval(stack.images).inverse(stack.images) for stack in (part, scaled))
    np.testing.assert_allclose(same, shown, atol=2e-7)


def test_constant_regions_and_zeros_give_finite_gradients(truth, without_graphs):
    images = truth.copy()
    images[0, :, 9:] = 0
    images[1, 12:] = 1
    for mixing in ("linear", "kernel", "shallow", "transfer"):
        result = fit(SliceStack(images), FitConfig(mixing=mixing, width=1, epochs=3))
        assert np.isfinite(result.outputs).all()
        assert all(np.isfinite(values).all() for values in result.history.values())


def atoms(width=2.2, spacing=14.3, shape=(97, 121)):
    """Peaks ``width`` pixels wide at half of their height, at all places between pixels, on an empty field."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape)
    for i, cy in enumerate(np.arange(5, shape[0] - 4, spacing)):
        for j, cx in enumerate(np.arange(5, shape[1] - 4, spacing)):
            distance = (y - cy - 0.21 * j) ** 2 + (x - cx - 0.17 * i) ** 2
            image += np.exp(-4 * np.log(2) * distance / width**2)
    return image.astype(np.float32)


def test_atoms_are_no_outliers_but_a_hot_pixel_among_them_is():
    lattice = np.stack([atoms(), atoms(spacing=17.9)])
    stack = SliceStack(lattice)
    same, said = outliers.replaced(stack)
    assert same is stack and said == ()
    lattice[1, 40, 61] += 1.5
    better, (sentence,) = outliers.replaced(SliceStack(lattice))
    assert "one pixel (y 40, x 61)" in str(sentence)
    np.testing.assert_array_equal(better.images[0], lattice[0])


def test_narrower_than_two_pixels_is_a_defect():
    assert outliers.find(atoms(width=0.8)).any()
