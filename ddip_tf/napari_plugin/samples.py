"""Samples for napari: the pair that ships with ddip-tf."""

from __future__ import annotations

from pathlib import Path

from ddip_tf.formats import read
from ddip_tf.napari_plugin.reader import LayerData, layer

DATA = Path(__file__).parents[1] / "demo_data"


def demo_pair() -> list[LayerData]:
    """Layers of the two slices of ``ddip-tf demo``, upstream first, in micrometres."""
    stack = read(DATA / "slice1.tif", DATA / "slice2.tif")
    return [layer(image, f"demo slice {number}", stack.pixel_size_m) for number, image in enumerate(stack.images, 1)]
