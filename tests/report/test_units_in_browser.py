"""Units, legends, digests and links of the pages of runs and sweeps, in Chromium."""

import json
import re
import shutil

import numpy as np
import pytest
from page_runs import BACKS

from ddip_tf.archive import repeats
from ddip_tf.report import run_page
from ddip_tf.slices.quantities import suiting_unit
from ddip_tf.workflows import sweep_page


def test_pictures_carry_units(visit, run, tmp_path):
    copies = {"rad": {"quantity": "phase"}, "as given": None}
    for unit, record in copies.items():
        folder = shutil.copytree(run, tmp_path / unit)
        manifest = json.loads((folder / "manifest.json").read_text()) | {"from_complex": record}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        tab = visit(folder)
        assert (
            f"field of view 301 × 288 nm, pixels of 7 × 8 nm · values {'in ' * (unit == 'rad')}{unit}"
            in tab.inner_text("header")
        )
        box = tab.locator("#slice1 [data-view=output]").bounding_box()
        assert box["height"] / box["width"] == pytest.approx(43 * 7 / (36 * 8), rel=0.01)
        bar = tab.locator("#slice1 .pair figure:nth-child(2) .length")
        assert bar.inner_text().strip() == "50 nm"
        assert bar.locator("i").bounding_box()["width"] / box["width"] == pytest.approx(50 / 8 / 36, rel=0.02)
        values = tab.locator("#slice1 .pair figure:nth-child(2) .values")
        low, high = tab.evaluate("displayRange(slices[0].views.output)")
        shown = [float(values.locator(f"[data-end={end}]").inner_text()) for end in ("low", "high")]
        assert shown == pytest.approx([low, high], rel=0.01)
        assert values.inner_text().endswith(unit)
        tab.check("#same-grey")
        assert values.inner_text() == tab.inner_text("#slice1 .pair figure:nth-child(1) .values")
        for name, value in {"y0": 20, "x0": 8, "y1": 26, "x1": 28, "band": 1}.items():
            tab.fill(f"#slice1 [data-line={name}]", str(value))
        labels = tab.evaluate("[...charts].find((one) => one.host === slices[0].profile).spec")
        assert (labels["xlabel"], labels["ylabel"]) == ("along the line (nm)", f"image ({unit})")
        assert labels["x"][-1] == pytest.approx(np.hypot(7 * 6, 8 * 20), rel=1e-6)
        tab.locator("#slice1 [data-view=ghost]").hover(force=True, position={"x": 3, "y": 3})
        assert re.fullmatch(
            rf"y \d+, x \d+ \(\d+, \d+ nm\): input [-\d.e]+, output .* {unit}", tab.inner_text("#slice1 .readout")
        )


def test_without_a_pixel_size_lengths_are_pixels(visit, run, tmp_path):
    folder = shutil.copytree(run, tmp_path / "r")
    manifest = json.loads((folder / "manifest.json").read_text()) | {"pixel_size_m": None}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    tab = visit(folder)
    assert tab.inner_text("#slice1 [data-view=ghost] ~ .length").strip() == "10 px"
    assert "along the line (px)" in tab.evaluate("[...charts].map((one) => one.spec.xlabel)")
    assert "field of view" not in tab.inner_text("header")


