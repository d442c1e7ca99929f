"""The page of a run: what it holds, and, in a headless Chromium where there is one, what its controls do."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import noise_of_slice_two, with_smoothed
from scipy.special import erf

from ddip_tf.archive import repeats
from ddip_tf.archive.run import archived
from ddip_tf.errors import InputError, RunError
from ddip_tf.formats import tiff
from ddip_tf.quality import edge_resolution
from ddip_tf.report import figures as report
from ddip_tf.report import image_data, run_charts, run_page
from ddip_tf.report import text as describe

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
RUNS = Path(__file__).parents[1] / "runs"
SIGMA_PX = 2.0
SIZE_M = (7e-9, 8e-9)


def edge_image(height, width):
    """A slanted edge of standard deviation SIGMA_PX (H, W), and (y, x) of a line straight across it, 30 pixels long."""
    y, x = np.mgrid[:height, :width]
    across = np.array([0.6, 0.8])
    centre = np.array([height / 2, width / 2 + 3])
    distance = across[0] * (y - centre[0]) + across[1] * (x - centre[1])
    ends = [tuple(float(v) for v in centre + side * 15 * across) for side in (-1, 1)]
    return 0.3 + 0.1 * erf(distance / (np.sqrt(2) * SIGMA_PX)), ends


def with_images(run, folder, inputs, outputs, **manifest):
    """A copy of an archived run that holds other pictures."""
    shutil.copytree(run, folder)
    record = json.loads((folder / "manifest.json").read_text())
    record |= {"shape": list(outputs[0].shape), "pixel_size_m": SIZE_M, **manifest}
    (folder / "manifest.json").write_text(json.dumps(record))
    for number, (image, output) in enumerate(zip(inputs, outputs, strict=True), 1):
        tiff.write(folder / f"outputs/slice{number}.tif", output.astype(np.float32), SIZE_M)
        tiff.write(folder / f"outputs/ghost{number}.tif", (image - output).astype(np.float32), SIZE_M)
    return folder


@pytest.fixture(scope="module")
def edges(run, tmp_path_factory):
    """A run of (90, 121) pixels whose first output is an edge of known width; its input has a ghost of the second."""
    image, _ = edge_image(90, 121)
    y, x = np.mgrid[:90, :121]
    other = 0.05 * np.sin(x / 9) * np.cos(y / 14)
    folder = tmp_path_factory.mktemp("page") / "edges"
    return with_images(
        run,
        folder,
        [image + other, other],
        [image, other],
        warnings=["Slice <b>1</b> & </script> was hardly separated."],
    )


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser):
    """Open a run's page; at the end there must be no error on its console, and nothing asked of a network."""
    troubles, opened = [], []

    def go(run, width=1280, scheme="light", motion="no-preference"):
        path = run_page.write(run).absolute()
        viewport = {"width": width, "height": 900}
        context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion=motion)
        opened.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: troubles.append(message.text))
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on("request", lambda one: troubles.append(one.url) if not one.url.startswith(("file:", "data:")) else None)
        tab.goto(path.as_uri())
        tab.wait_for_selector("html[data-ready]", state="attached", timeout=60_000)
        return tab

    yield go
    for context in opened:
        context.close()
    assert troubles == []


@pytest.mark.parametrize("bits", [8, 16])
def test_planes_come_back_to_half_a_level(bits):
    image = np.random.default_rng(0).normal(size=(7, 5)) * 0.03 - 2
    plane = image_data.encode(image, bits)
    import base64
    import zlib

    raw = np.frombuffer(zlib.decompress(base64.b64decode(plane["data"])), np.uint8).astype(int)
    levels = raw if bits == 8 else 256 * raw[:35] + raw[35:]
    step = (plane["high"] - plane["low"]) / (2**bits - 1)
    assert np.abs(plane["low"] + step * levels.reshape(7, 5) - image).max() <= step / 2 * (1 + 1e-9)


def test_binned_is_the_mean_over_squares():
    image = np.arange(35.0).reshape(5, 7)
    assert image_data.binned(image, 1) is image
    np.testing.assert_allclose(image_data.binned(image, 2), [[4, 6, 8], [18, 20, 22]])


