"""Is this installation in order: versions, devices, and a small run through everything."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator

import numpy as np

from ddip_tf import runtime
from ddip_tf.errors import RunError


def examine() -> Iterator[str]:
    """Lines to print, as they become known. Raises RunError when the self-test fails."""
    for name, version in runtime.versions().items():
        yield f"{name:12s} {version}"
    yield f"{'platform':12s} {runtime.platform_name()}, {runtime.available_cores()} cores"
    with runtime.quiet():
        import tensorflow as tf

        devices = tf.config.list_physical_devices()
    yield f"{'devices':12s} " + ", ".join(device.name.replace("/physical_device:", "") for device in devices)
    began = time.perf_counter()
    _self_test()
    yield f"{'self-test':12s} passed in {time.perf_counter() - began:.1f} s (fit, archive, ONNX agrees)"


def _self_test() -> None:
    """Fit a tiny pair, archive it, and regenerate it by ONNX."""
    from ddip_tf import archive, config, regeneration
    from ddip_tf.slices import SliceStack

    with runtime.quiet():
        from ddip_tf.fitting import fit

        images = np.random.default_rng(0).normal(size=(2, 32, 37)).astype(np.float32)
        settings = config.FitConfig(mixing="linear", epochs=2, width=1)
        with tempfile.TemporaryDirectory() as folder:
            run = archive.save(fit(SliceStack(images), settings), f"{folder}/run")
            found = regeneration.check(run, "onnx")
    if found:
        raise RunError("self-test failed: " + "; ".join(found))
