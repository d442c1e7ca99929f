"""Every setting of a fit, once, with its default; presets; to YAML and from it."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ddip_tf import methods
from ddip_tf.errors import InputError
from ddip_tf.plain_yaml import parse_yaml

#: forward models and the γ_excl each is run with
DEFAULT_GAMMA = {name: mixing.gamma for name, mixing in methods.MIXINGS.items()}
MIXINGS = tuple(methods.MIXINGS)
MODELS = ("auto", "smica")
NORMALISATIONS = methods.NORMALISATIONS
#: what images are made of under the transfer model
PRIORS = tuple(methods.PRIORS)
#: of a U-Net, where the images are large enough
LEVELS = 5
#: of a whole number, TensorFlow's own
LARGEST = 2**31 - 1
#: of the networks while they are trained; parameters and archives are float32 in both
PRECISIONS = ("float32", "mixed_bfloat16")


def setting(default: Any, doc: str, **more: Any) -> Any:
    """A field of settings. It has a flag of the command line, too, whose type and help follow from it.

    Parameters
    ----------
    default, doc
        its default and what it means, as `FitConfig.to_yaml` says it.
    more
        ``choices``: all values it can have; ``least``: the least number it can be; ``of``: what it is for, where the
        flag means nothing elsewhere (``"equation 3"``, ``"transfer"`` or ``"networks"``); ``help``: what the flag's
        help says instead of ``doc``; ``metavar``: of the flag; ``flag=False``: there is none.
    """
    return field(default=default, metadata={"doc": doc, **more})


@functools.cache
def kinds(settings: type) -> dict[str, type]:
    """The type of every field of a dataclass of settings, by name: ``float`` of one that can be None, too."""
    hints = typing.get_type_hints(settings)
    return {
        f.name: next((kind for kind in typing.get_args(hints[f.name]) if kind is not type(None)), hints[f.name])
        for f in dataclasses.fields(settings)
    }


def _by_mixing(settings: type) -> type:
    """Settings of which those that are left out are the mixing's own, where it has its own, else the defaults."""
    made = settings.__init__  # type: ignore[misc]
    signature = inspect.signature(made)

    @functools.wraps(made)
    def initialise(*given: Any, **named: Any) -> None:
        said = signature.bind(*given, **named).arguments
        mixing = methods.MIXINGS.get(str(said.get("mixing")))
        made(**{**(mixing.settings if mixing else {}), **said})

    settings.__init__ = initialise  # type: ignore[misc]
    return settings


