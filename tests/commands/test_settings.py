"""Flags follow from the fields of the settings: what they are called, what they take, what help says of them."""

import dataclasses

import click
import pytest
from click.testing import CliRunner

from ddip_tf import cli, config, methods
from ddip_tf.commands import options, settings
from ddip_tf.commands.options import Sectioned
from ddip_tf.config import FitConfig, preset, setting
from ddip_tf.errors import InputError
from ddip_tf.workflows.run import RunOptions

HELP = """
How it is separated:
  --preset [paper|default|deep|0.1|quick]
                                  Settings to start from; paper: exactly Du,
                                  Huang & Jacobsen (2021); deep: the default
                                  and a network; 0.1: as version 0.1
                                  separated.  [default: default]
  --config FILE.yaml              Settings; flags win over them.
  --mixing [shallow|kernel|linear|transfer]
                                  Forward model.
  --prior [tv|dip|deep|null-dip]  Of the slices, mixing transfer.
  --gamma FLOAT                   Weight of the exclusion loss.
  --epochs INTEGER                Optimisation steps.
  --normalisation [auto|sum|diagonal]
                                  Of T(k), mixing transfer.
  --model [auto|smica]            Of T(k), mixing transfer. auto: chosen by
                                  evidence; smica: one estimate, as in version
                                  0.1.
  --seed INTEGER                  Of latent inputs and initial weights.
  --learning-rate FLOAT           Of Adam.
  --width INTEGER                 Channels of a generator's first level.
  --precision [float32|mixed_bfloat16]
                                  Of networks in training.

Running and progress:
  --checkpoint-every N|TIME       Keep the state every N epochs, or every so
                                  often (30s, 5m, 1h).  [default: 5m]
  --stop-after TIME               Stop after 90s, 30m, 1h30m …, the state kept
                                  (exit 130).
  --resume                        Go on with the unfinished RUN; begin if
                                  there is none.
  --overwrite                     Replace an existing run folder.
  --device TEXT                   auto, cpu or gpu:0.  [default: auto]
  --threads INTEGER RANGE         CPU threads (all cores if left out).  [x>=1]
  --progress [auto|bar|json|none]
                                  auto: a bar on a terminal, nothing
                                  elsewhere; json: a line an epoch on standard
                                  output.  [default: auto]
  -v, --verbose                   Say on standard error what is done and when,
                                  as RUN/log.txt does.
  --tensorboard DIR               Losses, α and pictures for it, in DIR/<RUN's
                                  name>.
"""


def helped(command):
    """What --help says, its lines joined."""
    return " ".join(CliRunner().invoke(command, ["--help"], terminal_width=200).output.split())


def test_help_of_fit_and_demo_is_as_it_was():
    for name in ("fit", "demo"):
        assert helped(cli.cli.commands[name]).endswith(" ".join(HELP.split()))


def test_a_sweep_takes_lists_and_not_what_is_of_one_fit():
    text = helped(cli.cli.commands["sweep"])
    for flag in ("--preset CHOICE,…", "--mixing CHOICE,…", "--gamma FLOAT,…"):
        assert f" {flag} " in text
    for flag in ("--checkpoint-every", "--stop-after", "--tensorboard", "--verbose"):
        assert flag not in text
    context = cli.cli.commands["sweep"].make_context("sweep", ["a.tif", "-o", "s", "--gamma", "0.4,0.1,0.4"])
    assert (context.params["gamma"], context.params["preset"]) == ([0.4, 0.1], ["default"])
    assert cli.cli.commands["fit"].make_context("fit", ["a.tif", "--gamma", "0.4"]).params["gamma"] == 0.4


@dataclasses.dataclass(frozen=True)
class Wider(FitConfig):
    blur_px: float = setting(1.5, "width of a blur, in pixels", least=0, of="equation 3")
    tilt: bool = setting(True, "whether the slices may be tilted")
    shape: str = setting("disc", "of the blur", choices=("disc", "square"))
    secret: int = setting(3, "for config files only", flag=False)


