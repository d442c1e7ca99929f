import csv
import dataclasses
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import noise_of_slice_two

from ddip_tf.archive import network_files, regenerate, write
from ddip_tf.archive.manifest import changed_files, load_manifest
from ddip_tf.archive.run import Run, archived
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError, RunError
from ddip_tf.formats import tiff
from ddip_tf.report import figures
from ddip_tf.slices import display


@pytest.fixture
def copy(run, tmp_path):
    """The archived run, moved to another folder."""
    return shutil.copytree(run, tmp_path / "elsewhere" / "moved")


def test_run_folder_is_the_contract(run):
    names = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert {"manifest.json", "latents.npz", "mixing.npz", "history.csv"} <= names
    for i in (1, 2):
        expected = {f"onnx/slice{i}.onnx", f"outputs/slice{i}.tif", f"outputs/ghost{i}.tif"}
        assert expected | {f"generators/slice{i}/saved_model.pb", f"onnx/filter{i}{3 - i}.onnx"} <= names
    manifest = load_manifest(run)
    assert set(manifest["files"]) == names - {"manifest.json"}
    assert changed_files(run, manifest) == []


def test_manifest_says_how_the_run_was_made(run, stack, small, separation):
    manifest = load_manifest(run)
    assert FitConfig.from_dict(manifest["config"]) == small
    assert manifest["seed"] == 3
    assert manifest["status"] == "done"
    assert manifest["epochs_done"] == 12
    assert manifest["shape"] == list(stack.shape)
    assert manifest["pixel_size_m"] == [7e-9, 8e-9]
    assert manifest["normalisation"]["gain"] == list(separation.to_output.gain)
    assert manifest["gamma"] == 0.1
    assert manifest["final"]["loss"] == pytest.approx(separation.history["loss"][-1])
    np.testing.assert_allclose(manifest["mixing"]["matrix"], separation.mixing["matrix"], atol=1e-6)
    assert manifest["levels"] == 4
    assert any("4 levels" in one["text"] for one in manifest["warnings"])
    assert {"python", "tensorflow", "keras", "numpy"} <= set(manifest["versions"])


def test_every_term_of_the_loss_is_in_the_manifest(separation, tmp_path):
    """Those of a prior that does not exist yet, too; epochs and α are no terms."""
    epochs = np.arange(1.0, 13.0)
    history = {"epoch": epochs, **separation.history, "sharpness": epochs / 8, "alphabet": epochs / 4}
    changed = dataclasses.replace(separation, history=history, filters={})
    final = load_manifest(write.save(changed, tmp_path / "run"))["final"]
    assert list(final) == ["loss", "fidelity", "exclusion", "alpha_term", "sharpness", "alphabet"]
    assert (final["sharpness"], final["alphabet"]) == (1.5, 3.0)


@pytest.mark.parametrize("runtime", ["onnx", "tensorflow"])
def test_a_moved_archive_gives_the_same_pictures(copy, separation, runtime):
    assert regenerate.check(copy, runtime) == []
    worst = max(difference for _, difference in regenerate.differences(copy, runtime).values())
    assert worst <= {"onnx": 1e-4, "tensorflow": 1e-5}[runtime]
    spread = np.ptp(separation.outputs)
    np.testing.assert_allclose(regenerate.regenerate(copy, runtime), separation.outputs, atol=1e-4 * spread)


