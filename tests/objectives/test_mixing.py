import numpy as np
import pytest
import tensorflow as tf
from helpers import SHAPE, blobs

from ddip_tf.config import FitConfig
from ddip_tf.networks.filters import high_pass_kernel, low_pass_kernel
from ddip_tf.objectives.mixing import Mixing, mix, weight_matrix
from ddip_tf.slices import separation

Y = np.stack([blobs(6, SHAPE, s) for s in (1, 2, 3)]).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_two_slices_are_equation_3():
    raw = np.array([0.7, -1.3], np.float32)
    a1, a2 = 0.9 * sigmoid(raw) + 0.05
    y1, y2, f1, f2 = np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32)
    modelled = mix(weight_matrix(tf.constant(raw), 2), [[y1, f1], [f2, y2]])
    np.testing.assert_allclose(modelled[0], a1 * y1 + (1 - a1) * f1, atol=1e-6)
    np.testing.assert_allclose(modelled[1], a2 * f2 + (1 - a2) * y2, atol=1e-6)


@pytest.mark.parametrize("count", [3, 4])
def test_weights_of_many_slices_are_row_stochastic_and_bounded(count):
    raw = np.random.default_rng(1).normal(scale=5, size=count**2).astype(np.float32)
    matrix = weight_matrix(tf.constant(raw), count).numpy()
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-6)
    assert (matrix > 0).all()
    own = 0.9 * sigmoid(raw.reshape(count, count)[:, 0]) + 0.05
    np.testing.assert_allclose(np.diag(matrix), own, atol=1e-6)
    # the logits of row 1 (slice 2) follow in the order of the slices 1, 3, …
    others = np.exp(raw.reshape(count, count)[1, 1:].astype(float))
    expected = (1 - own[1]) * others / others.sum()
    np.testing.assert_allclose(np.delete(matrix[1], 1), expected, rtol=1e-4)


def test_every_pair_of_eleven_slices_has_a_filter_of_its_own():
    model, _ = model_of("kernel", 11)
    names = [name for name in model.networks if name != "weights"]
    assert len(names) == 110
    assert {separation.filter_pair(name) for name in names} == {(i, j) for i in range(11) for j in range(11) if i != j}
    assert {"filter12", "filter98", "filter1_10", "filter11_1", "filter10_11"} <= set(names)  # of one digit: as saved


@pytest.mark.parametrize("name", ["filter111", "filter", "filter1_", "filter01", "filter1_x", "weights", "filter123_"])
def test_names_that_do_not_tell_their_pair(name):
    assert separation.filter_pair(name) is None


def test_extreme_weights_stop_at_their_bounds():
    np.testing.assert_allclose(weight_matrix(tf.constant([99.0, -99.0]), 2)[:, 0], [0.95, 0.05], atol=1e-6)


def model_of(mixing, count=2):
    model = Mixing(FitConfig(mixing=mixing, width=1), count, SHAPE, np.random.default_rng(4))
    call = lambda name, x: model.networks[name](x)  # noqa: E731
    return model, lambda y: model(call, tf.constant(y, tf.float32))


@pytest.mark.parametrize("mixing", ["linear", "kernel", "shallow"])
@pytest.mark.parametrize("count", [2, 3])
def test_every_pair_of_slices_has_its_filter(mixing, count):
    model, forward = model_of(mixing, count)
    filters = [name for name in model.networks if name != "weights"]
    assert len(filters) == (0 if mixing == "linear" else count * (count - 1))
    modelled, matrix = forward(Y[:count])
    assert modelled.shape == (count, *SHAPE)
    np.testing.assert_allclose(tf.reduce_sum(matrix, 1), 1, atol=1e-6)


@pytest.mark.parametrize("mixing", ["linear", "kernel"])
def test_linear_in_the_slices(mixing):
    _, forward = model_of(mixing, 3)
    other = Y[::-1] ** 2
    whole = forward(2 * Y - 3 * other)[0]
    np.testing.assert_allclose(whole, 2 * forward(Y)[0] - 3 * forward(other)[0], atol=2e-5)


def test_linear_in_the_weights():
    filtered = [[Y[i] ** (1 + (i != j)) for j in range(3)] for i in range(3)]
    one, two = np.random.default_rng(0).normal(size=(2, 3, 3)).astype(np.float32)
    np.testing.assert_allclose(mix(one - 2 * two, filtered), mix(one, filtered) - 2 * mix(two, filtered), atol=1e-5)


def test_no_crosstalk_returns_the_slices():
    filtered = [[Y[j] for j in range(3)] for _ in range(3)]
    np.testing.assert_array_equal(mix(np.eye(3, dtype=np.float32), filtered), Y)


def test_identical_slices_are_a_fixed_point_of_linear_mixing():
    _, forward = model_of("linear", 3)
    np.testing.assert_allclose(forward(np.stack([Y[0]] * 3))[0], np.stack([Y[0]] * 3), atol=1e-6)


def test_gradient_is_the_finite_difference():
    _, forward = model_of("kernel")
    weights = np.random.default_rng(5).normal(size=(2, *SHAPE)).astype(np.float32)
    direction = np.random.default_rng(6).normal(size=(2, *SHAPE)).astype(np.float32)
    with tf.GradientTape() as tape:
        y = tf.constant(Y[:2])
        tape.watch(y)
        call = lambda name, x: networks[name](x)  # noqa: E731
        networks = (model := model_of("kernel")[0]).networks
        value = tf.reduce_sum(model(call, y)[0] * weights)
    along = float(tf.reduce_sum(tape.gradient(value, y) * direction))
    # linear in y, so one step of any size is exact
    moved = float(np.sum((forward(Y[:2] + direction)[0] - forward(Y[:2])[0]) * weights))
    assert abs(along / moved - 1) < 1e-3


def test_kernels_start_low_pass_downstream_into_upstream():
    model, _ = model_of("kernel", 3)
    for name, net in model.networks.items():
        if name != "weights":
            into, source = int(name[-2]), int(name[-1])
            expected = low_pass_kernel() if source > into else high_pass_kernel()
            np.testing.assert_allclose(net.get_layer("kernel").get_weights()[0][..., 0, 0], expected, atol=1e-7)
