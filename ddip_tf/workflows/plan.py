"""What a fit would do, and roughly for how long: read and checked, nothing fitted, nothing written."""

from __future__ import annotations

import os
from pathlib import Path

from ddip_tf import environment
from ddip_tf.archive.lock import taken
from ddip_tf.archive.manifest import MANIFEST
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError, RunError
from ddip_tf.quality import depth
from ddip_tf.quality.warnings import same_images
from ddip_tf.slices.quantities import show_lengths
from ddip_tf.slices.stack import SliceStack
from ddip_tf.training.checkpoint import STATE
from ddip_tf.workflows.run import RunOptions

#: seconds on two cores, of a pair (docs/speed.md): starting and archiving; solving, per pixel; an epoch, per pixel
START_S, SOLVE_S, EPOCH_S = 6.0, 30e-6, 2.1e-6


def plan(stack: SliceStack, run: Path, config: FitConfig, options: RunOptions, runs: int = 1) -> str:
    """Lines on the slices, the method, the run folder and the time.

    Raises as the fit would: InputError where its folder is taken, RunError where it cannot be written.
    """
    files = list(dict.fromkeys(source.name for source in stack.sources))
    names, pages = ", ".join(files), [source.page for source in stack.sources]
    if len(files) == 1 and pages != list(range(len(pages))):
        names += f", numbers {', '.join(map(str, pages))} counted from 0"
    size = f", pixels of {show_lengths(stack.pixel_size_m, ' x ')}" if stack.pixel_size_m else ", pixel size not stated"
    apart = f", {show_lengths(stack.spacing_m)} apart" if stack.spacing_m else ""
    lines = {
        "slices": f"{len(stack)} of {stack.shape[0]} x {stack.shape[1]}{size}{apart}, from {names}",
        "settings": repr(config),
        "run": _place(run, options),
        "time": f"roughly {_words(runs * seconds(stack, config))} on {environment.available_cores()} cores"
        + (f", {runs} fits" if runs > 1 else ""),
    }
    notes = (*depth.cautions(depth.of_stack(stack)), *stack.notes)
    said = [f"{name:11s}{value}" for name, value in lines.items()]
    warnings = [f"Warning: {note}" for note in (*notes, *same_images(stack.images))]
    return "\n".join([*said, *warnings, "nothing was fitted or written (--dry-run)"])


def seconds(stack: SliceStack, config: FitConfig) -> float:
    """How long a fit of ``stack`` takes, roughly: within a factor of two or three on a machine as in docs/speed.md."""
    pixels, share = stack.shape[0] * stack.shape[1], len(stack) / 2
    solve = 0.0 if config.mixing != "transfer" else SOLVE_S * pixels * share
    width = (config.width / 8) ** 1.5
    trained = config.epochs * EPOCH_S * max(pixels, 128**2) * share * width if config.trained else 0.0
    return START_S + solve + trained * 2 / max(1, min(environment.available_cores(), 2))


def _place(run: Path, options: RunOptions) -> str:
    above = next(folder for folder in run.absolute().parents if folder.exists())
    if not (above.is_dir() and os.access(above, os.W_OK)):
        raise RunError(f"cannot write {run}: {above} cannot be written; choose another place")
    if not taken(run):
        return f"{run} would be made"
    if options.overwrite:
        return f"{run} would be replaced"
    if not options.resume:
        raise InputError(f"{run} exists and is not empty: choose another `run`, or `overwrite`")
    if (run / STATE).exists():
        return f"{run} would go on from its saved state"
    return f"{run} is finished: nothing would be fitted" if (run / MANIFEST).exists() else f"{run} would be begun"


def _words(seconds: float) -> str:
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= 1.5 * unit:
            return f"{seconds / unit:.1f} {name}" if seconds < 10 * unit else f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"
