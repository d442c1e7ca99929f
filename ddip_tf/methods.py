"""The methods there are, a row each: forward models of the mixing, and priors of the slices under T(k).

A new prior is a file, with a class that is used as `ddip_tf.objectives.transfer_dip.TransferDIP` is, and a row in
`PRIORS`: settings, flags, help and the fit find it here. This module knows no TensorFlow: a row names its class, and
`Prior.load` imports it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mixing:
    """A forward model: what it is, in a few words, and the γ_excl it is run with where none is given."""

    doc: str
    gamma: float = 0.0


@dataclass(frozen=True)
class Prior:
    """What the slices under T(k) are made of.

    Attributes
    ----------
    doc
        in a few words.
    objective
        the class in ``ddip_tf`` that trains networks, ``module:Class``; None where free pixels are solved for at once.
    """

    doc: str
    objective: str | None = None

    @property
    def trained(self) -> bool:
        """Whether networks are trained."""
        return self.objective is not None

    def load(self) -> Any:
        """The class ``objective`` names: (images, law, solution, config) → an objective. None where there is none."""
        if self.objective is None:
            return None
        module, _, name = self.objective.partition(":")
        return getattr(importlib.import_module(f"ddip_tf.{module}"), name)


#: γ_excl: paper, Figs. 3 and 4; reference program
MIXINGS: Mapping[str, Mixing] = {
    "shallow": Mixing("filters that are small networks: paper, eq. 3", gamma=0.1),
    "kernel": Mixing("7×7 filters", gamma=0.4),
    "linear": Mixing("no filters", gamma=0.4),
    "transfer": Mixing("I(k) = T(k) y(k), T found blind"),
}
PRIORS: Mapping[str, Prior] = {
    "tv": Prior("pixels, total variation"),
    "dip": Prior("a U-Net a slice", "objectives.transfer_dip:TransferDIP"),
    "null-dip": Prior("one where T decides nothing", "objectives.null_space_dip:NullSpaceDIP"),
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
