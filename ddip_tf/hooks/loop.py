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
        """Momentum and the state of optimisers back to nothing: they point to where it was."""

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
        after which to separate, counted from 1, rising. Leave epochs after the last: with positions held out twice
        ``settle`` for its trial, and more for the data alone.
    weight
        share of the ghost that is taken out, 0 to 1; one for all, or one an epoch (falling: a pull that lets go).
    hold_out
        share of the positions that the reconstruction does not see until the last separation is decided; 0: all
        separations stay.
    settle
        epochs that a separation is on trial for, twice: without it and with it, from the same state. What then fits the
        patterns held out better goes on. They count as epochs of the run.
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
        epochs that do not rise, are under 1, or come before the one before is judged; a trial of no epochs; weights
        outside 0 … 1 or of another number.

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
        if self.hold_out and self.settle < 1:
            raise InputError(f"a separation cannot be on trial for {self.settle} epochs (`settle`): give 1 or more")
        least = 2 * self.settle if self.hold_out else 1
        if not self.epochs or self.epochs[0] < 1 or (gaps < least).any():
            raise InputError(f"separations after epochs {self.epochs} must rise, by {least} or more (`settle`)")
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
    patterns held out, None where none are: ``misfit_before`` it, ``misfit_at_once`` after it, and after
    `Separations.settle` more epochs ``misfit_without`` and ``misfit_with`` it; ``accepted`` None as long as it is not
    decided; ``reason`` why nothing was taken out, or why the reconstruction went on without it.
    """

    epoch: int
    weight: float
    taken_rad: tuple[float, ...] = ()
    model: str = ""
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    misfit_before: float | None = None
    misfit_at_once: float | None = None
    misfit_without: float | None = None
    misfit_with: float | None = None
    accepted: bool | None = None
    reason: str = ""

    def __str__(self) -> str:
        if self.reason and self.misfit_before is None:
            return f"not separated after epoch {self.epoch}: {self.reason}"
        state = {None: "not decided yet", True: "accepted", False: "not accepted"}[self.accepted]
        taken = ", ".join(f"{rms:.3g}" for rms in self.taken_rad)
        told = f"separated after epoch {self.epoch}: {taken} rad taken out, weight {self.weight:g}, {state}"
        misfits = [
            f"{misfit:.4g} {when}"
            for when, misfit in (
                ("before", self.misfit_before),
                ("at once", self.misfit_at_once),
                ("without", self.misfit_without),
                ("with it", self.misfit_with),
            )
            if misfit is not None
        ]
        told += f"; misfit held out {', '.join(misfits)}" if misfits else ""
        return f"{told}; {self.reason}" if self.reason else told


@dataclass(frozen=True)
class Trial:
    """A separation that is not decided: the program goes on without it first, then with it, from the same state."""

    since: int  # epoch after which the present half began
    factor: np.ndarray
    state: Any  # before the separation
    without: Any = None  # what the half without it came to


class Loop:
    """Separates a running ``program`` as ``separations`` say; a hook calls `after_epoch`. ``reports``: one each."""

    def __init__(self, program: Program, separations: Separations) -> None:
        self.program, self.settings = program, separations
        self.held = held_out.choose(program.positions, separations.hold_out, separations.seed)
        self.reports: list[Report] = []
        self._trial: Trial | None = None
        if self.held:
            program.hold_out(self.held)

    def after_epoch(self, epoch: int) -> None:
        """To be called after every epoch, counted from 1: judges what is due, then separates if it is time."""
        if self._trial is not None and epoch >= self._trial.since + self.settings.settle:
            self._go_on(self._trial, epoch)
        if epoch in self.settings.epochs:
            self._separate(epoch, self.settings.weights[self.settings.epochs.index(epoch)])
        if self.held and epoch >= self.settings.epochs[-1] and self._trial is None:
            self.held = ()
            self.program.hold_out(())  # the last epochs have all data

    def finish(self) -> None:
        """The run is over: a separation that is still on trial goes, and the reconstruction is as without it.

        Hooks of programs whose end they see call this; elsewhere it is for whoever ran the program.
        """
        trial, self._trial = self._trial, None
        if trial is None:
            return
        if trial.without is not None:
            self.program.restore(trial.without)
        reason = "the run ended before the patterns held out could decide"
        self._tell(replace(self.reports.pop(), accepted=False, reason=reason))

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
        if self.held:
            self._trial = Trial(epoch, weight * factor, program.state())
            report = replace(report, misfit_before=program.misfit(self.held))
        else:
            program.multiply(weight * factor)
            report = replace(report, accepted=True)
        program.forget()
        self._tell(replace(report, seconds=seconds))

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

    def _go_on(self, trial: Trial, epoch: int) -> None:
        """The half of a ``trial`` without the separation is over, or the one with it, which decides."""
        program, report, misfit = self.program, self.reports.pop(), self.program.misfit(self.held)
        if trial.without is None:
            self._trial = replace(trial, since=epoch, without=program.state(), state=None)
            program.restore(trial.state)
            program.multiply(trial.factor)
            self.reports.append(replace(report, misfit_without=misfit, misfit_at_once=program.misfit(self.held)))
            return
        self._trial = None
        before = np.inf if report.misfit_without is None or np.isnan(report.misfit_without) else report.misfit_without
        accepted = bool(misfit < before)
        if not accepted:
            program.restore(trial.without)
        reason = "" if accepted else "the patterns held out fit no better than without it"
        self._tell(replace(report, misfit_with=misfit, accepted=accepted, reason=reason))

    def _tell(self, report: Report) -> None:
        self.reports.append(report)
        LOGGER.info("%s", report)
