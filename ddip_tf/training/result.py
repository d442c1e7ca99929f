"""What every fit says of itself: where it was done, how long it took, and when not to trust it."""

from __future__ import annotations

from dataclasses import replace

from ddip_tf import environment
from ddip_tf.quality.warnings import with_warnings
from ddip_tf.slices.separation import Separation
from ddip_tf.training.device import threads_in_use


def finished(separation: Separation, device: str, seconds: float) -> Separation:
    """``separation`` with device, threads, wall time and memory beside its own provenance, and with its warnings."""
    provenance = {
        "device": device,
        "threads": threads_in_use(),
        **separation.provenance,
        "wall_time_s": round(seconds, 3),
        **environment.memory_bytes(),
    }
    return with_warnings(replace(separation, provenance=provenance))
