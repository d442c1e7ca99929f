"""Run folders that ddip-tf 0.1.0 wrote before its modules stood in folders: they regenerate, and open everywhere."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import ddip_tf
from ddip_tf.errors import InputError
from ddip_tf.training import checkpoint
from ddip_tf.training.checkpoint import Checkpoints, State

DATA = Path(ddip_tf.__file__).with_name("demo_data")
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


#: the pair that both were made of
PAIR = ddip_tf.read(DATA / "slice1.tif", DATA / "slice2.tif").cropped((20, 61), (30, 67))


def of_an_old_run(name, **changes):
    """The settings of an old run, said with today's."""
    config = json.loads((RUNS / name / "manifest.json").read_text())["config"]
    assert "model" not in config
    return ddip_tf.FitConfig.from_dict({**config, **changes})


@pytest.mark.parametrize(("name", "models"), [("transfer", ["smica"]), ("shallow", ["auto", "smica"])])
def test_an_old_run_that_is_finished_is_known_as_such(name, models, tmp_path):
    """A setting that its version did not have is what that version did, and of no account where it does nothing."""
    shutil.copytree(RUNS / name, tmp_path / name)
    before = (tmp_path / name / "manifest.json").read_bytes()
    resumed = ddip_tf.RunOptions(resume=True, threads=1, progress="none")
    for model in models:
        run = ddip_tf.fit_and_save(PAIR, tmp_path / name, of_an_old_run(name, model=model), resumed)
        assert run.manifest["config"]["model"] == models[0]
    assert (tmp_path / name / "manifest.json").read_bytes() == before
    assert f"model: {models[0]}" in (tmp_path / name / "report.html").read_text()
    for changes in ({"model": "auto"}, {"seed": 9}) if name == "transfer" else ({"gamma": 0.3}, {"seed": 9}):
        with pytest.raises(InputError, match="a finished run with another config"):
            ddip_tf.fit_and_save(PAIR, tmp_path / name, of_an_old_run(name, **changes), resumed)


@pytest.mark.parametrize("name", NAMES)
def test_a_state_of_an_old_version_is_gone_on_with_under_what_that_did(name, tmp_path):
    now = checkpoint.identity(PAIR, of_an_old_run(name, model="smica"), "/CPU:0")
    assert ("model" in now) == (name == "transfer")
    keeper = Checkpoints(tmp_path)
    keeper.begin({key: value for key, value in now.items() if key != "model"})
    keeper.save(State([np.zeros(3, "f4")], np.ones((2, 4), "f4")))
    assert len(Checkpoints(tmp_path, resume=True).begin(now).history) == 2
    other = checkpoint.identity(PAIR, of_an_old_run(name, model="auto"), "/CPU:0")
    if name == "transfer":
        with pytest.raises(InputError, match="a fit with model smica, this one has auto"):
            Checkpoints(tmp_path, resume=True).begin(other)
    else:
        assert len(Checkpoints(tmp_path, resume=True).begin(other).history) == 2


def test_a_changed_weight_is_seen(tmp_path):
    shutil.copytree(RUNS / "transfer", tmp_path / "run")
    latents = dict(np.load(tmp_path / "run" / "latents.npz"))
    latents["slice1_base"] = latents["slice1_base"] + 0.01
    np.savez(tmp_path / "run" / "latents.npz", **latents)
    found = ddip_tf.check(tmp_path / "run")
    assert any("latents.npz" in one for one in found)
    assert any("outputs/slice1.tif" in one for one in found)
