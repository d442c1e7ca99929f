"""napari, on no screen: run folders as layers, and the panel (skipped where napari is not there)."""

import importlib.util
import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from helpers import noise_of_slice_two, with_smoothed

import ddip_tf
from ddip_tf.archive.manifest import load_manifest
from ddip_tf.archive.run import archived
from ddip_tf.napari_plugin import samples
from ddip_tf.napari_plugin.reader import get_reader, read_run

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
MANIFEST = Path(ddip_tf.__file__).with_name("napari.yaml")


def test_a_run_folder_becomes_layers(run):
    read = get_reader(str(run))
    layers = {keywords["name"]: (data, keywords) for data, keywords, kind in read(str(run)) if kind == "image"}
    assert list(layers) == [f"slice {i} {kind}" for kind in ("input", "ghost", "output") for i in (1, 2)]
    inputs, outputs = archived(run)
    np.testing.assert_array_equal(layers["slice 2 ghost"][0], inputs[1] - outputs[1])
    np.testing.assert_array_equal(layers["slice 1 output"][0], outputs[0])
    for _, keywords in layers.values():
        np.testing.assert_allclose(keywords["scale"], (0.007, 0.008))  # 7 and 8 nm
        assert keywords["units"] == ("µm", "µm")
        assert keywords["metadata"]["warnings"] == load_manifest(run)["warnings"]
    assert len(get_reader(str(run / "manifest.json"))(str(run / "manifest.json"))) == 6


def test_what_was_smoothed_is_a_layer_under_the_ghost(run, tmp_path):
    noise = noise_of_slice_two()
    layers = {keywords["name"]: data for data, keywords, _ in read_run(with_smoothed(run, tmp_path / "run", noise))}
    assert list(layers) == [f"slice {i} {kind}" for kind in ("input", "smoothed", "ghost", "output") for i in (1, 2)]
    np.testing.assert_allclose(layers["slice 2 smoothed"], noise[1])
    inputs, outputs = archived(run)
    np.testing.assert_allclose(layers["slice 2 ghost"], (inputs - outputs - noise)[1], atol=1e-6)


def test_other_folders_and_unknown_pixel_sizes(run, tmp_path):
    assert get_reader(str(tmp_path)) is None
    assert get_reader([str(run)]) is None
    copy = shutil.copytree(run, tmp_path / "run")
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "pixel_size_m": None}))
    assert all("scale" not in keywords for _, keywords, _ in read_run(copy))


def test_what_the_manifest_names_is_there():
    contributions = yaml.safe_load(MANIFEST.read_text())["contributions"]
    for command in contributions["commands"]:
        module, name = command["python_name"].split(":")
        source = Path(importlib.util.find_spec(module).origin).read_text()
        assert f"def {name}(" in source or f"class {name}(" in source
    named = {command["id"] for command in contributions["commands"]}
    assert {part["command"] for kind in ("readers", "widgets", "sample_data") for part in contributions[kind]} == named


def test_the_demo_pair_is_a_sample():
    layers = samples.demo_pair()
    data = samples.DATA
    for number, (image, keywords, kind) in enumerate(layers, 1):
        np.testing.assert_array_equal(image, tifffile.imread(data / f"slice{number}.tif"))
        assert (keywords["name"], kind) == (f"demo slice {number}", "image")
        np.testing.assert_allclose(keywords["scale"], (0.0073, 0.0073))
    assert len(layers) == 2


@pytest.fixture
def panel(stack, tmp_path, monkeypatch):
    """The panel beside two layers of 7 by 8 nm pixels."""
    pytest.importorskip("napari")
    from napari.components import ViewerModel
    from qtpy.QtWidgets import QApplication

    from ddip_tf.napari_plugin.panel import Panel

    monkeypatch.chdir(tmp_path)
    application = QApplication.instance() or QApplication([])
    viewer = ViewerModel()
    for image in stack.images:
        viewer.add_image(image, scale=(7, 8), units=("nm", "nm"), translate=(5, 0))
    made = Panel(viewer)
    for number, choice in enumerate(made.slices):
        choice.choices = list(viewer.layers)
        choice.value = viewer.layers[number]
    made.mixing.value, made.epochs.value = "linear", 3

    def wait(condition):
        end = time.monotonic() + 120
        while not condition() and time.monotonic() < end:
            application.processEvents()
            time.sleep(0.01)

    return made, viewer, wait


def test_npe2_takes_the_manifest():
    npe2 = pytest.importorskip("npe2")
    manifest = npe2.PluginManifest.from_file(MANIFEST)
    assert [reader.accepts_directories for reader in manifest.contributions.readers] == [True]
    assert [(sample.key, sample.command) for sample in manifest.contributions.sample_data] == [("demo", "ddip-tf.demo")]


def test_the_panel_fits_two_layers_and_adds_what_it_found(panel):
    made, viewer, wait = panel
    made.run.value = "runs/a"
    heard = []
    said = made.said.native.setText
    made.said.native.setText = lambda text: (heard.append(text), said(text))
    made.begin()
    assert (made.start.enabled, made.cancel.enabled) == (False, True)
    wait(lambda: made.start.enabled)
    assert [layer.name for layer in viewer.layers[2:]] == [
        f"slice {i} {kind}" for kind in ("ghost", "output") for i in (1, 2)
    ]
    assert any("epoch 3 of 3" in text and "fidelity" in text for text in heard)
    manifest = load_manifest("runs/a")
    assert (manifest["config"]["mixing"], manifest["config"]["gamma"], manifest["epochs_done"]) == ("linear", 0.4, 3)
    np.testing.assert_allclose(manifest["pixel_size_m"], (7e-9, 8e-9))
    for layer in viewer.layers[2:]:
        np.testing.assert_allclose(layer.scale, (7, 8))
        np.testing.assert_allclose(layer.translate, (5, 0))
    assert made.said.value.startswith("runs/a")


def test_a_cancelled_fit_leaves_nothing(panel):
    made, viewer, wait = panel
    made.epochs.value = 100_000
    made.begin()
    wait(lambda: made._process is not None)
    made.stop()
    wait(lambda: made.start.enabled)
    assert made.said.value == "cancelled"
    assert made._process.poll() is not None
    assert len(viewer.layers) == 2
    assert not Path("saved_models/napari/manifest.json").exists()


def test_what_cannot_be_fitted_is_said(panel):
    made, viewer, wait = panel
    made.slices[1].value = viewer.layers[0]
    made.begin()
    assert made.said.value == "both slices are the same layer: choose two"
    assert made.start.enabled
    made.slices[1].value = viewer.layers[1]
    Path("file").touch()
    made.run.value = "file/run"
    made.begin()
    wait(lambda: made.start.enabled)
    assert made.said.value.startswith("ddip-tf: ")
    assert "file" in made.said.value
    assert len(viewer.layers) == 2
