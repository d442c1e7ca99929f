"""What is said of a fit and of a run folder."""

import json
import shutil

import pytest

from ddip_tf.config import FitConfig
from ddip_tf.report import text

CASES = [
    ({"mixing": "kernel"}, {}, "12 epochs", "kernel, γ 0.4, 12 epochs, seed 3"),
    ({"prior": "tv"}, {"mixed": True}, "T(k) estimated and solved", "transfer, prior tv"),
    ({"prior": "tv"}, {"mixed": False}, "T(k) estimated, nothing to separate", "transfer, prior tv"),
    (
        {"prior": "dip"},
        {"mixed": True},
        "T(k) estimated, networks trained for 12 epochs",
        "transfer, prior dip, 12 epochs, seed 3",
    ),
    ({"prior": "null-dip"}, {"mixed": False}, "T(k) estimated, nothing to separate", "transfer, prior null-dip"),
]


@pytest.mark.parametrize(("settings", "provenance", "done", "line"), CASES)
def test_what_was_done_is_said(run, tmp_path, settings, provenance, done, line):
    config = FitConfig(**{"mixing": "transfer", "seed": 3} | settings)
    folder = shutil.copytree(run, tmp_path / "run")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest |= {"config": config.to_dict(), "gamma": config.exclusion_weight, **provenance}
    assert text.work_done(manifest) == done
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert f"\nmixing     {line}\n" in text.run(folder)
