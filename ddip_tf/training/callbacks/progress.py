"""How a fit tells how far it is: Keras callbacks for a terminal and for other programs."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping

import keras

from ddip_tf._types import Floats
from ddip_tf.training import waiting


class ProgressBar(keras.callbacks.Callback):
    """One line on a terminal's standard error: epoch, rate, time left, fidelity, exclusion, α; pictures above it.

    `show` puts the slices there, where the terminal can (`ddip_tf.training.callbacks.terminal_images`).
    """

    needs_weights = False

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("epoch"),
            MofNCompleteColumn(),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[state]}"),
            TextColumn("left"),
            TimeRemainingColumn(),
            speed_estimate_period=120,
        )
        self.console = Console(stderr=True)
        self._live = Live(self._bar, console=self.console, refresh_per_second=4)
        self._first: int | None = None
        self._began = 0.0

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self._task = self._bar.add_task("", total=self.params["epochs"], state="compiling the training graph …")
        self._live.start()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if self._first is None:  # the rate is that of the epochs after tracing
            self._first, self._began = epoch, time.perf_counter()
        elapsed = time.perf_counter() - self._began
        rate = f"{(epoch - self._first) / elapsed:.1f}/s  " if epoch > self._first else ""
        self._bar.update(self._task, completed=epoch + 1, state=rate + summary(logs or {}))

    def show(self, images: Floats, epoch: int) -> None:
        """Put the slices (N, H, W) above the bar, as they are after ``epoch``."""
        from rich.console import Group

        from ddip_tf.training.callbacks import terminal_images

        label = f"slices 1 … {len(images)} after epoch {epoch}"
        self._live.update(Group(terminal_images.strip(list(images), self.console.width), label, self._bar))

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        self._live.update(self._bar)
        self._live.stop()


class JsonLines(keras.callbacks.Callback):
    """One JSON object a line on standard output for every epoch: ``epoch``, ``epochs``, ``seconds``, all terms."""

    needs_weights = False

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        seconds = round(time.perf_counter() - self._began, 3)
        record = {"epoch": epoch + 1, "epochs": self.params["epochs"], "seconds": seconds, **(logs or {})}
        print(json.dumps(record), flush=True)


class Logged(keras.callbacks.Callback):
    """A line in the log every ``every_s`` seconds, and of the last epoch: how far the fit is, and its loss terms."""

    needs_weights = False

    def __init__(self, every_s: float = 30.0) -> None:
        super().__init__()
        self._every_s, self._next = every_s, time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if time.monotonic() < self._next and epoch + 1 < self.params["epochs"]:
            return
        self._next = time.monotonic() + self._every_s
        logging.getLogger(__name__).info("epoch %d of %d: %s", epoch + 1, self.params["epochs"], summary(logs or {}))


def summary(logs: Mapping[str, float]) -> str:
    """Loss terms in a few words: ``fidelity 1.2e-03  exclusion 0.0021  α 0.91|0.12``."""
    alpha = "|".join(f"{value:.2f}" for name, value in logs.items() if name.startswith("alpha") and name[5:].isdigit())
    forms = {"fidelity": ".1e", "exclusion": ".4f"}
    words = [f"{name} {logs[name]:{form}}" for name, form in forms.items() if name in logs]
    return "  ".join([*words, f"α {alpha}"] if alpha else words)


def callback(kind: str) -> list[keras.callbacks.Callback]:
    """Callbacks for ``--progress``: bar, json, none, or auto (a bar where standard error is a terminal)."""
    if kind == "json":
        return [JsonLines()]
    if not waiting.watched(kind):
        return []
    from ddip_tf.training.callbacks import pictures, terminal_images

    bar = ProgressBar()
    return [pictures.Pictures(bar.show, every_s=5.0), bar] if terminal_images.can_show(bar.console) else [bar]
