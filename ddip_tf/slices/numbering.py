"""Slices go by the numbers of their file, counted from 1, whichever of them take part.

A fit counts its slices by position; what it says, and the names of what it gives, are put into the file's numbers once,
at its end (`ddip_tf.slices.separation.by_file_numbers`). NumPy only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ddip_tf.caution import Caution

#: a slice, or several, in a sentence
SPOKEN = re.compile(r"(?<![-\w])((?:[Ss]lices?|[Oo]utput|[Ii]nput) )(\d+(?:(?:, | and | to )\d+)*)(?![.\d]*\d)")
#: a name such as ``slice2`` or ``slice2_base``
NAMED = re.compile(r"slice([1-9]\d*)(_\w+)?")


@dataclass(frozen=True)
class Vacuum:
    """A slice that is the same everywhere, set aside: its ``number`` and its ``value``, in the unit of the others.

    ``name`` and ``page`` (from 0) of the file that it stands in.
    """

    number: int
    value: float
    name: str = ""
    page: int = 0


def numbered(text: str, numbers: Sequence[int]) -> str:
    """``text`` that counts slices by position (from 1), in the ``numbers`` of the file.

    >>> numbered("slices 1 and 2 are the same image", (9, 12))
    'slices 9 and 12 are the same image'
    """

    def put(found: re.Match[str]) -> str:
        return found[1] + re.sub(r"\d+", lambda digits: str(_number(int(digits[0]), numbers)), found[2])

    return SPOKEN.sub(put, text)


def numbered_caution(caution: Caution, numbers: Sequence[int]) -> Caution:
    """``caution`` on a slice by position, on its number."""
    number = None if caution.slice is None else _number(caution.slice, numbers)
    return replace(caution, text=numbered(caution.text, numbers), slice=number)


def numbered_name(name: str, numbers: Sequence[int]) -> str:
    """``slice9_base`` for ``slice1_base``; other names as they are."""
    found = NAMED.fullmatch(name)
    return f"slice{_number(int(found[1]), numbers)}{found[2] or ''}" if found else name


def listed(numbers: Sequence[int]) -> str:
    """Numbers for people: ``1, 2 and 24``, neighbours from three on as ``2 to 23``.

    >>> listed((1, 2, 3, 4, 9)), listed((7,))
    ('1 to 4 and 9', '7')
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [w for run in runs for w in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else map(str, run))]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _number(position: int, numbers: Sequence[int]) -> int:
    return numbers[position - 1] if 1 <= position <= len(numbers) else position
