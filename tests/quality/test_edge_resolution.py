import numpy as np
import pytest
from helpers import edge

from ddip_tf.errors import InputError
from ddip_tf.quality.edge_resolution import NARROWEST_PX, edge_resolution, profile


@pytest.mark.parametrize("fwhm", [2.0, 3.3, 6.0, 12.0])
@pytest.mark.parametrize("angle", [0, 25])
def test_width_is_right_within_three_percent_under_noise(fwhm, angle):
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    start, end = (30.5 - 24 * sin, 42 - 24 * cos), (30.5 + 24 * sin, 42 + 24 * cos)
    widths = []
    for seed in range(8):  # noise of a 30th of the step
        found = edge_resolution(edge(fwhm, angle, noise=0.01, seed=seed), start, end, band=15)
        assert found.fwhm_px == pytest.approx(fwhm, abs=max(0.03 * fwhm, 4 * found.fwhm_error_px))
        assert found.position_px == pytest.approx(24, abs=0.2)
        assert found.step == pytest.approx(-0.3, rel=0.03)
        assert found.resolved
        widths.append(found.fwhm_px)
    assert np.mean(widths) == pytest.approx(fwhm, rel=0.03)


def test_standard_error_is_the_scatter_of_repeats():
    found = [edge_resolution(edge(5, noise=0.02, seed=s), (30, 10), (30, 74), band=5) for s in range(40)]
    scatter = np.std([one.fwhm_px for one in found], ddof=1)
    assert scatter == pytest.approx(np.mean([one.fwhm_error_px for one in found]), rel=0.35)


def test_metres_follow_the_direction_of_the_line():
    image = edge(4.0)
    along_x = edge_resolution(image, (30, 10), (30, 74), pixel_size_m=(5e-9, 8e-9))
    assert along_x.fwhm_m == pytest.approx(4 * 8e-9, rel=0.01)
    assert along_x.fwhm_error_m == pytest.approx(along_x.fwhm_error_px * 8e-9)
    along_y = edge_resolution(image.T, (10, 30), (74, 30), pixel_size_m=(5e-9, 8e-9))
    assert along_y.fwhm_m == pytest.approx(4 * 5e-9, rel=0.01)
    assert edge_resolution(image, (30, 10), (30, 74)).fwhm_m is None


def test_a_band_averages_and_the_line_may_run_either_way():
    image = edge(3.0, noise=0.02)
    distance, values = profile(image, (30, 10), (30, 20), band=3)
    np.testing.assert_allclose(distance, np.arange(11))
    np.testing.assert_allclose(values, image[29:32, 10:21].mean(0), atol=1e-12)
    there, back = edge_resolution(image, (30, 10), (30, 74), band=9), edge_resolution(image, (30, 74), (30, 10), band=9)
    assert there.fwhm_px == pytest.approx(back.fwhm_px, rel=1e-4)
    assert there.step == pytest.approx(-back.step, rel=1e-4)


def test_an_edge_narrower_than_the_pixels_is_said_to_be():
    image = np.zeros((40, 50))
    image[:, 25:] = 1
    found = edge_resolution(image, (20, 10), (20, 40))
    assert not found.resolved
    assert found.fwhm_px < NARROWEST_PX
    cos, sin = np.cos(np.deg2rad(25)), np.sin(np.deg2rad(25))
    line = (30.5 - 24 * sin, 42 - 24 * cos), (30.5 + 24 * sin, 42 + 24 * cos)
    assert not edge_resolution(edge(0.8, 25), *line, band=15).resolved


@pytest.mark.parametrize(
    ("start", "end", "band", "message"),
    [
        ((30, 10), (30, 90), 1, "leaves the image"),
        ((2, 10), (2, 60), 9, "leaves the image"),
        ((30, 10), (30, 14), 1, "at least 7"),
        ((30, 10), (30, 10), 1, "at least 7"),
        ((30, 10), (30, 74), 0, "band is 0"),
        ((10, 5), (50, 5), 1, "no edge"),
    ],
)
def test_lines_that_cannot_work_are_refused(start, end, band, message):
    with pytest.raises(InputError, match=message):
        edge_resolution(edge(3, noise=0.01), start, end, band=band)


def test_images_that_cannot_work_are_refused():
    with pytest.raises(InputError, match="one image"):
        edge_resolution(np.ones((2, 40, 40)), (5, 5), (20, 20))
    with pytest.raises(InputError, match="NaN"):
        edge_resolution(np.full((40, 40), np.nan), (5, 5), (20, 20))
    with pytest.raises(InputError, match="no edge"):
        edge_resolution(np.ones((40, 40)), (5, 5), (20, 20))
