"""The commands `spectrum` and `resolution`."""

import numpy as np
import pytest
import tifffile
from helpers import edge

from ddip_tf.formats import tiff


@pytest.fixture
def image(tmp_path):
    tiff.write(tmp_path / "edge.tif", edge(4.0, noise=0.005), (7e-9, 8e-9))
    return "edge.tif"


def test_resolution_prints_pixels_and_nanometres_and_plots(call, image, tmp_path):
    code, out, err = call("resolution", image, "--line", "30,10:30,74", "--band", "9")
    assert (code, err) == (0, "")
    words = out.split()
    assert words[0] == "FWHM"
    assert float(words[1]) == pytest.approx(4, rel=0.03)
    assert float(words[6]) == pytest.approx(32, rel=0.03)
    assert words[9] == "nm"
    assert (tmp_path / "edge-resolution.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = call("resolution", image, "--line", "30,10:30,74", "--pixel-size", "1e-9", "-o", "a.png")
    assert float(out.split()[6]) == pytest.approx(4, rel=0.05)
    assert (tmp_path / "a.png").exists()


def test_spectrum_plots(call, image, tmp_path):
    assert call("spectrum", image) == (0, "edge-spectrum.png\n", "")
    assert (tmp_path / "edge-spectrum.png").read_bytes().startswith(b"\x89PNG")
    tifffile.imwrite(tmp_path / "two.tif", np.stack([edge(4.0), edge(5.0)]).astype("f4"), photometric="minisblack")
    assert call("spectrum", "two.tif", "--slice", "1")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resolution", "edge.tif", "--line", "30,10"), "--line takes"),
        (("resolution", "edge.tif", "--line", "30,10:30,99"), "leaves the image"),
        (("resolution", "edge.tif", "--line", "30,10:30,74", "--band", "0"), "band is 0"),
        (("resolution", "edge.tif", "--line", "30,10:30,74", "--pixel-size", "-1"), "pixel size"),
        (("spectrum", "missing.tif"), "missing.tif"),
        (("spectrum", "edge.tif", "--slice", "1"), "no slice 1"),
        (("spectrum", "complex.npy"), "complex"),
    ],
)
def test_bad_input_is_exit_2_one_line_and_nothing_written(call, image, tmp_path, arguments, message):
    np.save(tmp_path / "complex.npy", np.ones((40, 40)) * 1j)
    before = sorted(tmp_path.iterdir())
    code, out, err = call(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert sorted(tmp_path.iterdir()) == before
