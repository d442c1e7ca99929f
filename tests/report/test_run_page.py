"""The page of a run: what it holds, and when it is written."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import noise_of_slice_two, with_smoothed
from page_runs import with_images

from ddip_tf.errors import InputError, RunError
from ddip_tf.formats import tiff
from ddip_tf.report import figures as report
from ddip_tf.report import image_data, run_charts, run_page
from ddip_tf.report import text as describe

RUNS = Path(__file__).parents[1] / "runs"


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
    mixing = {name: np.full((9, 2, 2), 0.5) for name in ("transfer", "raw", "sigma")}
    mixing |= {"k": np.geomspace(0.01, 0.4, 9), "power": np.ones((9, 2)), "samples": np.ones(9)}
    images = np.random.default_rng(3).uniform(size=(2, 43, 36))
    np.savez(folder / "mixing.npz", **mixing, decided=images, spread=images)
    assert ("Spread of the solutions" in run_page.write(folder).read_text()) is shown
    figures = {}
    monkeypatch.setattr(report, "save_figure", lambda rows, path: figures.update({path.name: rows}))
    monkeypatch.setattr(report, "_panels", lambda rows, scale, numbers: rows)
    report.write_figures(folder)
    assert ["spread" in row for row in figures["decided.png"]] == [shown] * 2


def test_the_other_reading_stands_beside_the_outputs(run, tmp_path, monkeypatch):
    folder = shutil.copytree(run, tmp_path / "r")
    mixing = {name: np.full((9, 2, 2), 0.5) for name in ("transfer", "raw", "sigma")}
    mixing |= {"k": np.geomspace(0.01, 0.4, 9), "power": np.ones((9, 2)), "samples": np.ones(9)}
    images = np.random.default_rng(3).uniform(size=(2, 43, 36))
    np.savez(folder / "mixing.npz", **mixing, decided=images, other_reading=images)
    assert run_page.write(folder).read_text().count("other reading of their units") == 2
    figures = {}
    monkeypatch.setattr(report, "save_figure", lambda rows, path: figures.update({path.name: rows}))
    monkeypatch.setattr(report, "_panels", lambda rows, scale, numbers: rows)
    report.write_figures(folder)
    for row, image in zip(figures["decided.png"], images, strict=True):
        np.testing.assert_array_equal(row["other reading"], image)


def test_larger_images_are_shown_as_means(run, tmp_path, monkeypatch):
    monkeypatch.setattr(run_page, "MOST_PIXELS", 2 * 43 * 36 // 4)
    text = run_page.write(shutil.copytree(run, tmp_path / "r")).read_text()
    assert "averaged over 2 × 2 pixels" in text
    assert '"binned": 2' in text
    assert '"height": 21' in text


def test_page_says_how_to_reproduce(run, tmp_path):
    text = run_page.write(shutil.copytree(run, tmp_path / "r")).read_text()
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
                "start": [{"name": "o.h5", "page": 0}, {"name": "o.h5", "page": 1}],
                "half": [{"name": "odd.h5"}, {"name": "odd.h5"}, {"name": "even.h5"}, {"name": "even.h5"}],
                "runs": [{}, {}, {}],
            },
            "s.h5 --config run.yaml --slices 0,1 --dataset a/b --crop 1:50,2:60 --quantity amplitude "
            "--guide slice2=ni.tif --start o.h5 --half odd.h5 --half even.h5 --runs 3",
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
    assert 'data-view="smoothed"' not in run_page.write(shutil.copytree(run, tmp_path / "bare")).read_text()
    rows = []
    monkeypatch.setattr(report, "_panels", lambda given, *_: rows.extend(given))
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
    chart = run_charts.chart("", ("epoch", epochs), "", [run_charts.line("a", 5.0 - epochs)], ylog=True)
    assert len(chart["x"]) == len(chart["lines"][0]["y"]) <= run_charts.MOST_POINTS
    assert chart["lines"][0]["y"][:2] == [4.0, None]


def test_kernels_are_named_by_their_pair_of_slices():
    kernels = {name: np.eye(7) for name in ("filter21", "filter1_10", "filter11_1", "filter111")}
    manifest = {"config": {"mixing": "kernel"}, "slices": 11, "pixel_size_m": None}
    _, _, images = run_page._mixing(manifest, {"matrix": np.eye(11), **kernels})
    names = [image["label"].split(",")[0] for image in images]
    assert names == ["kernel 2 ← 1", "kernel 1 ← 10", "kernel 11 ← 1", "kernel filter111"]


def test_curves_of_t_go_by_the_numbers_of_the_file():
    learned = {name: np.ones((3, 3, 3)) for name in ("transfer", "raw", "sigma")} | {"k": np.geomspace(0.01, 0.4, 3)}
    names = [line["label"] for line in run_charts.transfer(learned, None, (9, 10, 12))["lines"]]
    assert len(set(names)) == len(names) == 2 * 6
    assert names[0] == "T9_10: slice 10 in slice 9"


def test_t_of_eleven_slices_is_a_few_curves_by_distance():
    learned = {"transfer": np.ones((5, 11, 11)) * np.arange(5)[:, None, None], "k": np.geomspace(0.01, 0.4, 5)}
    chart = run_charts.transfer(learned, (2e-9, 3e-9), range(1, 12), (2e-9,) * 10)
    assert chart["x"] == [2.0 * d for d in range(1, 11)] and chart["xlabel"].endswith("(nm)")
    assert [line["y"][0] for line in chart["lines"]] == [0, 1, 3, 4]


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