def test_a_new_field_is_a_flag_at_once(monkeypatch):
    for module in (settings, options, config):
        monkeypatch.setattr(module, "FitConfig", Wider)
    found = []

    @click.command(cls=Sectioned)
    @settings.fit_options()
    def fit(**said):
        found.append((settings.settings_from(said), settings.run_options(said)))

    text = helped(fit)
    for line in (
        "--precision [float32|mixed_bfloat16] Of networks in training. --blur-px FLOAT Width of a blur, in pixels.",
        "--tilt / --no-tilt Whether the slices may be tilted. --shape [disc|square] Of the blur. Running and",
    ):
        assert line in text
    assert "secret" not in text
    words = ["--mixing", "kernel", "--blur-px", "2", "--no-tilt", "--shape", "square", "--threads", "3", "--resume"]
    assert CliRunner().invoke(fit, words, catch_exceptions=False).exit_code == 0
    assert found[0] == (
        Wider(mixing="kernel", blur_px=2.0, tilt=False, shape="square"),
        RunOptions(threads=3, resume=True),
    )
    for words, said in (
        (["--blur-px", "-1", "--mixing", "kernel"], "blur_px is -1.0; the least is 0"),
        (["--blur-px", "2"], "--blur-px does nothing with mixing transfer"),
    ):
        with pytest.raises(InputError, match=said):
            CliRunner().invoke(fit, words, catch_exceptions=False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--preset", "0.1"], preset("0.1")),
        (["--preset", "0.1", "--model", "auto"], preset("default")),
        (["--model", "smica"], preset("0.1")),
    ],
)
def test_the_separation_of_version_0_1_is_a_preset_and_a_flag(words, expected):
    context = cli.cli.commands["fit"].make_context("fit", ["a.tif", *words])
    assert settings.settings_from(context.params) == expected
    with pytest.raises(InputError, match="--model does nothing with mixing shallow"):
        settings.settings_from(context.params | {"preset": "paper", "model": "smica"})


def test_what_is_not_said_does_not_win_over_the_file(tmp_path):
    (tmp_path / "a.yaml").write_text("mixing: kernel\nwidth: 3\nepochs: 7\n")
    context = cli.cli.commands["fit"].make_context(
        "fit", ["a.tif", "--config", str(tmp_path / "a.yaml"), "--epochs", "9"]
    )
    assert settings.settings_from(context.params) == FitConfig(mixing="kernel", width=3, epochs=9)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"checkpoint_every": "0"}, "`checkpoint_every` is 0; the least is 1"),
        ({"checkpoint_every": "soon"}, "'soon' is no time"),
        ({"stop_after": "5"}, "'5' is no time"),
    ],
)
def test_options_that_cannot_be_are_refused_before_any_work(wrong, said):
    with pytest.raises(InputError, match=said):
        RunOptions(**wrong)


def test_times_and_epochs():
    assert RunOptions(checkpoint_every="40").checkpoint_interval == {"every": 40}
    assert RunOptions(checkpoint_every="1m30s", stop_after="2m").checkpoint_interval == {"every_s": 90.0}
    assert (RunOptions(stop_after="2m").stop_after_s, RunOptions().stop_after_s) == (120.0, None)


def test_every_method_is_a_row_that_loads_and_a_choice():
    choices = {f.name: f.metadata["choices"] for f in dataclasses.fields(FitConfig) if "choices" in f.metadata}
    assert (choices["mixing"], choices["prior"]) == (tuple(methods.MIXINGS), tuple(methods.PRIORS))
    assert {name for name, prior in methods.PRIORS.items() if not prior.trained} == {"tv"}
    for prior in methods.PRIORS.values():
        assert prior.load() is None or {"terms", "objective"} <= set(dir(prior.load()))
