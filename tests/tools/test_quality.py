"""The oracle, and the default preset judged on kinds x seeds: counts, bounds, going on, other programs."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import oracle
import quality
import quality_matrix as matrix
import quality_summary as summary

from ddip_tf.quality import with_truth


def blocks(count=2, height=96, width=75, seed=0):
    """Piecewise constant truth (N, H, W): rectangles of many sizes."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((count, height, width))
    for image in truth:
        for _ in range(9):
            (y, x), (h, w) = rng.integers(0, (height, width)), rng.integers(6, 30, 2)
            image[y : y + h, x : x + w] += rng.uniform(0.2, 1)
    return truth


def mixed(truth, seed=1, noise=0.0, floor=0.02):
    """Slices that share all of their low frequencies: T from 1/2 at k = 0 to the identity, and noise."""
    k = oracle.frequencies(*truth.shape[1:])
    share = 0.5 * np.exp(-((k / floor) ** 2))
    y = oracle.coefficients(truth)
    sent = np.stack([(1 - share) * y[0] + share * y[1], share * y[0] + (1 - share) * y[1]])
    return oracle._pixels(sent, truth) + noise * np.random.default_rng(seed).normal(size=truth.shape)


def psnr(images, truth):
    return np.array([one.psnr for one in with_truth.score(images, truth)])


def test_bands_cover_all_frequencies_and_their_weights_add_up_to_one():
    k = oracle.frequencies(60, 41)
    assert k[0, 0] == 0
    assert k[30, 0] == pytest.approx(0.25)
    centres = oracle.bands(k, 3)
    weights = oracle.memberships(k, centres)
    assert weights.shape == (len(centres), 60, 41)
    assert np.allclose(weights.sum(0), 1)
    assert weights[0].sum() >= 3 * oracle.SAMPLES


def test_the_transfer_is_found_from_the_truth():
    truth = np.random.default_rng(0).normal(size=(2, 90, 110))
    centres, found = oracle.transfer(mixed(truth, floor=0.2), truth)
    share = 0.5 * np.exp(-((centres / 0.2) ** 2))
    inside = (centres > 0.05) & (centres < 0.5)
    assert np.allclose(found[inside, 0, 1], share[inside], atol=0.02)
    assert np.allclose(found[inside, 1, 1], 1 - share[inside], atol=0.02)
    assert oracle.transfer(truth, truth, np.array([0.1, 0.2]))[1] == pytest.approx(np.stack([np.eye(2)] * 2), abs=1e-6)


def test_the_linear_estimate_undoes_a_ghost_and_knows_what_smoothing_does():
    truth = blocks()
    images = truth.copy()
    images[1] -= 0.3 * truth[0]
    assert psnr(oracle.linear(images, truth), truth).min() > 60
    assert oracle.smoothed(images, truth).shape == (1 + len(oracle.STRENGTHS), 2, 96, 75)
    assert psnr(oracle.smoothed(images, truth)[0], truth)[1] < psnr(images, truth)[1] + 3
    noisy = truth + 0.2 * np.random.default_rng(3).normal(size=truth.shape)
    gains = [
        psnr(x, truth) - psnr(noisy, truth) for x in (oracle.linear(noisy, truth), oracle.smoothed(noisy, truth)[0])
    ]
    assert np.min(gains) > 3
    assert np.allclose(*gains, atol=0.4)


def test_variation_finds_what_the_transfer_does_not_decide():
    truth = blocks()
    images = mixed(truth, noise=0.02, floor=0.03)
    straight, varied = (psnr(x, truth) for x in (oracle.linear(images, truth), oracle.variation(images, truth, 0.3)))
    assert straight.max() < 30
    assert (varied - straight).min() > 5
    assert psnr(oracle.estimates(images, truth)[3], truth) == pytest.approx(varied)


def test_gradient_and_shrinkage_are_what_the_solver_takes_them_for():
    rng = np.random.default_rng(0)
    y, g = rng.normal(size=(2, 9, 7)), oracle._gradient(rng.normal(size=(2, 9, 7)))
    assert np.vdot(oracle._gradient(y), g) == pytest.approx(np.vdot(y, oracle._adjoint(g)))
    sizes, v = np.array([0.1, 0.9, 1.4, 1.6, 4.0]), np.linspace(0, 5, 50001)
    for size in sizes:
        best = v[np.argmin(np.sqrt(v) + (v - size) ** 2 / 2)]
        assert size * oracle._shrunk(np.array(size), np.array(1.0)) == pytest.approx(best, abs=2e-3)


