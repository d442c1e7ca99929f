"""Same machine, seed and threads: same bits, for every mixing and prior, in one process and in others."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ALL = """
import hashlib, json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import numpy as np
from helpers import SHAPE, blobs
import ddip_tf
from ddip_tf.config import MIXINGS, PRIORS, FitConfig
from ddip_tf.training.fitting import fit
from ddip_tf.formats import read
from ddip_tf.slices import SliceStack

truth = np.stack([blobs(5, SHAPE, 1, 3.0), blobs(9, SHAPE, 2, 5.0)])
stack = SliceStack(np.stack([0.7 * truth[0] + 0.3 * truth[1], 0.25 * truth[0] + 0.75 * truth[1]]))
data = Path(ddip_tf.__file__).with_name("demo_data")
pair = read(data / "slice1.tif", data / "slice2.tif").cropped((20, 85), (30, 111))
settings = dict(width=2, epochs=25, seed=5, starts=2, average=0.9)
cases = {mixing: (stack, FitConfig(mixing=mixing, **settings)) for mixing in MIXINGS}
cases |= {prior: (pair, FitConfig(mixing="transfer", prior=prior, **settings)) for prior in PRIORS}

def bits(name):
    result = fit(*cases[name], threads=2)
    arrays = [result.outputs, result.modelled, *result.history.values(), *result.mixing.values()]
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()

found = {name: bits(name) for name in cases}
again = {name: bits(name) for name in reversed(cases)}
print(json.dumps([found, again]))
"""


@pytest.mark.slow
def test_same_bits_in_one_process_and_in_others():
    command = [sys.executable, "-c", ALL, str(Path(__file__).parents[1])]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    (one, again), (other, _) = (json.loads(process.communicate()[0].splitlines()[-1]) for process in processes)
    assert one == again == other
    assert len(set(one.values())) == len(one)
    assert all(len(digest) == hashlib.sha256().digest_size * 2 for digest in one.values())
