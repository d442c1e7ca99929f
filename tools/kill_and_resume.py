"""Kill fits at random moments, resume them, and hold the result against a run that was never stopped, bit by bit.

    python tools/kill_and_resume.py OUT --kills 36 --seed 1

A life is one run folder: its fit is killed (SIGKILL) up to eight times, in turn at a random file operation of a
checkpoint, at a random time, and at a random file operation or moment of the final archive, then it may end. After each
kill the state on disk must be whole or absent. Compared are all pictures, latents, mixing and history byte by byte, and
the weights in the ONNX files (Keras and tf2onnx order and name them anew in each process). The last line is the count.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import click
import numpy as np

from ddip_tf import environment
from ddip_tf.formats import arrays
from ddip_tf.training.checkpoint import STATE

EPOCHS = 40
OPTIONS = ["--preset", "paper", "--mixing", "linear", "--width", "1", "--epochs", str(EPOCHS), "--threads", "1"]
OPTIONS += ["--checkpoint-every", "1", "--resume", "--progress", "none"]
MOMENTS = ("checkpoint", "random time", "archive, file operation", "archive, delay")
SAME = ("outputs/slice1.tif", "outputs/slice2.tif", "outputs/ghost1.tif", "outputs/ghost2.tif")
SAME += ("latents.npz", "mixing.npz", "history.csv")


class Fit:
    """A fit in a process of its own, forked so that TensorFlow is imported once.

    It kills itself at file operation ``count`` on a path that holds ``word``, or ``delay`` seconds after the first.
    """

    def __init__(self, folder: Path, run: Path, word: str = "", count: int = 0, delay: float = 0.0) -> None:
        self._said = folder / "said.txt"
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            code = 99
            try:
                code = self._work(folder, run, word, count, delay)
            finally:
                os._exit(code)

    def wait(self, seconds: float) -> int:
        """Kill it if it takes longer; its exit code, or minus the signal that ended it."""
        end = time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                end = float("inf")
            time.sleep(0.001)

    def said(self) -> str:
        return self._said.read_text()

    def _work(self, folder: Path, run: Path, word: str, count: int, delay: float) -> int:
        from ddip_tf.cli import main as command

        said = os.open(self._said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        watch = Watch(word, count, delay)
        sys.argv = ["ddip-tf", "fit", *(str(folder / f"slice{i}.npy") for i in (1, 2)), "-o", str(run), *OPTIONS]
        try:
            command()
        except SystemExit as end:
            print(watch.seen, flush=True)
            return int(end.code or 0)
        return 98


class Watch:
    """Counts the operations that change files on paths that hold ``word``; kills this process as `Fit` says."""

    def __init__(self, word: str, count: int, delay: float) -> None:
        self.seen = 0
        self._word, self._count, self._delay = word, count, delay
        if word:
            sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple) -> None:
        if event not in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"):
            return
        if event == "open" and not (isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")):
            return
        if not any(isinstance(a, (str, bytes, os.PathLike)) and self._word in os.fsdecode(a) for a in arguments):
            return
        self.seen += 1
        if self.seen == self._count:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._delay and self.seen == 1:
            threading.Timer(self._delay, os.kill, (os.getpid(), signal.SIGKILL)).start()


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
        return {"word": "state.npz", "count": random.randrange(1, 20)}
    if moment == "archive, file operation":
        return {"word": f".{run.name}.", "count": random.randrange(1, operations)}
    return {"word": ".partial/", "delay": random.uniform(0.01, 6.0)}


def write_slices(out: Path) -> None:
    """The two slices that all fits separate, into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[:37, :34] / 8.0
    slices = np.sin(x) * np.cos(y * y / 3), np.cos(x + y) + 0.3 * np.sin(x)
    for i, image in enumerate(slices, 1):
        np.save(out / f"slice{i}.npy", image.astype(np.float32))


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--kills", default=36, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(out: Path, kills: int, seed: int) -> None:
    random.seed(seed)
    write_slices(out)
    with environment.quiet():
        import ddip_tf.training.fitting  # noqa: F401
    began = time.monotonic()
    first = Fit(out, out / "reference", ".reference.")
    if first.wait(3600):
        raise SystemExit(f"the uninterrupted fit failed: {first.said()}")
    operations = int(first.said().split()[-1])
    life_s = time.monotonic() - began
    tried = killed = survived = 0
    while killed < kills:
        run, told = out / f"run{tried + 1}", []
        for moment in MOMENTS * 2:
            how = plan(moment, run, life_s, operations)
            code = Fit(out, run, **{k: v for k, v in how.items() if k != "after"}).wait(how.get("after", 3600))
            killed += code == -signal.SIGKILL
            told.append(f"{moment} {'killed' if code == -signal.SIGKILL else code}, epoch {epochs_on_disk(run)}")
            if (run / "manifest.json").exists():
                break
        last = Fit(out, run)
        code = last.wait(3600)
        wrong = differences(run, out / "reference") if code == 0 else [f"exit {code}: {last.said()}"]
        wrong += [path.name for path in out.glob(f".{run.name}.*")]
        tried, survived = tried + 1, survived + (not wrong)
        click.echo(f"life {tried}: {'; '.join(told)}; {wrong or 'same bits'}")
    click.echo(f"{killed} kills in {tried} lives, {survived} lives ended with the bits of the uninterrupted run")
    sys.exit(survived != tried)


if __name__ == "__main__":
    main()
