"""What this process runs on: versions, cores, memory, and a quiet start of native libraries."""

from __future__ import annotations

import contextlib
import functools
import gc
import logging
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

#: packages whose versions decide what a run gives
RECORDED = ("ddip-tf", "tensorflow", "keras", "numpy", "tifffile", "onnx", "tf2onnx", "onnxruntime")
#: where Linux keeps what a container or a batch job may use
CGROUP = Path("/sys/fs/cgroup")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep native libraries from writing on standard error; what they wrote is shown if the block fails.

    An interruption is no failure. TensorFlow's Python side says errors only from then on: it speaks of files it wrote,
    and of graphs traced anew.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").addFilter(_errors_only)
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        terminal = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except Exception:
            sys.stderr.flush()
            kept.seek(0)
            os.write(terminal, kept.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without the search for garbage: where much is made that stays it takes a sixth of the time and finds little."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextlib.contextmanager
def silenced(logger: str) -> Iterator[None]:
    """Nothing that ``logger`` is told in this context is logged; contexts may overlap, also of several threads."""

    def nothing(record: logging.LogRecord) -> bool:
        return False

    logging.getLogger(logger).addFilter(nothing)
    try:
        yield
    finally:
        logging.getLogger(logger).removeFilter(nothing)


def _errors_only(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def narrow_registers() -> bool:
    """Whether this is an x86 processor whose registers hold eight float32 numbers (AVX2) and not 16 (AVX-512).

    Or one that oneDNN is told to take for such a one, by ONEDNN_MAX_CPU_ISA.
    """
    import numpy as np

    found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    wide = any(name == "X86_V4" or name.startswith("AVX512") for name in found)  # NumPy's names before 2.4 and since
    told = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() in ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2")
    return platform.machine().lower() in ("x86_64", "amd64") and (told or not wide)


def without_gpu() -> bool:
    """Whether TensorFlow sees no GPU: what it computes is then the CPU's."""
    import tensorflow as tf

    return not tf.config.list_logical_devices("GPU")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages in `RECORDED` that are installed."""
    found = {"python": platform.python_version()}
    for name in RECORDED:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def platform_name() -> str:
    """Operating system and processor architecture, such as ``Linux x86_64``."""
    return f"{platform.system()} {platform.machine()}"


def memory_bytes() -> dict[str, Any]:
    """Peak resident memory of this process, in bytes, where the system tells."""
    with contextlib.suppress(ImportError):
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return {"peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    return {}


def free_memory_bytes() -> int:
    """Bytes of memory that this machine, or its container, could give to a process now."""
    import psutil

    free = psutil.virtual_memory().available
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit
        most, used = (int((CGROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
        free = min(free, max(most - used, 0))
    return free
