"""PtyRAD: a solver's reconstruction with separations after iterations of its loop.

PtyRAD calls its constraints after every iteration; the separations follow them. Written against PtyRAD 1.0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ddip_tf._types import Box
from ddip_tf.errors import InputError
from ddip_tf.formats.content import box_of
from ddip_tf.hooks import held_out
from ddip_tf.hooks.loop import Loop, Separations


def reconstruct(solver: Any, separations: Separations) -> Loop:
    """What ``solver.reconstruct()`` does, with the object separated after some iterations (the ``epochs``).

    The object's phase and amplitude change by the ghosts alone; the optimiser's state of object and probe starts anew.

    Parameters
    ----------
    solver
        ``ptyrad.solver.PtyRADSolver`` on one device, of one object mode.
    separations
        when and how much.

    Returns
    -------
    Loop
        its ``reports``; the result is in ``solver.reconstruct_results`` as ever.

    Raises
    ------
    InputError
        several processes, several object modes, or a share of positions held out that cannot be.

    Examples
    --------
    ::

        from ddip_tf.hooks import Separations, ptyrad
        solver = PtyRADSolver(params, device="cuda")
        loop = ptyrad.reconstruct(solver, Separations(epochs=(50, 100)))
        print(*loop.reports, sep="\\n")
    """
    from ptyrad.solver import ptyrad_solver as steps

    if solver.use_acc_device:
        raise InputError("separations in PtyRAD work on one device: give PtyRADSolver a `device`")
    params = solver.params
    model = steps.PtychoModel(solver.init.init_variables, params["model_params"], device=solver.device)
    optimizer = steps.create_optimizer(model.optimizer_params, model.optimizable_params)
    lbfgs = params["model_params"]["optimizer_params"]["name"] == "LBFGS"
    scheduler = None if lbfgs else steps.create_scheduler(model.scheduler_params, optimizer)
    indices, drawn, folder = steps.prepare_recon(model, solver.init, params)
    batches = [steps.torch.from_numpy(batch).to(device=solver.device) for batch in drawn]
    loop = Loop(Model(model, optimizer, batches), separations)
    steps.recon_loop(
        model,
        solver.init,
        params,
        optimizer,
        scheduler,
        solver.loss_fn,
        after(solver.constraint_fn, loop.after_epoch),
        indices,
        batches,
        folder,
        acc=solver.accelerator,
    )
    loop.finish()
    solver.reconstruct_results, solver.optimizer, solver.scheduler = model, optimizer, scheduler
    return loop


def after(constraints: Callable[[Any, int], Any], after_epoch: Callable[[int], None]) -> Callable[[Any, int], None]:
    """``constraints`` of PtyRAD's loop, called as constraints(model, iteration), and then ``after_epoch``."""

    def both(model: Any, iteration: int) -> None:
        constraints(model, iteration)
        after_epoch(int(iteration))

    return both


class Model:
    """PtyRAD's model, its optimiser and its list of batches, which changes in place, as a `loop.Program`."""

    def __init__(self, model: Any, optimizer: Any, batches: list[Any]) -> None:
        if model.opt_objp.shape[0] != 1:
            raise InputError(f"the object has {model.opt_objp.shape[0]} modes; separations work on one")
        self.model, self.optimizer, self.batches = model, optimizer, batches
        self._all = list(batches)
        self._indices = np.sort(np.concatenate([batch.cpu().numpy() for batch in batches]))
        self.positions = len(self._indices)

    def object(self) -> np.ndarray:
        amplitude, phase = (part.detach()[0].cpu().numpy() for part in (self.model.opt_obja, self.model.opt_objp))
        return (amplitude * np.exp(1j * phase.astype(np.float64))).astype(np.complex64)

    def scanned(self) -> Box | None:
        corners = (self.model.crop_pos + self.model.opt_probe_pos_shifts).detach().cpu().numpy()[self._indices]
        middles = corners + np.array(self.model.opt_probe.shape[-3:-1]) / 2
        height, width = self.model.opt_objp.shape[-2:]
        return box_of(middles[:, 0], middles[:, 1], (height, width))

    def multiply(self, factor: np.ndarray) -> None:
        amplitude, phase = self.model.opt_obja.detach(), self.model.opt_objp.detach()
        phase.add_(phase.new_tensor(factor.imag[None]))
        amplitude.mul_(amplitude.new_tensor(np.exp(factor.real)[None]))

    def forget(self) -> None:
        self.optimizer.state.clear()

    def state(self) -> list[Any]:
        return [tensor.detach().clone() for tensor in self.model.optimizable_tensors.values()]

    def restore(self, state: Any) -> None:
        for tensor, value in zip(self.model.optimizable_tensors.values(), state, strict=True):
            tensor.detach().copy_(value)
        self.forget()

    def hold_out(self, positions: Sequence[int]) -> None:
        held = {int(self._indices[position]) for position in positions}
        kept = [[int(index) for index in batch.cpu().numpy() if int(index) not in held] for batch in self._all]
        self.batches[:] = [batch.new_tensor(some) for batch, some in zip(self._all, kept, strict=True) if some]

    def misfit(self, positions: Sequence[int]) -> float:
        def patterns(some: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
            batch = self._all[0].new_tensor([int(self._indices[position]) for position in some])
            return self.model(batch).detach().cpu().numpy(), self.model.get_measurements(batch).cpu().numpy()

        found = held_out.misfit_at(positions, patterns)
        self.model.clear_cache()
        return found
