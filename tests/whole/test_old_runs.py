"""Run folders that ddip-tf 0.1.0 wrote before its modules stood in folders: they regenerate, and open everywhere."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import ddip_tf

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


def test_a_changed_weight_is_seen(tmp_path):
    shutil.copytree(RUNS / "transfer", tmp_path / "run")
    latents = dict(np.load(tmp_path / "run" / "latents.npz"))
    latents["slice1_base"] = latents["slice1_base"] + 0.01
    np.savez(tmp_path / "run" / "latents.npz", **latents)
    found = ddip_tf.check(tmp_path / "run")
    assert any("latents.npz" in one for one in found)
    assert any("outputs/slice1.tif" in one for one in found)
