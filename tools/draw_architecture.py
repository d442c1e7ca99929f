"""The picture of the rooms and of who imports whom, drawn from the imports: docs/architecture.svg.

    python tools/draw_architecture.py docs/architecture.svg

Rooms stand on the diagonal in the order of tests/rooms.py. A number in the row of one room and the column of another
is how many modules of the first import from the second. The same code gives the same bytes.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import rooms

#: pixels between columns, between rows, from the edge to the first room's centre, a room's half side
COLUMN, ROW, EDGE, HALF = 22, 25, 22, 7
WIDTH, HEIGHT = 488, 2 * EDGE + ROW * (len(rooms.ORDER) - 1)
#: where the key stands, in the corner that the diagonal leaves free
KEY = (252, 24)

STYLE = """
  svg { --page: #ffffff; --ink: #1f2328; --line: #c4cbd3; --arrow: #57606a; --plain: #2f6fb3; --heavy: #b35a00 }
  @media (prefers-color-scheme: dark) {
    svg { --page: #131416; --ink: #e6e8eb; --line: #444c56; --arrow: #9aa4b0; --plain: #6cb0f5; --heavy: #f0a050 }
  }
  .page { fill: var(--page) }
  text { fill: var(--ink); font: 15px system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
  .count, .key { font-size: 13px }
  .count { text-anchor: middle }
  .line { fill: none; stroke: var(--line); stroke-width: 1.5 }
  .arrow { fill: var(--arrow) }
  .plain { fill: var(--plain) }
  .heavy { fill: var(--heavy) }
  .module { fill: var(--page); stroke: var(--arrow); stroke-width: 2 }
"""


def counts(room: str) -> dict[str, int]:
    """How many modules of ``room`` import from each other room, in the one order."""
    found = Counter(other for file in rooms.files(room) for other in rooms.rooms_of(file))
    return {other: found[other] for other in rooms.ORDER if found[other] and other != room}


def kind(room: str) -> str:
    """The class of a room's mark: a module, a folder, or a folder that imports TensorFlow somewhere."""
    if not (rooms.PACKAGE / room).is_dir():
        return "module"
    names = {name.split(".")[0] for file in rooms.files(room) for name in rooms.imports(file)}
    return "heavy" if names & {"tensorflow", "keras"} else "plain"


def mark(x: int, y: int, look: str) -> str:
    return f'<rect class="{look}" x="{x - HALF}" y="{y - HALF}" width="{2 * HALF}" height="{2 * HALF}" rx="3"/>'


def arrowhead(x: int, y: int) -> str:
    """Its tip at (x, y), upwards."""
    return f'<path class="arrow" d="M{x} {y}l4.5 8h-9z"/>'


def number(x: int, y: int, value: int) -> str:
    """A number on a patch that hides the lines behind it."""
    half = 2 + 4 * len(str(value))
    return (
        f'<rect class="page" x="{x - half}" y="{y - 7}" width="{2 * half}" height="14"/>'
        f'<text class="count" x="{x}" y="{y + 5}">{value}</text>'
    )


def key() -> list[str]:
    """What the marks mean."""
    x, y = KEY
    looks = {"plain": "folder", "heavy": "folder with TensorFlow", "module": "module"}
    lines = []
    for place, (look, words) in enumerate(looks.items()):
        lines.append(mark(x, y + 22 * place, look))
        lines.append(f'<text class="key" x="{x + 16}" y="{y + 22 * place + 5}">{words}</text>')
    lines += [arrowhead(x, y + 58), f'<path class="line" d="M{x} {y + 66}v20h24"/>', number(x, y + 86, 3)]
    lines += [
        f'<text class="key" x="{x + 32}" y="{y + 74}">3 modules of the room</text>',
        f'<text class="key" x="{x + 32}" y="{y + 91}">on the right import</text>',
        f'<text class="key" x="{x + 32}" y="{y + 108}">from the room above</text>',
    ]
    return lines


def draw() -> str:
    """The picture as SVG."""
    at = {room: (EDGE + COLUMN * place, EDGE + ROW * place) for place, room in enumerate(rooms.ORDER)}
    lines, heads, numbers, names = [], [], [], []
    lowest: dict[str, int] = {}
    for room, (x, y) in at.items():
        found = counts(room)
        for other in found:
            lowest[other] = y
            numbers.append(number(at[other][0], y, found[other]))
        if found:
            lines.append(f'<path class="line" d="M{x} {y}H{min(at[other][0] for other in found)}"/>')
        look = kind(room)
        names.append(mark(x, y, look))
        names.append(f'<text x="{x + 14}" y="{y + 5}">{room}{".py" if look == "module" else "/"}</text>')
    for room, (x, top) in at.items():
        if room not in lowest:
            continue
        lines.append(f'<path class="line" d="M{x} {lowest[room]}V{top + HALF + 8}"/>')
        heads.append(arrowhead(x, top + HALF + 1))
    body = "\n".join([*lines, *heads, *numbers, *names, *key()])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img">\n<title>Rooms of ddip_tf, and how many modules of each import from the rooms before it</title>\n'
        f'<style>{STYLE}</style>\n<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="8"/>\n{body}\n</svg>\n'
    )


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.argument("picture", type=click.Path(dir_okay=False, path_type=Path))
def main(picture: Path) -> None:
    picture.write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
