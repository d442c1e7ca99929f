import numpy as np
import pytest
from helpers import blobs

from ddip_tf.errors import InputError
from ddip_tf.quality.power_spectrum import display, power_spectrum, radial


def test_a_wave_stands_at_its_own_frequency_and_holds_all_energy():
    y, x = np.mgrid[:45, :36]
    power = power_spectrum(3 + 0.1 * np.cos(2 * np.pi * (6 * y / 45 + 9 * x / 36)))
    assert power.sum() == pytest.approx(1)
    assert power[45 // 2 + 6, 36 // 2 + 9] == pytest.approx(0.5)
    assert power[45 // 2 - 6, 36 // 2 - 9] == pytest.approx(0.5)


def test_gain_and_offset_do_not_matter():
    image = blobs(5, (43, 36), 1)
    np.testing.assert_allclose(power_spectrum(7 * image - 3), power_spectrum(image), atol=1e-12)


def test_display_is_the_logarithm_to_the_power_of_two_and_a_half():
    shown = display(np.array([1.0, 1e-4, 1e-10, 1e-14, 0.0]))
    np.testing.assert_allclose(shown, [10**2.5, 6**2.5, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(display(np.array([1e-3]), floor=1e-5), [2**2.5])


def test_rings_average_white_noise_to_a_flat_line_and_find_a_wave():
    noise = power_spectrum(np.random.default_rng(0).normal(size=(151, 128)))
    k, mean = radial(noise, bands=10)
    assert len(k) == 10
    assert (np.diff(k) > 0).all()
    assert 0.47 < k[-1] < 0.5
    np.testing.assert_allclose(mean, 1 / noise.size, rtol=0.2)
    _, x = np.mgrid[:151, :128]
    k, mean = radial(power_spectrum(np.sin(2 * np.pi * x * 32 / 128)))
    assert k[mean.argmax()] == pytest.approx(0.25, abs=0.5 / 40)


@pytest.mark.parametrize("bad", [np.ones((5, 6)), np.ones((2, 5, 6)), np.full((5, 6), np.nan), np.ones((5, 6)) * 1j])
def test_what_has_no_spectrum_is_refused(bad):
    with pytest.raises(InputError, match="spectrum"):
        power_spectrum(bad)
