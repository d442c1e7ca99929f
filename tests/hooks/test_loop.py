"""When a running reconstruction is separated, how much, and what the patterns held out decide."""

import doctest
from dataclasses import replace

import numpy as np
import pytest
from helpers import sources

import ddip_tf
from ddip_tf.errors import InputError
from ddip_tf.hooks import Loop, Separations, held_out
from ddip_tf.hooks import loop as loop_module

SHAPE = (61, 72)
GHOST = -0.1j * np.ones((2, *SHAPE))


class Fake:
    """A reconstruction whose misfit is what a test says."""

    positions = 40

    def __init__(self, misfits=(), obj=None):
        self.obj = np.ones((2, *SHAPE), complex) if obj is None else obj
        self.misfits, self.forgotten, self.held = list(misfits), 0, []

    def object(self):
        return self.obj

    def scanned(self):
        return (3, 58), (4, 70)

    def multiply(self, factor):
        self.obj = self.obj * np.exp(factor)

    def forget(self):
        self.forgotten += 1

    def state(self):
        return self.obj.copy()

    def restore(self, state):
        self.obj = state
        self.forget()

    def hold_out(self, positions):
        self.held.append(tuple(positions))

    def misfit(self, positions):
        assert positions
        return self.misfits.pop(0)


@pytest.fixture
def found(monkeypatch):
    """Every separation finds the same ghost."""
    monkeypatch.setattr(Loop, "_found", lambda self, obj, report: (GHOST, replace(report, taken_rad=(0.1, 0.1))))


def run(fake, count=12, **settings):
    loop = Loop(fake, Separations(**settings))
    phases = []
    for epoch in range(1, count + 1):
        loop.after_epoch(epoch)
        phases.append(round(-float(np.angle(fake.obj[0, 5, 5])), 6))
    return loop, phases


def test_a_part_of_the_ghost_goes_after_each_epoch_that_was_named(found):
    fake = Fake()
    loop, phases = run(fake, 6, epochs=(2, 5), weight=(1.0, 0.5), hold_out=0)
    assert phases == [0, 0.1, 0.1, 0.1, 0.15, 0.15]
    assert [(report.epoch, report.weight, report.accepted) for report in loop.reports] == [
        (2, 1.0, True),
        (5, 0.5, True),
    ]
    assert fake.forgotten == 2 and fake.held == []


def test_a_separation_stays_where_the_patterns_held_out_fit_better_than_without_it(found):
    # before, without; at once, with it; and the second, which fits worse than its own control though better than before
    fake = Fake([1.0, 0.9, 1.5, 0.85, 0.8, 0.6, 1.2, 0.7])
    loop, phases = run(fake, 16, epochs=(2, 8), settle=3, hold_out=0.1, seed=2)
    assert phases == [*[0] * 4, *[0.1] * 6, *[0.2] * 3, *[0.1] * 3]
    first, second = loop.reports
    misfits = first.misfit_before, first.misfit_without, first.misfit_at_once, first.misfit_with
    assert misfits == (1.0, 0.9, 1.5, 0.85) and first.accepted
    assert (second.misfit_without, second.misfit_with, second.accepted) == (0.6, 0.7, False)
    assert "held out" in second.reason and "not accepted" in str(second)
    assert "0.8 before, 1.2 at once, 0.6 without, 0.7 with it" in str(second)
    assert fake.forgotten == 5  # where each half of both trials begins, and at the undo
    assert fake.held == [held_out.choose(40, 0.1, 2), ()]  # after the last decision all data are back


def test_without_the_separation_the_run_goes_on_from_where_it_got_to(found):
    class Counting(Fake):
        """Its state is how many epochs it has had."""

        def state(self):
            return self.obj.copy(), self.epochs

        def restore(self, state):
            self.obj, self.epochs = state
            self.forget()

    fake = Counting([1.0, 0.5, 1.5, 0.6])
    fake.epochs = 0
    loop = Loop(fake, Separations(epochs=(2,), settle=3, hold_out=0.1))
    had = []
    for epoch in range(1, 11):
        fake.epochs += 1
        loop.after_epoch(epoch)
        had.append(fake.epochs)
    assert had == [1, 2, 3, 4, 2, 3, 4, 5, 6, 7]  # 5 without it, 2 + 3 with it, then on from the 5 without
    assert loop.reports[0].accepted is False


