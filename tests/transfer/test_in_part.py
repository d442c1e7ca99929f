"""How much of a correction is made: all, half where that is open, nothing where it is wrong; and what is said of it."""

import numpy as np
import pytest
from helpers import sources
from mixtures import free_start, from_single, noisy, objects, once, psnr, separated

import ddip_tf
from ddip_tf.config import preset
from ddip_tf.transfer import by_evidence, in_part, reasons
from ddip_tf.transfer import free_start as solving
from ddip_tf.transfer.checks import Checks

GAIN = in_part.LEAST_GAIN_DB + 1
CHOSEN, SOLVED = once(by_evidence.choose), once(solving.solve)


@pytest.fixture(autouse=True)
def solved_once(monkeypatch):
    """The choice and the solution know of no share: the same slices are solved for once, whatever part is then made."""
    monkeypatch.setattr(by_evidence, "choose", CHOSEN)
    monkeypatch.setattr(solving, "solve", SOLVED)


def share(gain=GAIN, shared=0.0, scatter=0.0):
    first, second = in_part.share(np.array([9.0, gain]), Checks(shared, np.array([0.0, scatter])))
    assert first == second
    return first


def test_all_is_taken_out_where_nothing_speaks_against_it():
    assert share() == 1
    assert share(shared=in_part.ALIKE[0], scatter=in_part.SCATTERED[0]) == 1


def test_less_the_more_speaks_against_it_and_half_at_least():
    scatters, alike = np.linspace(*in_part.SCATTERED, 5), np.linspace(*in_part.ALIKE, 5)
    np.testing.assert_allclose([share(scatter=s) for s in scatters], np.linspace(1, 0.5, 5))
    np.testing.assert_allclose([share(shared=s) for s in alike], np.linspace(1, 0.5, 5))
    assert share(shared=alike[1], scatter=scatters[3]) == pytest.approx(0.625)  # what speaks louder
    assert share(shared=in_part.MOST_SHARED) == 0.5


@pytest.mark.parametrize("against", [{"gain": in_part.LEAST_GAIN_DB - 0.1}, {"scatter": in_part.MOST_SCATTER + 0.01}])
def test_where_it_is_open_half_is_if_the_slices_then_have_little_in_common(against):
    assert share(**against) == share(**against, shared=in_part.LITTLE_SHARED) == in_part.HALF
    assert share(**against, shared=in_part.LITTLE_SHARED + 0.01) == 0


def test_a_slice_whose_correction_varies_by_more_than_itself_is_left_out():
    scatter = np.array([in_part.UNDECIDED + 0.01, 0.01])
    assert in_part.share(np.array([9.0, 9.0]), Checks(0.0, scatter)).tolist() == [0, in_part.HALF]
    assert in_part.share(np.array([9.0, 9.0]), Checks(0.0, scatter[::-1])).tolist() == [in_part.HALF, 0]
    assert not in_part.share(np.array([9.0, 9.0]), Checks(0.0, scatter.max() + np.zeros(2))).any()
    assert in_part.share(np.array([9.0, 9.0]), Checks(0.0, scatter - 0.02)).tolist() == [in_part.HALF, in_part.HALF]


def test_nothing_is_where_the_slices_still_show_the_same():
    assert share(shared=in_part.MOST_SHARED + 0.01) == 0


@pytest.mark.parametrize(
    ("gain", "shared", "scatter", "said"),
    [
        (in_part.LEAST_GAIN_DB - 0.1, 0.4, 0.0, "expected to gain"),
        (3.0, in_part.MOST_SHARED + 0.01, 0.0, "same structure"),
        (3.0, 0.4, in_part.MOST_SCATTER + 0.01, "how much noise is assumed"),
    ],
)
def test_why_nothing_was_taken_out_is_said(gain, shared, scatter, said):
    reason = reasons.withheld(np.array([9.0, gain]), Checks(shared, np.array([0.0, scatter])))
    assert reason.code == "withheld"
    assert said in str(reason)
    assert "returned as they are" in str(reason)


@pytest.mark.parametrize(
    ("gain", "shared", "scatter", "said"),
    [
        (in_part.LEAST_GAIN_DB - 0.1, 0.0, 0.0, "expected to gain"),
        (3.0, 0.0, in_part.MOST_SCATTER + 0.01, "how much noise is assumed"),
        (3.0, 0.0, 0.09, "how much noise is assumed"),
        (3.0, 0.2, 0.0, "something in common"),
        (3.0, 0.24, 0.07, "something in common"),  # what speaks louder
        (3.0, 0.16, 0.11, "how much noise is assumed"),
    ],
)
def test_why_a_part_was_taken_out_is_said(gain, shared, scatter, said):
    gains, checks = np.array([9.0, gain]), Checks(shared, np.array([0.0, scatter]))
    made = in_part.share(gains, checks)
    (note,) = reasons.in_part_only(made, gains, checks)
    assert note.code == "corrected-in-part" and said in str(note) and f"{100 * made[0]:.0f} %" in str(note)
    assert reasons.in_part_only(np.ones(2), gains, checks) == ()


