"""Repeated fits: the folder of `fit --runs`, regenerated and checked. Copies of an archived run stand in for fits."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from helpers import noise_of_slice_two, with_smoothed

from ddip_tf.archive import regenerate, repeats
from ddip_tf.archive import run as run_of
from ddip_tf.archive.manifest import load_manifest, sha256
from ddip_tf.archive.run import Run
from ddip_tf.errors import RunError
from ddip_tf.formats import tiff
from ddip_tf.report import figures
from ddip_tf.workflows import run as whole


def put(folder, run, gains, seed, order=(0, 1)):
    """A copy of ``run`` whose slices have other gains, and perhaps another order, in archive and pictures alike."""
    shutil.copytree(run, folder)
    manifest = load_manifest(folder)
    inputs, _ = run_of.archived(run)
    record = manifest["normalisation"]
    record["gain"] = [g * record["gain"][i] for g, i in zip(gains, order, strict=True)]
    record["offset"] = [record["offset"][i] for i in order]
    for new, old in enumerate(order, 1):
        shutil.copy(run / f"onnx/slice{old + 1}.onnx", folder / f"onnx/slice{new}.onnx")
    with np.load(run / "latents.npz") as file:
        np.savez(folder / "latents.npz", **{f"slice{new}": file[f"slice{old + 1}"] for new, old in enumerate(order, 1)})
    (folder / "manifest.json").write_text(json.dumps(manifest | {"seed": seed}))
    for i, (image, output) in enumerate(zip(inputs, regenerate.regenerate(folder), strict=True), 1):
        tiff.write(folder / f"outputs/slice{i}.tif", output, (7e-9, 8e-9))
        tiff.write(folder / f"outputs/ghost{i}.tif", image - output, (7e-9, 8e-9))
    files = {name: sha256(folder / name) for name in manifest["files"]}
    (folder / "manifest.json").write_text(json.dumps(manifest | {"seed": seed, "files": files}))


@pytest.fixture(scope="module")
def repeated(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("repeated") / "run"
    (folder / "runs").mkdir(parents=True)
    for number, gain in enumerate((0.8, 1.0, 1.2), 1):
        put(folder / f"runs/000{number}", run, (gain, 1.0), number)
    return repeats.assemble(folder, ["0001", "0002", "0003"])


def test_outputs_are_mean_and_deviation_of_the_runs(repeated, run):
    parts = [run_of.archived(repeated / f"runs/000{r}")[1] for r in (1, 2, 3)]
    inputs, _ = run_of.archived(run)
    for i in (1, 2):
        mean, ghost, deviation = (
            tifffile.imread(repeated / f"outputs/{kind}{i}.tif") for kind in ("slice", "ghost", "std")
        )
        np.testing.assert_allclose(mean, np.mean([p[i - 1] for p in parts], 0), atol=1e-6)
        np.testing.assert_allclose(deviation, np.std([p[i - 1] for p in parts], 0, ddof=1), atol=1e-6)
        np.testing.assert_allclose(mean + ghost, inputs[i - 1], atol=1e-6)
    assert tiff.read(repeated / "outputs/std1.tif")[1] == pytest.approx((7e-9, 8e-9))
    manifest = load_manifest(repeated)
    assert [member["seed"] for member in manifest["runs"]] == [1, 2, 3]
    assert manifest["mean_deviation"][0] > 1e-3 > manifest["mean_deviation"][1]
    assert not {"generators", "onnx", "latents.npz"} & {path.name for path in repeated.iterdir()}


def test_what_was_smoothed_is_a_mean_of_the_runs_that_are_used(run, tmp_path):
    """Of the inputs it is, so swapped runs have it in the order of the others; one run smoothed nothing."""
    orders, shares = [(0, 1), (1, 0), (0, 1), (0, 0)], (1.0, 2.0, 0.0, 50.0)
    noise = noise_of_slice_two()
    for number, (order, share) in enumerate(zip(orders, shares, strict=True), 1):
        put(tmp_path / f"single/{number}", run, (1.0, 1.0), number, order)
        with_smoothed(tmp_path / f"single/{number}", tmp_path / f"all/runs/000{number}", share * noise)
    repeats.assemble(tmp_path / "all", ["0001", "0002", "0003", "0004"])
    manifest = load_manifest(tmp_path / "all")
    assert [member["used"] for member in manifest["runs"]] == [True, True, True, False]
    assert "outputs/smoothed1.tif" not in manifest["files"]
    np.testing.assert_allclose(Run(tmp_path / "all").smoothed, noise, atol=1e-6)
    np.testing.assert_allclose(run_of.archived(tmp_path / "all")[0], run_of.archived(run)[0], atol=1e-6)
    assert regenerate.check(tmp_path / "all") == []


def test_regenerate_recomputes_mean_and_deviation(call, repeated, tmp_path):
    code, out, err = call("regenerate", repeated, "--check")
    assert (code, err) == (0, "")
    assert "agree" in out
    assert call("regenerate", repeated, "-o", "again")[0] == 0
    for name in ("slice1", "slice2", "std1", "std2"):
        again, archived = tifffile.imread(f"again/{name}.tif"), tifffile.imread(repeated / f"outputs/{name}.tif")
        np.testing.assert_allclose(again, archived, atol=1e-4 * np.ptp(archived) + 1e-6)
    code, out, _ = call("show", repeated)
    assert code == 0
    assert "mean of 3 of 3 fits" in out


@pytest.mark.parametrize("what", ["outputs/std1.tif", "runs/0002/history.csv", "runs/0003/manifest.json"])
def test_check_notices_what_was_changed_anywhere(call, repeated, tmp_path, what):
    copy = shutil.copytree(repeated, tmp_path / "copy")
    (copy / what).write_bytes((copy / what).read_bytes() + b" ")
    code, _, err = call("regenerate", copy, "--check")
    assert code == 1
    assert what.removeprefix("runs/") in err


def test_preview_has_a_column_for_the_deviation(repeated, monkeypatch):
    rows = []
    monkeypatch.setattr(figures, "_panels", lambda given, *_: rows.extend(given))
    monkeypatch.setattr(figures, "save_figure", lambda figure, path: path)
    assert figures.write_figures(repeated) == [repeated / "preview.png"]
    assert [list(row) for row in rows] == [["input", "output", "ghost", "deviation"]] * 2


def test_swapped_runs_are_put_right_and_confused_ones_left_out(run, tmp_path):
    for number, order in enumerate([(0, 1), (0, 1), (1, 0), (0, 1)], 1):
        put(tmp_path / f"runs/000{number}", run, (1.0 + 0.01 * number, 1.0), number, order)
    put(tmp_path / "runs/0005", run, (1.0, 1.0), 5, (0, 0))
    repeats.assemble(tmp_path, [f"000{number}" for number in range(1, 6)])
    manifest = load_manifest(tmp_path)
    assert [member["order"] for member in manifest["runs"][:4]] == [[1, 2], [1, 2], [2, 1], [1, 2]]
    assert [member["used"] for member in manifest["runs"]] == [True, True, True, True, False]
    assert [one["text"] for one in manifest["warnings"][:2]] == [
        "Confused, left out of the mean: 0005.",
        "Slices in another order than most, put right: 0003.",
    ]
    assert regenerate.check(tmp_path) == []


def test_fit_runs_makes_such_a_folder(call, stack, run, tmp_path, monkeypatch):
    def carry_out(stack, folder, config, options, archived):
        new = not folder.exists()
        if new:
            done.append(folder.name)
            put(folder, run, (1 + 0.01 * config.seed, 1.0), config.seed)
            archived(Run(folder))
        return Run(folder), new

    done = []
    monkeypatch.setattr(whole, "carry_out", carry_out)
    files = []
    for i, image in enumerate(stack.images, 1):
        files.append(f"slice{i}.tif")
        tifffile.imwrite(tmp_path / files[-1], image)
    arguments = ["fit", *files, "--mixing", "shallow", "--runs", "3", "--seed", "4", "-o", "r"]
    code, out, err = call(*arguments)
    assert (code, err) == (0, "")
    assert "mean of 3 of 3 fits" in out
    said = [out.index(f"pictures   r/runs/{name}/outputs") for name in ("0001", "0002", "0003")]
    assert out.count("12 epochs in") == 3 and out.index("12 epochs in") < said[0] < said[1] < said[2]
    assert [path.name for path in sorted((tmp_path / "r/runs").iterdir())] == ["0001", "0002", "0003"]
    assert [member["seed"] for member in load_manifest("r")["runs"]] == [4, 5, 6]
    assert (tmp_path / "r/preview.png").exists()
    code, _, err = call(*arguments)
    assert code == 2
    assert "not empty" in err
    assert done == ["0001", "0002", "0003"]
    arguments[arguments.index("3")] = "4"
    assert call(*arguments, "--resume")[0] == 0
    assert done[3:] == ["0004"]
    assert len(load_manifest("r")["runs"]) == 4
    assert call(*arguments, "--overwrite")[0] == 0
    assert len(done) == 8


def test_a_second_process_is_refused_while_the_repeats_are_made(call, stack, run, tmp_path, monkeypatch):
    files = []
    for i, image in enumerate(stack.images, 1):
        files.append(f"slice{i}.tif")
        tifffile.imwrite(tmp_path / files[-1], image)
    arguments = ["fit", *files, "--mixing", "shallow", "--runs", "2", "-o", "r"]
    program = [sys.executable, "-m", "ddip_tf", *arguments, "--epochs", "1", "--width", "1"]
    said = []

    def second(how):
        before = sorted((tmp_path / "r").rglob("*"))
        done = subprocess.run([*program, how], cwd=tmp_path, capture_output=True, text=True, check=False)
        said.append((done.returncode, done.stdout, done.stderr, sorted((tmp_path / "r").rglob("*")) == before))

    def carry_out(stack, folder, config, options, **_):
        put(folder, run, (1 + 0.01 * config.seed, 1.0), config.seed)
        if folder.name == "0001":
            second("--overwrite")
        return Run(folder), True

    def assemble(folder, names):
        second("--resume")
        return assembled(folder, names)

    assembled = repeats.assemble
    monkeypatch.setattr(whole, "carry_out", carry_out)
    monkeypatch.setattr(repeats, "assemble", assemble)
    code, _, err = call(*arguments)
    refusal = f"ddip-tf: another ddip-tf works on {tmp_path / 'r'}: wait for its end, or choose another -o\n"
    assert said == [(2, "", refusal, True)] * 2
    assert (code, err) == (0, "")
    assert len(load_manifest("r")["runs"]) == 2
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_runs_that_do_not_agree_leave_no_manifest(run, tmp_path):
    put(tmp_path / "runs/0001", run, (1.0, 1.0), 1)
    put(tmp_path / "runs/0002", run, (1.0, 1.0), 2, (0, 0))
    with pytest.raises(RunError, match="no two of the 2 runs agree"):
        repeats.assemble(tmp_path, ["0001", "0002"])
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.parametrize(
    "records",
    [
        ["0001"],
        [{"name": "../../elsewhere"}],
        [{"name": ".."}],
        [{"name": "0001", "used": True}],
        [{"name": "0001", "used": True, "order": [3, 9], "gain": [1, 1], "offset": [0, 0]}],
        [],
    ],
)
def test_a_damaged_list_of_runs_is_an_error_of_one_line(call, repeated, tmp_path, records):
    copy = shutil.copytree(repeated, tmp_path / "copy")
    (copy / "manifest.json").write_text(json.dumps(load_manifest(repeated) | {"runs": records}))
    code, _, err = call("regenerate", copy)
    assert code in (1, 2)
    assert err.startswith("ddip-tf: ")
    assert err.count("\n") == 1


def test_repeats_that_would_all_be_the_same_are_refused(call, tmp_path):
    code, out, err = call("fit", "a.tif", "b.tif", "--runs", "3", "-o", "r")
    assert (code, out) == (2, "")
    assert "same pictures" in err and "--prior dip" in err
    assert not (tmp_path / "r").exists()
