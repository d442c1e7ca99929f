"""The manifest of a run folder, read without trust: what it says is checked before anybody works with it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ddip_tf._types import StrPath
from ddip_tf.caution import UNCODED, Caution
from ddip_tf.config import as_stored
from ddip_tf.errors import InputError, RunError
from ddip_tf.formats import limits

FORMAT_VERSION = 1
OLDEST_VERSION = 1
MANIFEST = "manifest.json"

#: what readers rely on, and of which kind it must be
KINDS: dict[str, tuple[type, ...]] = {
    "files": (dict,),
    "slices": (int,),
    "shape": (list,),
    "normalisation": (dict,),
    "pixel_size_m": (list, type(None)),
    "config": (dict,),
    "inputs": (list,),
    "versions": (dict,),
    "platform": (str,),
    "status": (str,),
    "warnings": (list,),
    "final": (dict,),
    "wall_time_s": (int, float),
    "epochs_done": (int,),
}


def load_manifest(run: StrPath) -> dict[str, Any]:
    """The manifest of a run folder; control characters in its texts become "?".

    Its ``warnings`` are as they are written today, ``code``, ``slice`` and ``text`` each, also of older runs, and its
    ``config`` has the fields that came later, too.

    Raises InputError where there is none, it is damaged, or it was written by a newer or too old ddip-tf.
    """
    path = Path(run) / MANIFEST
    try:
        manifest = _printable(json.loads(limits.read_text(path)))
        version = manifest["format_version"]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{run} is neither a run nor {_instead(Path(run))}") from error
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} cannot be read: {str(error)[:200]}") from error
    if isinstance(version, bool) or not isinstance(version, int):
        raise InputError(f"{path} names no format version")
    if version > FORMAT_VERSION:
        raise InputError(f"{run} has format {version}; this ddip-tf reads up to {FORMAT_VERSION}: update it")
    if version < OLDEST_VERSION:
        raise InputError(f"{run} has format {version}; this ddip-tf reads from {OLDEST_VERSION} on: use an older one")
    fault = _fault(manifest)
    if fault:
        raise InputError(f"{path} is damaged: {fault}; take another copy of the folder, or fit again")
    config = as_stored(manifest["config"])
    return {**manifest, "config": config, "warnings": [vars(caution) for caution in cautions(manifest)]}


def _instead(path: Path) -> str:
    """What is there where a run was looked for, after "neither a run nor"."""
    if not path.exists():
        return "anything else: there is no such folder"
    if not path.is_dir():
        return "a folder: it is a file; give the folder that ddip-tf fit wrote"
    inside = sorted(found.parent for found in path.glob(f"runs/*/{MANIFEST}"))
    if inside:
        return f"finished repeats of one: it holds {len(inside)} run(s); give one of them, such as {inside[0]}"
    return f"a folder of runs: it holds no {MANIFEST}; give the folder that ddip-tf fit wrote"


def cautions(manifest: Mapping[str, Any]) -> list[Caution]:
    """The warnings of a manifest; the plain sentences of older runs have the code ``uncoded``."""
    found = manifest["warnings"]
    return [Caution(UNCODED, one) if isinstance(one, str) else Caution(**one) for one in found]


def numbers_of(manifest: Mapping[str, Any]) -> tuple[int, ...]:
    """Of the slices, in their file, from 1; 1 … N where a manifest does not say."""
    return tuple(manifest.get("numbers") or range(1, manifest["slices"] + 1))


def changed_files(run: StrPath, manifest: Mapping[str, Any]) -> list[str]:
    """One sentence for each archived file that is missing or whose sha256 is not the manifest's."""
    found = []
    for name, digest in manifest["files"].items():
        try:
            path = inside(run, name)
        except RunError:
            found.append(f"{name}: outside the run folder")
            continue
        if not path.is_file():
            found.append(f"{name}: missing")
        elif sha256(path) != digest:
            found.append(f"{name}: changed since it was archived")
    return found


