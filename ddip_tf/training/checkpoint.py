"""The state of an unfinished fit: written aside, renamed, and taken up again, or refused with the reason."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf import environment
from ddip_tf._types import Floats, StrPath
from ddip_tf.config import FitConfig, as_stored, effective
from ddip_tf.errors import InputError, RunError, remedy
from ddip_tf.formats import arrays
from ddip_tf.slices.stack import SliceStack
from ddip_tf.training import device

FORMAT_VERSION = 1
#: the state, in a run folder
STATE = "checkpoints/state.npz"


@dataclass(frozen=True)
class State:
    """All that a descent changes.

    Attributes
    ----------
    variables
        the parameters (P,), then the optimiser's variables (its iteration and moments).
    history
        (E, terms) float32 of the E epochs done.
    seconds
        worked so far.
    status
        ``running``, or ``done`` or ``stopped`` where only the archive is missing.
    """

    variables: Sequence[np.ndarray]
    history: Floats
    seconds: float = 0.0
    status: str = "running"

    def by_name(self, terms: Sequence[str]) -> dict[str, Floats]:
        """Columns of the history by name, after the number of the epoch."""
        return {"epoch": np.arange(1, len(self.history) + 1), **dict(zip(terms, self.history.T, strict=True))}


def identity(stack: SliceStack, config: FitConfig, device_name: str) -> dict[str, Any]:
    """What decides the bits of a fit on the device ``device_name`` (``chunk`` does not)."""
    versions = environment.versions()
    return {
        **{name: value for name, value in effective(config.to_dict()).items() if name != "chunk"},
        "shape": list(stack.images.shape),
        "images of sha256": hashlib.sha256(stack.images.tobytes()).hexdigest(),
        **({} if stack.start is None else {"start": stack.start.record}),
        **({} if stack.halves is None else {"halves": stack.halves.record}),
        "device": device_name,
        **{f"threads {name}": value for name, value in device.threads_in_use().items()},
        **{name: versions.get(name) for name in ("tensorflow", "keras", "numpy")},
    }


class Checkpoints:
    """Where, how often and whether to keep the state of one fit.

    Parameters
    ----------
    run
        the run folder; the state is ``run/checkpoints/state.npz``.
    every
        epochs between two checkpoints; None for a checkpoint every ``every_s`` seconds. There is always one more when
        a fit is stopped and when it is done (so that nothing is lost if it cannot be archived).
    resume
        go on from the state there is; if there is none, begin. False: begin, and forget an old state.

    Examples
    --------
    >>> kept = ddip_tf.Checkpoints("runs/sample8", every=500)
    >>> kept.path.name, kept.epochs_left(1200), kept.kept
    ('state.npz', 300, False)
    """

    def __init__(self, run: StrPath, *, every: int | None = None, every_s: float = 300.0, resume: bool = False) -> None:
        self.path = Path(run).absolute() / STATE
        self._every, self._every_s, self._resume = every, every_s, resume
        self._saved = time.monotonic()
        self._identity: Mapping[str, Any] = {}
        #: whether a state of this fit is there to go on from
        self.kept = False

    def begin(self, identity: Mapping[str, Any]) -> State | None:
        """The state to go on from, if any, of a fit that is the same in everything that decides its bits.

        ``identity`` names what does: settings, images, threads, versions.

        Raises
        ------
        InputError
            the state is of another fit (the first difference is named) or damaged.
        RunError
            an old state cannot be removed.
        """
        self._identity = json.loads(json.dumps(dict(identity)))
        self._saved = time.monotonic()
        if not self._resume:
            try:
                self.path.unlink(missing_ok=True)
            except OSError as error:
                raise RunError(f"cannot remove {self.path}: {error.strerror or error}") from error
        start = self._load() if self.path.exists() else None
        self.kept = start is not None
        return start

    def epochs_left(self, done: int) -> int | None:
        """Epochs until the next checkpoint, where they are counted in epochs."""
        return None if self._every is None else self._every - done % self._every

    def due(self, done: int) -> bool:
        """Whether there should be a checkpoint after ``done`` epochs."""
        if self._every is not None:
            return done % self._every == 0
        return time.monotonic() - self._saved >= self._every_s

    def save(self, state: State) -> None:
        """Replace the state on disk by ``state``, at once or not at all.

        Raises RunError if it cannot be written; the former state is then still there.
        """
        about = json.dumps({"format_version": FORMAT_VERSION, "seconds": state.seconds, "status": state.status})
        named = {f"variable{i}": value for i, value in enumerate(state.variables)}
        aside = self.path.with_name(f".{self.path.name}.partial")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with aside.open("wb") as stream:
                identity = np.array(json.dumps(self._identity))
                np.savez(stream, about=np.array(about), identity=identity, history=state.history, **named)  # type: ignore[arg-type]
                stream.flush()
                os.fsync(stream.fileno())
            aside.replace(self.path)
        except OSError as error:
            aside.unlink(missing_ok=True)
            left = "; the last one is kept, and `resume` goes on from it" if self.path.exists() else ""
            raise RunError(f"cannot write {self.path}: {error.strerror or error}; {remedy(error)}{left}") from error
        self._saved, self.kept = time.monotonic(), True
        logging.getLogger(__name__).info("state of epoch %d saved in %s", len(state.history), self.path)

    def _load(self) -> State:
        stored = arrays.read_npz(self.path)
        try:
            about, identity = (json.loads(str(stored.pop(name))) for name in ("about", "identity"))
            history = stored.pop("history")
            version, seconds, status = about["format_version"], float(about["seconds"]), str(about["status"])
            variables = [stored.pop(f"variable{i}") for i in range(len(stored))]
            if not isinstance(version, int) or not isinstance(identity, dict) or history.ndim != 2:
                raise ValueError("not as ddip-tf writes it")
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise InputError(f"{self.path} is damaged ({error}): begin again with `overwrite`") from error
        if version != FORMAT_VERSION:
            raise InputError(f"{self.path} has format {version}, this ddip-tf has {FORMAT_VERSION}: use the other one")
        identity = as_stored(identity)  # of an older version: what it did where there was no setting yet
        for name, now in self._identity.items():
            if identity.get(name) != now:
                raise InputError(
                    f"{self.path} is of a fit with {name} {identity.get(name)}, this one has {now}: "
                    "resume with the same, or begin again with `overwrite`"
                )
        return State(variables, history, seconds, status)
