"""One reader of a run folder: opened once, everything in it read once and only when it is asked for."""

import os
import shutil

import numpy as np
import pytest
import tifffile
from helpers import noise_of_slice_two, with_smoothed

from ddip_tf.archive.run import Run, archived, open_run
from ddip_tf.errors import InputError, RunError


def test_it_gives_what_was_fitted(run, separation):
    opened = Run(run)
    assert opened.manifest["config"] == separation.config.to_dict()
    assert opened.pixel_size_m == separation.stack.pixel_size_m
    scale = np.ptp(separation.outputs)
    np.testing.assert_allclose(opened.outputs, separation.outputs, atol=1e-4 * scale)
    np.testing.assert_allclose(opened.inputs, separation.stack.images, atol=1e-6 * scale)
    np.testing.assert_allclose(opened.ghosts, separation.stack.images - opened.outputs, atol=1e-6 * scale)
    np.testing.assert_allclose(opened.history["fidelity"], separation.history["fidelity"], rtol=1e-6)
    assert opened.history["epoch"].tolist() == list(range(1, 13))
    np.testing.assert_array_equal(opened.mixing["matrix"], separation.mixing["matrix"])
    np.testing.assert_array_equal(opened.latents["slice2"], separation.latents["slice2"])
    assert (opened.repeated, opened.members, opened.changed_files()) == (False, [], [])


def test_it_is_a_path_and_stays_open(run, monkeypatch):
    opened = Run(run)
    assert open_run(opened) is opened and open_run(run) is not opened
    assert (os.fspath(opened), str(opened)) == (str(run), str(run))
    read = []
    images = Run.images
    monkeypatch.setattr(Run, "images", lambda self, kind: read.append(kind) or images(self, kind))
    for _ in range(2):
        np.testing.assert_array_equal(archived(opened)[0], opened.outputs + opened.ghosts)
    assert sorted(read) == ["ghost", "slice"]


def test_what_was_smoothed_is_apart_from_the_ghosts_and_of_the_inputs(run, tmp_path):
    noise, before = noise_of_slice_two(), Run(run)
    opened = Run(with_smoothed(run, tmp_path / "run", noise))
    np.testing.assert_array_equal(opened.smoothed, noise)
    np.testing.assert_allclose(opened.ghosts, before.ghosts - noise, atol=1e-7)
    np.testing.assert_allclose(opened.inputs, before.inputs, atol=1e-7)
    assert list(opened.taken_out) == ["ghost", "smoothed"]
    assert (before.smoothed, list(before.taken_out)) == (None, ["ghost"])


def test_its_cautions_have_codes(run, separation):
    assert Run(run).cautions == list(separation.warnings)
    assert {caution.code for caution in Run(run).cautions} >= {"fewer-levels", "doubt-unexplained"}


def test_nothing_is_read_before_it_is_asked_for(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    for name in ("outputs/ghost2.tif", "history.csv", "mixing.npz"):
        (copy / name).unlink()
    opened = Run(copy)
    assert opened.outputs.shape == (2, *opened.manifest["shape"])
    for wanted in ("inputs", "history", "mixing", "deviations"):
        with pytest.raises(InputError, match=r"ghost2|history|mixing|std1"):
            getattr(opened, wanted)
    assert len(opened.changed_files()) == 3


def test_files_stay_inside(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    tifffile.imwrite(tmp_path / "elsewhere.tif", np.zeros((4, 5), np.float32))
    (copy / "outputs/slice1.tif").unlink()
    (copy / "outputs/slice1.tif").symlink_to(tmp_path / "elsewhere.tif")
    with pytest.raises(RunError, match="leads out of the run folder"):
        _ = Run(copy).outputs
    with pytest.raises(InputError, match="is neither a run nor"):
        Run(tmp_path)
