"""Spatial frequencies in the unit that suits X-rays and electrons."""

import numpy as np
import pytest

from ddip_tf.slices import optics


@pytest.mark.parametrize(
    ("pixel_m", "expected", "unit"),
    [
        (None, 0.25, "cycles/pixel"),
        ((7e-9, 9e-9), 31.25, "cycles/µm"),
        ((1e-9, 1e-9), 250.0, "cycles/µm"),
        ((0.2e-10, 0.2e-10), 12.5, "cycles/nm"),
    ],
)
def test_frequency_has_a_unit_of_its_kind_of_pixel(pixel_m, expected, unit):
    k, name = optics.frequency(np.array([0.0, 0.25]), pixel_m)
    np.testing.assert_allclose(k, [0, expected])
    assert name == unit


def test_both_axes_have_one_unit():
    (y, x), unit = optics.frequency_scales((0.9e-9, 1.05e-9))
    assert (y, x, unit) == (pytest.approx(1 / 0.9), pytest.approx(1 / 1.05), "cycles/nm")


def test_tables_have_one_unit_whatever_the_pixel():
    for pixel_m in (7e-9, 0.2e-10):
        assert optics.per_micrometre(0.25, (pixel_m, pixel_m)) == pytest.approx(0.25e-6 / pixel_m)
    assert optics.per_micrometre(0.25, None) == 0.25
