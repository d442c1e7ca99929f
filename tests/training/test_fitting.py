import keras
import numpy as np
import numpy_reference
import pytest
import tensorflow as tf
from helpers import SHAPE, blobs

from ddip_tf.config import FitConfig, preset
from ddip_tf.objectives.coupled_dip import CoupledDIP
from ddip_tf.slices import SliceStack, affine
from ddip_tf.training.fitting import fit


@pytest.fixture(scope="module")
def tiny(stack):
    """Model, its gradient by TensorFlow at the start, and the NumPy loss as a function of all parameters."""
    config = FitConfig(mixing="shallow", width=1, seed=7)
    measured = affine.to_unit_interval(stack.images).inverse(stack.images)
    model = CoupledDIP(config, measured)
    start = model.parameters.read()
    with tf.GradientTape() as tape:
        vector = tf.constant(start)
        tape.watch(vector)
        value = model.objective(vector, tf.constant(0))[0]
    gradient = tape.gradient(value, vector).numpy()
    nets = {**model.generators, **model.mixing.networks}
    latents = {n: z[0] for n, z in {**model.latents, **model.mixing.latents}.items()}

    def by_numpy(parameters):
        model.parameters.write(parameters.astype(np.float32))
        read = {n: {layer.name: layer.get_weights() for layer in net.layers} for n, net in nets.items()}
        # float32 weights, then float64: the reference sees what TensorFlow sees
        references = {n: numpy_reference.Network(weights) for n, weights in read.items()}
        return numpy_reference.loss(
            references, latents, measured.astype(float), config.exclusion_weight, config.alpha_weight
        )

    return start, float(value), gradient, by_numpy


def test_loss_of_the_first_step_is_the_numpy_reference(tiny):
    start, value, _, by_numpy = tiny
    assert abs(value / by_numpy(start) - 1) < 1e-5


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradient_of_the_first_step_is_the_finite_difference_of_numpy(tiny, seed):
    start, _, gradient, by_numpy = tiny
    direction = np.random.default_rng(seed).normal(size=start.shape)
    step = 1e-6  # leaky ReLUs behind norms of tiny maps bend sharply: larger steps leave the tangent
    ahead, behind = ((start + s * direction).astype(np.float32) for s in (step, -step))
    slope = by_numpy(ahead) - by_numpy(behind)
    assert abs(gradient @ (ahead.astype(float) - behind) / slope - 1) < 0.03


def test_one_epoch_is_one_adam_step(stack, tiny, without_graphs):
    start, value, gradient, _ = tiny
    result = fit(stack, FitConfig(mixing="shallow", width=1, seed=7, epochs=1))
    assert abs(result.history["loss"][0] / value - 1) < 1e-5
    moved = CoupledDIP(result.config, stack.images)
    for name, net in {**result.generators, **result.filters}.items():
        {**moved.generators, **moved.mixing.networks}[name].set_weights(net.get_weights())
    change = moved.parameters.read() - start
    # first Adam step: −lr · g / (|g| + ε'), that is lr against the gradient wherever it is not tiny
    clear = (np.abs(gradient) > 1e-4) & (change != 0)
    assert clear.sum() > 200
    np.testing.assert_allclose(change[clear], -1e-3 * np.sign(gradient[clear]), rtol=0.02)


def test_same_seed_same_bits(stack, small, separation):
    again = fit(stack, small, threads=2)
    np.testing.assert_array_equal(again.outputs, separation.outputs)
    for name in separation.history:
        np.testing.assert_array_equal(again.history[name], separation.history[name])


def test_another_seed_another_result(stack, small, separation, without_graphs):
    other = fit(stack, FitConfig(**{**small.to_dict(), "seed": 4}), threads=2)
    assert np.abs(other.outputs - separation.outputs).max() > 1e-3


def test_chunks_do_not_change_the_result(stack, small, separation):
    other = fit(stack, FitConfig(**{**small.to_dict(), "chunk": 1}), threads=2)
    np.testing.assert_array_equal(other.outputs, separation.outputs)


def test_history_has_every_term_of_every_epoch(separation, small):
    history = separation.history
    assert list(history) == ["epoch", "loss", "fidelity", "exclusion", "alpha_term", "alpha1", "alpha2"]
    assert history["epoch"].tolist() == list(range(1, 13))
    assert history["loss"][-1] < history["loss"][0]
    expected = (
        history["fidelity"] + small.exclusion_weight * history["exclusion"] + small.alpha_weight * history["alpha_term"]
    )
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)


def test_alpha_term_acts_in_its_epochs_only(stack, without_graphs):
    settings = FitConfig(mixing="linear", width=1, epochs=6, alpha_epochs=3)
    history = fit(stack, settings).history
    rest = history["loss"] - history["fidelity"] - settings.exclusion_weight * history["exclusion"]
    np.testing.assert_allclose(rest[:3], 0.5 * history["alpha_term"][:3], atol=1e-6)
    np.testing.assert_allclose(rest[3:], 0, atol=1e-6)
    assert (history["alpha_term"] > 1e-5).all()


