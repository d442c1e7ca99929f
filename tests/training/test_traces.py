"""What a fit traced is let go at its end, and what others traced is not."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops

import ddip_tf
from ddip_tf.training import traces
from ddip_tf.training.traces import let_go


@tf.custom_gradient
def tripled(x):
    return 3 * x, lambda upstream: 5 * upstream  # a slope that no rule would give


def gradients() -> set[str]:
    return {name for name in ops.gradient_registry._registry if name.startswith("CustomGradient-")}


@pytest.mark.parametrize("mixing", ["linear", "transfer"])
def test_a_fit_leaves_no_graph_in_the_registry_of_gradients(mixing, truth):
    before = gradients()
    mixed = np.stack([truth[0] + 0.3 * truth[1], truth[1] - 0.2 * truth[0]]).astype(np.float32)
    networks = {"prior": "dip", "normalisation": "diagonal"} if mixing == "transfer" else {}
    config = ddip_tf.FitConfig(mixing=mixing, epochs=2, width=1, chunk=2, **networks)
    ddip_tf.fit(ddip_tf.SliceStack(mixed), config)
    assert gradients() == before


def test_gradients_of_others_stay():
    @tf.function
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tripled(x)
        return tape.gradient(y, x)

    assert slope(tf.constant(2.0)).numpy() == 5
    theirs = gradients()
    with let_go():
        pass
    assert gradients() == theirs
    forward = tf.function(tripled)  # traced before its gradient is asked for
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape, let_go():
        y = forward(x)
    assert tape.gradient(y, x).numpy() == 5


def test_a_fit_that_is_done_does_not_fail_on_what_is_let_go(monkeypatch, caplog):
    def broken():
        raise KeyError("type")

    monkeypatch.setattr("ddip_tf.training.traces._forget", broken)
    with let_go():
        pass
    assert "stay in memory" in caplog.text


def test_a_variable_that_is_not_set_yet_is_no_gradient():
    def outer():
        def inner():
            return later

        found = traces._closed_over(inner)
        later = 1
        return found, traces._closed_over(inner), later

    assert outer()[:2] == ([], [1])


def test_nothing_is_let_go_while_another_fit_runs(monkeypatch):
    calls = []
    monkeypatch.setattr("ddip_tf.training.traces._forget", lambda: calls.append(1))
    with let_go():
        with let_go():
            pass
        assert not calls
    assert calls == [1]


def test_a_fit_that_fails_is_over(monkeypatch):
    calls = []
    monkeypatch.setattr("ddip_tf.training.traces._forget", lambda: calls.append(1))
    with pytest.raises(FloatingPointError), let_go():
        raise FloatingPointError
    assert calls == [1]
