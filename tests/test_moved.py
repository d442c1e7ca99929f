"""The old paths of modules lead to the new ones, with a warning, for one release."""

import importlib
import json
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest

import ddip_tf
from ddip_tf import _moved
from ddip_tf.objectives import mixing
from ddip_tf.quality import without_truth
from ddip_tf.transfer import dct, estimate

#: imports every module with no other of ddip_tf imported before it, and prints what came of those that cannot be
ALONE = """
import importlib, json, pkgutil, sys, warnings
import ddip_tf
names = [found.name for found in pkgutil.walk_packages(ddip_tf.__path__, "ddip_tf.") if "__main__" not in found.name]
said = {}
warnings.simplefilter("error", DeprecationWarning)
for name in names:
    for other in [other for other in sys.modules if other.partition(".")[0] == "ddip_tf"]:
        del sys.modules[other]
    try:
        importlib.import_module(name)
    except Exception as error:
        said[name] = repr(error)
print(json.dumps([len(names), {name: why for name, why in said.items() if "magicgui" not in why}]))
"""

#: what docs and examples showed, and one name of each further module
SHOWN = [
    ("mixing", "Mixing", mixing.Mixing),
    ("spectral", "TransferMixing", None),
    ("losses", "exclusion", None),
    ("nullspace", "solve", None),
    ("nullspace", "Problem", None),
    ("nullspace", "level", None),
    ("variation", "descend", None),
    ("metrics", "score", None),
    ("watching", "Pictures", None),
    ("watching", "tensorboard", None),
    ("mixing", "build_generators", None),
    ("noise", "SHARES", None),
    ("phase", "Record", None),
    ("blind", "Figures", without_truth.Indicators),
    ("cosine", "apply", dct.matvec),
    ("transfer", "doubts", estimate.doubts),
    ("transfer", "interpolate", None),
    ("slices", "depth_of_focus_m", None),
    ("slices", "check_box", None),
    ("networks", "CHANNELS", None),
    ("networks", "side_by_side", None),
]


@pytest.mark.parametrize(("module", "name", "now"), SHOWN)
def test_an_old_path_leads_to_the_new_one_and_says_so(module, name, now):
    old = importlib.import_module(f"ddip_tf.{module}")
    with pytest.warns(DeprecationWarning, match=rf"ddip_tf\.{module}\.{name} is ddip_tf\.\w+\.[\w.]+ now"):
        found = getattr(old, name)
    assert now is None or found is now


@pytest.mark.parametrize("module", _moved.MOVED)
def test_all_that_moved_is_where_the_table_says(module):
    for new in _moved.MOVED[module]:
        importlib.import_module(f"ddip_tf.{new}")
    assert importlib.import_module(f"ddip_tf.{module}").__doc__.startswith("Moved to ddip_tf.")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        importlib.import_module(f"ddip_tf.{module}").nothing  # noqa: B018


def test_what_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("ddip_tf.nothing")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ddip_tf.slices.nothing  # noqa: B018


def test_a_pickle_that_names_an_old_module_opens():
    stack = ddip_tf.SliceStack(np.random.default_rng(1).normal(size=(2, 33, 35)))
    old = pickle.dumps(stack, 0).replace(b"ddip_tf.slices.stack", b"ddip_tf.slices")
    np.testing.assert_array_equal(pickle.loads(old).images, stack.images)
    with pytest.warns(DeprecationWarning):
        affine = pickle.loads(b"cddip_tf.normalise\nAffine\n.")
    assert affine((1.0,), (2.0,)).gain == (1.0,)


def test_layers_keep_the_names_they_are_saved_under():
    importlib.import_module("ddip_tf.networks.cosine_layer")
    importlib.import_module("ddip_tf.networks.transfer_layer")
    for name in ("Pixels", "LowestCosines", "TransferMixing"):
        assert keras.saving.get_registered_object(f"ddip_tf>{name}").__name__ == name


def test_every_module_can_be_the_first_that_is_imported():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True)
    count, failed = json.loads(done.stdout)
    assert count > 100 and failed == {}