def row(gains, doubt=False, kind="onesided", oracle_gain=6.0, smoothed_gain=0.0, same=False, kept=None):
    slices = [
        {
            "input": {"psnr": 20.0},
            "output": {"psnr": 20.0 + gain},
            "oracle": 20.0 + oracle_gain,
            "smoothed": 20.0 + smoothed_gain,
            "kept": kept,
            "doubt": doubt,
            "same": same,
        }
        for gain in gains
    ]
    return {"case": f"{kind}-s0", "kind": kind, "count": len(gains), "seconds": 1.0, "slices": slices}


def test_harm_and_silence_are_counted():
    rows = [row([2.0, -0.2]), row([-0.4, 3.0], doubt=True), row([-1.0, -9.0]), {"kind": "b", "count": 3, "error": "x"}]
    found = summary.summarise(rows)
    assert (found["slices"], found["failed"]) == (9, 1)
    assert found["harmed"]["count"] == 6
    assert found["silently"]["count"] == 5
    assert found["cases harmed"]["count"] == 3
    assert (found["false"]["count"], found["false"]["of"]) == (1, 2)
    assert found["gain"]["worst"] == pytest.approx(-9)
    assert found["share"] == pytest.approx((2 - 0.2 - 0.4 + 3 - 1 - 9) / 36)
    assert summary.summarise(rows[3:])["gain"]["mean"] is None


def test_withheld_is_what_only_the_other_slice_could_have_told():
    assert summary.summarise([row([0.0], same=True)])["withheld"] == 1
    assert summary.summarise([row([0.0], same=True, smoothed_gain=5.0)])["withheld"] == 0
    assert summary.summarise([row([0.0], same=True, oracle_gain=2.0)])["withheld"] == 0
    assert summary.summarise([row([0.1])])["withheld"] == 0


def test_detail_counts_slices_that_kept_it_at_every_k_where_there_is_any():
    rows = [row([1.0], kept=kept) for kept in ((0.95, 1.05), (0.89, 1.0), (1.0, 1.11), None)]
    found = summary.summarise(rows)["detail"]
    assert (found["count"], found["of"]) == (1, 3)


def test_kinds_that_can_gain_are_told_from_those_that_cannot():
    kinds = {"a": [row([4.0, 5.0])], "b": [row([1.0], oracle_gain=3.5)], "c": [row([9.0], oracle_gain=2.5)]}
    found = {name: summary.summarise(rows) for name, rows in kinds.items()}
    found["all"] = summary.summarise([one for rows in kinds.values() for one in rows])
    *_, kinds_told, slices_told = summary.markdown(found).splitlines()
    # a: oracle +6, b: +3.5; smoothing each slice by itself gains nothing in either
    assert kinds_told.startswith("kinds the oracle improves by 3 dB: 2, mean gain +2.8 dB (oracle +4.8, ")
    assert slices_told.startswith("slices the oracle improves by 3 dB more than smoothing: 3, mean gain +3.3 dB")


def test_the_bounds_are_clopper_and_pearsons():
    assert summary.rate(0, 20)["bounds"] == pytest.approx([0, 1 - 0.025 ** (1 / 20)])
    assert summary.rate(3, 10)["bounds"] == pytest.approx([0.0667, 0.6525], abs=1e-4)
    assert summary.rate(0, 0)["bounds"] == [0.0, 1.0]


def test_a_doubt_is_about_a_slice_or_about_all():
    assert matrix.doubts("T(k) is not reliable: 40 %", 2)
    assert not matrix.doubts("no crosstalk found", 1)
    assert matrix.doubts({"code": "doubt-texture", "slice": 2, "text": ""}, 2)
    assert not matrix.doubts({"code": "doubt-texture", "slice": 2, "text": ""}, 1)
    assert matrix.doubts({"code": "doubt", "slice": None, "text": ""}, 1)
    assert not matrix.doubts({"code": "withheld", "slice": 1, "text": "not reliable"}, 1)


def judged(*arguments):
    return CliRunner().invoke(quality.main, [str(argument) for argument in arguments])


