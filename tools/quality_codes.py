"""Every warning's code held against the truth, over a matrix that `quality.py --kinds` has run.

    python tools/quality_codes.py OUT/cases.jsonl

For each code that was said or should have been: what it claims, how often that held where it was said (hits), held and
was not said (misses), and was said and did not hold (false alarms); by slice where a code names a slice, else by case.
What is true of a case is known from the kind it was made as (`simulated_kinds`) and from its figures.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
from json_lines import finished_rows
from quality_summary import GAINED_DB, WITHHELD_DB
from simulated_effects import Bytes, Gain, Ghost
from simulated_kinds import KINDS, Kind


class Claim(NamedTuple):
    """What a code claims, in words, and whether it is true of a slice (from 1) of a case."""

    about: str
    true: Callable[[Kind, dict[str, Any], int], bool]
    by_slice: bool = False


def _ghosts(kind: Kind) -> list[Ghost]:
    return [effect for effect in kind.effects if isinstance(effect, Ghost)]


def _painted(kind: Kind) -> bool:
    return kind.source != "scan"


def _gain(case: dict[str, Any], number: int) -> float:
    one = case["slices"][number - 1]
    return one["output"]["psnr"] - one["input"]["psnr"]


def _worth_it(case: dict[str, Any]) -> bool:
    """Would the oracle gain, beyond what smoothing a slice by itself does?"""
    return any(
        one["oracle"] - max(one["input"]["psnr"], one["smoothed"]) > WITHHELD_DB
        and one["oracle"] - one["input"]["psnr"] > WITHHELD_DB
        for one in case["slices"]
    )


def _little(_: Kind, case: dict[str, Any], number: int) -> bool:
    return _gain(case, number) < GAINED_DB


_DOUBT = Claim(f"the slice gained less than {GAINED_DB:g} dB", _little, True)
CLAIMS: dict[str, Claim] = {
    "none-found": Claim("no crosstalk", lambda kind, *_: _painted(kind) and not _ghosts(kind)),
    "withheld": Claim(
        f"the oracle gains no more than {WITHHELD_DB:g} dB beyond smoothing", lambda _, case, __: not _worth_it(case)
    ),
    "corrected-in-part": Claim(
        f"a slice gained less than {GAINED_DB:g} dB", lambda kind, case, _: any(_little(kind, case, n) for n in (1, 2))
    ),
    "one-sided": Claim(
        "one ghost, and this slice has none",
        lambda kind, _, number: _painted(kind) and len(_ghosts(kind)) == 1 and _ghosts(kind)[0].source == number,
        True,
    ),
    "any-t": Claim("ghosts painted both ways", lambda kind, *_: _painted(kind) and len(_ghosts(kind)) == 2),
    "ghost-of-direction": Claim(
        "a ghost with a direction or displaced in this slice",
        lambda kind, _, number: any(
            ghost.target == number and (ghost.anisotropy != 0 or ghost.shift != (0.0, 0.0)) for ghost in _ghosts(kind)
        ),
        True,
    ),
    "two-readings": Claim(
        "slices in units of their own",
        lambda kind, *_: any(isinstance(effect, Gain | Bytes) for effect in kind.effects),
    ),
    "misregistered": Claim(
        "a ghost more than a pixel off", lambda kind, *_: any(max(map(abs, g.shift)) > 1 for g in _ghosts(kind))
    ),
    "scaled-values": Claim(
        "scaled to 8 bit", lambda kind, *_: any(isinstance(effect, Bytes) for effect in kind.effects)
    ),
    "outliers-replaced": Claim("pixels that no image can hold", lambda *_: False),
    "doubt-model": _DOUBT,
    "doubt-texture": _DOUBT,
    "doubt-coarse": _DOUBT,
    "doubt-shared-structure": _DOUBT,
    "doubt-unexplained": _DOUBT,
    "doubt-confused": _DOUBT,
}


def count(code: str, cases: list[dict[str, Any]]) -> tuple[int, int, int]:
    """Hits, misses and false alarms of a code."""
    claim, found = CLAIMS[code], [0, 0, 0]
    for case in cases:
        said = [one for one in case["warnings"] if one["code"] == code]
        for number in range(1, case["count"] + 1 if claim.by_slice else 2):
            told = any(not claim.by_slice or one["slice"] in (None, number) for one in said)
            true = claim.true(KINDS[case["kind"]], case, number)
            found[0 if told and true else 1] += true
            found[2] += told and not true
    return found[0], found[1], found[2]


def table(cases: list[dict[str, Any]]) -> str:
    """In Markdown; codes that were neither said nor true of any are left out."""
    lines = ["| code | what it claims | hits | misses | false alarms |", "| --- | --- | --- | --- | --- |"]
    for code, claim in CLAIMS.items():
        hits, misses, false = count(code, cases)
        doubt = code.startswith("doubt-")
        if hits + false or (misses and not doubt):
            lines.append(f"| `{code}` | {claim.about} | {hits} | {'–' if doubt else misses} | {false} |")
    return "\n".join(lines) + "\n"


@click.command(help=__doc__)
@click.argument("cases", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(cases: tuple[Path, ...]) -> None:
    click.echo(table(finished_rows(cases)), nl=False)


if __name__ == "__main__":
    main()