def test_learning_rate_decays_in_steps(stack, without_graphs):
    still = FitConfig(mixing="linear", width=1, epochs=6, decay_epochs=3, learning_rate_decay=0.0)
    loss = fit(stack, still).history["loss"]
    assert (np.diff(loss[:4]) != 0).all()
    assert np.ptp(loss[3:]) == 0


def test_callbacks_hear_every_epoch_and_can_stop(stack):
    class Listener(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.heard, self.shapes = [], None

        def on_epoch_end(self, epoch, logs=None):
            self.heard.append((epoch, logs["loss"]))
            self.shapes = [tuple(image.shape) for image in self.model([np.zeros((1, *SHAPE, 1))] * 2)]
            self.model.stop_training = epoch >= 4

    listener = Listener()
    result = fit(stack, FitConfig(mixing="linear", width=1, epochs=50, chunk=3), callbacks=[listener])
    assert [epoch for epoch, _ in listener.heard] == list(range(7))
    assert result.status == "stopped"
    assert result.epochs == 7
    assert listener.shapes == [(1, *SHAPE, 1)] * 2
    np.testing.assert_allclose([loss for _, loss in listener.heard], result.history["loss"])


def test_keras_early_stopping_works(stack, without_graphs):
    stop = keras.callbacks.EarlyStopping(monitor="loss", min_delta=10.0, patience=2)
    assert fit(stack, FitConfig(mixing="linear", width=1, epochs=40, chunk=2), callbacks=[stop]).epochs < 8


def test_outputs_are_in_the_unit_of_the_input(stack, separation):
    gain, offset = separation.to_output.gain, separation.to_output.offset
    for image, output, g, c in zip(stack.images, separation.outputs, gain, offset, strict=True):
        y = (output - c) / g
        assert y.min() > -1e-5
        assert y.max() < 1 + 1e-5
        assert abs(output.mean() - image.mean()) < 1e-4
    np.testing.assert_allclose(separation.outputs + separation.ghosts, stack.images, atol=1e-6)


def test_three_slices(truth, without_graphs):
    three = SliceStack(np.stack([*truth, blobs(4, SHAPE, 9)]))
    result = fit(three, FitConfig(mixing="kernel", width=1, epochs=3))
    assert result.outputs.shape == (3, *SHAPE)
    assert sorted(result.filters) == ["filter12", "filter13", "filter21", "filter23", "filter31", "filter32"]
    assert result.mixing["matrix"].shape == (3, 3)
    np.testing.assert_allclose(result.mixing["matrix"].sum(1), 1, atol=1e-6)
    assert list(result.history)[-3:] == ["alpha1", "alpha2", "alpha3"]


def test_a_loss_that_is_not_finite_stops_the_fit(stack, without_graphs):
    with pytest.raises(FloatingPointError, match="not finite"):
        fit(stack, FitConfig(mixing="linear", width=1, epochs=30, learning_rate=1e30))


@pytest.mark.slow
def test_a_long_fit_describes_its_input():
    """Eq. (3) need not separate (README says how little it does on known truth), but it must model what it is given."""
    shape = (64, 51)
    truth = np.stack([blobs(12, shape, 1, 2.5), blobs(4, shape, 2, 9.0)])
    mixed = np.stack([0.65 * truth[0] + 0.35 * truth[1], 0.35 * truth[0] + 0.65 * truth[1]])
    result = fit(SliceStack(mixed), FitConfig(mixing="linear", width=4, epochs=1500, seed=1))
    assert result.history["fidelity"][-1] < 0.01  # from 0.33 at the start
    for given, modelled in zip(mixed, result.modelled, strict=True):
        assert np.corrcoef(given.ravel(), modelled.ravel())[0, 1] > 0.95


def test_alpha_is_the_share_of_slice_1(separation):
    matrix, history = separation.mixing["matrix"], separation.history
    for i in range(2):
        own, other = (abs(history[f"alpha{i + 1}"][-1] - matrix[i, j]) for j in (0, 1))
        assert own < other


def test_what_is_given_and_said_goes_by_the_numbers_of_the_file(truth):
    images = np.array(truth[:2])
    images[1, 7, 9] += 50 * np.ptp(images)  # a hot pixel
    separation = fit(SliceStack(images, numbers=(4, 9)), preset("default"))
    assert list(separation.generators) == ["slice4", "slice9"]
    assert sorted(separation.latents) == ["slice4_base", "slice9_base"]
    (hot,) = [caution for caution in separation.warnings if caution.code == "outliers-replaced"]
    assert hot.slice == 9 and hot.text.startswith("Slice 9: one pixel (y 7, x 9)")
