"""The methods there are, a row each: forward models of the mixing, and priors of the slices under T(k).

A new prior is a file in ``objectives/priors``, with a class used as ``TransferDIP`` of ``transfer_dip`` is, and a row
in `PRIORS`; a new mixing of eq. (3) is a function in `ddip_tf.networks.filters` and a row in `MIXINGS`: settings,
flags, help and the fit find both here. This module knows no TensorFlow: a row names what it needs, and ``load``
imports it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Mixing:
    """A forward model.

    Attributes
    ----------
    doc
        in a few words.
    gamma
        the γ_excl it is run with where none is given.
    filter
        of eq. (3): the function in ``ddip_tf`` that builds f_ij, ``module:function``; None for the identity.
    settings
        those of its own where nothing else is said, by field of `ddip_tf.FitConfig`.
    """

    doc: str
    gamma: float = 0.0
    filter: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Any:
        """The function ``filter`` names: (shape, random, into, source, name) → a network. None where there is none."""
        return _loaded(self.filter)


@dataclass(frozen=True)
class Prior:
    """What the slices under T(k) are made of.

    Attributes
    ----------
    doc
        in a few words.
    objective
        the class in ``ddip_tf`` that trains networks, ``module:Class``; None where free pixels are solved for at once.
    refines
        whether they go on from the solution of two slices by pixels, which stands where no prior has a say.
    """

    doc: str
    objective: str | None = None
    refines: bool = False

    @property
    def trained(self) -> bool:
        """Whether networks are trained."""
        return self.objective is not None

    def load(self) -> Any:
        """The class ``objective`` names: (problem, solution, config) → an objective. None where there is none."""
        return _loaded(self.objective)


def _loaded(path: str | None) -> Any:
    if path is None:
        return None
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(f"ddip_tf.{module}"), name)


#: of the columns of T(k); auto: found from the slices
NORMALISATIONS = ("auto", "sum", "diagonal")
#: how the paper fits, and with it every mixing of eq. (3)
PAPER: Mapping[str, Any] = {"starts": 1, "epochs": 10_000, "learning_rate": 1e-3, "average": 0.0}
#: γ_excl: paper, Figs. 3 and 4; reference program
MIXINGS: Mapping[str, Mixing] = {
    "shallow": Mixing("filters that are small networks: paper, eq. 3", 0.1, "networks.filters:shallow_between", PAPER),
    "kernel": Mixing("7×7 filters", 0.4, "networks.filters:kernel_between", PAPER),
    "linear": Mixing("no filters", 0.4, settings=PAPER),
    "transfer": Mixing("I(k) = T(k) y(k), T found blind"),
}
PRIORS: Mapping[str, Prior] = {
    "tv": Prior("pixels, total variation"),
    "dip": Prior("a U-Net a slice", "objectives.priors.transfer_dip:TransferDIP"),
    "deep": Prior("tv and U-Nets taught on its slices", "objectives.priors.self_taught:SelfTaught", refines=True),
    "null-dip": Prior("one where T decides nothing", "objectives.priors.null_space_dip:NullSpaceDIP"),
}


def networks_trained(settings: Mapping[str, Any]) -> bool:
    """Whether networks are trained under ``settings`` (``mixing`` and ``prior``), or pixels are solved for at once.

    A prior that this version does not know counts as one of networks.
    """
    row = PRIORS.get(settings["prior"])
    return settings["mixing"] != "transfer" or row is None or row.trained


def listed(rows: Mapping[str, Mixing] | Mapping[str, Prior]) -> str:
    """``tv (pixels, total variation), dip (a U-Net a slice), …``."""
    return ", ".join(f"{name} ({row.doc})" for name, row in rows.items())
