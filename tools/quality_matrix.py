"""The default preset on kinds x seeds of simulated data: what it gains and what it harms (`quality.py --kinds`).

A case is a folder KIND-sSEED with slices and truth, simulated if it is not there. For every case one line of JSON goes
into cases.jsonl; cases that have theirs, from the same way of fitting, are not fitted again. From all lines come
matrix.md and matrix.json, a row a kind (`quality_summary`).
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from json_lines import read_rows
from judged_lists import LISTS
from oracle import estimates, smoothed
from quality_summary import harmed, markdown, summarise
from simulated_kinds import KINDS

import ddip_tf
from ddip_tf import config
from ddip_tf.formats import read
from ddip_tf.quality import with_truth
from ddip_tf.quality.detail import detail

PHRASES = ("not reliable", "confused", "not explained", "do not use")
CEILING_DB = 60.0
FOUND = "found"  # in place of kinds: whatever cases lie in the folder


class Where(NamedTuple):
    """A case and its folder."""

    kind: str
    seed: int | None
    folder: Path


#: paths of slices -> outputs (N, H, W) and warnings
Fit = Callable[[list[Path]], tuple[np.ndarray, list[Any]]]


def choose(folder: Path, patterns: str, seeds: str) -> list[Where]:
    """Cases of all kinds that match one of the patterns, with commas between, and seeds such as 0-3,7."""
    if patterns == FOUND:
        there = sorted(path.parent for path in folder.glob("*/truth1.npy"))
        return [Where(path.name.rsplit("-s", 1)[0], None, path) for path in there]
    named = {"all": ("*",)} | {name: judged.kinds for name, judged in LISTS.items()}
    wanted = [name for pattern in patterns.split(",") for name in named.get(pattern, (pattern,))]
    for pattern in wanted:
        if not any(fnmatch(name, pattern) for name in KINDS):
            raise click.UsageError(f"no kind {pattern}; python tools/simulate.py --list shows them")
    numbers: list[int] = []
    try:
        for part in seeds.split(","):
            first, _, last = part.partition("-")
            numbers += range(int(first), int(last or first) + 1)
    except ValueError as error:
        raise click.UsageError(f"--seeds {seeds}: whole numbers, such as 0-3,7") from error
    kinds = [name for name in KINDS if any(fnmatch(name, pattern) for pattern in wanted)]
    return [Where(kind, seed, folder / f"{kind}-s{seed}") for kind in kinds for seed in numbers]


def provide(case: Where, python: str) -> str:
    """Simulate a case that is not there, in a process of `python`; what went wrong, or nothing."""
    if (case.folder / "slice1.tif").exists() and (case.seed is None or (case.folder / "meta.json").exists()):
        return ""
    tool = str(Path(__file__).with_name("simulate.py"))
    words = [python, tool, str(case.folder), "--kind", case.kind, "--seed", str(case.seed)]
    done = subprocess.run(words, capture_output=True, text=True)
    return (done.stderr.strip().splitlines() or ["failed"])[-1] if done.returncode else ""


def fit_here(paths: list[Path]) -> tuple[np.ndarray, list[Any]]:
    """The default preset in this process."""
    separation = ddip_tf.fit(read(*paths), config.preset("default", seed=1))
    return separation.outputs, list(separation.warnings)


def fit_by(command: str) -> Fit:
    """The default preset by a command line, `ddip-tf fit` for instance."""

    def fit(paths: list[Path]) -> tuple[np.ndarray, list[Any]]:
        with tempfile.TemporaryDirectory() as home:
            run = Path(home) / "run"
            words = [*shlex.split(command), *map(str, paths), "-o", str(run), "--seed", "1"]
            done = subprocess.run(words, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError((done.stderr.strip().splitlines() or ["failed"])[-1])
            outputs = read(*_numbered(run / "outputs", "slice", ".tif")).images
            return outputs, json.loads((run / "manifest.json").read_text()).get("warnings", [])

    return fit


def judge(case: Where, fit: Fit) -> dict[str, Any]:
    """One case fitted and held against its truth: a line of cases.jsonl."""
    paths = _numbered(case.folder, "slice", ".tif")
    images, truth = (np.asarray(read(*p).images, float) for p in (paths, _numbered(case.folder, "truth", ".npy")))
    row: dict[str, Any] = {"case": case.folder.name, "kind": case.kind, "count": len(truth)}
    began = time.perf_counter()
    try:
        outputs, warnings = fit(paths)
    except Exception as error:  # a fit that fails is a finding
        return {**row, "error": f"{type(error).__name__}: {error}"}
    seconds = round(time.perf_counter() - began, 1)
    best, own = (_best(found, truth) for found in (estimates(images, truth), smoothed(images, truth)))
    kept = detail(outputs, images, truth)
    slices = []
    for i, (before, after) in enumerate(
        zip(with_truth.score(images, truth), with_truth.score(outputs, truth), strict=True)
    ):
        slices.append(
            {
                "input": _figures(before),
                "output": _figures(after),
                "oracle": max(best[i], own[i], _figures(before)["psnr"]),
                "smoothed": own[i],
                "doubt": any(doubts(warning, i + 1) for warning in warnings),
                "kept": kept.range(i),
                "same": bool(np.abs(outputs[i] - images[i]).max() <= 1e-6 * np.ptp(images[i])),
            }
        )
    said = [warning if isinstance(warning, dict | str) else vars(warning) for warning in warnings]
    curve = {"k": kept.k.round(4).tolist(), "kept": kept.kept.round(3).tolist(), "follows": kept.follows.tolist()}
    return {**row, "seconds": seconds, "slices": slices, "detail": curve, "warnings": said}


def doubts(warning: Any, number: int) -> bool:
    """Does a warning, a sentence or something with code and slice, put slice `number` (from 1) in doubt?"""
    if isinstance(warning, str):
        return any(phrase in warning for phrase in PHRASES)
    about = warning if isinstance(warning, dict) else vars(warning)
    return str(about.get("code", "")).startswith("doubt") and about.get("slice") in (None, number)


def run_matrix(folder: Path, output: Path, kinds: str, seeds: str, command: str | None, python: str | None) -> None:
    """Simulate what is missing, fit what has no line yet, print and write the table."""
    cases = choose(folder, kinds, seeds)
    output.mkdir(parents=True, exist_ok=True)
    lines, way = output / "cases.jsonl", command or "in process"
    before = read_rows(lines)
    _write(lines, before)  # without a line that was cut short
    done = {row["case"]: row for row in before if row["fit"] == way and "error" not in row}
    fit = fit_by(command) if command else fit_here
    if not command:
        _ = ddip_tf.fit  # imports TensorFlow, which is not timed
    missing = []
    for case in cases:
        if case.folder.name in done:
            continue
        if trouble := provide(case, python or sys.executable):
            missing.append(case.folder.name)
            click.echo(f"{case.folder.name}: {trouble}", err=True)
            continue
        row = done[case.folder.name] = {**judge(case, fit), "fit": way}
        with lines.open("a") as file:
            file.write(json.dumps(row) + "\n")
        click.echo(_line(row))
    rows = [done[case.folder.name] for case in cases if case.folder.name in done]
    if not rows:
        raise click.ClickException("no case to judge")
    found = {kind: summarise(r for r in rows if r["kind"] == kind) for kind in dict.fromkeys(r["kind"] for r in rows)}
    found["all"] = summarise(rows)
    (output / "matrix.json").write_text(json.dumps({"fit": way, "missing": missing, "kinds": found}, indent=1) + "\n")
    (output / "matrix.md").write_text(markdown(found))
    click.echo(markdown(found))
    if missing:
        raise click.ClickException(f"not simulated: {', '.join(missing)}")


def _best(found: np.ndarray, truth: np.ndarray) -> list[float]:
    """Of each slice the highest PSNR among estimates (C, N, H, W)."""
    psnr = [[_figures(one)["psnr"] for one in with_truth.score(each, truth)] for each in found]
    return [float(value) for value in np.max(psnr, axis=0)]


def _figures(score: with_truth.Score) -> dict[str, float]:
    return {"psnr": min(score.psnr, CEILING_DB), "ssim": score.ssim, "leak": score.leak, "error": score.error}


def _numbered(folder: Path, name: str, suffix: str) -> list[Path]:
    """name1, name2, … in a folder, in the order of their numbers."""
    return sorted(folder.glob(f"{name}[0-9]*{suffix}"), key=lambda path: int(path.stem.removeprefix(name)))


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    """All lines anew, in one go."""
    fresh = path.with_suffix(".new")
    fresh.write_text("".join(json.dumps(row) + "\n" for row in rows))
    fresh.replace(path)


def _line(row: dict[str, Any]) -> str:
    """A case on one line."""
    if "error" in row:
        return f"{row['case']:30s} FAILED {row['error']}"
    parts = [
        f"{one['input']['psnr']:.1f} > {one['output']['psnr']:.1f} dB (oracle {one['oracle']:.1f}), leak "
        f"{one['input']['leak']:+.2f} > {one['output']['leak']:+.2f}{', doubt' if one['doubt'] else ''}"
        f"{', HARMED' if harmed(one) else ''}{', same' if one['same'] else ''}"
        for one in row["slices"]
    ]
    return f"{row['case']:30s} {row['seconds']:5.1f} s | {' | '.join(parts)}"
