"""Sentences of errors speak of arguments, as Python has them; on the command line they are flags."""

from __future__ import annotations

import re
import shlex

#: flags of another name than their argument's
FLAGS = {
    "family": "--format",
    "new": "-o",
    "pixel_size_m": "--pixel-size",
    "run": "-o",
    "spacing_m": "--spacing",
    "wavelength_m": "--wavelength",
}
#: those of the same name
NAMED = (
    *("checkpoint_every", "crop", "dataset", "despite_warnings", "electrons", "energy", "overwrite", "resume"),
    *("half", "slice_axis", "slices", "start", "tensorboard"),
)


def as_flags(text: str) -> str:
    """``text`` with flags for the arguments in it: ```slice_axis="last"``` becomes ``--slice-axis last``."""
    return re.sub(r'`(\w+)(?:="([^"`]*)")?`', _flag, text)


def _flag(found: re.Match[str]) -> str:
    name, value = found.groups()
    if name not in FLAGS and name not in NAMED:
        return found[0]
    flag = FLAGS.get(name, "--" + name.replace("_", "-"))
    return flag if value is None else f"{flag} {shlex.quote(value)}"
