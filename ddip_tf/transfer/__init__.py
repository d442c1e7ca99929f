"""The transfer model I(k) = T(k) y(k): T found from the slices alone, y solved for. NumPy and SciPy only.

Imports nothing of ddip-tf but `ddip_tf._types` and `ddip_tf.caution`.
"""

from __future__ import annotations

from ddip_tf import _moved
from ddip_tf.transfer.estimate import Transfer, estimate_transfer
from ddip_tf.transfer.solver import Solution, solve

__all__ = ["Solution", "Transfer", "estimate_transfer", "solve"]
__getattr__ = _moved.lookup("transfer", ("transfer.bands", "transfer.curves", "transfer.estimate"))
