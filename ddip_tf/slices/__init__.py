"""What goes into a separation and what comes out of it: the stack of slices, how it is made from complex objects,
mended and scaled, and the result. NumPy, SciPy and scikit-image only; imports `ddip_tf.transfer` and the rooms before.
"""

from __future__ import annotations

from ddip_tf import _moved
from ddip_tf.slices.separation import Separation
from ddip_tf.slices.stack import Guide, SliceStack, Source

__all__ = ["Guide", "Separation", "SliceStack", "Source"]
__getattr__ = _moved.lookup("slices", ("slices.optics", "slices.stack"))
