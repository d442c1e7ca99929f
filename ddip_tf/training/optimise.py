"""Adam on all parameters at once: chunks of epochs in a graph, what listens to them, and what keeps them safe."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError, Interrupted
from ddip_tf.networks.parameters import ParameterVector
from ddip_tf.training.adam import FusedAdam
from ddip_tf.training.callbacks.dispatch import Dispatcher
from ddip_tf.training.checkpoint import Checkpoints, State


class Objective(Protocol):
    """What can be fitted: the parameters of some networks and a function of them."""

    generators: dict[str, keras.Model]
    #: their inputs by name, as in `ddip_tf.slices.separation.Separation`
    latents: dict[str, np.ndarray]
    parameters: ParameterVector
    #: names of what `objective` gives; the first is minimised
    terms: Sequence[str]

    def objective(self, vector: tf.Tensor | Sequence[tf.Tensor], epoch: tf.Tensor) -> tf.Tensor:
        """(terms,) under the parameters in ``vector`` (see `ParameterVector.bind`) at ``epoch``, counted from 0."""


#: the longest that a stop has to wait for the graph, unless one epoch takes longer
PIECE_S = 1.0


def optimise(
    model: Objective,
    config: FitConfig,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoints: Checkpoints | None = None,
    start: State | None = None,
    stop: Callable[[], str | None] | None = None,
) -> State:
    """Minimise the objective over the parameters of ``model``, which holds the result afterwards.

    The result are the last epoch's parameters, or their running average where ``config.average`` is not 0.

    Parameters
    ----------
    model, config
        what is fitted, and settings: epochs, learning rate and its decay, average, chunk.
    callbacks
        Keras callbacks (`ddip_tf.training.callbacks.dispatch`).
    checkpoints, start
        where the state is kept, and the state to go on from.
    stop
        asked after every piece of about a second: why to stop, or None.

    Returns
    -------
    State
        ``history`` has a column for each of ``model.terms``.

    Raises
    ------
    FloatingPointError
        a loss is not finite; the last state whose loss is finite is kept.
    Interrupted
        ``stop`` gave a reason; the state is kept.
    InputError, RunError
        ``start`` does not fit the model; a state cannot be written.
    """
    descent = _Descent(model, config, start)
    listeners = Dispatcher(
        callbacks, model.generators, model.latents, model.terms, config.epochs, descent.done, descent.write
    )
    stopped = start is not None and start.status == "stopped"
    kept = last = descent.state() if checkpoints else None
    while descent.done < config.epochs and not stopped:
        failed = descent.advance(_piece(descent.done, config, descent.pace, checkpoints))
        if failed is not None:
            raise FloatingPointError(_not_finite(failed, kept, checkpoints))
        reason = stop() if stop else None
        if reason or descent.done == config.epochs or (descent.done - 1) % config.chunk == 0:
            stopped = listeners.on_epochs(descent.history)
        if checkpoints:
            kept, last = last, descent.state()  # one is known to be good when the next epoch's loss is finite
            if reason or checkpoints.due(descent.done):
                checkpoints.save(last)
        if reason and descent.done < config.epochs:
            listeners.on_end()
            where = f"state saved in {checkpoints.path}" if checkpoints else "nothing was saved"
            said = f"{reason}: stopped after epoch {descent.done} of {config.epochs}, {where}"
            raise Interrupted(said, kept=checkpoints is not None)
    listeners.on_end()
    final = descent.state("done" if descent.done == config.epochs else "stopped")
    descent.finish()  # last: callbacks do not see the mixing, so they may not restore weights
    if checkpoints:
        checkpoints.save(final)
    return final


class _Descent:
    """The parameters of a model on their way, their optimiser, and the loss terms of the epochs done."""

    def __init__(self, model: Objective, config: FitConfig, start: State | None) -> None:
        schedule = keras.optimizers.schedules.ExponentialDecay(
            config.learning_rate, config.decay_epochs, config.learning_rate_decay, staircase=True
        )
        average = {"use_ema": True, "ema_momentum": config.average} if config.average else {}
        self._optimizer = FusedAdam(schedule, epsilon=1e-8, **average)
        self._parameters = model.parameters
        parts = model.parameters.by_network(model.parameters.read())  # one a network: they are updated side by side
        self._vectors = [keras.Variable(part, name="parameters") for part in parts]
        self._optimizer.build(self._vectors)
        self._variables = [*self._vectors, *self._optimizer.variables]
        self._run_chunk = _compile_chunk(model, self._optimizer, self._vectors)
        if start is not None:
            _restore(self._variables, start, len(model.terms), config.epochs)
        self.history = start.history if start else np.zeros((0, len(model.terms)), np.float32)
        self._began = time.perf_counter() - (start.seconds if start else 0.0)
        self.pace, self._traced = 0.0, 0  # seconds an epoch, tracing left out

    @property
    def done(self) -> int:
        """Epochs so far."""
        return len(self.history)

    def advance(self, count: int) -> int | None:
        """So many epochs more. Gives the first epoch whose loss is not finite, after which the model is of no use."""
        clock = time.perf_counter()
        record = self._run_chunk(tf.constant(self.done), tf.constant(count)).numpy()
        finite = np.isfinite(record).all(1)
        if not finite.all():
            return self.done + int(finite.argmin()) + 1
        traced = self._run_chunk.experimental_get_tracing_count()
        self.pace = (time.perf_counter() - clock) / count if traced == self._traced else 0.0
        self._traced = traced
        self.history = np.concatenate([self.history, record])
        return None

    def state(self, status: str = "running") -> State:
        """All that is needed to go on from here."""
        values = [variable.numpy() for variable in self._variables]
        return State(values, self.history, time.perf_counter() - self._began, status)

    def write(self) -> None:
        """The parameters as they are into the model's networks."""
        self._parameters.write(np.concatenate([vector.numpy() for vector in self._vectors]))

    def finish(self) -> None:
        """The result into the model's networks: the average, where one is kept."""
        self._optimizer.finalize_variable_values(self._vectors)
        self.write()


