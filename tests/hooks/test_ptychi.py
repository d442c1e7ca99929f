"""The hook of pty-chi: on a reconstructor of its shape, and on a tiny scan where pty-chi is installed."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_scan
from fake_tensors import Tensor

from ddip_tf.hooks import Loop, Separations, ptychi

SHAPE = (2, 61, 72)


@dataclass
class Momentum:
    velocity_map: object = None
    history: list = field(default_factory=list)


class Parameter:
    """A complex parameter as pty-chi keeps it: real and imaginary part on a last axis."""

    def __init__(self, data):
        self.tensor = SimpleNamespace(data=Tensor(np.stack([data.real, data.imag], -1)))
        self.optimizer = SimpleNamespace(state={"step": 7})

    @property
    def data(self):
        parts = self.tensor.data.numpy()
        return Tensor(parts[..., 0] + 1j * parts[..., 1])


class Loader:
    def __init__(self, dataset, batch_sampler, generator):
        self.dataset, self.batch_sampler, self.generator = dataset, batch_sampler, generator


class Dataset:
    def __init__(self):
        self.patterns = np.random.default_rng(1).random((20, 6, 5))
        self.valid_pixel_mask = Tensor(np.arange(5) > 0)

    def __len__(self):
        return len(self.patterns)

    def __getitem__(self, indices):
        return Tensor(np.array(indices)), Tensor(self.patterns[indices])


class Reconstructor:
    """As much of pty-chi's as the hook touches; its loop is that of pty-chi's base class."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.dataset = Dataset()
        obj, probe = (Parameter(np.exp(0.3j * rng.normal(size=shape))) for shape in (SHAPE, (1, 1, 8, 9)))
        obj.pos_origin_coords = Tensor(np.array([30.0, 35.5]))
        positions = SimpleNamespace(data=Tensor(rng.uniform(-20, 20, (20, 2))), tensor=Tensor(np.zeros((20, 2))))
        everything = [obj, probe, positions]
        self.parameter_group = SimpleNamespace(
            object=obj, probe=probe, probe_positions=positions, get_all_reconstruct_parameters=lambda: everything
        )
        self.dataloader = Loader(self.dataset, [[0, 1, 2, 3, 4], [*range(5, 20)]], "generator")
        self.object_momentum_params, self.probe_momentum_params = Momentum("moving", [1]), Momentum("moving", [2])
        self.current_epoch, self.own = 0, 0

    def forward_model(self, indices):
        return Tensor(1.21 * self.dataset.patterns[indices.numpy()])

    def run_post_epoch_hooks(self):
        self.own += 1

    def run(self, epochs):
        for _ in range(epochs):
            self.run_post_epoch_hooks()
            self.current_epoch += 1


@pytest.fixture
def found(monkeypatch):
    factor = np.zeros(SHAPE, complex)
    factor[0, 7:20, 9:30] = -0.2j
    monkeypatch.setattr(Loop, "_found", lambda self, obj, report: (factor, replace(report, taken_rad=(0.2, 0.0))))
    return factor


def test_hooks_are_chained_and_the_object_alone_changes(found):
    fake = Reconstructor()
    group, called = fake.parameter_group, []
    before, probe = group.object.data.numpy(), group.probe.data.numpy()
    ptychi.chain(fake, called.append)
    loop = ptychi.attach(SimpleNamespace(reconstructor=fake), Separations(epochs=(2,), weight=0.5, hold_out=0))
    fake.run(1)
    np.testing.assert_array_equal(group.object.data.numpy(), before)
    fake.run(2)
    assert called == [1, 2, 3] and fake.own == 3 and [report.epoch for report in loop.reports] == [2]
    np.testing.assert_allclose(group.object.data.numpy(), before * np.exp(0.5 * found), rtol=1e-12)
    np.testing.assert_array_equal(group.probe.data.numpy(), probe)
    assert fake.object_momentum_params == fake.probe_momentum_params == Momentum()
    assert group.object.optimizer.state == group.probe.optimizer.state == {}


