"""The page of a run as a reader uses it, in Chromium: lines, sliders, grey scales, themes, widths."""

import re
import shutil

import numpy as np
import pytest
from helpers import noise_of_slice_two, with_smoothed
from page_runs import BACKS, SIGMA_PX, SIZE_M, edge_image

from ddip_tf.archive import repeats
from ddip_tf.archive.run import archived
from ddip_tf.quality import edge_resolution


def test_profile_and_width_are_those_of_the_command(visit, edges):
    tab = visit(edges)
    image, ((y0, x0), (y1, x1)) = edge_image(90, 121)
    for name, value in {"y0": y0, "x0": x0, "y1": y1, "x1": x1, "band": 5}.items():
        tab.fill(f"#slice1 [data-line={name}]", str(value))
    said = tab.inner_text("#slice1 [data-width=output]")
    width_px, error_px, width_nm = map(float, re.match(r"([\d.]+) ± ([\d.]+) px = ([\d.]+)", said).groups())
    there = edge_resolution.edge_resolution(image, (y0, x0), (y1, x1), band=5, pixel_size_m=SIZE_M)
    assert width_px == pytest.approx(there.fwhm_px, abs=0.006)
    assert width_px == pytest.approx(edge_resolution.FWHM * SIGMA_PX, rel=0.02)
    assert width_nm == pytest.approx(there.fwhm_m * 1e9, abs=0.06)
    assert error_px < 0.02
    profile = tab.evaluate("profileOf(slices[0].splines[1], width, height, slices[0].line).values")
    np.testing.assert_allclose(profile, there.profile, atol=1e-5)
    assert f"--line {y0:g},{x0:g}:{y1:g},{x1:g} --band 5" in tab.inner_text("#slice1 .again")


def test_line_is_drawn_with_the_mouse(visit, edges):
    tab = visit(edges)
    before = tab.inner_text("#slice2 .again")
    box = tab.locator("#slice1 [data-view=ghost]").bounding_box()
    at = [
        (box["x"] + (x + 0.5) / 121 * box["width"], box["y"] + (y + 0.5) / 90 * box["height"])
        for y, x in ((36, 52), (54, 76))
    ]
    tab.mouse.move(*at[0])
    tab.mouse.down()
    tab.mouse.move(*at[1], steps=4)
    tab.mouse.up()
    fields = [float(tab.input_value(f"#slice1 [data-line={name}]")) for name in ("y0", "x0", "y1", "x1")]
    np.testing.assert_allclose(fields, [36, 52, 54, 76], atol=0.5)
    width_px = float(tab.inner_text("#slice1 [data-width=output]").split(" ")[0])
    assert width_px == pytest.approx(edge_resolution.FWHM * SIGMA_PX, rel=0.05)
    assert "y 54, x 76 (378, 608 nm): input" in tab.inner_text("#slice1 .readout")
    assert tab.inner_text("#slice2 .again") == before


def test_line_is_moved_with_the_keyboard(visit, edges):
    tab = visit(edges)
    for name, value in {"y0": 40, "x0": 50, "y1": 40, "x1": 80}.items():
        tab.fill(f"#slice1 [data-line={name}]", str(value))
    tab.focus("#slice1 [data-end='1']")
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("Shift+ArrowRight")
    tab.keyboard.press("ArrowLeft")
    assert [tab.input_value(f"#slice1 [data-line={name}]") for name in ("y1", "x1")] == ["39", "89"]
    assert tab.get_attribute("#slice1 [data-end='1']", "aria-valuetext") == "y 39, x 89"
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("ArrowDown")
    assert tab.input_value("#slice1 [data-line=y0]") == "41"


def test_faults_of_a_line_are_said(visit, edges):
    tab = visit(edges)
    tab.fill("#slice1 [data-line=x0]", "-5")
    assert "leaves the image" in tab.inner_text("#slice1 [data-width=output]")
    for name, value in {"y0": 40, "x0": 50, "y1": 42, "x1": 50}.items():
        tab.fill(f"#slice1 [data-line={name}]", str(value))
    assert "needs at least 7" in tab.inner_text("#slice1 [data-width=output]")


def test_slider_cuts_between_input_and_output(visit, edges):
    tab = visit(edges)
    places = [tab.locator(f"#slice1 .pair [data-view={view}]") for view in ("input", "output")]
    assert places[0].bounding_box()["x"] < places[1].bounding_box()["x"]
    tab.focus("[name=mode][value=side]")
    tab.keyboard.press("ArrowRight")
    assert places[0].bounding_box() == places[1].bounding_box()
    clip = "getComputedStyle(document.querySelector('#slice1 [data-view=output]')).clipPath"
    assert tab.evaluate(clip) == "inset(0px 0px 0px 50%)"
    tab.focus("#cut")
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(clip) == "inset(0px 0px 0px 51%)"
    assert tab.locator("#slice1 [data-end='0'][tabindex]").is_visible()


