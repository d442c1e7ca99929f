"""When a running reconstruction is separated, how much, and whether it stays so; of any program."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from ddip_tf._types import Box
from ddip_tf.config import FitConfig, preset
from ddip_tf.errors import InputError
from ddip_tf.hooks import held_out
from ddip_tf.training.without_networks import factor_of, object_stack, refuse, separate

LOGGER = logging.getLogger(__name__)


class Program(Protocol):
    """What is asked of a running reconstruction."""

    positions: int  # how many there are

    def object(self) -> np.ndarray:
        """(N, H, W) complex, upstream slice first."""

    def scanned(self) -> Box | None:
        """The part of the object that the probe positions span, or None if that is not known."""

    def multiply(self, factor: np.ndarray) -> None:
        """Multiply the object, in place, by exp(``factor``), complex (N, H, W); the probe stays."""

    def forget(self) -> None:
        """Momentum and the state of optimisers of object and probe back to nothing: they point to where it was."""

    def state(self) -> Any:
        """Object, probe and whatever else of the model an undo must put back, as a copy."""

    def restore(self, state: Any) -> None:
        """Put a `state` back, and `forget`."""

    def hold_out(self, positions: Sequence[int]) -> None:
        """Use all patterns but those of ``positions`` from now on; all for none."""

    def misfit(self, positions: Sequence[int]) -> float:
        """Of the model as it is with the patterns at ``positions``, as `held_out.misfit`."""


@dataclass(frozen=True)
class Separations:
    """When to separate, and how much.

    Parameters
    ----------
    epochs
        after which to separate, counted from 1, rising. Leave epochs after the last: they are for the data alone.
    weight
        share of the ghost that is taken out, 0 to 1; one for all, or one an epoch (falling: a pull that lets go).
    hold_out
        share of the positions that the reconstruction does not see until the last separation is decided; 0: all
        separations stay.
    settle
        epochs that the data have before a separation is judged by the patterns held out.
    seed
        of the choice of positions.
    config
        of the separation, as for `ddip_tf.separate`.
    scanned
        ((y0, y1), (x0, x1)) pixels to separate; as the probe positions span if None.
    start
        (N, H, W) complex: the object from which the reconstruction of two slices started, if it was not flat.
    spacing_m, pixel_size_m, wavelength_m
        for the warnings, in metres.
    threads
        of a separation; all cores if None.

    Raises
    ------
    InputError
        epochs that do not rise, are under 1, or come before the one before is judged; weights outside 0 … 1 or of
        another number.

    Examples
    --------
    >>> from ddip_tf.hooks import Separations
    >>> Separations(epochs=(50, 100), weight=(1.0, 0.5)).weights
    (1.0, 0.5)
    """

    epochs: tuple[int, ...]
    weight: float | Sequence[float] = 1.0
    hold_out: float = 0.05
    settle: int = 5
    seed: int = 0
    config: FitConfig = field(default_factory=lambda: preset("quick"))
    scanned: Box | None = None
    start: np.ndarray | None = None
    spacing_m: float | None = None
    pixel_size_m: float | None = None
    wavelength_m: float | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        gaps = np.diff(self.epochs)
        least = self.settle if self.hold_out else 1
        if not self.epochs or self.epochs[0] < 1 or (gaps < max(1, least)).any() or self.settle < 0:
            raise InputError(f"separations after epochs {self.epochs} must rise, by {max(1, least)} or more (`settle`)")
        if len(self.weights) != len(self.epochs) or not all(0 <= weight <= 1 for weight in self.weights):
            raise InputError(f"weight is {self.weight}: give one, or one for each of {len(self.epochs)}, from 0 to 1")

    @property
    def weights(self) -> tuple[float, ...]:
        """(E,) of each separation."""
        several = isinstance(self.weight, Sequence)
        return tuple(self.weight) if several else (float(self.weight),) * len(self.epochs)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Report:
    """One separation: what was taken out, and what the patterns held out say of it.

    ``taken_rad`` (N,) rms of what left each slice; ``model`` of the mixing; ``warnings`` their codes; misfits of the
    patterns held out, None where none are: ``misfit_before``, ``misfit_at_once``, and ``misfit_settled`` after
    `Separations.settle` more epochs; ``accepted`` None as long as it is not decided; ``reason`` why nothing was taken
    out, or why it was put back.
    """

    epoch: int
    weight: float
    taken_rad: tuple[float, ...] = ()
    model: str = ""
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    misfit_before: float | None = None
    misfit_at_once: float | None = None
    misfit_settled: float | None = None
    accepted: bool | None = None
    reason: str = ""

    def __str__(self) -> str:
        if self.reason and self.misfit_before is None:
            return f"not separated after epoch {self.epoch}: {self.reason}"
        state = {None: "not decided yet", True: "accepted", False: "put back"}[self.accepted]
        taken = ", ".join(f"{rms:.3g}" for rms in self.taken_rad)
        told = f"separated after epoch {self.epoch}: {taken} rad taken out, weight {self.weight:g}, {state}"
        misfits = [f"{x:.4g}" for x in (self.misfit_before, self.misfit_at_once, self.misfit_settled) if x is not None]
        told += f"; misfit held out {' → '.join(misfits)}" if misfits else ""
        return f"{told}; {self.reason}" if self.reason else told


class Loop:
    """Separates a running ``program`` as ``separations`` say; a hook calls `after_epoch`. ``reports``: one each."""

    def __init__(self, program: Program, separations: Separations) -> None:
        self.program, self.settings = program, separations
        self.held = held_out.choose(program.positions, separations.hold_out, separations.seed)
        self.reports: list[Report] = []
        self._kept: Any = None  # the state before a separation that is not decided yet
        if self.held:
            program.hold_out(self.held)

    def after_epoch(self, epoch: int) -> None:
        """To be called after every epoch, counted from 1: judges what is due, then separates if it is time."""
        if self._kept is not None and epoch >= self.reports[-1].epoch + self.settings.settle:
            self._decide()
        if epoch in self.settings.epochs:
            self._separate(epoch, self.settings.weights[self.settings.epochs.index(epoch)])
            if self._kept is not None and not self.settings.settle:
                self._decide()
        if self.held and epoch >= self.settings.epochs[-1] and self._kept is None:
            self.held = ()
            self.program.hold_out(())  # the last epochs have all data

    def _separate(self, epoch: int, weight: float) -> None:
        program, began = self.program, time.perf_counter()
        obj = program.object()
        report = Report(epoch, weight)
        try:
            factor, report = self._found(obj, report)
        except InputError as error:
            self._tell(replace(report, accepted=False, reason=str(error)))
            return
        seconds = time.perf_counter() - began
        if not factor.any():
            self._tell(replace(report, seconds=seconds, accepted=True, reason="no ghosts were found"))
            return
        before = program.misfit(self.held) if self.held else None
        kept = program.state() if self.held else None
        program.multiply(weight * factor)
        program.forget()
        at_once = program.misfit(self.held) if self.held else None
        self._kept = kept
        accepted = None if self.held else True
        self._tell(replace(report, seconds=seconds, misfit_before=before, misfit_at_once=at_once, accepted=accepted))

    def _found(self, obj: np.ndarray, report: Report) -> tuple[np.ndarray, Report]:
        """The logarithm of the factor (N, H, W), of weight 1, and what to report of it. Raises InputError."""
        said = self.settings
        sizes = {name: getattr(said, name) for name in ("pixel_size_m", "spacing_m", "wavelength_m")}
        stack = object_stack(obj, said.scanned or self.program.scanned(), start=said.start, **sizes)
        solution = separate(stack, said.config, threads=said.threads)
        refuse(solution)
        factor = factor_of(solution, obj)
        taken = report.weight * np.abs(factor[:, np.any(factor, 0)])
        rms = np.sqrt((taken**2).mean(1)) if taken.size else np.zeros(len(factor))
        return factor, replace(
            report,
            taken_rad=tuple(rms.tolist()),
            model=str(solution.provenance.get("model", "")),
            warnings=tuple(caution.code for caution in solution.warnings),
        )

    def _decide(self) -> None:
        """Keep the last separation if the patterns held out fit no worse than before it, else undo it."""
        last, kept = self.reports.pop(), self._kept
        self._kept = None
        settled = self.program.misfit(self.held)
        accepted = last.misfit_before is not None and settled <= last.misfit_before
        if not accepted:
            self.program.restore(kept)
        reason = "" if accepted else "the patterns held out fit worse than before"
        self._tell(replace(last, misfit_settled=settled, accepted=accepted, reason=reason))

    def _tell(self, report: Report) -> None:
        self.reports.append(report)
        LOGGER.info("%s", report)
