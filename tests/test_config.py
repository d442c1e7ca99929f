import dataclasses

import pytest
import yaml

from ddip_tf.config import MIXINGS, PRESETS, FitConfig, as_stored, effective, parse_yaml, preset
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
    assert paper == FitConfig(mixing="shallow") == FitConfig("shallow")
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


def test_what_is_not_said_is_the_default_preset_or_with_a_mixing_of_the_paper_the_papers():
    assert FitConfig() == preset("default") == FitConfig(**{f.name: f.default for f in dataclasses.fields(FitConfig)})
    numbers = {
        mixing: (c := FitConfig(mixing), c.epochs, c.learning_rate, c.average, c.starts)[1:] for mixing in MIXINGS
    }
    of_transfer = (2000, 3e-3, 0.99, 5)
    assert numbers == {mixing: of_transfer if mixing == "transfer" else (10_000, 1e-3, 0.0, 1) for mixing in MIXINGS}
    said = FitConfig("kernel", epochs=2000, average=0.99)
    assert (said.epochs, said.average, said.learning_rate) == (2000, 0.99, 1e-3)
    assert preset("quick", mixing="kernel").epochs == preset("quick").epochs == 300


def test_repr_is_what_was_said_and_gives_the_same_again():
    for config in (FitConfig(), preset("paper", seed=4), preset("0.1"), OTHER, FitConfig("linear", epochs=2000)):
        assert eval(repr(config)) == config
    assert repr(preset("paper", seed=4)) == "FitConfig(mixing='shallow', seed=4)"


@pytest.mark.parametrize(
    ("mixing", "then"), [("transfer", preset("0.1", starts=1, average=0.0)), ("kernel", FitConfig("kernel"))]
)
def test_settings_stored_before_there_were_all_fields_mean_what_they_did(mixing, then):
    later = ("prior", "starts", "average", "precision", "model")
    stored = {name: value for name, value in then.to_dict().items() if name not in later}
    assert FitConfig.from_dict(as_stored(stored)) == then
    assert as_stored(OTHER.to_dict()) == OTHER.to_dict()


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


def test_what_means_nothing_with_the_others_is_left_out():
    solved = effective(FitConfig(epochs=7, width=3, gamma=0.2).to_dict())
    assert solved == effective(FitConfig().to_dict())
    assert not {"epochs", "learning_rate", "width", "precision", "gamma"} & solved.keys()
    trained = effective(FitConfig(prior="dip", gamma=0.2).to_dict())
    assert {"epochs", "prior", "normalisation"} <= trained.keys() and "gamma" not in trained
    paper = effective(FitConfig(mixing="kernel").to_dict())
    assert {"epochs", "gamma"} <= paper.keys() and not {"prior", "model", "normalisation"} & paper.keys()