def test_flicker_shows_one_after_the_other(visit, edges):
    tab = visit(edges)
    tab.check("[name=mode][value=flicker]")
    output = tab.locator("#slice1 [data-view=output]")
    for state in ("hidden", "visible", "hidden"):
        output.wait_for(state=state, timeout=5000)
    tab.click("#swap")  # stops it, too
    assert tab.inner_text("#pause") == "Play"
    shown = output.is_visible()
    tab.wait_for_timeout(1000)
    assert output.is_visible() == shown
    tab.click("#swap")
    assert output.is_visible() != shown
    assert visit(edges, motion="reduce").evaluate("compare('flicker'), ticking") is None


def test_the_ghost_is_what_is_left_beside_the_smoothed(visit, run, tmp_path):
    noise = noise_of_slice_two()
    tab = visit(with_smoothed(run, tmp_path / "r", noise))
    inputs, outputs = archived(run)
    for number, images in enumerate(inputs - outputs - noise):
        values = np.reshape(tab.evaluate(f"[...slices[{number}].views.ghost]"), images.shape)
        np.testing.assert_allclose(values, images, atol=1e-4 * np.ptp(inputs[number]))
    assert tab.locator("#slice1 [data-view=smoothed]").count() == 0
    assert tab.locator("#slice2 [data-view=smoothed]").is_visible()


def test_grey_scales(visit, edges):
    tab = visit(edges)
    pixel = "document.querySelector('#slice2 [data-view={}]').getContext('2d').getImageData(50, 50, 1, 1).data[0]"
    ghost, output = tab.evaluate(pixel.format("ghost")), tab.evaluate("displayRange(slices[0].views.output)")
    image, _ = edge_image(90, 121)
    np.testing.assert_allclose(output, [image.mean() - 4 * image.std(), image.mean() + 4 * image.std()], rtol=1e-4)
    assert ghost == pytest.approx(0, abs=128)
    first = "document.querySelector('#slice1 [data-view=output]').toDataURL()"
    before = tab.evaluate(first)
    tab.check("#same-grey")
    assert tab.evaluate(first) != before


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_theme_is_the_readers_and_can_be_changed(visit, edges, scheme, other):
    tab = visit(edges, scheme=scheme)
    back = "getComputedStyle(document.body).backgroundColor"
    assert tab.evaluate(back) == BACKS[scheme]
    charts = tab.locator(".uplot").count()
    tab.focus("#theme")
    tab.keyboard.press("Enter")
    assert tab.evaluate(back) == BACKS[other]
    assert tab.locator(".uplot").count() == charts > 4


@pytest.mark.parametrize("width", [400, 1280])
def test_page_fits_the_window(visit, edges, width):
    tab = visit(edges, width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    right = "[...document.querySelectorAll('canvas, .uplot, button, input')].map(e => e.getBoundingClientRect().right)"
    assert max(tab.evaluate(right)) <= width


def test_repeated_fits_show_their_deviation(visit, run, tmp_path):
    for name in ("0001", "0002"):
        shutil.copytree(run, tmp_path / "r/runs" / name)
    repeats.assemble(tmp_path / "r", ["0001", "0002"])
    tab = visit(tmp_path / "r")
    assert tab.locator("[data-view=deviation]").count() == 2
    assert "mean of 2 of 2 fits" in tab.inner_text("main")
    assert tab.inner_text("h3 >> nth=2") == "Loss of every fit"


@pytest.mark.parametrize("mixing", ["kernel", "transfer"])
def test_mixing_is_drawn(visit, run, tmp_path, mixing):
    folder = shutil.copytree(run, tmp_path / "r")
    learned = {
        "kernel": {"matrix": np.eye(2), "filter12": np.eye(7), "filter21": np.ones((7, 7))},
        "transfer": {
            "k": np.geomspace(0.01, 0.4, 9),
            "transfer": np.ones((9, 2, 2)) / 2,
            "raw": np.ones((9, 2, 2)) / 3,
            "sigma": np.linspace(0.1, 1.1, 36).reshape(9, 2, 2),
            "decided": np.ones((2, 43, 36)),
        },
    }[mixing]
    np.savez(folder / "mixing.npz", **learned)
    tab = visit(folder)
    if mixing == "kernel":
        assert tab.locator("[data-small][aria-label^=kernel]").count() == 2
        assert "1.000 of y1" in tab.inner_text("main")
    else:
        chart = tab.evaluate("page.charts[0]")
        assert (chart["title"], len(chart["lines"])) == ("T(k)", 4)
        assert chart["lines"][1]["y"][0] == pytest.approx(1 / 3)
        assert chart["lines"][1]["y"][-1] is None  # σ over one: not determined
        assert tab.locator("[data-view='decided by data']").count() == 2
