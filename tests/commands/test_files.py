"""Complex objects through the command line: from a reconstruction's file to a run folder and back into the file."""

import numpy as np
import pytest
import tifffile
from helpers import DATA, blobs, discs
from make_fixtures import PIXEL_M

from ddip_tf.archive.manifest import load_manifest
from ddip_tf.archive.run import Run
from ddip_tf.commands.options import picks
from ddip_tf.errors import InputError
from ddip_tf.slices.ghosts import window
from ddip_tf.slices.phase import Record
from ddip_tf.transfer.ramps import without_plane

BOX = ((5, 77), (7, 90))
SHAPE = (3, 85, 97)


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """Three mixed slices as pty-chi's .npy, with ramps, and absorption of its own."""
    true = np.stack([blobs(40, SHAPE[1:], seed, 3.0) for seed in (1, 2, 3)])
    mixed = 0.7 * true + 0.15 * (true.sum(0) - true)
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]]
    ramps = np.stack([0.02 * y, -0.01 * x, 0.005 * (y + x)])
    amplitude = np.exp(-0.1 * np.stack([blobs(40, SHAPE[1:], seed, 3.0) for seed in (4, 5, 6)]))
    path = tmp_path_factory.mktemp("product") / "object.npy"
    np.save(path, (amplitude * np.exp(1j * (0.5 * mixed + ramps))).astype("c8"))
    return path


def test_both_quantities_there_and_back(call, product, tmp_path):
    (y0, y1), (x0, x1) = BOX
    code, out, err = call(
        "fit", product, "--model", "smica", "--quantity", "both", "--crop", f"{y0}:{y1},{x0}:{x1}", "-o", "run"
    )
    assert (code, err) == (0, "")
    assert "from complex objects: phase of 5:77,7:90, ramps up to 0.0" in out
    assert "from complex objects: amplitude of 5:77,7:90" in out
    old = np.load(product)
    part = old[:, y0:y1, x0:x1]
    for run, factor in (("run", 1j), ("run-amplitude", 1)):
        manifest = load_manifest(run)
        assert manifest["slices"] == 3 and manifest["crop"] == [[y0, y1], [x0, x1]]
        record = manifest["from_complex"]
        record = Record(record["quantity"], tuple(map(tuple, record["planes"])), tuple(record["unwrapped"]))
        back = record.inverse(Run(run).inputs)
        np.testing.assert_allclose(back, part / abs(part) if factor == 1j else abs(part), atol=1e-5)
        assert call("regenerate", run, "--check")[0] == 0
    assert load_manifest("run")["amplitudes"] is True and 0 < load_manifest("run")["amplitudes_explained"] < 1
    assert load_manifest("run-amplitude")["amplitudes"] is None
    code, out, err = call("export", "run", "run-amplitude", "--into", product, "-o", "new.npy")
    assert (code, err) == (0, "") and out.endswith(f"new.npy: {product} with the separated slices\n")
    runs = Run("run"), Run("run-amplitude")
    assert out.splitlines()[:-1] == [f"Warning: {run}: {caution}" for run in runs for caution in run.cautions]
    new = np.load("new.npy")
    assert new.dtype == old.dtype
    outside = np.ones(SHAPE[1:], bool)
    outside[y0:y1, x0:x1] = False
    np.testing.assert_array_equal(new[:, outside], old[:, outside])
    taken = [run.inputs - run.outputs for run in runs]  # ghosts, and what was smoothed
    phase = np.stack([without_plane(image) for image in taken[0]])  # its ramp is the probe's as well
    amplitude = taken[1] - taken[1].mean((1, 2), keepdims=True)
    expected = part * np.exp(-window(BOX, SHAPE[1:]) * (amplitude + 1j * phase))
    np.testing.assert_allclose(new[:, y0:y1, x0:x1], expected, atol=1e-6)
    assert abs(phase).max() > 0.01
    code, _, err = call("export", "run", "--into", product, "-o", "new.npy")
    assert code == 2 and err == "ddip-tf: new.npy exists: choose another -o, or --overwrite\n"


def test_show_says_depth_of_focus_and_spacing_in_it(call):
    code, out, _ = call("show", DATA / "ptychodus.h5")
    assert code == 0
    assert "3 image(s) of 40 x 47, complex64, format ptychodus" in out
    assert f"pixel size {PIXEL_M[0] * 1e9:g} x {PIXEL_M[1] * 1e9:g} nm" in out
    assert "spacing    10, 20 µm" in out
    # the paper's Au/NiO data: 12 keV, 7.3 nm, slices 10 µm apart; it gives a depth of focus of 2.8 µm
    said = ["--energy", "12", "--pixel-size", "7.3e-9", "--spacing", "1e-5"]
    _, out, _ = call("show", DATA / "ptychi.npy", *said)
    assert "depth of focus 2.77 µm (eq. 1)" in out
    assert "slices lie 3.61 depths of focus apart; expect ghosts" in out
    _, out, _ = call("show", DATA / "ptychi.npy", *said, "--resolution", "20e-9")
    assert "slices lie 0.481 depths of focus apart; under one" in out
    assert "depth of focus" not in call("show", DATA / "ptychi.npy")[1]


def test_transfer_takes_one_quantity(call, product):
    assert call("transfer", product, "--quantity", "amplitude", "--slices", "0,2")[0] == 0
    code, _, err = call("transfer", product, "--quantity", "both")
    assert code == 2 and "one quantity at a time" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "ramp,plane"], "no step 'plane'; there are ramp, offset, unwrap"),
        (["--crop", "1:2"], "--crop takes Y0:Y1,X0:X1"),
        (["--format", "hdf"], "no format 'hdf'"),
        (["--format", "tiff"], "cannot be read as TIFF"),
        (["--slices", "0,3"], "no slice 3"),
    ],
)
def test_wrong_words_are_refused(call, product, arguments, message):
    code, _, err = call("fit", product, *arguments, "-o", "run")
    assert code == 2
    assert message in err and len(err.splitlines()) == 1


