"""On a GPU, wherever TensorFlow sees one: `make gpu`. Speed beside the peer's is for `tools/benchmark.py`."""

import numpy as np
import pytest
import tensorflow as tf

import ddip_tf
from ddip_tf.config import FitConfig, preset

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="TensorFlow sees no GPU"),
]
EPOCHS = 40
MIXINGS = ("shallow", "kernel", "linear")


def of(mixing, **changes):
    return FitConfig(mixing=mixing, epochs=EPOCHS, width=4, seed=3, chunk=5, **changes)


def losses(stack, config, device):
    return ddip_tf.fit(stack, config, device=device).history["loss"]


def test_auto_takes_the_gpu(stack):
    assert ddip_tf.fit(stack, of("kernel")).provenance["device"] == "/GPU:0"


@pytest.mark.parametrize("mixing", MIXINGS)
def test_it_fits_as_a_cpu_does(stack, mixing):
    """Rounding differs and grows with the epochs: the first are close, and both come down alike."""
    gpu, cpu = (losses(stack, of(mixing), device) for device in ("gpu:0", "cpu"))
    np.testing.assert_allclose(gpu[:5], cpu[:5], rtol=1e-3)
    assert gpu[-1] == pytest.approx(cpu[-1], rel=0.1) and gpu[-1] < 0.7 * gpu[0]


@pytest.mark.parametrize("mixing", MIXINGS)
def test_the_same_seed_gives_the_same_bits(stack, mixing):
    one, other = (ddip_tf.fit(stack, of(mixing), device="gpu:0") for _ in range(2))
    np.testing.assert_array_equal(one.history["loss"], other.history["loss"])
    np.testing.assert_array_equal(one.outputs, other.outputs)


def test_mixed_precision_comes_down_as_far(stack):
    full, mixed = (losses(stack, of("shallow", precision=name), "gpu:0") for name in ("float32", "mixed_bfloat16"))
    assert np.isfinite(mixed).all() and mixed[-1] == pytest.approx(full[-1], rel=0.2)


@pytest.mark.parametrize("config", [of("shallow"), preset("default", prior="dip", epochs=EPOCHS)], ids=["paper", "dip"])
def test_what_is_archived_regenerates_on_a_cpu(stack, tmp_path, config):
    run = ddip_tf.fit_and_save(stack, tmp_path / "run", config, ddip_tf.RunOptions(device="gpu:0", progress="none"))
    for runtime in ("tensorflow", "onnx"):
        again = ddip_tf.regenerate(tmp_path / "run", runtime=runtime)
        np.testing.assert_allclose(again, run.outputs, atol=1e-4 * np.ptp(run.outputs))
