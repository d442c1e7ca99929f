"""Shared by all tests: TensorFlow started once and quietly, small stacks, one archived run."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from ddip_tf import environment

with environment.quiet():
    import tensorflow  # noqa: F401

from helpers import SHAPE, blobs

from ddip_tf import cli
from ddip_tf.archive import write
from ddip_tf.config import FitConfig
from ddip_tf.slices import SliceStack
from ddip_tf.training.fitting import fit


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