@pytest.mark.parametrize(("size", "length"), [(None, 2 * 10), ([7e-9, 8e-9], 2 * 10 * 8)])
def test_lengths_are_those_of_the_sample_where_the_page_shows_means(visit, run, tmp_path, monkeypatch, size, length):
    monkeypatch.setattr(run_page, "MOST_PIXELS", 2 * 43 * 36 // 4)
    folder = shutil.copytree(run, tmp_path / "r")
    manifest = json.loads((folder / "manifest.json").read_text()) | {"pixel_size_m": size}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    tab = visit(folder)
    for name, value in {"y0": 10, "x0": 4, "y1": 10, "x1": 14, "band": 1}.items():
        tab.fill(f"#slice1 [data-line={name}]", str(value))
    assert tab.evaluate("[...charts].find((one) => one.host === slices[0].profile).spec.x").pop() == pytest.approx(
        length
    )
    share = {None: 10 / 36, (7e-9, 8e-9): 50 / 8 / 36}[size and tuple(size)]
    box = tab.locator("#slice1 [data-view=output]").bounding_box()
    assert tab.locator("#slice1 [data-view=output] ~ .length i").bounding_box()["width"] / box[
        "width"
    ] == pytest.approx(share, rel=0.02)


def test_lengths_read_best_in_the_page_as_in_the_program(visit, edges):
    tab = visit(edges)
    for metres in (3.0, 2e-3, 4.1e-6, 1e-6, 23e-9, 1e-9, 0.9e-9, 2e-11, 9e-12):
        assert tab.evaluate(f"lengthUnit({metres})") == list(suiting_unit(metres))


def test_legends_have_no_empty_values_before_the_mouse_comes(visit, edges):
    tab = visit(edges)
    values = tab.locator("#slice1 .profile .u-value")
    assert not any(values.nth(i).is_visible() for i in range(values.count()))
    colon = "getComputedStyle(document.querySelector('#slice1 .profile .u-legend tr + tr th'), '::after').visibility"
    assert tab.evaluate(colon) == "hidden"
    height = tab.locator("#slice1 .profile").bounding_box()["height"]
    tab.locator("#slice1 .profile .u-over").hover()
    assert values.nth(1).is_visible()
    assert float(values.nth(1).inner_text()) == pytest.approx(0.3, abs=0.3)
    assert tab.evaluate(colon) == "visible"
    assert tab.locator("#slice1 .profile").bounding_box()["height"] == height  # nothing moves


def test_marks_of_a_legend_are_drawn_as_the_lines_are(visit, edges):
    tab = visit(edges)
    marks = "[...document.querySelectorAll('#slice1 .profile tr + tr .u-marker')]"
    script = f"{marks}.map(mark => getComputedStyle(mark).borderTopStyle)"
    assert tab.evaluate(script) == ["solid", "solid", "dashed", "dashed"]


def test_digests_are_whole_on_a_narrow_screen(visit, edges):
    tab = visit(edges, width=400)
    tab.click("summary")
    for number in range(2):
        table = tab.locator("table.long").nth(number)
        assert table.evaluate("e => e.parentElement.scrollWidth <= e.parentElement.clientWidth")
    assert re.search(r"[0-9a-f]{64}", re.sub(r"\s", "", table.inner_text()))


def test_members_are_links_where_they_have_a_page(visit, run, tmp_path):
    for name in ("0001", "0002"):
        shutil.copytree(run, tmp_path / "r/runs" / name)
        (tmp_path / "r/runs" / name / "report.html").unlink(missing_ok=True)
    repeats.assemble(tmp_path / "r", ["0001", "0002"])
    run_page.write(tmp_path / "r/runs/0002")
    tab = visit(tmp_path / "r")
    links = tab.locator("a[href^=runs]")
    assert [links.nth(i).get_attribute("href") for i in range(links.count())] == ["runs/0002/report.html"]
    assert "0001" in tab.inner_text("main")


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_sweep_has_a_page_of_the_same_style(visit, run, tmp_path, width, scheme):
    rows = []
    for gamma, seed in ((0.1, 0), (0.1, 1), (0.4, 0), (0.4, 1)):
        name = f"kernel-g{gamma}-s{seed}"
        shutil.copytree(run, tmp_path / "s/runs" / name)
        rows.append(
            {"run": name, "status": "done", "preset": "paper", "mixing": "kernel", "gamma": gamma, "seed": seed}
        )
        rows[-1] |= {"fidelity": 0.1, "alpha1": 0.7}
    tab = visit(sweep_page.write(rows, tmp_path / "s"), width=width, scheme=scheme)
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == BACKS[scheme]
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    assert (
        max(
            tab.evaluate(
                "[...document.querySelectorAll('img, .uplot, .values')].map(e => e.getBoundingClientRect().right)"
            )
        )
        <= width
    )
    assert tab.locator(".uplot").count() == 1
    assert tab.evaluate("page.charts[0].x") == [0.1, 0.4]
