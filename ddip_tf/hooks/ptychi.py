"""pty-chi: separations after epochs of a task, through its reconstructor's ``run_post_epoch_hooks``.

Neither torch nor pty-chi is imported: all goes through the reconstructor's own tensors. Written against pty-chi 2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ddip_tf._types import Box
from ddip_tf.formats.content import box_of, multiplied
from ddip_tf.hooks import held_out
from ddip_tf.hooks.loop import Loop, Separations


def attach(task: Any, separations: Separations) -> Loop:
    """Separate the object of ``task`` while it runs; hooks that are there already run first.

    Attach before ``task.run``. The object changes by its ghosts alone, ramp and offset of each slice stay, and so the
    probe needs no change; LSQML's momentum and the optimisers' states start anew. Where the run may end while a
    separation is on trial, call ``loop.finish()`` after it.

    Parameters
    ----------
    task
        ``ptychi.api.task.PtychographyTask``, of a planar object, on one device; or its reconstructor.
    separations
        when and how much.

    Returns
    -------
    Loop
        its ``reports`` grow while the task runs.

    Raises
    ------
    InputError
        a share of positions held out that cannot be.

    Examples
    --------
    ::

        from ddip_tf.hooks import Separations, ptychi
        loop = ptychi.attach(task, Separations(epochs=(50, 100)))
        task.run(150)
        print(*loop.reports, sep="\\n")
    """
    reconstructor = getattr(task, "reconstructor", task)
    loop = Loop(Reconstructor(reconstructor), separations)
    chain(reconstructor, loop.after_epoch)
    return loop


def chain(reconstructor: Any, after_epoch: Callable[[int], None]) -> None:
    """Call ``after_epoch`` with the number of the epoch, from 1, after the reconstructor's own hooks of it."""
    before = reconstructor.run_post_epoch_hooks

    def chained() -> None:
        before()
        after_epoch(int(reconstructor.current_epoch) + 1)

    reconstructor.run_post_epoch_hooks = chained


class Reconstructor:
    """A pty-chi reconstructor as a `ddip_tf.hooks.loop.Program`."""

    def __init__(self, reconstructor: Any) -> None:
        self.reconstructor, self.group = reconstructor, reconstructor.parameter_group
        self.positions = len(reconstructor.dataset)
        self._all = reconstructor.dataloader

    def object(self) -> np.ndarray:
        return self.group.object.data.detach().cpu().numpy()

    def scanned(self) -> Box | None:
        centres = (self.group.probe_positions.data + self.group.object.pos_origin_coords).detach().cpu().numpy()
        height, width = self.object().shape[1:]
        return box_of(centres[:, 0], centres[:, 1], (height, width))

    def multiply(self, factor: np.ndarray) -> None:
        changed = multiplied(self.object(), factor)
        parts = self.group.object.tensor.data.detach()  # pty-chi keeps real and imaginary part on a last axis
        parts.copy_(parts.new_tensor(np.stack([changed.real, changed.imag], -1)))

    def forget(self) -> None:
        for parameter in self.group.get_all_reconstruct_parameters():
            if (optimizer := getattr(parameter, "optimizer", None)) is not None:
                optimizer.state.clear()
        for name in ("object_momentum_params", "probe_momentum_params"):
            momentum = getattr(self.reconstructor, name, None)
            if dataclasses.is_dataclass(momentum) and not isinstance(momentum, type):
                setattr(self.reconstructor, name, type(momentum)())  # LSQML's buffers as before the first epoch

    def state(self) -> list[Any]:
        return [tensor.clone() for tensor in self._tensors()]

    def restore(self, state: Any) -> None:
        for tensor, value in zip(self._tensors(), state, strict=True):
            tensor.copy_(value)
        self.forget()

    def hold_out(self, positions: Sequence[int]) -> None:
        loader = self._all
        if positions:
            batches: Any = held_out.Without(loader.batch_sampler, positions)
            loader = type(loader)(loader.dataset, batch_sampler=batches, generator=loader.generator)
        self.reconstructor.dataloader = loader

    def misfit(self, positions: Sequence[int]) -> float:
        dataset = self.reconstructor.dataset
        mask = dataset.valid_pixel_mask.cpu().numpy()

        def patterns(some: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
            indices, measured = dataset[list(some)]
            predicted = self.reconstructor.forward_model(indices.cpu()).detach().cpu().numpy()
            return predicted * mask, measured.cpu().numpy() * mask

        return held_out.misfit_at(positions, patterns)

    def _tensors(self) -> list[Any]:
        """All numbers of the model: object, probe, positions, weights of probe modes, and what belongs to them."""
        found = []
        for parameter in self.group.get_all_reconstruct_parameters():
            found.append(getattr(parameter.tensor, "data", parameter.tensor).detach())
        return found
