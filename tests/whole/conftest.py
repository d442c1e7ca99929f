"""Shared by the tests of the whole."""

import numpy as np
import pytest
from make_fixtures import SHAPE


@pytest.fixture(scope="module")
def ghosts():
    """Ghosts of three slices (3, H, W) on the whole grid, of mean zero on the crop used here, and unlike."""
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]]
    return np.stack([0.05 * np.sin(y / (3 + n)) * np.cos(x / (4 + n)) for n in range(3)])