@_by_mixing
@dataclass(frozen=True, repr=False)
class FitConfig:
    """Settings of one fit. The defaults are those of the preset ``default``, which `ddip_tf.fit` takes.

    With mixing shallow, kernel or linear what is left out is the paper's: 10,000 epochs, learning rate 0.001, the last
    weights (`ddip_tf.methods.PAPER`).

    Raises
    ------
    InputError
        a value of the wrong type or outside its range.

    Examples
    --------
    >>> ddip_tf.FitConfig() == ddip_tf.preset("default")
    True
    >>> ddip_tf.FitConfig(mixing="kernel", gamma=0.2).epochs
    10000
    """

    mixing: str = setting(
        "transfer", f"forward model: {methods.listed(methods.MIXINGS)}", choices=MIXINGS, help="Forward model."
    )
    gamma: float | None = setting(
        None,
        "weight of the exclusion loss; null: 0.1 shallow, 0.4 kernel, linear",
        least=0,
        of="equation 3",
        help="Weight of the exclusion loss.",
    )
    normalisation: str = setting(
        "auto",
        "of T(k): sum (columns sum to 1), diagonal (unit diagonal) or auto",
        choices=NORMALISATIONS,
        of="transfer",
        help="Of T(k), mixing transfer.",
    )
    prior: str = setting(
        "tv",
        f"under transfer: {methods.listed(methods.PRIORS)}",
        choices=PRIORS,
        of="transfer",
        help="Of the slices, mixing transfer.",
    )
    starts: int = setting(
        5,
        "solves from other first guesses and draws of T(k); more than one: a map of their spread (prior tv)",
        least=1,
        flag=False,
    )
    epochs: int = setting(2000, "optimisation steps", least=1, of="networks")
    seed: int = setting(
        0, "of the latent inputs and of the initial weights", least=0, help="Of latent inputs and initial weights."
    )
    learning_rate: float = setting(3e-3, "of Adam (β 0.9 and 0.999, ε 1e-8)", least=0, of="networks", help="Of Adam.")
    learning_rate_decay: float = setting(0.9, "factor on the learning rate every decay_epochs", least=0, flag=False)
    decay_epochs: int = setting(500, "epochs between two decays of the learning rate", least=1, flag=False)
    average: float = setting(
        0.99, "momentum of the running average of the weights that is kept; 0: the last weights", least=0, flag=False
    )
    alpha_weight: float = setting(0.5, "weight of the α term, Σ(α − ½)²", least=0, flag=False)
    alpha_epochs: int = setting(100, "first epochs, in which the α term acts", least=0, flag=False)
    width: int = setting(
        8,
        "channels of a generator's first level, doubled at each deeper one",
        least=1,
        of="networks",
        help="Channels of a generator's first level.",
    )
    precision: str = setting(
        "float32",
        "of the networks in training: float32, or mixed_bfloat16 for GPUs with it",
        choices=PRECISIONS,
        of="networks",
        help="Of networks in training.",
    )
    chunk: int = setting(10, "epochs inside one graph call; callbacks see the weights at its end", least=1, flag=False)
    model: str = setting(
        "auto",
        "of T(k): auto (a ladder of mixing models, chosen by evidence), smica (one estimate, as version 0.1)",
        choices=MODELS,
        of="transfer",
        help="Of T(k), mixing transfer. auto: chosen by evidence; smica: one estimate, as in version 0.1.",
    )

    def __post_init__(self) -> None:
        settings: type = type(self)
        for f in dataclasses.fields(self):
            _check(f.name, getattr(self, f.name), kinds(settings)[f.name], f.default, f.metadata)
        if self.learning_rate == 0:
            raise InputError("learning_rate is 0: nothing would be learned")
        if not self.average < 1:
            raise InputError(f"average is {self.average}; it must be under 1")
        if not self.learning_rate_decay <= 1:
            raise InputError(f"learning_rate_decay is {self.learning_rate_decay}; the most is 1")

    @property
    def exclusion_weight(self) -> float:
        """γ_excl of eq. (5): ``gamma``, or where that is None the mixing's own (`DEFAULT_GAMMA`)."""
        return DEFAULT_GAMMA[self.mixing] if self.gamma is None else self.gamma

    @property
    def trained(self) -> bool:
        """Whether networks are trained: pixels are solved for at once, and every seed gives the same pictures."""
        return methods.networks_trained(vars(self))

    def __repr__(self) -> str:
        """What is other than it would be anyway, and the mixing: ``FitConfig(mixing='kernel', gamma=0.2)``."""
        usual = type(self)(mixing=self.mixing)
        said = {name: value for name, value in self.to_dict().items() if value != getattr(usual, name)}
        words = ", ".join(f"{name}={value!r}" for name, value in {"mixing": self.mixing, **said}.items())
        return f"{type(self).__name__}({words})"

    def to_dict(self) -> dict[str, Any]:
        """Plain settings, in order: ``FitConfig.from_dict`` takes them back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> FitConfig:
        """Raises InputError for keys that are no setting, and names the nearest."""
        if not isinstance(settings, dict):
            raise InputError("a config holds 'key: value' lines")
        known = {f.name for f in dataclasses.fields(cls)}
        for key in settings:
            if key not in known:
                import difflib

                near = difflib.get_close_matches(str(key), known, 1)
                hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(known))}"
                raise InputError(f"unknown config key {key!r}{hint}")
        return cls(**settings)

    def to_yaml(self) -> str:
        """YAML text with a comment on every key."""
        import yaml

        lines = []
        for f in dataclasses.fields(self):
            value = yaml.safe_dump({f.name: getattr(self, f.name)}).strip()
            lines.append(f"# {f.metadata['doc']}\n{value}\n")
        return "\n".join(lines)

    @classmethod
    def from_yaml(cls, text: str, **overrides: Any) -> FitConfig:
        """Settings from YAML text; ``overrides`` win. Raises InputError if it is no mapping of settings."""
        return cls.from_dict({**parse_yaml(text), **overrides})


def settings_of(*what: str) -> set[str]:
    """The settings that mean nothing but for ``what``, as `setting` says."""
    return {f.name for f in dataclasses.fields(FitConfig) if f.metadata.get("of") in what}


def idle(settings: typing.Mapping[str, Any]) -> set[str]:
    """The settings that mean nothing with the mixing and the prior of ``settings``."""
    networks = () if methods.networks_trained(settings) else ("networks",)
    return settings_of("equation 3" if settings["mixing"] == "transfer" else "transfer", *networks)


def effective(settings: typing.Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``settings`` that mean something together: fits that differ in no other are the same."""
    left_out = idle(settings)
    return {name: value for name, value in settings.items() if name not in left_out}


def _check(name: str, value: Any, kind: type, default: Any, rules: typing.Mapping[str, Any]) -> None:
    """Raise InputError unless ``value`` is of ``kind`` and keeps the ``rules`` of `setting`."""
    if value is None and default is None:
        return
    if "choices" in rules and value not in rules["choices"]:
        raise InputError(f"{name} is {value!r}; it can be {', '.join(rules['choices'])}")
    if kind not in (int, float):
        if not isinstance(value, kind):
            raise InputError(f"{name} is {value!r}, which is no {kind.__name__}")
        return
    if isinstance(value, bool) or not isinstance(value, int if kind is int else (int, float)):
        raise InputError(f"{name} must be {'a whole number' if kind is int else 'a number'}, not {value!r}")
    least = rules.get("least", -LARGEST)
    if not least <= value < float("inf"):
        raise InputError(f"{name} is {value}; the least is {least}")
    if kind is int and value > LARGEST:
        raise InputError(f"{name} is too large; the most is {LARGEST}")


#: what each preset sets apart from the defaults of `FitConfig`
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {"mixing": "shallow", **methods.PAPER},
    "default": {},
    "deep": {"prior": "deep", "starts": 1, "epochs": 200, "learning_rate": 2e-3, "average": 0.97, "width": 16},
    "0.1": {"model": "smica"},
    "quick": {"starts": 1, "epochs": 300},
}


def preset(name: str = "default", **overrides: Any) -> FitConfig:
    """The settings of a preset with ``overrides`` on top: ``paper``, ``default``, ``deep``, ``quick``, ``0.1``.

    Raises InputError for a preset or a key that does not exist.

    >>> ddip_tf.preset("paper", mixing="kernel").exclusion_weight
    0.4
    """
    if name not in PRESETS:
        raise InputError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    return FitConfig.from_dict({**PRESETS[name], **overrides})


def as_stored(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as some ddip-tf wrote them, complete: fields it did not have yet stand as it worked without them."""
    model = "smica" if settings.get("mixing") == "transfer" else "auto"
    return {"prior": "tv", "starts": 1, "average": 0.0, "precision": "float32", "model": model, **settings}
