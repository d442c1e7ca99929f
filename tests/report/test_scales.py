"""Units of pictures: lengths, values and their bars, in text and in figures."""

import numpy as np
import pytest
from helpers import edge
from matplotlib.figure import Figure
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from ddip_tf.quality.edge_resolution import edge_resolution
from ddip_tf.report import figures, image_figures, scales
from ddip_tf.report.scales import Scale
from ddip_tf.slices import SliceStack
from ddip_tf.slices.phase import Record

SCALES = [
    ((160, 192), (7.3e-9, 7.3e-9), 200 / 7.3, "200 nm", "1.168 × 1.402 µm, pixels of 7.3 nm"),
    ((43, 36), (7e-9, 8e-9), 50 / 8, "50 nm", "301 × 288 nm, pixels of 7 × 8 nm"),
    ((301, 260), (0.2e-10, 0.2e-10), 50, "1 nm", "6.02 × 5.2 nm, pixels of 0.2 Å"),
    ((43, 36), None, 10, "10 px", ""),
]


@pytest.mark.parametrize(("shape", "size", "bar_px", "bar", "field"), SCALES)
def test_bars_are_round_lengths_of_a_third_at_most(shape, size, bar_px, bar, field):
    scale = Scale(shape, size)
    assert (scale.bar, scale.field) == (bar, field)
    assert scale.bar_px == pytest.approx(bar_px)
    assert scale.bar_px <= 0.3 * shape[1]


@pytest.mark.parametrize(("most", "round_"), [(1.0, 1), (0.99, 0.5), (4.9e-7, 2e-7), (5e-7, 5e-7), (30.1, 20), (2, 2)])
def test_round_lengths(most, round_):
    assert scales.round_length(most) == pytest.approx(round_)


@pytest.mark.parametrize(
    ("record", "unit"),
    [(None, "as given"), ({"quantity": "phase"}, "rad"), ({"quantity": "amplitude"}, "ln A"), ("damaged", "as given")],
)
def test_values_are_in_rad_where_the_program_made_them_of_a_complex_object(record, unit):
    manifest = {"shape": [43, 36], "pixel_size_m": [7e-9, 8e-9], "from_complex": record}
    assert scales.of_run(manifest) == Scale((43, 36), (7e-9, 8e-9), unit)


def test_a_stack_has_the_scale_of_its_run(stack):
    assert scales.of_stack(stack) == Scale((43, 36), (7e-9, 8e-9), "as given")
    record = Record("phase", ((0.0, 0.0, 0.0),) * 2, (False, False))
    assert scales.of_stack(SliceStack(stack.images, record=record)) == Scale((43, 36), None, "rad")


def test_every_picture_of_a_figure_has_both_bars(stack):
    image, scale = stack.images[0], Scale((43, 36), (7e-9, 8e-9), "rad")
    figure = figures._panels([{"output": image, "spread": abs(image)}] * 2, scale, (1, 2))
    shown = [axis for axis in figure.axes if axis.images]
    assert len(shown) == 4
    for axis in shown:
        (bar,) = (artist for artist in axis.artists if isinstance(artist, AnchoredSizeBar))
        (box,) = bar.size_bar.get_children()
        assert (box.get_width(), bar.txt_label.get_text()) == (pytest.approx(50 / 8), "50 nm")
        assert axis.get_aspect() == pytest.approx(7 / 8)
        assert axis.images[0].colorbar.ax.get_xlabel() == "rad"
    low, high = shown[1].images[0].get_clim()
    assert (low, high) == (0, pytest.approx(np.percentile(abs(image), 99.5)))
    assert "301 × 288 nm" in figure.get_supxlabel()


def test_an_edge_is_drawn_along_its_length_on_the_sample(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path: drawn.append(self))
    image, line, size = edge(4.0), ((30.0, 10.0), (30.0, 74.0)), (7e-9, 8e-9)
    found = edge_resolution(image, *line, pixel_size_m=size)
    image_figures.draw_edge(image, line, found, tmp_path / "a.png", size)
    axis = drawn[0].axes[1]
    assert axis.get_xlabel() == "along the line (nm)"
    np.testing.assert_allclose(axis.lines[0].get_xdata()[-1], 64 * 8)
    assert image_figures.width_of(found).endswith(" nm")
    electrons = edge_resolution(image, *line, pixel_size_m=(2e-11, 2e-11))
    assert image_figures.width_of(electrons).endswith(" Å")
