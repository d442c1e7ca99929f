"""Flags of a fit, made from the fields of `FitConfig` and of `RunOptions`, and what becomes of them.

A new field of either is a new flag: its name, type, choices and help follow from the field (`ddip_tf.config.setting`).
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from ddip_tf import config as configuration
from ddip_tf.config import FitConfig, kinds
from ddip_tf.errors import InputError
from ddip_tf.workflows.run import RunOptions

Decorator = Callable[[Callable], Callable]


class Listed(click.ParamType):
    """``a,b,c``, each as another type takes it."""

    def __init__(self, one: click.ParamType) -> None:
        self.one = one
        self.name = f"{one.name},…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        parts = value.split(",") if isinstance(value, str) else value
        return list(dict.fromkeys(self.one.convert(part, param, ctx) for part in parts))

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The last part's completions, after those before it."""
        before, comma, last = incomplete.rpartition(",")
        found = self.one.shell_complete(ctx, param, last)
        return [CompletionItem(before + comma + item.value, item.type, item.help) for item in found]


def fit_options(*, several: Collection[str] = (), without: Collection[str] = ()) -> Decorator:
    """Options that set the fit and how it is done; settings left out come from --config, then from --preset.

    Those ``several`` take lists, those ``without`` are left out, both by the name of their parameter.
    """
    chosen = [name for name in _options() if name not in without]

    def decorate(command: Callable) -> Callable:
        for name in reversed(chosen):  # the first one on top
            more = dict(_options()[name])
            if name in several:
                more["type"] = Listed(click.types.convert_type(more.get("type")))
            names = [*more.pop("short", ()), more.pop("flag", "--" + name.replace("_", "-")), name]
            command = click.option(*names, **more)(command)
        return command

    return decorate


def settings_from(options: Mapping[str, Any]) -> FitConfig:
    """Settings from the preset, then the config file, then the flags."""
    flags = {f.name: options[f.name] for f in _flagged(FitConfig) if options[f.name] is not None}
    written = _written(options["config_file"]) if options["config_file"] else {}
    settings = FitConfig.from_dict({**configuration.PRESETS[options["preset"]], **written, **flags})
    if found := flags.keys() & configuration.idle(vars(settings)):
        flag = "--" + min(found).replace("_", "-")
        of = f"mixing {settings.mixing}" + (f" and prior {settings.prior}" if settings.mixing == "transfer" else "")
        raise InputError(f"{flag} does nothing with {of}: choose another, or leave it out")
    return settings


def run_options(options: Mapping[str, Any]) -> RunOptions:
    """How the job is to be done."""
    return RunOptions(**{f.name: options[f.name] for f in dataclasses.fields(RunOptions)})


def _written(file: str) -> dict[str, Any]:
    """What a config file sets."""
    from ddip_tf.formats import limits

    try:
        written = configuration.parse_yaml(limits.read_text(Path(file), 2**20))
        FitConfig.from_dict(written)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(f"{file} cannot be read: {said}; ddip-tf config > {shlex.quote(file)} writes one") from error
    return written


def _options() -> dict[str, dict[str, Any]]:
    """What click makes each option of, by the name of its parameter."""
    preset = {
        "default": "default",
        "show_default": True,
        "type": click.Choice(list(configuration.PRESETS)),
        "help": "Settings to start from; paper: exactly Du, Huang & Jacobsen (2021); deep: the default and a network; "
        "0.1: as version 0.1 separated.",
    }
    config_file = {"flag": "--config", "type": click.Path(), "metavar": "FILE.yaml"}
    config_file["help"] = "Settings; flags win over them."
    found: dict[str, dict[str, Any]] = {"preset": preset, "config_file": config_file}
    for f in _flagged(FitConfig):  # without a default: what is not said must not win over file and preset
        found[f.name] = _option(f, kinds(FitConfig)[f.name]) | {"default": None, "show_default": False}
        if "is_flag" in found[f.name]:
            name = f.name.replace("_", "-")
            found[f.name]["flag"] = f"--{name}/--no-{name}"
    for f in _flagged(RunOptions):
        found[f.name] = _option(f, kinds(RunOptions)[f.name])
        if kinds(RunOptions)[f.name] is int:
            found[f.name]["type"] = click.IntRange(min=f.metadata["least"])
    return found


def _flagged(settings: type) -> Iterable[dataclasses.Field]:
    return [f for f in dataclasses.fields(settings) if f.metadata.get("flag", True)]


def _option(f: dataclasses.Field, kind: type) -> dict[str, Any]:
    """Of one field: its type, its help, its default where there is one to show."""
    rules, doc = f.metadata, f.metadata["doc"]
    option = {"help": rules.get("help", f"{doc[:1].upper()}{doc[1:]}."), "metavar": rules.get("metavar")}
    if option["metavar"] == "DIR":
        option["type"] = click.Path()
    if kind is bool:
        return option | {"is_flag": True, "default": f.default, "short": rules.get("short", ())}
    if "choices" in rules:
        option["type"] = click.Choice(rules["choices"])
    elif kind in (int, float):
        option["type"] = kind
    return option | {"default": f.default, "show_default": f.default is not None}
