"""Who listens to a fit: Keras callbacks, told of every epoch, with the slices' networks as their model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import keras

from ddip_tf._types import Floats
from ddip_tf.errors import InputError
from ddip_tf.networks.generators import side_by_side
from ddip_tf.slices.separation import latents_of


class Dispatcher:
    """The callbacks of a fit, told at the end of each chunk of every epoch in it.

    Their ``model`` is all generators as one, ``params["latents"]`` the list of its inputs (1, H, W, 1):
    ``self.model(self.params["latents"])`` are the images, in the generators' unit. A callback with ``needs_weights``
    False does without the weights; where that is a function, it is asked with the epochs done before they are told.

    Parameters
    ----------
    callbacks
        Keras callbacks that look, or end the fit; for those that ask for the learning rate there is none (InputError).
    generators, latents
        by name, as in `ddip_tf.slices.separation.Separation`.
    terms, epochs
        names of what ``logs`` hold, and how many epochs there will be.
    heard
        epochs that are done already and not told of.
    write
        brings the weights into the generators; called for those who look.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        generators: Mapping[str, keras.Model],
        latents: Mapping[str, Floats],
        terms: Sequence[str],
        epochs: int,
        heard: int = 0,
        write: Callable[[], None] = lambda: None,
    ) -> None:
        self._callbacks, self._terms, self._heard, self._write = callbacks, terms, heard, write
        self._whole = side_by_side(generators)
        self._whole.stop_training = False
        self._whole.optimizer = _NoOptimizer()  # which Keras' own callbacks ask for: here it is not the model's
        inputs = [
            one
            for name, generator in generators.items()
            for one in latents_of(name, [x.name for x in generator.inputs], latents).values()
        ]
        self._list = keras.callbacks.CallbackList(list(callbacks), model=self._whole, epochs=epochs, latents=inputs)
        self._list.on_train_begin()

    def on_epochs(self, table: Floats) -> bool:
        """Tell of the rows (E, terms) not heard yet; whether a callback wants the fit to end."""
        if any([_looks(callback, len(table)) for callback in self._callbacks]):  # every one is asked
            self._write()
        for epoch, row in enumerate(table[self._heard :], self._heard):
            self._list.on_epoch_begin(epoch)
            self._list.on_epoch_end(epoch, dict(zip(self._terms, map(float, row), strict=True)))
        self._heard = len(table)
        return self._whole.stop_training

    def on_end(self) -> None:
        """Tell of the end."""
        self._list.on_train_end()


class _NoOptimizer:
    """Stands where callbacks look for the model's optimizer, and says that its learning rate is the fit's own."""

    @property
    def learning_rate(self) -> float:
        """Raises InputError."""
        raise InputError(
            "the learning rate is the fit's own, set by learning_rate, learning_rate_decay and decay_epochs: callbacks "
            "that read or set it, such as ReduceLROnPlateau and LearningRateScheduler, do not work here"
        )


def _looks(callback: keras.callbacks.Callback, done: int) -> bool:
    needs = getattr(callback, "needs_weights", True)
    return needs(done) if callable(needs) else needs