def test_a_misfit_that_is_no_number_decides_for_the_other(found):
    for without, with_it, kept in ((np.nan, 0.5, True), (0.5, np.nan, False)):
        loop, phases = run(Fake([1.0, without, 1.5, with_it]), 8, epochs=(2,), settle=2, hold_out=0.1)
        assert loop.reports[0].accepted is kept and phases[-1] == 0.1 * kept


@pytest.mark.parametrize("count", [3, 5])
def test_a_run_that_ends_within_a_trial_is_as_without_the_separation(found, count):
    fake = Fake([1.0, 0.9, 1.5])
    loop, phases = run(fake, count, epochs=(2,), settle=2, hold_out=0.1)
    assert phases[-1] == (0.1 if count == 5 else 0)
    assert loop.reports[0].accepted is None
    loop.finish()
    assert (fake.obj == 1).all() and loop.reports[0].accepted is False and "ended" in str(loop.reports[0])
    loop.finish()
    assert len(loop.reports) == 1


def test_without_positions_held_out_separations_may_follow_one_another(found):
    assert run(Fake(), 4, epochs=(2, 3), hold_out=0, settle=0)[1] == [0, 0.1, 0.2, 0.2]


def test_nothing_to_take_out_leaves_everything_alone(monkeypatch):
    monkeypatch.setattr(Loop, "_found", lambda self, obj, report: (np.zeros((2, *SHAPE)), report))
    fake = Fake()
    loop, _ = run(fake, 4, epochs=(2,))
    assert loop.reports[0].accepted and loop.reports[0].reason == "no ghosts were found"
    assert fake.forgotten == 0 and fake.held[-1] == ()


def test_what_explains_too_little_is_not_used(monkeypatch):
    def refuse(self, obj, report):
        raise InputError("too little")

    monkeypatch.setattr(Loop, "_found", refuse)
    fake = Fake()
    loop, _ = run(fake, 4, epochs=(2,), hold_out=0)
    assert (loop.reports[0].accepted, loop.reports[0].reason) == (False, "too little") and fake.forgotten == 0
    assert str(loop.reports[0]) == "not separated after epoch 2: too little"


def test_what_is_taken_out_is_what_separate_object_takes_out():
    images = 0.3 * sources(2, SHAPE, 3)
    obj = np.exp(1j * np.stack([images[0], images[1] + 0.4 * images[0]]))
    fake = Fake(obj=obj)
    loop, _ = run(fake, 2, epochs=(2,), hold_out=0)
    expected, solution = ddip_tf.separate_object(obj, ddip_tf.preset("quick"), scanned=fake.scanned())
    np.testing.assert_allclose(fake.obj, expected, atol=1e-12)
    (report,) = loop.reports
    box = tuple(slice(*side) for side in fake.scanned())
    taken = np.abs(np.angle(expected / obj))[:, *box]
    assert report.model == solution.provenance["model"] and "one-sided" in report.warnings
    assert report.taken_rad == pytest.approx(np.sqrt((taken**2).mean((1, 2))), rel=0.05) and report.taken_rad[1] > 0.01


@pytest.mark.parametrize(
    "settings",
    [
        {"epochs": ()},
        {"epochs": (0, 9)},
        {"epochs": (9, 5)},
        {"epochs": (5, 12), "settle": 4},
        {"epochs": (5,), "settle": 0},
        {"epochs": (5,), "weight": 1.5},
        {"epochs": (5, 10), "weight": (0.5,)},
    ],
)
def test_wishes_that_cannot_be_are_refused(settings):
    with pytest.raises(InputError):
        Separations(**settings)


def test_positions_are_drawn_by_their_share_and_the_seed():
    assert held_out.choose(40, 0) == ()
    assert len(held_out.choose(400, 0.05)) == 20 and len(held_out.choose(5, 0.05)) == 1
    assert held_out.choose(400, 0.05, 1) != held_out.choose(400, 0.05, 2)
    with pytest.raises(InputError, match=r"0 to 0\.5"):
        held_out.choose(40, 0.6)


def test_the_misfit_is_that_of_amplitudes():
    measured = np.array([[4.0, 9.0, 0.0]])
    assert held_out.misfit(measured, measured) == 0
    assert held_out.misfit(np.array([[1.0, 16.0, 1.0]]), measured) == pytest.approx(3 / 13)


def test_batches_come_without_what_is_held_out():
    batches = held_out.Without([[0, 3, 5], [1], [2, 4]], (1, 4))
    assert list(batches) == [[0, 3, 5], [2]] and len(batches) == 3


def test_examples_are_true():
    for module in (held_out, loop_module):
        done = doctest.testmod(module)
        assert done.attempted and not done.failed
