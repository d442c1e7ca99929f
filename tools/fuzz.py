"""Mutated files against every reader: no exception but the two that users see, no hang over 5 s, no memory over 2 GB.

    python tools/fuzz.py OUT --executions 1000000 --seed 1

Each reader starts from files that ddip-tf writes or reads well, and gets them with bits flipped, numbers replaced,
pieces cut, doubled and exchanged. It works in a process of its own, limited to 2 GB of data, 512 MiB in arrays, and for
each file 5 s of processor time; a process that dies is counted and started again. OUT gets the files that were not
borne. The table has executions, refusals (InputError or RunError), and faults by kind.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

import click
from fuzzed_readers import READERS

from ddip_tf.errors import InputError, RunError
from ddip_tf.formats import limits

MOST_MEMORY, MOST_BYTES, MOST_SECONDS = 2 * 2**30, 2**29, 5.0
NUMBERS = [0, 1, 2, 3, 7, 8, 16, 127, 128, 255, 256, 4096, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63]
WORDS = [b"null", b"-1", b"1e999", b"[]", b"{}", b"true", b'"\\u001b"', b"[" * 3000, b"9" * 400, b"NaN", b"../../etc"]
WORDS += [b"&a", b"*a", b"!!python/object:os.system", b"(" * 200, b"'O'", b"2020-99-99", b"\x00", b"\xff", b": ", b"\n"]


def mutated(data: bytes, others: list[bytes], dice: random.Random) -> bytes:
    """``data`` with one to eight wounds."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        at = dice.randrange(len(out) + 1)
        # headers decide most: aim there half of the time
        at = min(at, dice.randrange(400)) if dice.random() < 0.5 else at
        kind = dice.randrange(7)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            size = dice.choice((1, 2, 4, 8))
            number = dice.choice(NUMBERS) % 256**size
            out[at : at + size] = number.to_bytes(size, dice.choice(("little", "big")))
        elif kind == 2:
            del out[at : at + dice.choice((1, 4, 50, len(out)))]
        elif kind == 3:
            out[at:at] = out[at : at + dice.choice((1, 8, 200))]
        elif kind == 4:
            other = dice.choice(others)
            cut = dice.randrange(len(other) + 1)
            out[at : at + dice.choice((0, 64))] = other[cut : cut + dice.choice((4, 64, 1000))]
        elif kind == 5:
            out[at : at + dice.choice((0, 1, 4))] = dice.choice(WORDS)
        elif at < len(out):
            out[at] = dice.randrange(256)
    return bytes(out)


def work(name: str, folder: Path, report: int, seed: int, count: int) -> None:
    """Feed a reader; one letter for each file goes to the descriptor ``report``: r refused, . read, f fault."""
    read, file, corpus, _ = READERS[name]
    start = list(corpus())
    dice = random.Random(seed)
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    for data in start:  # what is well is read; this also imports what the reader needs
        path.write_bytes(data)
        if name != "ONNX":
            read(path)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ[limits.VARIABLE] = str(MOST_BYTES)
    for _ in range(count):
        path.write_bytes(mutated(dice.choice(start), start, dice))
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        letter = b"."
        try:
            read(path)
        except (InputError, RunError) as error:
            letter = b"r" if "\n" not in str(error) else b"f"
        except Exception as error:
            if type(error).__name__ == "DecodeError":
                letter = b"r"  # protobuf's own; `regenerate` turns it into one line
            else:
                letter = b"f"
                (folder / "why").write_text(f"{type(error).__name__}: {error}"[:300])
        signal.setitimer(signal.ITIMER_PROF, 0)
        os.write(report, letter)


def fuzz(name: str, count: int, seed: int, out: Path) -> tuple[Counter, float]:
    """Executions of a reader by letter (also s: died of a signal), and the largest resident memory in GB."""
    found: Counter = Counter()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as place:
        folder = Path(place)
        while (done := sum(found.values())) < count:
            listen, report = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(listen)
                quiet = os.open(os.devnull, os.O_WRONLY)
                os.dup2(quiet, 2)
                code = 1
                try:
                    # a process is given no more than this, so that what one file leaves behind cannot blind the rest
                    work(name, folder, report, seed * 1_000_003 + done, min(count - done, 100_000))
                    code = 0
                finally:  # nothing of this process's cleaning up is the child's
                    os._exit(code)
            os.close(report)
            with open(listen, "rb") as stream:
                while letters := stream.read1(4096):
                    text = letters.decode()
                    found.update(text)
                    if "f" in text:
                        why = (folder / "why").read_text() if (folder / "why").exists() else "two lines"
                        print(f"{name}: {why}", flush=True)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if status:
                found["s"] += 1
                kept = out / f"{name.strip('.').replace(', ', '-')}-{done}-signal{-status}"
                shutil.copy(folder / READERS[name][1], kept)
                print(f"{name}: ended with {status}, its file is {kept}", flush=True)
                if not done and sum(found.values()) == 1:
                    raise SystemExit("the reader does not bear its own files")
    return found, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--executions", default=1_000_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--only", type=click.Choice(list(READERS)), help="One reader.")
def main(out: Path, executions: int, seed: int, only: str | None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    click.echo("| reader | executions | read | refused | faults | died | seconds | memory so far, GB |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- | --- |")
    total: Counter = Counter()
    for name, (_, _, _, share) in READERS.items():
        if only not in (None, name):
            continue
        began = time.monotonic()
        found, memory = fuzz(name, int(executions * share) if only is None else executions, seed, out)
        total += found
        numbers = [sum(found.values()), found["."], found["r"], found["f"], found["s"]]
        click.echo(f"| {name} | {' | '.join(map(str, numbers))} | {time.monotonic() - began:.0f} | {memory:.2f} |")
    click.echo(f"{sum(total.values())} executions, {total['f']} faults, {total['s']} processes died")
    raise SystemExit(bool(total["f"] or total["s"]))


if __name__ == "__main__":
    main()
