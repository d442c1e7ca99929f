"""Epochs of ddip-tf when asked, as tools/pytorch_reference.py gives its own: what tools/benchmark.py starts.

python tools/benchmark_epochs.py --serve 272 --epochs 10
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from ddip_tf import environment
from ddip_tf.config import PRECISIONS


@click.command(help=__doc__)
@click.option("--serve", "side", type=int, required=True, help="Pixels a side of the pair.")
@click.option("--epochs", type=int, default=10, show_default=True, help="Of a turn.")
@click.option("--precision", type=click.Choice(PRECISIONS), default="float32", show_default=True)
def main(side: int, epochs: int, precision: str) -> None:
    """The fit itself; after every ``epochs`` epochs it says how long they took, and waits for a line."""
    import keras

    from ddip_tf import SliceStack, fit
    from ddip_tf.config import preset

    class Turn(keras.callbacks.Callback):
        needs_weights = False

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch % epochs:
                return
            if epoch:
                peak = environment.memory_bytes()["peak_memory_bytes"]
                memory = {"peak_bytes": peak, "bytes": resident(), "bytes_allocated": allocated()}
                print(json.dumps({"seconds": time.perf_counter() - self.began, **memory}), flush=True)
            self.model.stop_training = not sys.stdin.readline()
            self.began = time.perf_counter()

    pair = np.random.default_rng(0).random((2, side, side), dtype=np.float32)
    fit(SliceStack(pair), preset("paper", epochs=10**6, chunk=epochs, precision=precision), callbacks=[Turn()])


def resident() -> int:
    """Bytes of this process in memory now (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def allocated() -> int | None:
    """Bytes that malloc has given out and not got back; None where it does not tell (glibc before 2.33, others).

    Resident memory also holds what was freed and waits to be given out again, which differs from run to run: only a
    leak makes this figure grow.
    """

    class Mallinfo2(ctypes.Structure):
        _fields_ = [(f"field{i}", ctypes.c_size_t) for i in range(10)]  # hblkhd is number 4, uordblks number 7

    mallinfo2 = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo2 is None:
        return None
    mallinfo2.restype = Mallinfo2
    info = mallinfo2()
    return int(info.field4 + info.field7)


if __name__ == "__main__":
    main()
