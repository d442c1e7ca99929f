"""What is said of a fit and of a run folder."""

import json
import shutil

import pytest

from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError
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


MODEL = {"model": "free start", "model_evidence": {"none": 0.0, "free start": 40.2, "full": 28.9}, "gain": 1.0}
AHEAD = "free start (columns of T sum to one), 11 nats ahead of the next"
SAID = [
    ({}, AHEAD),
    ({"gain": 0.518}, f"{AHEAD}; slice 1 in a unit of its own, 0.52 of slice 2's"),
    ({"model": "none", "model_evidence": {"none": 0.0, "one-sided 2": -3.6}}, "none, 4 nats ahead of the next"),
    (
        {"model": "none", "model_evidence": {"none": 0.0, "one-sided 2": 2.6, "full": -9}},
        "none; a ghost of slice 1 in slice 2 leads by 2.6 nats only",
    ),
    (
        {"model": "none", "model_evidence": {"none": 0.0, "free start": 52.4}},
        "none; free start (columns of T sum to one) leads by 52 nats, but is not believed: see the warnings",
    ),
    (
        {"model_evidence": {"none": 0.0, "free start": 31.0, "free start, gain": 40.0, "full": 28.0}},
        "free start (columns of T sum to one), 12 nats ahead of the next",
    ),
    (
        {"model": "yet to come", "model_evidence": {"none": 0.0, "yet to come": 5}},
        "yet to come, 5 nats ahead of the next",
    ),
]


@pytest.mark.parametrize(("facts", "said"), SAID)
def test_which_model_of_mixing_was_chosen_and_how_clearly(run, tmp_path, facts, said):
    facts = MODEL | facts
    folder = shutil.copytree(run, tmp_path / "run")
    manifest = json.loads((folder / "manifest.json").read_text())
    by_transfer = manifest | facts | {"config": FitConfig(mixing="transfer").to_dict(), "mixed": True}
    assert text.work_done(by_transfer) == f"mixing model: {said}\nT(k) estimated and solved"
    (folder / "manifest.json").write_text(json.dumps(manifest | facts))
    assert f"\nmodel      {said}\n" in text.run(folder)
    assert "\nmodel " not in text.run(run)


@pytest.mark.parametrize("damage", [{"model_evidence": {"none": "0"}}, {"model_evidence": [1]}, {"gain": None}])
def test_a_damaged_choice_is_said_in_one_sentence(run, tmp_path, damage):
    folder = shutil.copytree(run, tmp_path / "run")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | MODEL | damage))
    with pytest.raises(InputError, match=f"is damaged: {next(iter(damage))}"):
        text.run(folder)


@pytest.mark.parametrize(("settings", "provenance", "done", "line"), CASES)
def test_what_was_done_is_said(run, tmp_path, settings, provenance, done, line):
    config = FitConfig(**{"mixing": "transfer", "seed": 3} | settings)
    folder = shutil.copytree(run, tmp_path / "run")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest |= {"config": config.to_dict(), "gamma": config.exclusion_weight, **provenance}
    assert text.work_done(manifest) == done
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert f"\nmixing     {line}\n" in text.run(folder)