def test_a_matrix_is_simulated_fitted_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    calls = []

    def fit(paths):
        calls.append(paths[0].parent.name)
        images = matrix.read(*paths).images
        return images * [[[1]], [[0]]] + np.load(paths[1].with_name("truth2.npy")) * [[[0]], [[1]]], ["do not use"]

    monkeypatch.setattr(matrix, "fit_here", fit)
    words = (tmp_path / "cases", "-o", tmp_path / "out", "--kinds", "noise-ghost-0.4,onesided-fl*", "--seeds")
    result = judged(*words, "1")
    assert result.exit_code == 0, result.output
    assert sorted(calls) == ["noise-ghost-0.4-s1", "onesided-float-s1"]
    lines = (tmp_path / "out" / "cases.jsonl").read_text().splitlines()
    (tmp_path / "out" / "cases.jsonl").write_text(lines[0] + "\n" + lines[1][:50])
    assert judged(*words, "1").exit_code == 0
    assert calls[2:] == [calls[1]]
    assert judged(*words, "1-2").exit_code == 0
    assert len(calls) == 5
    found = json.loads((tmp_path / "out" / "matrix.json").read_text())["kinds"]
    assert set(found) == {"noise-ghost-0.4", "onesided-float", "all"}
    assert found["all"]["slices"] == 8
    assert found["all"]["harmed"]["count"] == 0
    assert found["all"]["false"]["count"] == 4
    assert found["all"]["same"] == 4
    assert found["onesided-float"]["share"] > 1
    assert found["onesided-float"]["gain"]["worst"] == 0
    assert "| all | 4 | 8 |" in (tmp_path / "out" / "matrix.md").read_text()
    monkeypatch.setattr(matrix, "KINDS", {})
    result = judged(tmp_path / "cases", "-o", tmp_path / "all", "--kinds", "found")
    assert result.exit_code == 0, result.output
    assert result.output.count("onesided-float-s") == 2


def test_another_program_is_fitted_by_its_command_and_its_failures_count(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import json, pathlib, shutil, sys\n"
        "*slices, _, run, _, seed = sys.argv[1:]\n"
        "if 'float' in slices[0]: sys.exit('no memory')\n"
        "(pathlib.Path(run) / 'outputs').mkdir(parents=True)\n"
        "for path in slices: shutil.copy(path, pathlib.Path(run) / 'outputs')\n"
        "warnings = [{'code': 'doubt-x', 'slice': 2, 'text': 'look'}]\n"
        "(pathlib.Path(run) / 'manifest.json').write_text(json.dumps({'warnings': warnings}))\n"
    )
    command = f"{sys.executable} {program}"
    words = (tmp_path / "cases", "-o", tmp_path / "out", "--kinds", "onesided,onesided-float", "--seeds", "1")
    result = judged(*words, "--fit-command", command)
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in (tmp_path / "out" / "cases.jsonl").read_text().splitlines()]
    assert [one["doubt"] for one in rows[0]["slices"]] == [False, True]
    assert "no memory" in rows[1]["error"]
    found = json.loads((tmp_path / "out" / "matrix.json").read_text())["kinds"]["all"]
    assert found["failed"] == 1
    assert found["silently"]["count"] == 2
    assert found["withheld"] == 1


def test_what_cannot_be_simulated_is_named(tmp_path):
    nothing = tmp_path / "python"
    nothing.write_text("#!/bin/sh\necho pty-chi is missing >&2\nexit 2\n")
    nothing.chmod(0o755)
    result = judged(tmp_path, "-o", tmp_path / "out", "--kinds", "textures", "--seeds", "3", "--simulator", nothing)
    assert result.exit_code == 1
    assert "textures-s3: pty-chi is missing" in result.output


@pytest.mark.parametrize(("flag", "value"), [("--kinds", "nonsense*"), ("--seeds", "one")])
def test_unknown_kinds_and_seeds_are_refused(tmp_path, flag, value):
    words = {"--kinds": "onesided", "--seeds": "1", flag: value}
    result = judged(tmp_path, "-o", tmp_path / "out", *(word for pair in words.items() for word in pair))
    assert result.exit_code == 2
    assert value.rstrip("*") in result.output
    assert not (tmp_path / "out").exists()


def test_the_default_preset_is_judged_in_this_process(tmp_path):
    result = judged(tmp_path / "cases", "-o", tmp_path / "out", "--kinds", "clean-noise", "--seeds", "1")
    assert result.exit_code == 0, result.output
    (one,) = [json.loads(line) for line in (tmp_path / "out" / "cases.jsonl").read_text().splitlines()]
    assert [each["same"] for each in one["slices"]] == [True, True]
