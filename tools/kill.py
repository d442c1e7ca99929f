"""Kill fits at random moments, resume them, and hold the result against a run that was never stopped, bit by bit.

    python tools/kill.py OUT --lives 10 --seed 1

A life is one run folder: it is killed (SIGKILL) once at a random time, once at a random file operation of a
checkpoint, twice after a random delay or file operation of the final archive, and then allowed to end. After each kill
the state on disk must be whole or absent. Compared are all pictures, latents, mixing and history byte by byte, and the
weights in the ONNX files (Keras and tf2onnx order and name them anew in each process). The last line is the count.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np

from ddip_tf.checkpoint import STATE
from ddip_tf.formats import arrays

EPOCHS = 60
SAME = ("outputs/slice1.tif", "outputs/slice2.tif", "outputs/ghost1.tif", "outputs/ghost2.tif")
SAME += ("latents.npz", "mixing.npz", "history.csv")

#: a fit that kills itself: at file operation `count` on a path that holds `word`, or `delay` seconds after the first
CHILD = """
import os, signal, sys, threading
word, count, delay = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
seen, timer = 0, None

def watch(event, arguments):
    global seen, timer
    if event not in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"):
        return
    if event == "open" and not (isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")):
        return
    if not any(isinstance(a, (str, bytes, os.PathLike)) and word in os.fsdecode(a) for a in arguments):
        return
    seen += 1
    if seen == count:
        os.kill(os.getpid(), signal.SIGKILL)
    if delay and timer is None:
        timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()

if word:
    sys.addaudithook(watch)
sys.argv = ["ddip-tf", *sys.argv[4:]]
from ddip_tf.cli import main
try:
    main()
finally:
    print(seen)
"""


def fit(folder: Path, run: Path, word: str = "", count: int = 0, delay: float = 0.0) -> subprocess.Popen:
    files = [str(folder / f"slice{i}.npy") for i in (1, 2)]
    options = ["--preset", "paper", "--mixing", "linear", "--width", "1", "--epochs", str(EPOCHS), "--threads", "1"]
    options += ["--checkpoint-every", "1", "--resume", "-o", str(run), "--progress", "none"]
    command = [sys.executable, "-c", CHILD, word, str(count), str(delay), "fit", *files, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def weights(run: Path) -> list[bytes]:
    """The weights of a run's networks, in an order of their own."""
    import onnx

    models = [onnx.load(path) for path in sorted((run / "onnx").glob("*.onnx"))]
    return sorted(tensor.raw_data for model in models for tensor in model.graph.initializer if tensor.data_type == 1)


def differences(run: Path, reference: Path) -> list[str]:
    """Names of what is not the same, bit by bit."""
    found = [name for name in SAME if (run / name).read_bytes() != (reference / name).read_bytes()]
    return found + (["weights"] if weights(run) != weights(reference) else [])


def epochs_on_disk(run: Path) -> int | None:
    """Epochs of the state on disk, None without one. Raises InputError for a damaged one."""
    return len(arrays.read_npz(run / STATE)["history"]) if (run / STATE).exists() else None


def plan(moment: str, run: Path, life_s: float, operations: int) -> dict:
    """Where to kill."""
    if moment == "random time":
        return {"after": random.uniform(0, life_s)}
    if moment == "checkpoint":
        return {"word": "state.npz", "count": random.randrange(1, 2 * EPOCHS)}
    if moment == "archive, file operation":
        return {"word": f".{run.name}.", "count": random.randrange(1, operations)}
    return {"word": ".partial/", "delay": random.uniform(0.01, 6.0)}


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--lives", default=10, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(out: Path, lives: int, seed: int) -> None:
    random.seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[:37, :34] / 8.0
    slices = np.sin(x) * np.cos(y * y / 3), np.cos(x + y) + 0.3 * np.sin(x)
    for i, image in enumerate(slices, 1):
        np.save(out / f"slice{i}.npy", image.astype(np.float32))
    began = time.monotonic()
    first = fit(out, out / "reference", ".reference.")
    printed, complaint = first.communicate()
    if first.returncode:
        raise SystemExit(f"the uninterrupted fit ends with {first.returncode}: {complaint}")
    operations = int(printed.split()[-1])
    life_s = time.monotonic() - began
    tried = killed = survived = 0
    for life in range(1, lives + 1):
        run, said = out / f"run{life}", []
        for moment in ("random time", "checkpoint", "archive, file operation", "archive, delay"):
            how = plan(moment, run, life_s, operations)
            after = how.pop("after", None)
            process = fit(out, run, **how)
            try:
                process.wait(after if after is not None else 600)
            except subprocess.TimeoutExpired:
                process.kill()
            process.wait()
            if process.returncode == -signal.SIGKILL:
                killed += 1
                said.append(f"{moment}: epoch {epochs_on_disk(run)}")
            else:
                said.append(f"{moment}: ended by itself ({process.returncode})")
        last = fit(out, run)
        code = last.wait()
        wrong = differences(run, out / "reference") if code == 0 else [f"exit {code}: {last.stderr.read()}"]
        left = [path.name for path in out.glob(f".run{life}.*")]
        tried, survived = tried + 1, survived + (not wrong and not left)
        click.echo(f"life {life}: {'; '.join(said)}; {wrong or 'same bits'}{left or ''}")
    click.echo(f"{killed} kills in {tried} lives, {survived} lives ended with the bits of the uninterrupted run")
    sys.exit(survived != tried)


if __name__ == "__main__":
    main()
