"""Shared by the tests of a run's page."""

import numpy as np
import pytest
from page_runs import edge_image, with_images


@pytest.fixture(scope="module")
def edges(run, tmp_path_factory):
    """A run of (90, 121) pixels whose first output is an edge of known width; its input has a ghost of the second."""
    image, _ = edge_image(90, 121)
    y, x = np.mgrid[:90, :121]
    other = 0.05 * np.sin(x / 9) * np.cos(y / 14)
    folder = tmp_path_factory.mktemp("page") / "edges"
    return with_images(
        run,
        folder,
        [image + other, other],
        [image, other],
        warnings=["Slice <b>1</b> & </script> was hardly separated."],
    )
