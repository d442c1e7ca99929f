"""Figures and page of many slices, and their run folder: vacuum, numbers of the file, no warnings of plotting."""

import json
import re
import shutil
import warnings

import numpy as np
import pytest
import tifffile
from many import law_of, separation_of, stack_of
from PIL import Image

import ddip_tf
from ddip_tf.archive.export import export
from ddip_tf.archive.run import Run
from ddip_tf.archive.write import save
from ddip_tf.errors import InputError
from ddip_tf.formats import read
from ddip_tf.report import figures, many_slices, run_page, text
from ddip_tf.slices.sums import summed

SHAPE = (43, 56)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Five slices with vacuum above and below, of other values."""
    path = tmp_path_factory.mktemp("many") / "stack.tif"
    flat = np.ones((1, *SHAPE), "f4")
    images = np.concatenate([0.25 * flat, stack_of(5, SHAPE).images, 0 * flat])
    tifffile.imwrite(path, images, photometric="minisblack")
    return path


@pytest.fixture(scope="module")
def many(file):
    stack = read(file)
    folder = save(separation_of(stack, stack.notes), file.parent / "run")
    figures.write_figures(folder)
    run_page.write(folder)
    return folder


def test_vacuum_is_in_the_outputs_and_slices_have_the_numbers_of_the_file(many, file):
    run, pages = Run(many), tifffile.imread(file)
    assert run.numbers == (2, 3, 4, 5, 6) and [one.number for one in run.vacuum] == [1, 7]
    names = sorted(path.name for path in (many / "outputs").iterdir())
    assert names == sorted([f"slice{i}.tif" for i in range(1, 8)] + [f"ghost{i}.tif" for i in range(2, 7)])
    for number in (1, 7):
        np.testing.assert_array_equal(tifffile.imread(many / f"outputs/slice{number}.tif"), pages[number - 1])
    np.testing.assert_allclose(run.inputs, pages[1:6], atol=1e-6)
    assert {path.stem for path in (many / "onnx").iterdir()} == {f"slice{i}" for i in range(2, 7)}


def test_it_regenerates_vacuum_too(many, call, tmp_path):
    code, out, err = call("regenerate", many, "-o", tmp_path / "again", "--check")
    assert (code, err) == (0, "") and "7 pictures in" in out
    changed = shutil.copytree(many, tmp_path / "changed")
    tifffile.imwrite(changed / "outputs/slice7.tif", np.ones(SHAPE, "f4"))
    assert any("slice7.tif: the onnx picture differs" in said for said in ddip_tf.check(changed))


def test_an_export_leaves_vacuum_as_it_was(many, file, tmp_path):
    done = export([many], file, tmp_path / "new.tif")
    assert done.slices == (2, 3, 4, 5, 6)
    old, new = tifffile.imread(file), tifffile.imread(tmp_path / "new.tif")
    np.testing.assert_array_equal(new[[0, 6]], old[[0, 6]])
    np.testing.assert_allclose(new[1:6], Run(many).outputs, atol=1e-5)


def test_show_and_the_command_that_does_it_again_name_them(many):
    assert "(slices 2 to 6 of it)" in text.run(many)
    assert text.command(Run(many).manifest).endswith("--slices 0:7")


def test_a_run_of_sums_is_named_and_not_exported(file, tmp_path):
    stack = summed(read(file), 2)
    folder = save(separation_of(stack, stack.notes), tmp_path / "sums")
    run = Run(folder)
    assert run.numbers == (2, 4, 6) and run.vacuum == ()
    assert sorted(path.name for path in (folder / "outputs").glob("slice*")) == [
        "slice2.tif",
        "slice4.tif",
        "slice6.tif",
    ]
    assert "(sums of slices 2 and 3, 4 and 5, 6)" in text.run(folder)
    assert text.command(run.manifest).endswith("--slices 0:7 --bin-slices 2")
    assert "sum of slices 2 and 3" in run_page.write(folder).read_text()
    with pytest.raises(InputError, match="sums of neighbouring slices"):
        export([folder], file, tmp_path / "new.tif")


@pytest.mark.parametrize(
    "damage",
    [{"numbers": [2, 3]}, {"numbers": [2, 2, 3, 4, 5]}, {"numbers": "2"}, {"vacuum": [{"number": 1}]}, {"summed": [1]}],
)
def test_damaged_numbers_are_refused(many, tmp_path, damage):
    (tmp_path / "manifest.json").write_text(json.dumps(json.loads((many / "manifest.json").read_text()) | damage))
    with pytest.raises(InputError, match="is damaged"):
        Run(tmp_path)


def test_figures_of_24_slices_are_strips_and_images_without_a_warning(tmp_path):
    count, scale = 24, figures.scales.Scale(SHAPE, (2e-11, 3e-11), "rad")
    rows = [{"input": image, "output": 0.9 * image, "spread": abs(image)} for image in stack_of(count, SHAPE).images]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures.save_figure(figures._panels(rows, scale, range(3, 27)), tmp_path / "strips.png")
        paths = figures.write_transfer(law_of(count), tmp_path, (2e-11, 3e-11), range(3, 27), (1e-9,) * 23)
    assert [path.name for path in paths] == ["transfer.csv", "strength.csv", "transfer.png"]
    width, height = Image.open(tmp_path / "strips.png").size
    assert 900 < width < 1300 and height < 2000
    lines = paths[1].read_text().splitlines()
    assert lines[0] == "k,distance_nm,mean,least,most" and len(lines) == 1 + 23 * len(law_of(count).k)
    assert paths[0].read_text().startswith("k,T33,T34,") and ",T3_10," in paths[0].read_text()


def test_nine_slices_are_strips_of_five_and_four():
    rows = [{"input": image} for image in stack_of(9, SHAPE).images]
    first, _, second, _ = many_slices.strips(rows, figures.scales.Scale(SHAPE, None, "rad"), range(3, 12)).axes
    assert second.get_position().width / first.get_position().width == pytest.approx(4 / 5)
    assert [words.get_text() for words in second.texts] == ["slice 8: input", "9", "10", "11"]


def test_strength_is_the_mean_over_pairs_equally_far_apart():
    law = law_of(6)
    found = many_slices.strength(law.matrix, (1, 2, 3, 4, 5, 6))
    expected = np.mean([law.matrix[0, i, j] for i in range(6) for j in range(6) if abs(i - j) == 2])
    assert found.mean[0, 1] == pytest.approx(expected) and found.distance[1] == 2
    assert (found.least <= found.mean + 1e-12).all() and (np.diff(found.mean[0]) < 0).all()
    said = text.transfer(law, numbers=range(4, 10))
    assert len(said.splitlines()) < len(law.k) + 6 and "1 slices" in said


def test_the_page_has_a_slider_that_shows_one_slice_and_its_spectra(many, request):
    tab = request.getfixturevalue("visit")(many)
    seen = "[...document.querySelectorAll('section[id]')].filter(one => !one.hidden).map(one => one.id)"
    assert tab.evaluate(seen) == ["slice2"]
    for _ in range(3):
        tab.click("#later")
    assert tab.evaluate(seen) == ["slice5"] and tab.inner_text("#which-number") == "5"
    heads = "[...document.querySelectorAll('h3')].filter(one => one.checkVisibility()).map(one => one.textContent)"
    assert tab.evaluate(heads)[-1] == "Slice 5"
    tab.locator("#which").fill("0")
    assert tab.evaluate(seen) == ["slice2"]
    assert "slice 1 (0.25 as given), slice 7 (0 as given)" in tab.inner_text("main")


def test_the_slider_fits_on_a_narrow_screen(many, request):
    tab = request.getfixturevalue("visit")(many, width=400)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400
    assert tab.locator("#later").is_visible()


def test_only_what_belongs_to_a_slice_is_hidden(many):
    page = (many / "report.html").read_text()
    assert page.count('type="range" min="0" max="4"') == 1
    assert len(re.findall(r'<section id="slice\d+" data-of', page)) == 5
