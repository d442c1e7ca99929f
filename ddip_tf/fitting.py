"""The fit: coupled deep image priors trained on one stack of slices, all parameters at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from ddip_tf import diagnose, lawful, losses, networks, normalise, runtime
from ddip_tf.config import FitConfig, preset
from ddip_tf.errors import InputError
from ddip_tf.mixing import Mixing, generator_channels, latent_input
from ddip_tf.parameters import ParameterVector
from ddip_tf.result import Separation
from ddip_tf.slices import SliceStack


def fit(
    stack: SliceStack,
    config: FitConfig | None = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    device: str = "auto",
    threads: int | None = None,
) -> Separation:
    """Separate the slices of ``stack``.

    With mixing shallow, kernel or linear: minimise eq. (5) of Du, Huang & Jacobsen, J. Synchrotron Rad. 28 (2021),
    over all generators and the mixing at once. With mixing transfer: `ddip_tf.lawful.fit_transfer`.

    Parameters
    ----------
    stack
        N ≥ 2 slices (N, H, W).
    config
        settings; those of ``preset("default")`` if None.
    callbacks
        Keras callbacks: ``on_epoch_end`` comes for every epoch, with all loss terms in ``logs``, after each
        chunk of ``config.chunk`` epochs; ``self.model`` (all z → all images) then has the chunk's last weights.
        ``self.model.stop_training = True`` ends the fit after the chunk. Weights that a callback restores are not
        kept: the result is the last epoch's, as in the paper. Mixing transfer calls back once, at its end.
    device, threads
        see `ddip_tf.runtime.start`. Same seed, machine and threads: same bits.

    Returns
    -------
    Separation

    Raises
    ------
    InputError
        no `SliceStack`, or a device that TensorFlow does not see.
    FloatingPointError
        the loss is no longer finite.
    """
    if not isinstance(stack, SliceStack):
        raise InputError("give a SliceStack: ddip_tf.read(files) or ddip_tf.SliceStack(array) makes one")
    config = config or preset("default")
    place = runtime.start(device, threads, networks=len(stack) + 1)
    if config.mixing == "transfer":
        return lawful.fit_transfer(stack, config, place, callbacks)
    began = time.perf_counter()
    scale = normalise.to_unit_interval(stack.images)
    with tf.device(place):
        model = CoupledPriors(config, len(stack), stack.shape)
        history, status = _optimise(model, scale.inverse(stack.images), config, callbacks)
        images, modelled, matrix = (x.numpy() for x in tf.function(model.forward)(model.parameters.read()))
    to_output = normalise.least_squares(images, stack.images)
    separation = Separation(
        stack=stack,
        config=config,
        outputs=to_output(images),
        to_output=to_output,
        generators=model.generators,
        latents=model.latents,
        filters={name: net for name, net in model.mixing.networks.items() if name != "weights"},
        mixing=_learned(matrix, model.mixing),
        modelled=scale(modelled),
        history=history,
        status=status,
        provenance={
            "device": place,
            "threads": runtime.threads_in_use(),
            "levels": networks.count_levels(*stack.shape),
            "wall_time_s": round(time.perf_counter() - began, 3),
            **runtime.memory_bytes(),
        },
    )
    return diagnose.with_warnings(separation)


@dataclass(init=False)
class CoupledPriors:
    """Fig. 1: a generator a slice, the forward model that joins them, and the parameters of both.

    Parameters
    ----------
    config, count, shape
        settings, N slices, (H, W) in pixels.
    """

    generators: dict[str, keras.Model]
    latents: dict[str, np.ndarray]
    mixing: Mixing
    parameters: ParameterVector

    def __init__(self, config: FitConfig, count: int, shape: tuple[int, int]) -> None:
        random = np.random.default_rng(config.seed)
        self.generators = {
            name: networks.build_generator(
                *shape, channels=generator_channels(config), seed=int(random.integers(2**31)), name=name
            )
            for name in (f"slice{i + 1}" for i in range(count))
        }
        self.latents = {name: latent_input(random, (*shape, 1)) for name in self.generators}
        self.mixing = Mixing(config, count, shape, random)
        self.parameters = ParameterVector({**self.generators, **self.mixing.networks})

    def forward(self, vector: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Slices y (N, H, W), modelled inputs I (N, H, W), weights (N, N) under parameters ``vector`` (P,)."""
        call = self.parameters.bind(vector)
        y = tf.stack([call(name, tf.constant(self.latents[name]))[0, ..., 0] for name in self.generators])
        modelled, matrix = self.mixing(call, y)
        return y, modelled, matrix

    def as_one(self) -> keras.Model:
        """All generators as one functional model, all z → all images: what Keras callbacks see."""
        inputs = [keras.Input(g.input_shape[1:], name=f"z_{name}") for name, g in self.generators.items()]
        return keras.Model(inputs, [g(z) for g, z in zip(self.generators.values(), inputs, strict=True)])


