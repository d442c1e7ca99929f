"""Keras callbacks that look at the slices while they are fitted: now and then, so that the fit hardly notices."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import keras
import numpy as np

from ddip_tf._types import Floats

#: least time between two looks, in units of what a look takes
SELDOM = 50


class Pictures(keras.callbacks.Callback):
    """Calls ``show(images, epoch)`` with the slices (N, H, W), in the generators' unit, and the epochs done.

    Parameters
    ----------
    show
        what is to be done with them.
    every_s
        seconds from one look to the next, and to the first; more where looking takes more than a fiftieth of that.
    last
        whether the last epoch is shown in any case.
    """

    def __init__(self, show: Callable[[Floats, int], object], *, every_s: float = 20.0, last: bool = False) -> None:
        super().__init__()
        self._show, self._every_s, self._last = show, every_s, last
        self._next = time.monotonic() + every_s
        self._due_at: int | None = None

    def needs_weights(self, done: int) -> bool:
        """Whether the slices are looked at after ``done`` epochs."""
        due = time.monotonic() >= self._next or (self._last and done == self.params["epochs"])
        self._due_at = done if due else None
        return due

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if self._due_at != epoch + 1:
            return
        began = time.monotonic()
        images = self.model(self.params["latents"])
        self._show(np.stack([np.asarray(image)[0, ..., 0] for image in images]), epoch + 1)
        now = time.monotonic()
        self._next = now + max(self._every_s, SELDOM * (now - began))
