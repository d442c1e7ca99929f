"""ddip-tf: separate crosstalk between the slices of a multislice ptychography reconstruction.

    >>> import ddip_tf
    >>> stack = ddip_tf.read("slice1.tif", "slice2.tif")
    >>> separation = ddip_tf.fit(stack)
    >>> folder = ddip_tf.save(separation, "saved_models/auni")    # or both at once, with figures: ddip_tf.fit_and_save
    >>> pictures = ddip_tf.regenerate("saved_models/auni")

Method: M. Du, X. Huang & C. Jacobsen, "Using a modified double deep image prior for crosstalk mitigation in
multislice ptychography", J. Synchrotron Rad. 28 (2021).
"""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

from ddip_tf import _moved

if TYPE_CHECKING:
    from ddip_tf.archive.regenerate import check as check
    from ddip_tf.archive.regenerate import regenerate as regenerate
    from ddip_tf.archive.run import Run as Run
    from ddip_tf.archive.run import load as load
    from ddip_tf.archive.write import save as save
    from ddip_tf.config import FitConfig as FitConfig
    from ddip_tf.config import preset as preset
    from ddip_tf.errors import InputError as InputError
    from ddip_tf.errors import RunError as RunError
    from ddip_tf.formats import read as read
    from ddip_tf.networks.unet import build_generator as build_generator
    from ddip_tf.slices.separation import Separation as Separation
    from ddip_tf.slices.separation import Solution as Solution
    from ddip_tf.slices.stack import SliceStack as SliceStack
    from ddip_tf.training.checkpoint import Checkpoints as Checkpoints
    from ddip_tf.training.fitting import fit as fit
    from ddip_tf.training.without_networks import separate as separate
    from ddip_tf.training.without_networks import separate_object as separate_object
    from ddip_tf.workflows.run import RunOptions as RunOptions
    from ddip_tf.workflows.run import fit_and_save as fit_and_save

#: public name → the module that defines it; imported at first use, so that ``import ddip_tf`` costs nothing
_HOME = {
    "Checkpoints": "training.checkpoint",
    "FitConfig": "config",
    "InputError": "errors",
    "Run": "archive.run",
    "RunError": "errors",
    "RunOptions": "workflows.run",
    "Separation": "slices.separation",
    "SliceStack": "slices.stack",
    "Solution": "slices.separation",
    "build_generator": "networks.unet",
    "check": "archive.regenerate",
    "fit": "training.fitting",
    "fit_and_save": "workflows.run",
    "load": "archive.run",
    "preset": "config",
    "read": "formats",
    "regenerate": "archive.regenerate",
    "save": "archive.write",
    "separate": "training.without_networks",
    "separate_object": "training.without_networks",
}
#: modules whose import starts TensorFlow, which has much to say
_TENSORFLOW = ("training.fitting", "networks.unet")
__all__ = sorted(_HOME)
_moved.install()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata

        return metadata.version("ddip-tf")
    if name not in _HOME:
        raise AttributeError(f"module 'ddip_tf' has no attribute {name!r}")
    from ddip_tf import environment

    with environment.quiet() if _HOME[name] in _TENSORFLOW else contextlib.nullcontext(), environment.uncollected():
        value = getattr(importlib.import_module(f"ddip_tf.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
