"""The hook of PtyRAD: on a model of its shape, and on a tiny scan where PtyRAD is installed."""

import sys
from pathlib import Path

import numpy as np
import pytest
from fake_tensors import Tensor

from ddip_tf.errors import InputError
from ddip_tf.hooks import Separations, ptyrad

SHAPE = (2, 61, 72)


class FakeModel:
    """As much of PtyRAD's model as the hook touches."""

    def __init__(self, modes=1):
        rng = np.random.default_rng(0)
        self.opt_obja = Tensor(1 + 0.1 * rng.random((modes, *SHAPE)))
        self.opt_objp = Tensor(rng.normal(size=(modes, *SHAPE)))
        self.opt_probe = Tensor(rng.normal(size=(1, 16, 20, 2)))
        self.crop_pos = Tensor(rng.integers(0, 40, (12, 2)))
        self.opt_probe_pos_shifts = Tensor(rng.uniform(-0.5, 0.5, (12, 2)))
        self.optimizable_tensors = {"obja": self.opt_obja, "objp": self.opt_objp, "probe": self.opt_probe}
        self.measured, self.cleared = rng.random((12, 5, 5)), 0

    def __call__(self, batch):
        return Tensor(1.21 * self.measured[batch.numpy()])

    def get_measurements(self, batch):
        return Tensor(self.measured[batch.numpy()])

    def clear_cache(self):
        self.cleared += 1


class FakeOptimizer:
    def __init__(self, model):
        self.state = {tensor: {"step": 3} for tensor in (*model.optimizable_tensors.values(), model.crop_pos)}


@pytest.fixture
def fake():
    model = FakeModel()
    batches = [Tensor(np.array(part)) for part in ([0, 5, 7, 9], [2, 3, 4, 11])]
    return ptyrad.Model(model, FakeOptimizer(model), batches)


def test_the_object_changes_in_phase_and_amplitude_and_nothing_else_is_touched(fake):
    before, probe = fake.object(), fake.model.opt_probe.numpy().copy()
    factor = np.zeros(SHAPE, complex)
    factor[1, 3:9, 4:7] = -0.2 + 5j  # more than half a turn: PtyRAD's phase need not be wrapped
    phase = fake.model.opt_objp.numpy().copy()
    fake.multiply(factor)
    np.testing.assert_allclose(fake.object(), before * np.exp(factor), rtol=1e-5)
    np.testing.assert_allclose(fake.model.opt_objp.numpy()[0] - phase[0], factor.imag, atol=1e-12)
    np.testing.assert_array_equal(fake.model.opt_probe.numpy(), probe)


def test_states_come_back_and_the_optimiser_forgets(fake):
    before, kept = fake.object(), fake.state()
    fake.multiply(np.full(SHAPE, 0.1j))
    fake.restore(kept)
    np.testing.assert_array_equal(fake.object(), before)
    assert fake.optimizer.state == {}


def test_positions_are_held_out_of_the_batches_in_place(fake):
    batches = fake.batches
    assert fake.positions == 8
    fake.hold_out((1, 7))  # of 0 2 3 4 5 7 9 11
    assert [batch.numpy().tolist() for batch in batches] == [[0, 5, 7, 9], [3, 4]]
    assert fake.misfit((1, 7)) == pytest.approx(0.01)
    assert fake.model.cleared == 1
    fake.hold_out(())
    assert [batch.numpy().tolist() for batch in batches] == [[0, 5, 7, 9], [2, 3, 4, 11]]


def test_the_scanned_box_is_that_of_the_middles_of_the_probe(fake):
    used = [0, 2, 3, 4, 5, 7, 9, 11]
    middles = fake.model.crop_pos.numpy()[used] + fake.model.opt_probe_pos_shifts.numpy()[used] + np.array([8, 10])
    (y0, y1), (x0, x1) = fake.scanned()
    assert (y0, x0) == tuple(np.floor(middles.min(0)).astype(int))
    assert (y1, x1) == tuple(np.ceil(middles.max(0)).astype(int) + 1)


def test_separations_follow_the_constraints():
    called = []
    both = ptyrad.after(lambda model, n: called.append((model, n)), lambda n: called.append(n))
    both("model", 7)
    assert called == [("model", 7), 7]


def test_several_object_modes_are_refused():
    with pytest.raises(InputError, match="2 modes"):
        ptyrad.Model(FakeModel(2), None, [])


def test_a_tiny_scan_in_ptyrad(tmp_path):
    pytest.importorskip("ptyrad")
    sys.path.insert(0, str(Path(__file__).parents[2] / "docs/examples"))
    from in_ptyrad import parameters
    from ptyrad.solver import PtyRADSolver
    from tiny_scan import tiny_scan

    scan = tiny_scan()
    params = parameters(scan.pattern, scan.probe, scan.corners, scan.start, scan.wavelength_m, scan.pixel_size_m, 3e-5)
    params["recon_params"] |= {"NITER": 8, "SAVE_ITERS": None}
    solver = PtyRADSolver(params, device="cpu", seed=1)
    settings = Separations(epochs=(3,), settle=2, hold_out=0.1, threads=1)
    loop = ptyrad.reconstruct(solver, settings)
    assert [report.epoch for report in loop.reports] == [3]
    assert loop.reports[0].accepted is not None
    assert len(solver.reconstruct_results.loss_iters) == 8
    losses = [loss for _, loss in solver.reconstruct_results.loss_iters]
    assert losses[-1] < losses[0]
