"""Small grey pictures for a terminal that shows colours, two pixels a character. NumPy and rich only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.slices.display import grey

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

#: of a picture, in characters
WIDEST = 28
#: greys that are told apart: fewer make the terminal's work less
GREYS = 64


def can_show(console: Console) -> bool:
    """Whether ``console`` is a terminal with 256 colours or more, block characters, and some room."""
    colours = console.color_system in ("256", "truecolor")
    return bool(console.is_terminal and colours and console.encoding.startswith("utf") and console.height >= 20)


def strip(images: Sequence[Floats], width: int) -> Text:
    """``images``, each (H, W), side by side in ``width`` characters, each from μ − 4σ (black) to μ + 4σ."""
    from rich.text import Text

    columns = min(WIDEST, (width - len(images) + 1) // len(images))
    grids = [_greys(image, columns) for image in images]
    text = Text(no_wrap=True, end="")
    for row in range(0, len(grids[0]), 2):
        for number, grid in enumerate(grids):
            text.append(" " if number else "")
            for upper, lower in zip(grid[row], grid[row + 1], strict=True):
                text.append("▀", f"rgb({upper},{upper},{upper}) on rgb({lower},{lower},{lower})")
        text.append("\n")
    return text


def _greys(image: Floats, columns: int) -> np.ndarray:
    """(rows, columns) of 0 … 255, an even number of rows: means over boxes of ``image`` (H, W)."""
    height, width = image.shape
    columns = min(columns, width)
    rows = min(max(2, 2 * round(columns * height / width / 2)), height // 2 * 2)
    boxes = [np.arange(count) * side // count for side, count in ((height, rows), (width, columns))]
    counts = [np.diff(np.append(starts, side)) for starts, side in zip(boxes, image.shape, strict=True)]
    sums = np.add.reduceat(np.add.reduceat(image.astype(float), boxes[0], 0), boxes[1], 1)
    means = sums / np.outer(*counts)
    levels = grey(means, image)
    return (np.rint(levels * (GREYS - 1)) * (255 / (GREYS - 1))).astype(int)
