"""The memory of a command and of all processes that it starts, at its peak, and its time (Linux).

    python tools/peak_memory.py make test
    python tools/peak_memory.py --below 3 --within 480 make test

Every half second the resident memory of the whole tree of processes is added up: once as it is, where what two
processes share counts twice, and once in shares (PSS of smaps_rollup), which is what the machine has to hold.
Exits with the code of the command; 1 if it was 0 and the memory in shares passed ``--below`` GB, or the time
``--within`` seconds.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import click

PAUSE_S = 0.5


def tree(root: int) -> list[int]:
    """The process ``root`` and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


def memory(process: int) -> tuple[int, int]:
    """Bytes resident, and in shares; 0 of a process that has ended."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
        return 1024 * kilobytes["Rss"], 1024 * kilobytes["Pss"]
    return 0, 0


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--below", type=float, help="GB of memory in shares that must not be passed.")
@click.option("--within", type=float, help="Seconds that must not be passed.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def main(below: float | None, within: float | None, command: tuple[str, ...]) -> None:
    began = time.monotonic()
    running = subprocess.Popen(command)
    resident = shared = most = 0
    while running.poll() is None:
        sizes = [memory(process) for process in tree(running.pid)]
        resident = max(resident, sum(size for size, _ in sizes))
        shared = max(shared, sum(size for _, size in sizes))
        most = max(most, len(sizes))
        with contextlib.suppress(KeyboardInterrupt):  # the command hears it too, and ends as it does
            time.sleep(PAUSE_S)
    seconds, used = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    click.echo(
        f"{shared / 1e9:.2f} GB at the peak in shares, {resident / 1e9:.2f} GB with what is shared counted twice, "
        f"at most {most} processes\n{seconds:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of computing on "
        f"{len(os.sched_getaffinity(0))} cores"
    )
    too_much = (below is not None and shared > below * 1e9) or (within is not None and seconds > within)
    sys.exit(running.returncode or int(too_much))


if __name__ == "__main__":
    main()
