"""Is this installation in order: versions, devices, and a small run through everything."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator

import numpy as np

from ddip_tf import environment
from ddip_tf.errors import RunError
from ddip_tf.training import waiting


def examine() -> Iterator[str]:
    """Lines to print, as they become known. Raises RunError when the self-test fails."""
    for name, version in environment.versions().items():
        yield f"{name:12s} {version}"
    yield f"{'platform':12s} {environment.platform_name()}, {environment.available_cores()} cores"
    waiting.say("auto", "starting TensorFlow …")
    with environment.quiet():
        import tensorflow as tf

        devices = tf.config.list_physical_devices()
    yield f"{'devices':12s} " + ", ".join(device.name.replace("/physical_device:", "") for device in devices)
    began = time.perf_counter()
    _self_test()
    yield f"{'self-test':12s} passed in {time.perf_counter() - began:.1f} s (separation, archive, ONNX, gradients)"


def _self_test() -> None:
    """Separate a tiny pair, archive it, regenerate it by ONNX; take the gradient of a one-level generator."""
    from ddip_tf import config
    from ddip_tf.archive import regenerate, write
    from ddip_tf.slices.stack import SliceStack

    with environment.quiet():
        import tensorflow as tf

        from ddip_tf.networks import unet
        from ddip_tf.networks.parameters import ParameterVector
        from ddip_tf.training.fitting import fit

        images = np.random.default_rng(0).normal(size=(2, 32, 37)).astype(np.float32)
        with tempfile.TemporaryDirectory() as folder:
            run = write.save(fit(SliceStack(images), config.preset("default")), f"{folder}/run")
            found = regenerate.check(run, "onnx")
        generator = unet.build_generator(32, 37, channels=(2,), skips=(0,), seed=0)
        parameters = ParameterVector({"slice1": generator})

        @tf.function
        def gradient(vector: tf.Tensor) -> tf.Tensor:
            loss = tf.reduce_mean(parameters.bind(vector)("slice1", images[:1, ..., None]) ** 2)
            return tf.gradients(loss, vector)[0]

        if not np.isfinite(gradient(parameters.read())).all():
            found.append("a generator's gradient is not finite")
    if found:
        raise RunError("self-test failed: " + "; ".join(found))
