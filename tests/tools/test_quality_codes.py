"""Codes held against the truth of cases, and what was kept of the slices' contrast."""

import json
import sys
from pathlib import Path

import numpy as np
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import detail_picture
import quality_codes


def one(gain, oracle=20.0, same=False):
    figures = {"psnr": 15.0}
    return {
        "input": figures,
        "output": {"psnr": 15.0 + gain},
        "oracle": oracle,
        "smoothed": 15.5,
        "doubt": False,
        "same": same,
    }


def case(kind, slices, *warnings, kept=1.0):
    k = np.geomspace(0.014, 0.45, 16).tolist()
    said = [{"code": code, "slice": number, "text": ""} for code, number in warnings]
    detail = {"k": k, "kept": [[kept, 1.0]] * 16, "follows": [[True, False]] * 16}
    return {"case": f"{kind}-s1", "kind": kind, "count": 2, "slices": slices, "detail": detail, "warnings": said}


CASES = [
    case("onesided", [one(0.0, same=True), one(9.0)], ("one-sided", 1), ("ghost-of-direction", 2)),
    case("onesided", [one(0.0, same=True), one(9.0)], ("one-sided", 2)),  # the wrong one
    case("onesided-scalar", [one(0.0), one(4.0)], ("one-sided", 1), ("ghost-of-direction", 2)),  # it has no direction
    case("clean-noise", [one(0.0, 15.0), one(0.0, 15.0)], ("none-found", None)),
    case("family", [one(0.0, same=True), one(0.0, same=True)], ("withheld", None)),  # the oracle gains 5 dB
    case("family", [one(0.5), one(4.0)], ("doubt-texture", None)),
]


def test_hits_misses_and_false_alarms():
    assert quality_codes.count("one-sided", CASES) == (2, 1, 1)
    assert quality_codes.count("ghost-of-direction", CASES) == (1, 1, 1)
    assert quality_codes.count("none-found", CASES) == (1, 0, 0)
    assert quality_codes.count("withheld", CASES)[2] == 1
    hits, _, false = quality_codes.count("doubt-texture", CASES)
    assert (hits, false) == (1, 1)


def test_the_table_has_the_codes_that_were_said(tmp_path):
    lines = tmp_path / "cases.jsonl"
    lines.write_text("\n".join(json.dumps(each) for each in CASES))
    done = CliRunner().invoke(quality_codes.main, [str(lines)])
    assert done.exit_code == 0, done.output
    assert "| `one-sided` | one ghost, and this slice has none | 2 | 1 | 1 |" in done.output
    assert "doubt-coarse" not in done.output


def test_what_was_kept_by_frequency(tmp_path):
    rows = [case("family", [one(2.0), one(2.0)], kept=kept) for kept in (1.2, 1.3, 1.4, 1.5, 1.6)]
    found = detail_picture.curves(rows, follows=True)
    assert list(found) == ["reconstructed together"]
    np.testing.assert_allclose(found["reconstructed together"][2], 1.4, atol=1e-6)
    apart = detail_picture.curves(rows, follows=False)["reconstructed together"]
    np.testing.assert_allclose(apart[1:], 1.0)
    lines = tmp_path / "cases.jsonl"
    lines.write_text("\n".join(map(json.dumps, rows)))
    done = CliRunner().invoke(detail_picture.main, [str(lines), "-o", str(tmp_path / "detail.png")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "detail.png").stat().st_size > 5000
