"""Tasks on Dask distributed: workers of this machine, or of a scheduler that runs already."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ddip_tf.errors import RunError

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")

#: a task whose worker died is given to another so often
RETRIES = 1
#: how long to wait for a scheduler
PATIENCE_S = 30
NVIDIA = Path("/proc/driver/nvidia/gpus")


@contextlib.contextmanager
def local(workers: int, threads: int) -> Iterator[Client]:
    """``workers`` processes of this machine, for ``threads`` CPU threads each.

    Where there are GPUs, every worker sees one. A worker that dies is started again. All end with the context.
    """
    need_dask()
    import dask
    from distributed import Client, Nanny, Scheduler, SpecCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters comes back with the tasks
    settings = {
        "distributed.scheduler.allowed-failures": RETRIES,
        "distributed.scheduler.worker-saturation": 1.0,  # a worker holds the task it works on, no more to lose
        "distributed.nanny.pre-spawn-environ": environment(threads),
        "distributed.comm.timeouts.connect": f"{PATIENCE_S}s",
        "distributed.admin.tick.limit": "1h",  # a graph call may hold the interpreter
    }
    host = {"host": "127.0.0.1"}
    spec = {
        number: {
            "cls": Nanny,
            "options": {**host, "nthreads": 1, "memory_limit": 0, "env": own_gpu(number, gpus())},
        }
        for number in range(workers)
    }
    scheduler = {"cls": Scheduler, "options": {**host, "dashboard": False, "dashboard_address": "127.0.0.1:0"}}
    with (
        dask.config.set(settings),
        SpecCluster(workers=spec, scheduler=scheduler, silence_logs=logging.CRITICAL) as cluster,
        Client(cluster) as client,
    ):
        yield client


def environment(threads: int) -> dict[str, str]:
    """What workers find in their environment when they start: threads of BLAS and OpenMP, and no chatter."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**dict.fromkeys(names, str(threads)), "TF_CPP_MIN_LOG_LEVEL": "3", "DASK_LOGGING__DISTRIBUTED": "critical"}


def own_gpu(number: int, count: int) -> dict[str, str]:
    """The one GPU that worker ``number`` sees, of ``count`` in this machine."""
    return {"CUDA_VISIBLE_DEVICES": str(number % count)} if count else {}


def gpus() -> int:
    """NVIDIA GPUs of this machine, as its driver lists them: TensorFlow would take hold of them all to count."""
    return len(list(NVIDIA.iterdir())) if NVIDIA.is_dir() else 0


@contextlib.contextmanager
def existing(address: str) -> Iterator[Client]:
    """A scheduler that runs already, such as ``tcp://host:8786``; it and its workers are left running.

    It need not have workers yet: they may wait in a queue. Raises RunError if it cannot be reached.
    """
    need_dask()
    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise RunError(f"no Dask scheduler answers at {address}: start one with 'dask scheduler'") from error
    with client:
        yield client


def run(work: Callable[[T], Any], tasks: Sequence[T], client: Client) -> Iterator[tuple[T, str | None]]:
    """Each task as it ends, with None or, in one line, why ``work(task)`` failed.

    A task that raises is not repeated. A task whose worker dies is, on another worker: `RETRIES` times on
    `local` workers, and on an `existing` scheduler as often as its own setting ``allowed-failures`` says.
    """
    from concurrent.futures import CancelledError

    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    futures = {client.submit(work, task, key=f"fit-{uuid.uuid4()}", pure=False): task for task in tasks}
    for future in as_completed(futures, loop=client.loop):
        try:
            error = future.exception()
        except CancelledError:
            error = RuntimeError("the scheduler was lost")
        if isinstance(error, KilledWorker):
            error = RuntimeError("its worker died, and so did the one that tried again")
        yield futures[future], None if error is None else (" ".join(str(error).split()) or type(error).__name__)


def need_dask() -> None:
    """Raise RunError where Dask is not installed."""
    import importlib.util

    if not importlib.util.find_spec("distributed"):
        raise RunError('sweeps run on Dask, which is not installed: pip install "ddip-tf[cluster]"')