def test_memory_savedmodel_and_onnx_are_one_function_of_any_latent(run, separation):
    import onnxruntime

    z = np.random.default_rng(8).uniform(-2, 2, separation.latents["slice1"].shape).astype(np.float32)
    memory = separation.generators["slice1"](z).numpy()
    saved = tf.saved_model.load(str(run / "generators/slice1")).signatures["serving_default"]
    session = onnxruntime.InferenceSession(run / "onnx/slice1.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(next(iter(saved(z=tf.constant(z)).values())), memory, atol=1e-4)
    np.testing.assert_allclose(session.run(None, {session.get_inputs()[0].name: z})[0], memory, atol=1e-4)
    assert np.ptp(memory) > 0.01


def test_outputs_and_ghosts_add_up_to_the_input(run, stack):
    for i, image in enumerate(stack.images, 1):
        (output, size), (ghost, _) = (tiff.read(run / "outputs" / f"{kind}{i}.tif") for kind in ("slice", "ghost"))
        assert output.dtype == np.float32
        np.testing.assert_allclose(output[0] + ghost[0], image, atol=1e-6)
        np.testing.assert_allclose(size, (7e-9, 8e-9), rtol=1e-6)


def test_what_was_smoothed_stands_beside_the_ghosts(separation, stack, tmp_path):
    smoothed = noise_of_slice_two()
    assert stack.shape == smoothed.shape[1:]
    split = replace(separation, smoothed=smoothed)
    np.testing.assert_allclose(split.outputs + split.ghosts + split.smoothed, stack.images, atol=1e-6)
    run = write.save(split, tmp_path / "run")
    assert not (run / "outputs/smoothed1.tif").exists()
    (written, size), (ghost, _) = (tiff.read(run / f"outputs/{kind}2.tif") for kind in ("smoothed", "ghost"))
    np.testing.assert_array_equal(written[0], smoothed[1])
    np.testing.assert_allclose(size, (7e-9, 8e-9), rtol=1e-6)
    np.testing.assert_allclose(ghost[0], split.ghosts[1], atol=1e-6)
    np.testing.assert_allclose(archived(run)[0], stack.images, atol=1e-6)
    np.testing.assert_array_equal(Run(run).smoothed, smoothed)
    assert regenerate.check(run) == []
    (run / "outputs/smoothed2.tif").unlink()
    with pytest.raises(InputError, match=r"smoothed2\.tif"):
        archived(run)


def test_runs_of_which_nothing_was_smoothed_say_so(run, separation):
    assert separation.smoothed is None
    assert Run(run).smoothed is None
    np.testing.assert_array_equal(separation.ghosts, separation.stack.images - separation.outputs)


def test_history_and_mixing_files(run, separation):
    with (run / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 12
    np.testing.assert_allclose([float(r["loss"]) for r in rows], separation.history["loss"], rtol=1e-6)
    with np.load(run / "mixing.npz", allow_pickle=False) as file:
        np.testing.assert_allclose(file["matrix"].sum(1), 1, atol=1e-6)


def test_a_changed_generator_is_named(copy):
    data = bytearray((copy / "onnx/slice2.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "onnx/slice2.onnx").write_bytes(bytes(data))
    assert "onnx/slice2.onnx: changed" in regenerate.check(copy, "tensorflow")[0]


def test_a_changed_picture_is_named_with_its_difference(copy):
    image, _ = tiff.read(copy / "outputs/slice1.tif")
    image[0, 7, 3] += 0.01 * np.ptp(image)
    tiff.write(copy / "outputs/slice1.tif", image[0])
    sentences = regenerate.check(copy, "onnx")
    assert any(s.startswith("outputs/slice1.tif: changed") for s in sentences)
    assert any("differs by 9.9" in s or "differs by 1.0" in s for s in sentences)


def test_missing_files_and_foreign_paths_are_named(copy):
    (copy / "history.csv").unlink()
    manifest = load_manifest(copy)
    manifest["files"]["../outside"] = "0"
    sentences = changed_files(copy, manifest)
    assert sorted(sentences) == ["../outside: outside the run folder", "history.csv: missing"]


def test_damaged_archives_end_in_one_sentence(copy):
    (copy / "onnx/slice1.onnx").write_bytes(b"nonsense")
    with pytest.raises(RunError, match="cannot be regenerated") as caught:
        regenerate.regenerate(copy)
    assert "\n" not in str(caught.value)


def test_folders_that_are_no_run_and_newer_formats_are_refused(tmp_path, copy):
    with pytest.raises(InputError, match="is neither a run nor"):
        regenerate.regenerate(tmp_path)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "format_version": 99}))
    with pytest.raises(InputError, match="format 99"):
        regenerate.regenerate(copy)
    (copy / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        regenerate.regenerate(copy)
    with pytest.raises(InputError, match="no runtime"):
        regenerate.regenerate(copy, "abacus")


def test_an_existing_run_is_kept_unless_told_otherwise(separation, copy):
    before = (copy / "manifest.json").read_bytes()
    with pytest.raises(InputError, match="not empty"):
        write.save(separation, copy)
    assert (copy / "manifest.json").read_bytes() == before
    assert [p.name for p in copy.parent.iterdir()] == ["moved"]


def test_a_failing_archive_leaves_the_old_one_and_nothing_else(separation, copy, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(network_files.Architecture, "save_onnx", full)
    before = (copy / "manifest.json").read_bytes()
    with pytest.raises(RunError, match="No space left"):
        write.save(separation, copy, overwrite=True)
    assert (copy / "manifest.json").read_bytes() == before
    assert [p.name for p in copy.parent.iterdir()] == ["moved"]


def test_overwrite_replaces_the_run(separation, copy):
    (copy / "stray.txt").write_text("old")
    write.save(dataclasses.replace(separation, filters={}), copy, overwrite=True)
    assert not (copy / "stray.txt").exists()
    assert regenerate.check(copy) == []
    assert [p.name for p in copy.parent.iterdir()] == ["moved"]


def test_preview_is_a_picture(copy):
    path = figures.write_figures(copy)[0]
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 10_000


def test_display_range_is_four_deviations():
    image = np.arange(12.0).reshape(3, 4)
    low, high = display.display_range(image)
    assert (low + high) / 2 == pytest.approx(image.mean())
    assert high - low == pytest.approx(8 * image.std())


@pytest.mark.parametrize("runtime", ["onnx", "tensorflow"])
def test_the_example_that_ships_still_regenerates(runtime):
    assert regenerate.check(Path(__file__).parents[2] / "saved_models" / "example", runtime) == []


WITHOUT_TENSORFLOW = """
import sys
for name in ("tensorflow", "keras", "tf2onnx", "onnx", "scipy", "skimage", "matplotlib", "rich", "yaml"):
    sys.modules[name] = None  # importing it fails
sys.argv = ["ddip-tf", "regenerate", sys.argv[1], "--runtime", "onnx", "--check"]
from ddip_tf.cli import main
main()
"""


def test_onnx_regenerates_where_tensorflow_is_not_installed(copy):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, str(copy)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "onnx pictures agree" in done.stdout


@pytest.mark.slow
def test_onnx_regenerates_in_an_environment_of_its_own(copy, tmp_path):
    """The installation that README documents: no TensorFlow, a few packages."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    root = Path(__file__).parents[2]
    pip = [python, "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", root], check=True)
    subprocess.run([*pip, "numpy", "tifffile", "click", "onnxruntime"], check=True)
    command = [python.with_name("ddip-tf"), "regenerate", copy, "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
