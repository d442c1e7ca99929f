"""What a terminal shows of a fit under way, as SVG: for docs/terminal.png (`pictures.py`).

python tools/terminal_picture.py slice1.tif slice2.tif OUT.svg
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import click
import keras
import numpy as np
from rich.console import Console

import ddip_tf
from ddip_tf.training.callbacks.progress import ProgressBar

EPOCHS, LOOK, WIDTH = 400, 170, 100
COMMAND = f"$ ddip-tf fit slice1.tif slice2.tif -o RUN --preset paper --mixing kernel --epochs {EPOCHS}"


class Camera(keras.callbacks.Callback):
    """Writes what ``bar`` shows after epoch `LOOK`, and ends the fit."""

    def __init__(self, bar: ProgressBar, path: Path) -> None:
        super().__init__()
        self.bar, self.path = bar, path

    def needs_weights(self, done: int) -> bool:
        """The slices are looked at once, when the picture is taken, however fast the machine."""
        return done >= LOOK

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if epoch + 1 < LOOK or self.path.exists():
            return
        images = self.model(self.params["latents"])
        self.bar.show(np.stack([np.asarray(image)[0, ..., 0] for image in images]), epoch + 1)
        console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
        console.print(COMMAND, highlight=False)
        console.print(self.bar._live.get_renderable())
        self.path.write_text(console.export_svg(title="ddip-tf fit"), encoding="utf-8")
        self.model.stop_training = True


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.argument("files", nargs=2, type=click.Path(exists=True, dir_okay=False))
@click.argument("picture", type=click.Path(dir_okay=False, path_type=Path))
def main(files: tuple[str, ...], picture: Path) -> None:
    picture.unlink(missing_ok=True)
    bar = ProgressBar()
    config = ddip_tf.preset("paper", mixing="kernel", epochs=EPOCHS)
    ddip_tf.fit(ddip_tf.read(*files), config, callbacks=[bar, Camera(bar, picture)])


if __name__ == "__main__":
    main()
