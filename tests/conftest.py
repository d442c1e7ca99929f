"""Shared by all tests: TensorFlow started once and quietly and made to forget, small stacks, one archived run."""

import ctypes
import gc
import os
import sys
import time

import numpy as np
import pytest
from helpers import SHAPE, blobs

from ddip_tf import cli, environment
from ddip_tf.archive import write
from ddip_tf.config import FitConfig
from ddip_tf.slices import SliceStack

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def pytest_collectstart():
    """Not before: the process that only hands tests out to others (`make test`) does without TensorFlow.

    What it is made of stays, and is not searched for garbage after every test.
    """
    if "tensorflow" not in sys.modules:
        with environment.quiet(), environment.uncollected():
            import tensorflow  # noqa: F401
        gc.freeze()


def pytest_collection_modifyitems(items):
    """Files of few long tests first: left to the end, one of them would run while other processes have nothing to do.

    Those that start large processes, browsers and a notebook's, before them, while those of the tests are still small.
    """
    early = ("tools", "whole", "workflows")
    items.sort(
        key=lambda item: (
            not item.path.stem.endswith(("_in_browser", "_notebook")),
            item.path.parent.name not in early,
        )
    )


@pytest.fixture(autouse=True)
def forgetful():
    """After a test: TensorFlow keeps each gradient written by hand, and so its graph, for the process's life.

    What a long test let go goes back to the system.
    """
    began = time.monotonic()
    yield
    from tensorflow.python.framework import ops

    gradients = ops.gradient_registry._registry
    traced = [name for name in gradients if name.startswith("CustomGradient-")]
    for name in traced:
        del gradients[name]
    if traced or time.monotonic() - began > 1:
        gc.collect()
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture
def without_graphs():
    """Fits operation by operation: of a few epochs they take less than the tracing of a graph does."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def truth() -> np.ndarray:
    """Two unlike slices (2, H, W)."""
    return np.stack([blobs(5, SHAPE, 1, 3.0), blobs(9, SHAPE, 2, 5.0)])


@pytest.fixture(scope="session")
def stack(truth) -> SliceStack:
    """The slices mixed, in a unit of their own (0.3 and an offset), with a pixel size."""
    mixed = np.stack([0.7 * truth[0] + 0.3 * truth[1], 0.25 * truth[0] + 0.75 * truth[1]])
    return SliceStack(0.3 * mixed - 0.1, pixel_size_m=(7e-9, 8e-9))


@pytest.fixture(scope="session")
def small() -> FitConfig:
    """A fit of seconds."""
    return FitConfig(mixing="shallow", epochs=12, width=2, chunk=5, seed=3)


@pytest.fixture(scope="session")
def separation(stack, small):
    from ddip_tf.training.fitting import fit

    return fit(stack, small, threads=2)


@pytest.fixture(scope="session")
def run(separation, tmp_path_factory):
    """An archived run; tests copy it before they change it."""
    return write.save(separation, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def call(capfd, monkeypatch, tmp_path):
    """Run the command in-process: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ddip-tf", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capfd.readouterr()
        return end.value.code or 0, out, err

    return run
