"""The transfer model end to end, on the pair that ships: real crosstalk, known truth."""

from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import mix

import ddip_tf
from ddip_tf.archive import regenerate, write
from ddip_tf.archive.manifest import load_manifest
from ddip_tf.archive.run import archived
from ddip_tf.config import preset
from ddip_tf.errors import InputError
from ddip_tf.formats import read
from ddip_tf.quality import with_truth
from ddip_tf.report import figures
from ddip_tf.slices import SliceStack
from ddip_tf.training.fitting import fit
from ddip_tf.transfer import Transfer, ladder
from ddip_tf.transfer.ramps import without_plane

DATA = Path(ddip_tf.__file__).with_name("demo_data")
PAIR = read(DATA / "slice1.tif", DATA / "slice2.tif")
TRUTH = read(DATA / "truth1.tif", DATA / "truth2.tif")


@pytest.fixture(scope="module")
def separation():
    return fit(PAIR, preset("default"), threads=2)


def test_a_pair_with_known_truth_comes_out_better_than_it_went_in(separation):
    before, after = (with_truth.score(images, TRUTH.images) for images in (PAIR.images, separation.outputs))
    for one, other in zip(before, after, strict=True):
        assert other.psnr > one.psnr + 6
        assert other.ssim > one.ssim
        assert abs(other.leak) < 0.12 < abs(one.leak)
        assert other.error < one.error / 2


def test_what_is_taken_out_is_the_other_slices_or_nobodys(separation):
    """Ghost T y − y, smoothed I − T y, both but for a ramp, which is the ghost's; a replaced pixel is smoothed."""
    images, T = PAIR.images, Transfer.from_arrays(separation.mixing)
    explained = mix(separation.outputs - separation.outputs.mean((1, 2), keepdims=True), T)
    spread = np.ptp(images)
    found = separation.ghosts, separation.smoothed
    for taken, expected in zip(found, (explained - separation.outputs, images - explained), strict=True):
        for one, other in zip(taken, expected, strict=True):
            np.testing.assert_allclose(without_plane(one - other), 0, atol=1e-6 * spread)
    for left in separation.smoothed:
        assert np.std(left - without_plane(left)) < 0.05 * np.std(images)
    assert (separation.smoothed.std((1, 2)) < 0.25 * separation.ghosts.std((1, 2))).all()
    hot = images.copy()
    hot[1, 30, 41] += 9
    found = fit(SliceStack(hot), preset("default"))
    assert found.smoothed[1, 30, 41] == pytest.approx(9, abs=0.5)
    assert abs(found.ghosts[1, 30, 41]) < 0.5
    np.testing.assert_allclose(found.outputs + found.ghosts + found.smoothed, hot, atol=1e-6)


def test_nothing_is_smoothed_where_the_transfer_explains_all():
    y = np.asarray(TRUTH.images, float)
    one_sided = fit(SliceStack(np.stack([y[0], y[1] - 0.4 * y[0]])), preset("default"))
    assert [caution.code for caution in one_sided.warnings] == ["one-sided"]
    assert one_sided.smoothed is None


def test_the_projected_phase_is_kept(separation):
    kept = np.corrcoef(separation.outputs.sum(0).ravel(), PAIR.images.sum(0).ravel())[0, 1]
    assert kept > 0.99
    gain = np.polyfit(PAIR.images.sum(0).ravel(), separation.outputs.sum(0).ravel(), 1)[0]
    assert gain == pytest.approx(1, abs=0.05)


def test_the_true_slices_come_back_unchanged():
    result = fit(TRUTH, preset("default"))
    assert [caution.code for caution in result.warnings] == ["none-found"]
    assert result.smoothed is None
    np.testing.assert_allclose(result.outputs, TRUTH.images, atol=1e-6)


def test_the_same_image_twice_comes_back_bit_for_bit():
    image = PAIR.images[0, :101, :133]
    result = fit(SliceStack(np.stack([image, image])), preset("default"))
    assert [caution.code for caution in result.warnings] == ["same-image"]
    np.testing.assert_array_equal(result.outputs, [image, image])


@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_the_unit_does_not_matter(separation, unit):
    result = fit(SliceStack(PAIR.images * np.float32(unit)), preset("default"))
    spread = np.ptp(separation.outputs)
    np.testing.assert_allclose(result.outputs / np.float32(unit), separation.outputs, atol=2e-3 * spread)


def test_callbacks_hear_of_it_once():
    class Listener(keras.callbacks.Callback):
        heard: list = []  # noqa: RUF012

        def on_epoch_end(self, epoch, logs=None):
            self.heard.append((epoch, self.params["epochs"], list(logs)))

    fit(PAIR, preset("default"), callbacks=[listener := Listener()])
    assert listener.heard == [(0, 1, ["fidelity"])]


def test_arrays_that_are_no_stack_are_refused():
    with pytest.raises(InputError, match="SliceStack"):
        fit(PAIR.images)


def test_same_input_same_bits(separation):
    np.testing.assert_array_equal(fit(PAIR, preset("default")).outputs, separation.outputs)


def test_the_margin_of_a_model_that_is_not_clear_enough_is_below_zero(separation, monkeypatch):
    """None is chosen, though another stands ahead of it: by so much is none behind."""
    known = separation.provenance
    best = max(known["model_evidence"].values())
    assert known["model"] == "free start" and 0 < known["model_margin"] < best
    monkeypatch.setattr(ladder, "CLEAR", 2 * best)
    unsure = fit(PAIR, preset("default"), threads=2)
    np.testing.assert_array_equal(unsure.outputs, PAIR.images)
    assert (unsure.provenance["model"], unsure.provenance["model_margin"]) == ("none", pytest.approx(-best, abs=0.02))


@pytest.mark.parametrize("runtime", ["onnx", "tensorflow"])
def test_archive_regenerates_without_inputs(separation, tmp_path, runtime):
    run = write.save(separation, tmp_path / "run")
    assert regenerate.check(run, runtime) == []
    inputs, outputs = archived(run)
    np.testing.assert_allclose(inputs, PAIR.images, atol=1e-6)
    np.testing.assert_allclose(outputs, separation.outputs, atol=1e-6)
    with np.load(run / "mixing.npz", allow_pickle=False) as file:
        assert file["transfer"].shape == (len(file["k"]), 2, 2)
        np.testing.assert_allclose(file["transfer"].sum(1), 1, atol=1e-9)
        kept = file["decided"]
    assert kept.shape == outputs.shape
    if runtime == "onnx":
        assert [path.name for path in figures.write_figures(run)] == ["preview.png", "transfer.png", "decided.png"]
    manifest = load_manifest(run)
    assert manifest["config"]["mixing"] == "transfer"
    assert manifest["crossover_px"] == pytest.approx(19.4, abs=3)
