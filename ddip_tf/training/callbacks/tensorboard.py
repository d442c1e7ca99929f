"""A fit in TensorBoard: every loss term, and the slices now and then."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np

from ddip_tf._types import Floats, StrPath
from ddip_tf.errors import InputError
from ddip_tf.slices import display
from ddip_tf.training.callbacks.pictures import Pictures


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
            raise InputError('`tensorboard` needs tensorboard: pip install "ddip-tf[tensorboard]"') from error
        except tf.errors.OpError as error:
            raise InputError(f"`tensorboard` {folder} cannot be written: {error.message}") from error

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
