"""Coupled deep image priors in a training loop of your own: eq. (5) with one more term, total variation.

python own_loop.py slice1.tif slice2.tif
"""

import sys

import keras
import numpy as np
import tensorflow as tf

import ddip_tf
from ddip_tf.networks.generators import generated, generator_channels, latent_input
from ddip_tf.objectives import losses, mixing


def separate(stack, epochs=2000, gamma=0.1, smoothness=1e-4, width=8, seed=0):
    """Separated slices (N, H, W), scaled to [0, 1], and the loss of every epoch."""
    config = ddip_tf.FitConfig(mixing="shallow", width=width)
    low, high = stack.images.min(), stack.images.max()
    measured = tf.constant((stack.images - low) / (high - low))
    count, height, side = measured.shape
    random = np.random.default_rng(seed)

    generators = {
        f"slice{i + 1}": ddip_tf.build_generator(
            height, side, channels=generator_channels(config), seed=seed + i, name=f"slice{i + 1}"
        )
        for i in range(count)
    }
    latents = {name: latent_input(random, (height, side, 1)) for name in generators}
    forward = mixing.Mixing(config, count, (height, side), random)
    networks = {**generators, **forward.networks}
    variables = [variable for network in networks.values() for variable in network.trainable_variables]
    optimizer = keras.optimizers.Adam(1e-3, epsilon=1e-8)
    optimizer.build(variables)

    def call(name, x):  # `mixing` evaluates networks through this, so that you decide how
        return networks[name](x)

    @tf.function
    def step(first):
        with tf.GradientTape() as tape:
            y = generated(call, latents)
            modelled, matrix = forward(call, y)
            loss = losses.fidelity(modelled, measured) + gamma * losses.exclusion(y)
            loss += smoothness * tf.reduce_mean(tf.image.total_variation(y[..., None]))  # the term of your own
            loss += tf.where(first, 0.5 * losses.alpha_term(matrix), 0.0)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    history = [float(step(tf.constant(epoch < 100))) for epoch in range(epochs)]
    return generated(call, latents).numpy(), history


if __name__ == "__main__":
    images, history = separate(ddip_tf.read(*sys.argv[1:]))
    np.save("separated.npy", images)
    print(f"loss {history[0]:.4f} -> {history[-1]:.4f}; separated.npy")
