"""The run folder of repeated fits: ``runs/0001`` … are ordinary run folders, ``outputs`` their mean and deviation."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf._types import Floats, StrPath
from ddip_tf.archive import pictures
from ddip_tf.archive.lock import as_run_error, replace_text
from ddip_tf.archive.manifest import MANIFEST, cautions, sha256
from ddip_tf.archive.run import Run
from ddip_tf.caution import Caution
from ddip_tf.quality import repeatability

#: what stands in the manifest of a single run and means nothing for several
OF_ONE_RUN = ("mixing", "final", "peak_memory_bytes", "files", "warnings", "seed")


def assemble(run: StrPath, names: Sequence[str]) -> Path:
    """Make ``outputs`` and the manifest of ``run`` from its finished ``runs/<name>``.

    outputs/slice1.tif … are means over the runs that are not confused (`ddip_tf.quality.repeatability.match`), std1.tif
    … their standard deviations, smoothed1.tif … means, where there is any, and ghost1.tif … the rest of input − mean.
    The manifest lists every run: its seed, whether it is used,
    the order and scale of its slices. It is written last: without it the folder is unfinished. The caller holds the
    place of ``run`` (`ddip_tf.archive.lock.FolderLock`).

    Raises RunError if fewer than two runs agree or the folder cannot be written.
    """
    run = Path(run)
    folders = [run / "runs" / name for name in names]
    runs = [Run(folder) for folder in folders]
    manifests = [single.manifest for single in runs]
    inputs, outputs = runs[0].inputs, [single.outputs for single in runs]
    members = repeatability.match(outputs, inputs)
    mean, deviation = repeatability.combine(outputs, members)
    manifest = _manifest(names, manifests, members, deviation)
    smoothed = _mean_smoothed([single for single, member in zip(runs, members, strict=True) if member.used])
    kinds = {"slice": mean, **pictures.taken_out(inputs, mean, smoothed), "std": deviation}
    with as_run_error(run):
        _write_images(run, kinds, runs[0])
        hashed = [*sorted((run / "outputs").iterdir()), *(folder / MANIFEST for folder in folders)]
        manifest["files"] = {path.relative_to(run).as_posix(): sha256(path) for path in hashed}
    replace_text(run / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    return run


def _mean_smoothed(runs: Sequence[Run]) -> Floats | None:
    """Mean (N, H, W) of what the runs smoothed: of their inputs, so whatever the order of their slices."""
    found = [run.smoothed for run in runs if run.smoothed is not None]
    return (np.sum(found, 0) / len(runs)).astype(np.float32) if found else None


def _write_images(run: Path, kinds: Mapping[str, Floats], like: Run) -> None:
    aside = run / f".outputs.{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    pictures.write(aside, kinds, like.pixel_size_m, like.numbers, like.vacuum)
    (run / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(run / "outputs", ignore_errors=True)
    aside.rename(run / "outputs")


def _manifest(
    names: Sequence[str],
    manifests: Sequence[dict[str, Any]],
    members: Sequence[repeatability.Member],
    deviation: Floats,
) -> dict[str, Any]:
    """What the runs have in common, each run's part, and what to say of it all."""
    common = {key: value for key, value in manifests[0].items() if key not in OF_ONE_RUN}
    used = [manifest for manifest, member in zip(manifests, members, strict=True) if member.used]
    swapped = [name for name, member in zip(names, members, strict=True) if member.used and member.swapped]
    confused = [name for name, member in zip(names, members, strict=True) if not member.used]
    said = [caution for manifest in used for caution in cautions(manifest)]
    if swapped:
        text = f"Slices in another order than most, put right: {', '.join(swapped)}."
        said.insert(0, Caution("runs-reordered", text))
    if confused:
        said.insert(0, Caution("runs-left-out", f"Confused, left out of the mean: {', '.join(confused)}."))
    runs = [
        {"name": name, "seed": manifest["seed"], **member.to_dict()}
        for name, manifest, member in zip(names, manifests, members, strict=True)
    ]
    return {
        **common,
        "seed": manifests[0]["seed"],
        "normalisation": {"rule": "mean over runs", "gain": [1.0] * len(deviation), "offset": [0.0] * len(deviation)},
        "wall_time_s": round(sum(manifest["wall_time_s"] for manifest in manifests), 3),
        "final": {key: float(np.mean([one["final"][key] for one in used])) for key in used[0]["final"]},
        "mean_deviation": [float(value) for value in deviation.mean((1, 2), dtype=float)],
        "runs": runs,
        "warnings": [asdict(caution) for caution in dict.fromkeys(said)],
        **_worst([manifest.get("unexplained") for manifest in used]),
    }


def _worst(shares: Sequence[list[float] | None]) -> dict[str, list[float]]:
    """Of every slice the largest share of its contrast that any run leaves unexplained, where all say it."""
    known = [each for each in shares if each]
    return {"unexplained": np.max(known, axis=0).tolist()} if known and len(known) == len(shares) else {}
