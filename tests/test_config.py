import dataclasses

import pytest
import yaml

from ddip_tf.config import PRESETS, FitConfig, parse_yaml, preset
from ddip_tf.errors import InputError

OTHER = FitConfig(
    "kernel", 0.3, "diagonal", "dip", 4, 77, 5, 2e-3, 0.8, 40, 0.9, 0.25, 9, 3, "mixed_bfloat16", 4, "smica"
)


def test_every_field_survives_the_round_trip():
    changed = {f.name for f in dataclasses.fields(FitConfig) if getattr(OTHER, f.name) != f.default}
    assert changed == {f.name for f in dataclasses.fields(FitConfig)}
    assert FitConfig.from_dict(OTHER.to_dict()) == OTHER
    assert FitConfig.from_yaml(OTHER.to_yaml()) == OTHER


def test_paper_preset_is_the_facts():
    paper = preset("paper")
    assert paper == FitConfig()
    assert paper.to_dict() == {
        "mixing": "shallow",
        "gamma": None,
        "normalisation": "auto",
        "prior": "tv",
        "starts": 1,
        "epochs": 10_000,
        "seed": 0,
        "learning_rate": 1e-3,
        "learning_rate_decay": 0.9,
        "decay_epochs": 500,
        "average": 0.0,
        "alpha_weight": 0.5,
        "alpha_epochs": 100,
        "width": 8,
        "precision": "float32",
        "chunk": 10,
        "model": "auto",
    }


@pytest.mark.parametrize(("mixing", "gamma"), [("shallow", 0.1), ("kernel", 0.4), ("linear", 0.4)])
def test_gamma_follows_the_mixing_unless_given(mixing, gamma):
    assert FitConfig(mixing=mixing).exclusion_weight == gamma
    assert FitConfig(mixing=mixing, gamma=0.0).exclusion_weight == 0
    for name in PRESETS:
        assert FitConfig.from_yaml(preset(name).to_yaml(), mixing=mixing).exclusion_weight == gamma


def test_every_preset_is_valid_and_takes_overrides():
    for name in PRESETS:
        assert preset(name, seed=9).seed == 9
    with pytest.raises(InputError, match="no preset"):
        preset("best")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gamma": -0.1}, "gamma is -0.1"),
        ({"gamma": float("nan")}, "gamma is nan"),
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": 2.5}, "whole number"),
        ({"learning_rate": "fast"}, "must be a number"),
        ({"learning_rate": 0}, "nothing would be learned"),
        ({"seed": True}, "whole number"),
        ({"mixing": "magic"}, "mixing is 'magic'"),
        ({"normalisation": "none"}, "normalisation is 'none'"),
        ({"learning_rate_decay": 1.5}, "the most is 1"),
        ({"gama": 0.1}, "did you mean gamma"),
        ({"zzz": 0.1}, "known: "),
    ],
)
def test_bad_settings_are_refused_in_a_sentence(settings, message):
    with pytest.raises(InputError, match=message):
        FitConfig.from_dict(settings)


def test_yaml_has_a_comment_on_every_key():
    text = OTHER.to_yaml()
    assert yaml.safe_load(text) == OTHER.to_dict()
    assert text.count("# ") == len(dataclasses.fields(FitConfig))


def test_yaml_reads_scientific_notation_and_refuses_objects():
    assert parse_yaml("learning_rate: 1e-3\nepochs: 1e3") == {"learning_rate": 1e-3, "epochs": 1000}
    with pytest.raises(InputError, match="unknown config key 1"):
        FitConfig.from_yaml("1: 2")
    assert parse_yaml("") == {}
    with pytest.raises(InputError, match="no valid YAML"):
        parse_yaml("a: !!python/object:os.system [ls]")
    with pytest.raises(InputError, match="key: value"):
        parse_yaml("- 1")


def test_a_key_that_stands_twice_is_refused():
    with pytest.raises(InputError, match="the key 'seed' twice, in lines 1 and 3"):
        FitConfig.from_yaml("seed: 1\nepochs: 5\nseed: 2\n")
    assert FitConfig.from_yaml("# seed: 1\nseed: 2\n").seed == 2
