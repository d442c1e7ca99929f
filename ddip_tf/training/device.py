"""How TensorFlow is started: quietly, with so many threads, on that device."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ddip_tf.environment import available_cores
from ddip_tf.errors import InputError


def start_tensorflow(device: str = "auto", threads: int | None = None, networks: int = 3) -> str:
    """Set TensorFlow's threads and choose the device; must come before TensorFlow first computes.

    Parameters
    ----------
    device
        ``auto`` (a GPU if TensorFlow sees one), ``cpu`` or ``gpu:0``.
    threads
        CPU threads in all; None for as many as there are cores.
    networks
        how many independent networks there are: each runs on its own thread, and only what threads are left
        over divide single operations.

    Returns
    -------
    str
        the device's TensorFlow name, such as ``/CPU:0``.

    Raises
    ------
    InputError
        a device that TensorFlow does not see.
    """
    import tensorflow as tf

    total = threads or available_cores()
    across = max(1, min(total + (total > 1), networks))  # one more than cores, so that none waits for a last one
    # TensorFlow fixes its threads at its first computation: a caller who computed before keeps those
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_inter_op_parallelism_threads(across)
        tf.config.threading.set_intra_op_parallelism_threads(max(1, total // across))
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)
    wanted = device.lower()
    if wanted == "auto":
        wanted = "gpu:0" if gpus else "cpu"
    if wanted in ("cpu", "cpu:0"):
        return "/CPU:0"
    kind, _, number = wanted.partition(":")
    if kind != "gpu" or not (number or "0").isdigit():
        raise InputError(f"device is {device!r}; it can be auto, cpu or gpu:0")
    if int(number or 0) >= len(gpus):
        raise InputError(f"no device {device}: TensorFlow sees {len(gpus)} GPU(s) here")
    tf.config.experimental.enable_op_determinism()
    return f"/GPU:{int(number or 0)}"


@contextlib.contextmanager
def on_device(device_name: str) -> Iterator[None]:
    """Compute on it; on a CPU graphs run as they are traced: optimising them costs seconds and gains nothing."""
    import tensorflow as tf

    before = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    with tf.device(device_name):
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": "CPU" in device_name or before})
        try:
            yield
        finally:
            tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": before})


def threads_in_use() -> dict[str, int]:
    """TensorFlow's thread setting: ``inter_op`` (operations at once) and ``intra_op`` (threads in each)."""
    import tensorflow as tf

    return {
        "inter_op": tf.config.threading.get_inter_op_parallelism_threads(),
        "intra_op": tf.config.threading.get_intra_op_parallelism_threads(),
    }
