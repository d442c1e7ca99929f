"""A panel for napari: separate two image layers, watch the fit, get outputs and ghosts as layers.

The fit is a process of its own, ``ddip-tf fit … --progress json``, so that napari stays quick, a cancelled fit is gone
at once, and TensorFlow's libraries never meet those of the graphics driver.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from magicgui import widgets
from napari.layers import Image
from napari.qt.threading import create_worker
from napari.viewer import Viewer

from ddip_tf import config, errors
from ddip_tf.formats import tiff
from ddip_tf.napari_plugin import reader
from ddip_tf.slices.stack import SliceStack


class Ended(NamedTuple):
    """How a fit ended: exit code, and the last line on standard error."""

    code: int
    said: str


class Panel(widgets.Container):
    """Two layers and a mixing in; Start and Cancel; how far the fit is; outputs and ghosts as new layers.

    Parameters
    ----------
    viewer
        the napari viewer that the panel stands in.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self.slices = [
            widgets.create_widget(annotation=Image, label=f"slice {i} ({where})")
            for i, where in enumerate(("upstream", "downstream"), 1)
        ]
        self.mixing = widgets.ComboBox(label="mixing", choices=("transfer", "shallow", "kernel", "linear"))
        self.gamma = widgets.FloatSpinBox(label="γ", value=0.0, min=0, max=10, step=0.05, enabled=False)
        self.epochs = widgets.SpinBox(label="epochs", value=2000, min=1, max=100_000, enabled=False)
        self.run = widgets.LineEdit(label="run folder", value="saved_models/napari")
        self.start = widgets.PushButton(text="Start")
        self.cancel = widgets.PushButton(text="Cancel", enabled=False)
        self.bar = widgets.ProgressBar(value=0, min=0, max=1)
        self.said = widgets.Label(value="")
        self.said.native.setWordWrap(True)
        choices = [*self.slices, self.mixing, self.gamma, self.epochs, self.run]
        super().__init__(widgets=[*choices, self.start, self.cancel, self.bar])
        self.native.layout().addWidget(self.said.native)
        self.mixing.changed.connect(self._mixing_chosen)
        self.start.changed.connect(self.begin)
        self.cancel.changed.connect(self.stop)
        self._process: subprocess.Popen | None = None
        self._cancelled = False

    def begin(self) -> None:
        """Fit the chosen layers in a process, watched by a thread."""
        try:
            stack = stack_of([choice.value for choice in self.slices])
        except errors.InputError as error:
            self.said.value = str(error)
            return
        self._place, self._cancelled = free(Path(self.run.value or "saved_models/napari").expanduser()), False
        self._look = {name: getattr(self.slices[0].value, name) for name in ("scale", "translate", "units")}
        self._process = None
        self._working(True)
        self.said.value = "starting …"
        self.bar.max = 0  # busy
        self._worker = create_worker(self._fit, stack, self.flags())
        self._worker.yielded.connect(self._heard)
        self._worker.returned.connect(self._ended)
        self._worker.start()

    def stop(self) -> None:
        """End the fit; nothing of it is kept."""
        self._cancelled = True
        if self._process is not None:
            self._process.kill()

    def flags(self) -> list[str]:
        """Those of ``ddip-tf fit`` that say what was chosen."""
        if self.mixing.value == "transfer":
            return []
        chosen = {name: getattr(self, name).value for name in ("mixing", "gamma", "epochs")}
        return ["--preset", "paper", *(word for name, value in chosen.items() for word in (f"--{name}", str(value)))]

    def _mixing_chosen(self, mixing: str) -> None:
        for choice in (self.gamma, self.epochs):
            choice.enabled = mixing != "transfer"
        self.gamma.value = config.DEFAULT_GAMMA[mixing]

    def _fit(self, stack: SliceStack, flags: list[str]) -> Generator[dict[str, float], None, Ended]:
        """In the thread: what the process says of every epoch, and in the end how it ended."""
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as trouble:
            files = [str(Path(folder) / f"slice{i + 1}.tif") for i in range(len(stack))]
            for file, image in zip(files, stack.images, strict=True):
                tiff.write(Path(file), image, stack.pixel_size_m)
            command = [sys.executable, "-m", "ddip_tf", "fit", *files, "-o", str(self._place), "--progress", "json"]
            self._process = subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, stderr=trouble, text=True)
            if self._cancelled:
                self._process.kill()
            with self._process as process:
                for line in process.stdout or ():
                    yield json.loads(line)
            trouble.seek(0)
            return Ended(process.returncode, (trouble.read().strip().splitlines() or [""])[-1])

    def _heard(self, record: dict[str, float]) -> None:
        epoch, epochs = int(record.pop("epoch")), int(record.pop("epochs"))
        self.bar.max, self.bar.value = epochs, epoch
        terms = "   ".join(f"{name} {value:.3g}" for name, value in record.items())
        self.said.value = f"epoch {epoch} of {epochs}\n{terms}"

    def _ended(self, end: Ended) -> None:
        self._working(False)
        self.bar.max, self.bar.value = 1, int(end.code == 0)
        if self._cancelled:
            self.said.value = "cancelled"
        elif end.code:
            self.said.value = end.said
        else:
            self._add_layers()

    def _add_layers(self) -> None:
        lines = [str(self._place)]
        for data, keywords, _ in reader.read_run(self._place):
            if not keywords["name"].endswith("input"):
                layer = self._viewer.add_image(data, **{**keywords, **self._look})
                lines[1:] = [f"Warning: {one['text']}" for one in layer.metadata["warnings"]]
        self.said.value = "\n".join(lines)

    def _working(self, working: bool) -> None:
        self.start.enabled, self.cancel.enabled = not working, working


def stack_of(layers: list[Any]) -> SliceStack:
    """The stack of two image layers, with the pixel size where their units are lengths.

    Raises InputError for layers that are missing, the same, not two-dimensional or of different shape.
    """
    if any(layer is None for layer in layers):
        raise errors.InputError("choose two image layers: one a slice")
    if layers[0] is layers[1]:
        raise errors.InputError("both slices are the same layer: choose two")
    images = [np.asarray(layer.data) for layer in layers]
    if any(image.ndim != 2 for image in images) or images[0].shape != images[1].shape:
        shapes = " and ".join(" x ".join(map(str, image.shape)) for image in images)
        raise errors.InputError(f"layers must be two-dimensional and of one shape, not {shapes}")
    return SliceStack(np.stack(images), pixel_size_m=pixel_size_m(layers[0]))


def pixel_size_m(layer: Any) -> tuple[float, float] | None:
    """(y, x) of an image layer in metres, or None where its units are no lengths."""
    sizes = [size * unit for size, unit in zip(layer.scale, layer.units, strict=True)]
    if not all(size.check("[length]") for size in sizes):
        return None
    y, x = (float(size.to("m").magnitude) for size in sizes)
    return y, x


def free(run: Path) -> Path:
    """``run``, or where that exists the first of ``run-2``, ``run-3`` … that does not."""
    number, place = 1, run
    while place.exists():
        number += 1
        place = run.with_name(f"{run.name}-{number}")
    return place
