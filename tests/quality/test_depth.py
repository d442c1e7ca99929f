"""How many slices can be told apart: depth of focus, with and without the probe's cone, and resolution from images."""

from dataclasses import replace

import numpy as np
import pytest
from many import stack_of

from ddip_tf.quality import decorrelation, depth
from ddip_tf.slices.optics import depth_of_focus_m
from ddip_tf.slices.sums import summed

ELECTRONS = {"pixel_size_m": (2e-11, 2.5e-11), "wavelength_m": 1.97e-12}


def band_limited(cutoff, noise, shape=(97, 121)):
    random = np.random.default_rng(4)
    k = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1]))
    image = np.fft.ifft2(np.fft.fft2(random.normal(size=shape)) * (k < cutoff) / (k + 0.02)).real
    return image / image.std() + noise * random.normal(size=shape)


@pytest.mark.parametrize("cutoff", [0.1, 0.2, 0.3, 0.4])
@pytest.mark.parametrize("noise", [0.001, 0.1])
def test_the_end_of_the_signal_is_found(cutoff, noise):
    assert decorrelation.cutoff(band_limited(cutoff, noise)) == pytest.approx(cutoff, abs=0.011)
    assert decorrelation.cutoff(np.exp(0.1j * band_limited(cutoff, noise))) == pytest.approx(cutoff, abs=0.06)


def test_images_without_signal_have_no_resolution():
    assert (decorrelation.cutoff(np.random.default_rng(0).normal(size=(61, 84))) or 0) < 0.06  # chance, in few waves
    assert decorrelation.cutoff(np.ones((61, 84))) is None


def test_depth_of_focus_is_equation_one_and_less_with_a_cone():
    focus = depth_of_focus_m(2e-11, 1.97e-12)
    assert focus == pytest.approx(2 * 4e-22 / (0.61**2 * 1.97e-12))
    assert depth_of_focus_m(2e-11, 1.97e-12, 0.5 * 0.61 * 1.97e-12 / 2e-11) == pytest.approx(focus / 2)


def test_slices_beyond_a_depth_of_focus_each_are_said_and_sums_of_them_are_not():
    given = {**ELECTRONS, "resolution_m": 4e-11}  # a depth of focus of 4.36 nm
    images = stack_of(12).images
    found = depth.of(images, spacing_m=(1e-9,) * 11, **given)
    assert (found.count, found.independent, found.bins) == (12, 3, 5)
    (caution,) = depth.cautions(found)
    assert caution.code == "more-than-told-apart" and not caution.doubtful
    assert caution.text.startswith("There are 12 slices, but the data tell at most 3 slices apart in 11 nm")
    assert "--bin-slices 5" in caution.text
    sums = summed(stack_of(12, spacing_m=(1e-9,) * 11), found.bins)
    assert not depth.cautions(depth.of(sums.images, spacing_m=(4.4e-9,) * 2, **given))
    assert not depth.cautions(depth.of(images, spacing_m=(5e-9,) * 11, **given))
    assert depth.of(images, spacing_m=(1e-9,) * 11, probe_angle_rad=0.04, **given).independent > 3


def test_nothing_is_said_where_a_length_is_not_known():
    stack = stack_of(4, spacing_m=(1e-10,) * 3, **ELECTRONS)
    assert depth.of_stack(stack).independent == 1
    for name in ("pixel_size_m", "spacing_m", "wavelength_m"):
        assert depth.cautions(depth.of_stack(replace(stack, **{name: None}))) == ()