def _piece(done: int, config: FitConfig, pace: float, checkpoints: Checkpoints | None) -> int:
    """Epochs until something may happen: the chunk's end, a checkpoint, or about a second at ``pace`` s an epoch."""
    # the first epoch is a chunk by itself, so that progress shows at once
    limits = [config.epochs - done, config.chunk - (done - 1) % config.chunk if done else 1]
    limits.append(max(1, int(PIECE_S / pace)) if pace else 1)
    left = checkpoints.epochs_left(done) if checkpoints else None
    return min(limits if left is None else [*limits, left])


def _restore(variables: Sequence[keras.Variable], state: State, terms: int, epochs: int) -> None:
    shapes = [tuple(variable.shape) for variable in variables]
    fits = [value.shape for value in state.variables] == shapes and state.history.shape[1:] == (terms,)
    if not fits or len(state.history) > epochs or not all(np.isfinite(value).all() for value in state.variables):
        raise InputError("the checkpoint does not fit these networks: begin again with `overwrite`")
    for variable, value in zip(variables, state.variables, strict=True):
        variable.assign(value)


def _not_finite(epoch: int, kept: State | None, checkpoints: Checkpoints | None) -> str:
    sentence = f"the loss is not finite after epoch {epoch}: begin again with a lower learning rate"
    if checkpoints is None or kept is None:
        return sentence
    checkpoints.save(kept)
    return f"{sentence}; the state of epoch {len(kept.history)}, still good, is in {checkpoints.path}"


def _compile_chunk(
    model: Objective, optimizer: keras.optimizers.Optimizer, vectors: Sequence[keras.Variable]
) -> tf.types.experimental.PolymorphicFunction:
    """(first epoch, count) ↦ (count, terms): so many epochs of gradient descent inside one graph call."""

    @tf.autograph.experimental.do_not_convert  # nothing in it depends on values, and converting takes seconds
    def epoch(number: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            parameters = [tf.convert_to_tensor(vector.value) for vector in vectors]
            tape.watch(parameters)
            terms = model.objective(parameters, number)
            loss = terms[0]
        optimizer.apply(tape.gradient(loss, parameters), vectors)
        return terms

    @tf.function
    def run_chunk(first: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        record = tf.TensorArray(tf.float32, size=count)
        for step in tf.range(count):
            record = record.write(step, epoch(first + step))
        return record.stack()

    return run_chunk