def test_what_fits_worse_is_put_back_and_all_patterns_come_back(found, monkeypatch):
    fake = Reconstructor()
    before, all_of_them = fake.parameter_group.object.data.numpy(), fake.dataloader
    misfits = iter([1.0, 1.1, 1.3, 1.2])  # before, without it; at once, with it
    monkeypatch.setattr(ptychi.Reconstructor, "misfit", lambda self, positions: next(misfits))
    loop = ptychi.attach(fake, Separations(epochs=(2,), settle=2, hold_out=0.1))
    kept = [position for batch in fake.dataloader.batch_sampler for position in batch]
    assert sorted([*kept, *loop.held]) == [*range(20)] and len(loop.held) == 2
    assert (fake.dataloader.dataset, fake.dataloader.generator) == (fake.dataset, "generator")
    fake.run(3)
    np.testing.assert_array_equal(fake.parameter_group.object.data.numpy(), before)
    fake.run(2)
    assert not np.array_equal(fake.parameter_group.object.data.numpy(), before)
    fake.run(1)
    np.testing.assert_array_equal(fake.parameter_group.object.data.numpy(), before)
    assert loop.reports[0].accepted is False and fake.dataloader is all_of_them


def test_the_misfit_is_of_the_pixels_that_count():
    fake = Reconstructor()
    fake.dataset.patterns[..., 0] = 1e9  # masked
    assert ptychi.Reconstructor(fake).misfit((3, 4, 17)) == pytest.approx(0.01)


def test_the_scanned_box_is_that_of_the_positions():
    fake = Reconstructor()
    centres = fake.parameter_group.probe_positions.data.numpy() + np.array([30.0, 35.5])
    (y0, y1), (x0, x1) = ptychi.Reconstructor(fake).scanned()
    assert (y0, x0) == tuple(np.floor(centres.min(0)).astype(int))
    assert (y1, x1) == tuple(np.ceil(centres.max(0)).astype(int) + 1)


@pytest.mark.parametrize("engine", ["lsqml", "adam"])
def test_a_tiny_scan_in_pty_chi(engine, monkeypatch):
    pytest.importorskip("ptychi")
    import simulated_reconstruction as reconstruction

    scan, experiment = tiny_scan.tiny_scan(), replace(tiny_scan.EXPERIMENT, engine=engine)
    ghost = np.zeros(scan.start.shape, complex)
    ghost[0, 60:70, 50:66] = -0.1j
    monkeypatch.setattr(Loop, "_found", lambda self, obj, report: (ghost, replace(report, taken_rad=(0.1, 0.0))))
    task = reconstruction.make_task(experiment, scan.pattern, scan.positions, scan.probe, scan.start, 1)
    seen = []
    ptychi.chain(task.reconstructor, lambda _: seen.append(task.get_data_to_cpu("object", as_numpy=True)))
    loop = ptychi.attach(task, Separations(epochs=(3, 5), settle=1, hold_out=0.1))
    ptychi.chain(task.reconstructor, lambda _: seen.append(task.get_data_to_cpu("object", as_numpy=True)))
    assert len(loop.held) == 5 and loop.program.scanned() == ((32, 100), (32, 100))
    task.run(7)
    np.testing.assert_array_equal(seen[5], seen[4])  # after epoch 3 goes on without it
    np.testing.assert_allclose(seen[7], seen[5] * np.exp(ghost), atol=1e-6)  # and once more from there, with it
    np.testing.assert_array_equal(seen[1], seen[0])
    first, second = loop.reports
    assert 0 < first.misfit_before < 1 and first.misfit_at_once != first.misfit_before
    assert first.accepted is not None and second.accepted is not None
    if not second.accepted:
        np.testing.assert_allclose(seen[13], seen[10], atol=1e-7)  # as the half without it ended
    assert len(task.reconstructor.dataloader.dataset) == len(scan.pattern) and not loop.held
    kept = [int(i) for batch in task.reconstructor.dataloader for i in batch[0]]
    assert sorted(kept) == [*range(len(scan.pattern))]
