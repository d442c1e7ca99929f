"""Fingerprints of short fits, one for every mixing and prior: does a change leave every bit as it was?

    python tools/digests.py -o before.json
    python tools/digests.py --compare before.json

sha256 of the outputs, of what the forward model makes of them, of every loss term, mixing array and weight, of the
archived pictures and of what the archive's ONNX networks give; fits of a small cut of the pair that ships with ddip-tf.
They hold for one machine, number of threads and set of package versions only: make them anew, with the older code,
where one of these changes. (The ONNX files themselves differ from one writing to the next, in the order of nodes.)
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

import ddip_tf
from ddip_tf.config import MIXINGS, PRIORS

DATA = Path(ddip_tf.__file__).with_name("demo_data")
#: rows and columns of the cut: odd, non-square
CUT = (20, 85), (30, 111)
SETTINGS = {"width": 2, "epochs": 25, "chunk": 10, "seed": 5, "starts": 2, "average": 0.9}


def digest(arrays: Iterable[np.ndarray]) -> str:
    """Of kinds, shapes and values together."""
    found = hashlib.sha256()
    for array in map(np.ascontiguousarray, arrays):
        found.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return found.hexdigest()


def of_fit(stack: ddip_tf.SliceStack, config: ddip_tf.FitConfig, threads: int) -> dict[str, str]:
    """Digests of one fit and of its archive, by what they are of."""
    result = ddip_tf.fit(stack, config, threads=threads)
    found = {"outputs": digest([result.outputs]), "modelled": digest([result.modelled])}
    for kind in ("history", "mixing", "latents"):
        found |= {f"{kind}/{name}": digest([values]) for name, values in getattr(result, kind).items()}
    for kind in ("generators", "filters"):
        networks = getattr(result, kind)
        found |= {f"{kind}/{name}": digest(network.get_weights()) for name, network in networks.items()}
    with tempfile.TemporaryDirectory() as folder:
        run = ddip_tf.save(result, Path(folder) / "run")
        files = sorted(path for kind in ("outputs/*", "history.csv") for path in run.glob(kind))
        found |= {path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        found["regenerated"] = digest([ddip_tf.regenerate(run)])
    return found


def digests(threads: int) -> dict[str, dict[str, str]]:
    """For each mixing, and for each prior under the transfer model."""
    stack = ddip_tf.read(DATA / "slice1.tif", DATA / "slice2.tif").cropped(*CUT)
    cases = [(mixing, "tv") for mixing in MIXINGS if mixing != "transfer"] + [("transfer", prior) for prior in PRIORS]
    found = {}
    for mixing, prior in cases:
        name = f"{mixing}-{prior}" if mixing == "transfer" else mixing
        found[name] = of_fit(stack, ddip_tf.FitConfig(mixing=mixing, prior=prior, **SETTINGS), threads)
        print(f"{name:18s} {len(found[name]):3d} digests, outputs {found[name]['outputs'][:16]}", flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="write the digests here, as JSON")
    parser.add_argument("--compare", type=Path, help="digests written before; exit code 1 where one differs")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    found = digests(options.threads)
    if options.output:
        options.output.write_text(json.dumps(found, indent=1) + "\n")
    if not options.compare:
        return 0
    before = json.loads(options.compare.read_text())
    names = {(case, name) for one in (before, found) for case, values in one.items() for name in values}
    changed = sorted(n for n in names if before.get(n[0], {}).get(n[1]) != found.get(n[0], {}).get(n[1]))
    for case, name in changed:
        print(f"differs: {case} {name}")
    print(f"{len(names) - len(changed)} of {len(names)} digests are equal")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
