"""Keras callbacks that look at the slices while they are fitted: now and then, so that the fit hardly notices."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import keras
import numpy as np

from ddip_tf._types import Floats, StrPath
from ddip_tf.errors import InputError
from ddip_tf.slices import display

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


class Scalars(keras.callbacks.Callback):
    """Every term of every epoch to TensorBoard, under its own name."""

    needs_weights = False

    def __init__(self, log: TensorBoardLog) -> None:
        super().__init__()
        self._log = log

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self._log.scalars(logs or {}, epoch + 1)

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        self._log.close()


class TensorBoardLog:
    """Event files in ``folder``. Raises InputError where tensorboard is missing or the folder cannot be written."""

    def __init__(self, folder: StrPath) -> None:
        import tensorflow as tf

        try:
            import tensorboard  # noqa: F401

            self._summary = tf.summary
            self._writer = tf.summary.create_file_writer(str(folder))
            self._writer.init()
        except ImportError as error:
            raise InputError('--tensorboard needs tensorboard: pip install "ddip-tf[tensorboard]"') from error
        except tf.errors.OpError as error:
            raise InputError(f"--tensorboard {folder} cannot be written: {error.message}") from error

    def scalars(self, values: Mapping[str, float], epoch: int) -> None:
        """One point for each of ``values``."""
        with self._writer.as_default(step=epoch):
            for name, value in values.items():
                self._summary.scalar(name, value)

    def images(self, images: Floats, epoch: int) -> None:
        """Slices (N, H, W), black at μ − 4σ of each and white at μ + 4σ."""
        with self._writer.as_default(step=epoch):
            for number, image in enumerate(images, 1):
                shown = display.grey(image, image)
                self._summary.image(f"slice{number}", shown[None, ..., None].astype(np.float32))

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


def tensorboard(folder: StrPath) -> list[keras.callbacks.Callback]:
    """Callbacks for ``--tensorboard``: scalars of every epoch, pictures now and then and at the end."""
    log = TensorBoardLog(folder)
    return [Pictures(log.images, last=True), Scalars(log)]