def test_a_slice_that_is_left_out_is_said():
    gains, checks = np.array([9.0, 3.0]), Checks(0.0, np.array([0.2, 1.3]))
    note, of_slice = reasons.in_part_only(in_part.share(gains, checks), gains, checks)
    assert note.slice is None and "50 %" in str(note)
    assert of_slice.slice == 2 and "slice 2 is returned as it is" in str(of_slice) and "130 %" in str(of_slice)


def test_half_a_correction_errs_by_less_than_the_mean_of_none_and_all():
    error, correction = sources(2, (41, 53), 1)
    none, half, all_of_it = (np.mean((error + part * correction) ** 2) for part in (0, 0.5, 1))
    assert half == pytest.approx((none + all_of_it) / 2 - np.mean(correction**2) / 4)


def in_part_of(monkeypatch, part):
    monkeypatch.setattr(in_part, "share", lambda gain_db, checks: np.broadcast_to(part, gain_db.shape))


def test_a_part_of_the_correction_is_that_part_of_the_way(monkeypatch):
    images = noisy(free_start(objects())[0])
    full, _, whole, _ = separated(images, starts=2)
    in_part_of(monkeypatch, 0.6)
    y, _, made, _ = separated(images, starts=2)
    np.testing.assert_allclose(y, images + 0.6 * (full - images), atol=1e-12)
    np.testing.assert_allclose(made.sigma, 0.6 * whole.sigma, atol=1e-12)
    np.testing.assert_allclose(in_part.whole(made.images, made), full, atol=1e-12)


def test_a_slice_that_is_left_out_is_its_input(monkeypatch):
    images = (noisy(free_start(objects())[0]) - 0.3).astype(np.float32)
    full = ddip_tf.separate(images, preset("quick"))
    in_part_of(monkeypatch, np.array([0.0, 0.5]))
    found = ddip_tf.separate(images, preset("quick"))
    assert found.provenance["share_of_correction"] == [0, 0.5]
    np.testing.assert_array_equal(found.outputs[0], images[0])
    tolerance = 1e-5 * np.ptp(images)
    np.testing.assert_allclose(found.outputs[1], (images[1] + full.outputs[1]) / 2, atol=tolerance)
    np.testing.assert_allclose(found.ghosts[1], full.ghosts[1] / 2, atol=tolerance)
    np.testing.assert_allclose(found.ghosts[0], 0, atol=tolerance)
    np.testing.assert_allclose(found.outputs + found.ghosts + found.smoothed, images, atol=tolerance)


@pytest.mark.parametrize("mixed", ["free start", "two units"])
def test_input_is_output_and_a_part_of_ghost_and_smoothed(monkeypatch, mixed):
    truth = objects()
    images = (noisy(free_start(truth)[0]) * np.array([0.6 if mixed == "two units" else 1.0, 1.0])[:, None, None]) - 0.3
    images = images.astype(np.float32)
    full = ddip_tf.separate(images, preset("quick"))
    in_part_of(monkeypatch, 0.5)
    half = ddip_tf.separate(images, preset("quick"))
    assert [each.provenance["share_of_correction"] for each in (full, half)] == [[1, 1], [0.5, 0.5]]
    tolerance = 1e-5 * np.ptp(images)
    np.testing.assert_allclose(half.outputs + half.ghosts + half.smoothed, images, atol=tolerance)
    np.testing.assert_allclose(half.outputs, (images + full.outputs) / 2, atol=tolerance)
    np.testing.assert_allclose(half.ghosts, full.ghosts / 2, atol=tolerance)
    np.testing.assert_allclose(half.smoothed, full.smoothed / 2, atol=tolerance)
    for i in (0, 1):
        assert psnr(images[i], truth[i]) < psnr(half.outputs[i], truth[i]) < psnr(full.outputs[i], truth[i])


@pytest.mark.parametrize(("part", "made"), [(0.0, 0), (0.5, 0), (0.7, 0), (0.8, 1), (1.0, 1)])
def test_priors_that_solve_anew_make_all_of_a_correction_or_none(monkeypatch, part, made):
    images = noisy(free_start(objects())[0])
    full, _, _, _ = separated(images)
    in_part_of(monkeypatch, part)
    y, _, solution, transfer = separated(images, in_parts=False)
    np.testing.assert_array_equal(y, full if made else images)
    said = [caution.code for caution in (*solution.warnings, *transfer.warnings)]
    assert "corrected-in-part" not in said and ("withheld" in said) is (not made)
    assert (solution.share == 1).all() and transfer.mixed is bool(made)


def test_where_a_start_is_known_all_of_a_correction_is_made_or_none(monkeypatch):
    images, start, _, _ = from_single()
    images, start = images.astype(np.float32), start.astype(np.float32)
    full = ddip_tf.separate(images, preset("quick"), start=start)
    assert full.provenance["mixed"] and full.provenance["share_of_correction"] == [1, 1]
    for part, same, said in ((0.8, full.outputs, set()), (0.7, images, {"withheld"}), ([0, 0.8], images, {"withheld"})):
        in_part_of(monkeypatch, part)
        found = ddip_tf.separate(images, preset("quick"), start=start)
        np.testing.assert_array_equal(found.outputs, same)
        assert {caution.code for caution in found.warnings} & {"withheld", "corrected-in-part"} == said