def test_real_images_have_no_amplitude(call, tmp_path):
    for n in (1, 2):
        tifffile.imwrite(tmp_path / f"s{n}.tif", blobs(9, (40, 43), n).astype("f4"))
    code, _, err = call("fit", tmp_path / "s1.tif", tmp_path / "s2.tif", "--quantity", "both")
    assert code == 2 and "there is no amplitude to take" in err


@pytest.fixture
def beside(tmp_path):
    """Two slices, a start, two halves, and files of wrong shapes: names in a folder."""
    slices = np.stack([blobs(9, (51, 43), 1), blobs(12, (51, 43), 2)]).astype("f4")
    rng = np.random.default_rng(0)
    half = [slices + 0.02 * rng.standard_normal(slices.shape).astype("f4") for _ in (1, 2)]
    start = np.stack([slices.sum(0), 0 * slices[0]])
    named = {"slices": slices, "start": start, "odd": half[0], "even": half[1], "small": slices[:, :-2]}
    for name, images in named.items():
        np.save(tmp_path / f"{name}.npy", images)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--start", "small.npy"], "shapes differ"),
        (["--half", "small.npy"], "shapes differ"),
        (["--start", "slices.npy"], "themselves"),
        (["--half", "slices.npy"], "same images"),
        (["--start", "missing.npy"], "missing.npy"),
        (["--start", "start.npy", "--preset", "paper"], "work with mixing transfer"),
        (["--start", "start.npy", "--preset", "0.1"], "model auto"),
    ],
)
def test_starts_and_halves_that_cannot_be_right(call, beside, arguments, message, monkeypatch):
    monkeypatch.chdir(beside)
    code, _, err = call("fit", "slices.npy", *arguments, "-o", "run")
    assert code == 2 and message in err and len(err.splitlines()) == 1
    assert not (beside / "run").exists()


def test_a_fit_with_start_and_halves_says_what_was_given(call, beside, monkeypatch):
    monkeypatch.chdir(beside)
    given = ["--start", "start.npy", "--half", "odd.npy", "--half", "even.npy"]
    code, out, _ = call("fit", "slices.npy", *given, "-o", "run")
    assert code == 0
    for sentence in ("lower bound of the noise", "blind to crosstalk", "half period"):
        assert sentence in out and sentence in call("show", "run")[1]
    manifest = load_manifest("run")
    assert [source["name"] for source in manifest["half"]] == ["odd.npy"] * 2 + ["even.npy"] * 2
    assert [source["page"] for source in manifest["start"]] == [0, 1]
    assert len(manifest["halves"]["correlation"]) == 2
    np.testing.assert_allclose(manifest["halves"]["noise_deviation"], 0.02 / np.sqrt(2), rtol=0.15)
    page = (beside / "run" / "report.html").read_text()
    assert "Fourier ring correlation of halves" in page and "blind to crosstalk" in page
    run = Run("run")
    np.testing.assert_allclose(run.inputs, np.load("slices.npy"), atol=1e-6)
    if not manifest["mixed"]:
        np.testing.assert_array_equal(run.outputs, np.load("slices.npy"))


@pytest.mark.parametrize(
    ("text", "slices"),
    [("0,3", [0, 3]), ("8:12", [8, 9, 10, 11]), ("8-12", [8, 9, 10, 11, 12]), ("0, 2:4,7", [0, 2, 3, 7]), ("5", [5])],
)
def test_slices_are_lists_and_ranges(text, slices):
    assert picks(text) == slices


@pytest.mark.parametrize("text", ["", "a", "3:", "-1", "4:4", "9-5", "1:2:3", "0:99999"])
def test_slices_that_are_none_are_one_line(text):
    with pytest.raises(InputError, match="--slices"):
        picks(text)


def test_a_fit_beside_vacuum_and_one_of_sums(call, tmp_path):
    images = discs(4, (43, 36), 2)
    flat = np.full((1, 43, 36), 0.5)
    tifffile.imwrite(tmp_path / "six.tif", np.concatenate([flat, images, flat]).astype("f4"), photometric="minisblack")
    code, out, _ = call("fit", "six.tif", "--slices", "0-2", "-o", "padded")
    assert code == 0 and "The same everywhere (vacuum)" in out
    assert {path.name for path in (tmp_path / "padded/outputs").glob("slice*")} == {f"slice{i}.tif" for i in (1, 2, 3)}
    lengths = ("--spacing", "0.1nm", "--pixel-size", "0.2A", "--energy", "300kV", "--probe-angle", "20mrad")
    code, out, err = call("fit", "six.tif", "--bin-slices", "2", "-o", "sums", *lengths)
    assert code == 0 and "2 sums of 2 neighbouring slices are separated" in out
    assert {path.name for path in (tmp_path / "sums/outputs").glob("slice*")} == {"slice2.tif", "slice4.tif"}
    code, out, err = call("fit", "six.tif", "--slices", "1-4", "-o", "none", "--dry-run", *lengths)
    assert code == 0 and err.startswith("Note: There are 4 slices, but the data tell at most ")
    code, out, _ = call("show", "six.tif", *lengths)
    assert code == 0 and out.splitlines()[1].startswith("Note: There are 4 slices, but the data tell at most ")
    code, _, err = call("export", "sums", "--into", "six.tif", "-o", "new.tif")
    assert (code, len(err.splitlines())) == (2, 1) and "sums of neighbouring slices" in err