def _optimise(
    model: CoupledPriors,
    measured: np.ndarray,
    config: FitConfig,
    callbacks: Sequence[keras.callbacks.Callback],
) -> tuple[dict[str, np.ndarray], str]:
    """Adam on all parameters, chunk by chunk; the models hold the result. History by name, and the status."""
    schedule = keras.optimizers.schedules.ExponentialDecay(
        config.learning_rate, config.decay_epochs, config.learning_rate_decay, staircase=True
    )
    optimizer = keras.optimizers.Adam(schedule, epsilon=1e-8)
    vector = keras.Variable(model.parameters.read(), name="parameters")
    optimizer.build([vector])
    terms = _term_names(len(measured))
    run_chunk = _compile_chunk(model, tf.constant(measured), config, optimizer, vector)

    whole = model.as_one()
    listeners = keras.callbacks.CallbackList(list(callbacks), model=whole, epochs=config.epochs)
    whole.stop_training = False
    records: list[np.ndarray] = []
    done = 0
    listeners.on_train_begin()
    while done < config.epochs and not whole.stop_training:
        # the first epoch by itself: progress shows at once, and the rate after it is free of tracing
        count = 1 if done == 0 else min(config.chunk, config.epochs - done)
        record = run_chunk(tf.constant(done), tf.constant(count)).numpy()
        if not np.isfinite(record).all():
            raise FloatingPointError(f"the loss is not finite after epoch {done + 1}")
        records.append(record)
        if callbacks:
            model.parameters.write(vector.numpy())
        for row in record:
            listeners.on_epoch_begin(done)
            listeners.on_epoch_end(done, dict(zip(terms, map(float, row), strict=True)))
            done += 1
    listeners.on_train_end()
    model.parameters.write(vector.numpy())  # last: callbacks do not see the mixing, so they may not restore weights
    table = np.concatenate(records)
    history = {"epoch": np.arange(1, done + 1), **dict(zip(terms, table.T, strict=True))}
    return history, "done" if done == config.epochs else "stopped"


def _compile_chunk(
    model: CoupledPriors,
    measured: tf.Tensor,
    config: FitConfig,
    optimizer: keras.optimizers.Optimizer,
    vector: keras.Variable,
) -> tf.types.experimental.PolymorphicFunction:
    """(first epoch, count) ↦ (count, terms): so many epochs of gradient descent inside one graph call."""

    def epoch(number: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            parameters = tf.convert_to_tensor(vector.value)
            tape.watch(parameters)
            y, modelled, matrix = model.forward(parameters)
            fidelity = losses.fidelity(modelled, measured)
            exclusion = losses.exclusion(y)
            alpha_term = losses.alpha_term(matrix)
            alpha_weight = tf.where(number < config.alpha_epochs, config.alpha_weight, 0.0)
            loss = fidelity + config.exclusion_weight * exclusion + alpha_weight * alpha_term
        optimizer.apply([tape.gradient(loss, parameters)], [vector])
        return tf.stack([loss, fidelity, exclusion, alpha_term, *tf.unstack(_alpha(matrix))])

    @tf.function
    def run_chunk(first: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        record = tf.TensorArray(tf.float32, size=count)
        for step in tf.range(count):
            record = record.write(step, epoch(first + step))
        return record.stack()

    return run_chunk


def _alpha(matrix: tf.Tensor) -> tf.Tensor:
    """(N,) weights to show: eq. (3)'s α_1, α_2 (shares of slice 1) for two slices, else the own weights."""
    return matrix[:, 0] if matrix.shape[0] == 2 else tf.linalg.diag_part(matrix)


def _term_names(count: int) -> list[str]:
    return ["loss", "fidelity", "exclusion", "alpha_term", *(f"alpha{i + 1}" for i in range(count))]


def _learned(matrix: np.ndarray, mixing: Mixing) -> dict[str, np.ndarray]:
    """What the forward model learned, as arrays: the weights (N, N), and each 7×7 kernel."""
    learned = {"matrix": matrix}
    for name, network in mixing.networks.items():
        if "kernel" in (layer.name for layer in network.layers):
            learned[name] = network.get_layer("kernel").get_weights()[0][..., 0, 0]
    return learned
