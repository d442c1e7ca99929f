"""y = G(z): the networks that stand for images, filters and weights, their layers and their parameters.

Keras and TensorFlow; imports `ddip_tf.transfer`, `ddip_tf.slices` and the rooms before them.
"""

from __future__ import annotations

from ddip_tf import _moved
from ddip_tf.networks.filters import build_kernel_filter, build_shallow_filter, high_pass_kernel, low_pass_kernel
from ddip_tf.networks.pixels import Pixels, build_pixels
from ddip_tf.networks.unet import build_generator, count_levels

__all__ = [
    "Pixels",
    "build_generator",
    "build_kernel_filter",
    "build_pixels",
    "build_shallow_filter",
    "count_levels",
    "high_pass_kernel",
    "low_pass_kernel",
]
__getattr__ = _moved.lookup("networks", ("networks.unet", "networks.generators"))
