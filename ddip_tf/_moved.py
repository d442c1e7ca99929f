"""Where modules went that stood directly in ``ddip_tf``: for one release their old paths lead there, with a warning.

``import ddip_tf.mixing`` and ``from ddip_tf.mixing import Mixing`` give what they gave, and a DeprecationWarning that
names the new module. `ddip_tf.slices`, `ddip_tf.networks` and `ddip_tf.transfer`, which are folders now, find the names
that they had as modules in the same way (`lookup`). The release after this one has neither.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

#: old module → where its names are now: those that docs named, and those whose objects may lie in a pickle
MOVED = {
    "amplitude": ("transfer.log_amplitudes",),
    "blind": ("quality.without_truth",),
    "cosine": ("transfer.dct",),
    "losses": ("objectives.losses",),
    "metrics": ("quality.with_truth",),
    "mixing": ("networks.generators", "objectives.mixing"),
    "noise": ("transfer.bands", "transfer.noise"),
    "normalise": ("slices.affine",),
    "nullspace": ("transfer.background", "transfer.inverse_problem", "transfer.solver"),
    "outliers": ("slices.outliers",),
    "phase": ("slices.registration", "slices.phase"),
    "profiles": ("transfer.bands", "transfer.curves"),
    "result": ("slices.separation",),
    "smica": ("transfer.bands", "transfer.smica"),
    "spectral": ("networks.transfer_layer",),
    "variation": ("transfer.half_quadratic",),
    "watching": ("training.callbacks.pictures", "training.callbacks.tensorboard"),
}
#: old name → new, of what has another name now
RENAMED = {
    ("blind", "Figures"): "Indicators",
    ("blind", "figures"): "indicators",
    ("cosine", "apply"): "matvec",
    ("cosine", "cosines"): "dct",
    ("cosine", "pixels"): "idct",
    ("profiles", "complete"): "fill_diagonal",
    ("profiles", "places"): "locate",
    ("variation", "descend"): "minimise",
}


def lookup(old: str, modules: Sequence[str]) -> Callable[[str], Any]:
    """A module's ``__getattr__``: finds the names of ``ddip_tf.<old>`` in ``modules``, with a DeprecationWarning.

    A module of the folder ``ddip_tf.<old>`` is none of them: ``from ddip_tf.<old> import module`` asks here first, and
    while it is being imported the modules that would be searched may be only half there.
    """

    def find(name: str) -> Any:
        if not name.startswith("__") and not _is_module(f"ddip_tf.{old}.{name}"):
            for module in modules:
                home, now = importlib.import_module(f"ddip_tf.{module}"), RENAMED.get((old, name), name)
                if hasattr(home, now):
                    sentence = (
                        f"ddip_tf.{old}.{name} is ddip_tf.{module}.{now} now; the old path goes in the next release"
                    )
                    warnings.warn(sentence, DeprecationWarning, stacklevel=2)
                    return getattr(home, now)
        raise AttributeError(f"module 'ddip_tf.{old}' has no attribute {name!r}")

    return find


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # what it would lie in is no folder
        return False


class _Finder(MetaPathFinder, Loader):
    """Makes the old modules, empty but for their ``__getattr__``; asked after all others."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        return ModuleSpec(fullname, self) if package == "ddip_tf" and name in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__.rpartition(".")[2]
        module.__doc__ = f"Moved to {' and '.join(f'ddip_tf.{new}' for new in MOVED[name])}."
        module.__getattr__ = lookup(name, MOVED[name])  # type: ignore[method-assign]


def install() -> None:
    """Let the old paths be found, once a process."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