def test_page_needs_no_tensorflow_and_no_other_file(edges):
    code = f"import sys\nfrom ddip_tf.report import run_page\nrun_page.write({str(edges)!r})\n"
    code += "print([name for name in ('tensorflow', 'keras', 'matplotlib') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    text = (edges / "report.html").read_text()
    links = re.findall(r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=[^>]*>", text)
    assert links == ['<link rel="icon" href="data:,">']


def test_page_is_under_5_mb_at_448(run, tmp_path):
    noise = np.random.default_rng(1).normal(size=(4, 448, 448))
    folder = with_images(run, tmp_path / "r", noise[:2], noise[2:])
    learned = dict(np.load(folder / "mixing.npz")) | {"spread": noise[:2] ** 2, "decided": noise[2:]}
    np.savez(folder / "mixing.npz", **learned)
    assert run_page.write(folder).stat().st_size < 5e6


@pytest.mark.parametrize(("prior", "shown"), [("tv", True), (None, True), ("dip", False), ("null-dip", False)])
def test_spread_is_that_of_the_pictures_shown(run, tmp_path, monkeypatch, prior, shown):
    """Older runs of priors that are networks hold the spread of total variation's solves."""
    folder = shutil.copytree(run, tmp_path / "r")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["config"] |= {"mixing": "transfer", "prior": prior}
    if prior is None:  # older than the setting
        del manifest["config"]["prior"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    law = {name: np.full((9, 2, 2), 0.5) for name in ("transfer", "raw", "sigma")}
    law |= {"k": np.geomspace(0.01, 0.4, 9), "power": np.ones((9, 2)), "samples": np.ones(9)}
    images = np.random.default_rng(3).uniform(size=(2, 43, 36))
    np.savez(folder / "mixing.npz", **law, decided=images, spread=images)
    assert ("Spread of the solutions" in run_page.write(folder).read_text()) is shown
    figures = {}
    monkeypatch.setattr(report, "save_figure", lambda rows, path: figures.update({path.name: rows}))
    monkeypatch.setattr(report, "_panels", lambda rows: rows)
    report.write_figures(folder)
    assert ["spread" in row for row in figures["decided.png"]] == [shown] * 2


def test_larger_images_are_shown_as_means(run, tmp_path, monkeypatch):
    monkeypatch.setattr(run_page, "MOST_PIXELS", 2 * 43 * 36 // 4)
    text = run_page.write(shutil.copytree(run, tmp_path / "r")).read_text()
    assert "averaged over 2 × 2 pixels" in text
    assert '"binned": 2' in text
    assert '"height": 21' in text


def test_page_says_how_to_reproduce(run):
    text = run_page.write(run).read_text()
    manifest = json.loads((run / "manifest.json").read_text())
    assert "ddip-tf regenerate" in text
    assert "--config run.yaml" in text
    assert "epochs: 12" in text
    for said in (manifest["versions"]["tensorflow"], *manifest["files"].values()):
        assert said in text


@pytest.mark.parametrize(
    ("said", "command"),
    [
        (
            {"inputs": [{"name": "a 1.tif", "page": 0}, {"name": "b.tif", "page": 0}]},
            "'a 1.tif' b.tif --config run.yaml",
        ),
        (
            {"inputs": [{"name": "s.tif", "page": 0}, {"name": "s.tif", "page": 3}]},
            "s.tif --config run.yaml --slices 0,3",
        ),
        (
            {
                "inputs": [{"name": "s.h5", "page": i, "dataset": "a/b"} for i in (0, 1)],
                "crop": [[1, 50], [2, 60]],
                "from_complex": {"quantity": "amplitude"},
                "guides": [{"slice": 2, "name": "ni.tif"}],
                "runs": [{}, {}, {}],
            },
            "s.h5 --config run.yaml --slices 0,1 --dataset a/b --crop 1:50,2:60 --quantity amplitude "
            "--guide slice2=ni.tif --runs 3",
        ),
    ],
)
def test_command_that_does_it_again(said, command):
    assert describe.command(said) == f"ddip-tf fit {command}"


def test_warnings_stand_on_top_and_are_text(edges):
    text = run_page.write(edges).read_text()
    assert "Slice &lt;b&gt;1&lt;/b&gt; &amp; &lt;/script&gt; was" in text
    assert text.index("was hardly separated") < text.index('id="slice1"')
    assert "<b>1</b>" not in text


def test_what_was_smoothed_has_a_view_where_there_is_any(run, tmp_path, monkeypatch):
    folder = with_smoothed(run, tmp_path / "r", noise_of_slice_two())
    text = run_page.write(folder).read_text()
    parts = text.split('<section id="slice')
    assert [part.count('data-view="smoothed"') for part in parts] == [0, 0, 1]
    assert "what was taken out as the other slices" in parts[1]
    assert 'data-view="smoothed"' not in run_page.write(run).read_text()
    rows = []
    monkeypatch.setattr(report, "_panels", lambda given: rows.extend(given))
    monkeypatch.setattr(report, "save_figure", lambda figure, path: path)
    report.write_figures(folder)
    assert [list(row) for row in rows] == [["input", "output", "ghost", "smoothed"]] * 2
    np.testing.assert_allclose(rows[1]["smoothed"], noise_of_slice_two()[1])
    np.testing.assert_allclose(sum(list(rows[1].values())[1:]), rows[1]["input"], atol=1e-6)


def test_models_of_mixing_stand_in_a_table_best_first(run, tmp_path):
    folder = shutil.copytree(RUNS / "transfer", tmp_path / "r")
    assert "evidence over none" not in run_page.write(folder).read_text()
    manifest = json.loads((folder / "manifest.json").read_text())
    chosen = {"model": "free start", "model_evidence": {"none": 0.0, "full": 3.25, "free start": 9.5}, "gain": 1.0}
    (folder / "manifest.json").write_text(json.dumps(manifest | chosen))
    text = run_page.write(folder).read_text()
    assert "Mixing model: free start (columns of T sum to one), 6 nats ahead of the next." in text
    rows = re.findall(r"<tr><th>([^<]*)<td>([^<]*nats)", text)
    assert rows == [
        ("free start (columns of T sum to one)", "+9.5 nats"),
        ("any T", "+3.2 nats"),
        ("none", "+0.0 nats"),
    ]


def test_damage_is_one_sentence_and_the_old_page_stays(run, tmp_path):
    folder = shutil.copytree(run, tmp_path / "r")
    before = run_page.write(folder).read_text()
    (folder / "history.csv").write_text("epoch,loss\n1,x\n")
    with pytest.raises(InputError, match=r"history\.csv cannot be read"):
        run_page.write(folder)
    np.savez(folder / "mixing.npz", transfer=np.ones((3, 2, 2)))
    with pytest.raises(RunError, match="is damaged, no page of it"):
        run_page.write(folder)
    assert (folder / "report.html").read_text() == before


def test_charts_thin_out_and_leave_out_what_a_logarithm_cannot_show():
    epochs = np.arange(1, 10_001)
    chart = run_charts.chart("", ("epoch", epochs), "", [run_charts._line("a", 5.0 - epochs)], ylog=True)
    assert len(chart["x"]) == len(chart["lines"][0]["y"]) <= run_charts.MOST_POINTS
    assert chart["lines"][0]["y"][:2] == [4.0, None]


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
    assert "y 54, x 76: input" in tab.inner_text("#slice1 .readout")
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
    backs = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}
    back = "getComputedStyle(document.body).backgroundColor"
    assert tab.evaluate(back) == backs[scheme]
    charts = tab.locator(".uplot").count()
    tab.focus("#theme")
    tab.keyboard.press("Enter")
    assert tab.evaluate(back) == backs[other]
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
    assert tab.get_attribute("text=0002", "href") == "runs/0002/report.html"
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


def test_kernels_are_named_by_their_pair_of_slices():
    kernels = {name: np.eye(7) for name in ("filter21", "filter1_10", "filter11_1", "filter111")}
    manifest = {"config": {"mixing": "kernel"}}
    _, _, images = run_page._mixing(manifest, {"matrix": np.eye(11), **kernels})
    names = [image["label"].split(",")[0] for image in images]
    assert names == ["kernel 2 ← 1", "kernel 1 ← 10", "kernel 11 ← 1", "kernel filter111"]


def test_curves_of_eleven_slices_have_names_of_their_own():
    learned = {name: np.ones((3, 11, 11)) for name in ("transfer", "raw", "sigma")} | {"k": np.geomspace(0.01, 0.4, 3)}
    names = [line["label"] for line in run_charts.transfer(learned, None)["lines"]]
    assert len(set(names)) == len(names) == 2 * 110


def test_report_command(call, run, tmp_path):
    folder = shutil.copytree(run, tmp_path / "r")
    assert call("report", folder)[:2] == (0, f"{folder / 'report.html'}\n")
    code, _, err = call("report", tmp_path)
    assert code == 2
    assert "neither a run nor a sweep" in err


def test_fit_stands_where_the_page_fails(call, stack, tmp_path, monkeypatch):
    for number, image in enumerate(stack.images, 1):
        tiff.write(tmp_path / f"{number}.tif", image)

    def fail(run):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(run_page, "write", fail)
    code, out, err = call("fit", "1.tif", "2.tif", "-o", "r", "--preset", "quick")
    assert code == 0
    assert "again      ddip-tf regenerate r --check" in out
    assert "Warning: no r/report.html: by zero; ddip-tf report r makes it again" in err
    assert (tmp_path / "r/manifest.json").exists()