def inside(run: StrPath, name: str) -> Path:
    """The path of ``name`` in a run folder. Raises RunError if it, or a link on its way, leads out of the folder."""
    try:
        path = Path(run) / name
        stays = path.resolve().is_relative_to(Path(run).resolve())
        path.exists()  # asks the system, which has bounds on names of its own
    except (OSError, ValueError, RuntimeError):  # too long, a null in it, a loop of links
        stays = False
    if not stays or Path(name).is_absolute() or ".." in Path(name).parts:
        raise RunError(f"{name!r} leads out of the run folder")
    return path


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fault(manifest: Mapping[str, Any]) -> str:
    """What is wrong with a manifest, or nothing."""
    for name, kinds in KINDS.items():
        if name not in manifest:
            return f"{name} is missing"
        if not isinstance(manifest[name], kinds) or isinstance(manifest[name], bool):
            return f"{name} is no {kinds[0].__name__}"
    count, shape, record = manifest["slices"], manifest["shape"], manifest["normalisation"]
    if not 1 <= count <= 10_000:
        return f"slices is {count}"
    if len(shape) != 2 or not all(type(side) is int and 1 <= side <= 10**6 for side in shape):
        return "shape is no (height, width)"
    size = manifest["pixel_size_m"]
    if size is not None and not (_numbers(size, 2) and min(size) > 0):
        return "pixel_size_m is no pair of lengths"
    if not all(_numbers(record.get(name), count) for name in ("gain", "offset")):
        return "normalisation has no gain and offset for each slice"
    if not _numbers(list(manifest["final"].values()), None) or not math.isfinite(manifest["wall_time_s"]):
        return "final and wall_time_s are no numbers"
    if not all(isinstance(text, str) for text in manifest["files"].values()):
        return "files are no texts"
    if not all(map(_is_caution, manifest["warnings"])):
        return "warnings are no texts with codes"
    if not all(isinstance(source, dict) and isinstance(source.get("name"), str) for source in manifest["inputs"]):
        return "inputs have no names"
    if fault := _numbering_fault(manifest):
        return fault
    evidence = manifest.get("model_evidence", {})
    if not isinstance(evidence, dict) or not all(isinstance(nats, int | float) for nats in evidence.values()):
        return "model_evidence is no numbers"
    if not _numbers([manifest.get("gain", 1)], 1):
        return "gain is no number"
    if (halves := manifest.get("halves")) is not None and not _is_measured(halves, count):
        return "halves are no numbers"
    for name in ("start", "half"):
        sources = manifest.get(name) or []
        if not isinstance(sources, list) or not all(
            isinstance(s, dict) and isinstance(s.get("name"), str) for s in sources
        ):
            return f"{name} has no names"
    if not {"mixing", "seed"} <= manifest["config"].keys():
        return "config has no mixing and seed"
    if not isinstance(manifest["config"].get("prior", ""), str):
        return "config has no prior"
    return ""


def _numbering_fault(manifest: Mapping[str, Any]) -> str:
    """What is wrong with the numbers of the slices, of vacuum and of sums, or nothing."""
    aside, groups = manifest.get("vacuum") or [], manifest.get("summed") or []
    kinds = {"number": int, "value": int | float, "name": str, "page": int}
    if not isinstance(aside, list) or not all(
        isinstance(one, dict) and one.keys() == kinds.keys() and all(isinstance(one[n], k) for n, k in kinds.items())
        for one in aside
    ):
        return "vacuum has no numbers and values"
    numbers = manifest.get("numbers")
    called = [*(numbers or []), *(one["number"] for one in aside if not groups)]
    if numbers is not None and not (_counts(numbers, manifest["slices"]) and len(set(called)) == len(called)):
        return "numbers are not one for each slice"
    if not isinstance(groups, list) or (groups and len(groups) != manifest["slices"]):
        return "summed is not one list for each slice"
    return "" if all(_counts(group, None) for group in groups) else "summed is no numbers"


def _counts(values: Any, count: int | None) -> bool:
    """Whether ``values`` is a list of (``count``) whole numbers from 1."""
    good = _numbers(values, count) and all(isinstance(value, int) and value >= 1 for value in values)
    return good and bool(values)


def _is_caution(value: Any) -> bool:
    """Whether it is a warning as written today, or a sentence."""
    if not isinstance(value, dict):
        return isinstance(value, str)
    kinds = {"code": str, "slice": int | None, "text": str}
    return value.keys() == kinds.keys() and all(isinstance(value[name], kind) for name, kind in kinds.items())


def _is_measured(halves: Any, count: int) -> bool:
    """Whether it is what halves of a scan say of so many slices, as `ddip_tf.transfer.halves` measures it."""
    if not isinstance(halves, dict) or not _numbers(halves.get("k"), None):
        return False
    rings, periods = len(halves["k"]), halves.get("half_period_px")
    rows = [halves.get(name) for name in ("correlation", "noise_power")]
    return (
        isinstance(periods, list)
        and len(periods) == count
        and _numbers([period for period in periods if period is not None], None)
        and _numbers(halves.get("noise_deviation"), count)
        and _numbers(halves.get("threshold"), rings)
        and all(isinstance(row, list) and len(row) == count and all(_numbers(x, rings) for x in row) for row in rows)
    )


def _numbers(values: Any, count: int | None) -> bool:
    """Whether ``values`` is a list of (``count``) finite numbers."""
    if not isinstance(values, list) or (count is not None and len(values) != count):
        return False
    kinds = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    return kinds and all(abs(value) < 1e300 for value in values)


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return "".join(letter if letter.isprintable() else "?" for letter in value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(name): _printable(item) for name, item in value.items()}
    return value
