"""Run folders that ddip-tf 0.1.0 wrote before its modules stood in folders: they regenerate, and open everywhere."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import ddip_tf
from ddip_tf.archive.write import RunFolder
from ddip_tf.config import FitConfig
from ddip_tf.slices.stack import Source
from ddip_tf.training.checkpoint import Checkpoints, State

RUNS = Path(__file__).parents[1] / "runs"
NAMES = ("transfer", "shallow")  # the default preset; shallow networks after five epochs


@pytest.mark.parametrize("runtime", ["onnx", "tensorflow"])
@pytest.mark.parametrize("name", NAMES)
def test_an_old_run_regenerates_and_passes_its_check(name, runtime, call, tmp_path):
    assert ddip_tf.check(RUNS / name, runtime) == []
    assert ddip_tf.regenerate(RUNS / name, runtime).shape == (2, 41, 37)
    code, _, err = call("regenerate", RUNS / name, "-o", tmp_path / "out", "--runtime", runtime, "--check")
    assert (code, err) == (0, "")


@pytest.mark.parametrize("name", NAMES)
def test_an_old_run_has_its_figures_and_its_page(name, call, tmp_path):
    shutil.copytree(RUNS / name, tmp_path / name)
    assert call("report", tmp_path / name)[0] == 0
    assert (tmp_path / name / "report.html").stat().st_size > 10_000
    assert call("show", tmp_path / name)[0] == 0


@pytest.mark.parametrize("name", NAMES)
def test_an_old_run_is_finished_under_the_settings_it_was_made_with(name, tmp_path):
    """Settings that were not there then, and defaults that have changed, make no other run of it."""
    stored = json.loads((RUNS / name / "manifest.json").read_text())["config"]
    assert "model" not in stored
    law = name == "transfer"
    asked = FitConfig(**stored, model="smica") if law else FitConfig(mixing="shallow", epochs=5, width=1)
    shutil.copytree(RUNS / name, tmp_path / name)
    opened = ddip_tf.Run(tmp_path / name)
    assert FitConfig.from_dict(opened.manifest["config"]) == asked
    sources = tuple(Source(**entry) for entry in opened.manifest["inputs"])
    stack = ddip_tf.SliceStack(opened.inputs, sources=sources, crop=opened.manifest["crop"])
    with RunFolder(tmp_path / name, resume=True) as folder:
        assert folder.finished(stack, asked)


def test_an_old_state_is_gone_on_with(tmp_path):
    old = {name: value for name, value in FitConfig("linear").to_dict().items() if name not in ("chunk", "model")}
    keeper = Checkpoints(tmp_path, every=2)
    keeper.begin(old)
    keeper.save(State([np.ones(3)], np.ones((2, 4), "f4")))
    now = {**old, "model": FitConfig("linear").model}
    assert Checkpoints(tmp_path, resume=True).begin(now).history.shape == (2, 4)


def test_a_changed_weight_is_seen(tmp_path):
    shutil.copytree(RUNS / "transfer", tmp_path / "run")
    latents = dict(np.load(tmp_path / "run" / "latents.npz"))
    latents["slice1_base"] = latents["slice1_base"] + 0.01
    np.savez(tmp_path / "run" / "latents.npz", **latents)
    found = ddip_tf.check(tmp_path / "run")
    assert any("latents.npz" in one for one in found)
    assert any("outputs/slice1.tif" in one for one in found)
