"""Sweeps: grid, table, what is kept and what is done again. An archived run stands in for the fits."""

import contextlib
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict

import numpy as np
import pytest
import tifffile

from ddip_tf.archive.manifest import load_manifest, sha256
from ddip_tf.archive.run import archived
from ddip_tf.errors import InputError, RunError
from ddip_tf.formats import tiff
from ddip_tf.quality import without_truth
from ddip_tf.report import run_page
from ddip_tf.workflows import dask_cluster, sweep, sweep_table

GRID = ["--preset", "paper", "--mixing", "shallow,kernel", "--gamma", "0.04,0.2", "--runs", "2", "--epochs", "12"]
NAMES = [f"{mixing}-g{gamma}-s{seed}" for mixing in ("shallow", "kernel") for gamma in ("0.04", "0.2") for seed in "01"]


@pytest.fixture
def pair(tmp_path, stack):
    for i, image in enumerate(stack.images, 1):
        tifffile.imwrite(tmp_path / f"slice{i}.tif", image)
    return ["slice1.tif", "slice2.tif"]


@pytest.fixture
def fake(monkeypatch, run):
    """Fits that copy an archived run, in this process; a dict of names that fail and why, a list of those done."""
    failing, done = {}, []

    def work(task):
        shutil.copytree(run, task.run)
        images = task.read().images
        outputs = images + 0.01 * np.random.default_rng(task.config.seed).normal(size=images.shape)
        for i, (image, output) in enumerate(zip(images, outputs, strict=True), 1):
            tiff.write(task.run / f"outputs/slice{i}.tif", output)
            tiff.write(task.run / f"outputs/ghost{i}.tif", image - output)
        manifest = load_manifest(run) | {"config": task.config.to_dict(), "gamma": task.config.exclusion_weight}
        manifest["inputs"] = [asdict(source) for source in task.read().sources]
        (task.run / "manifest.json").write_text(json.dumps(manifest))
        (task.run / "preview.png").touch()
        run_page.write(task.run)

    def serially(work_, tasks, client):
        assert client == "client"
        for task in tasks:
            if task.name not in failing:
                work_(task)
                done.append(task.name)
            elif failing[task.name] == "interrupt":
                raise KeyboardInterrupt
            yield task, failing.get(task.name)

    monkeypatch.setattr(sweep, "work", work)
    monkeypatch.setattr(dask_cluster, "run", serially)
    monkeypatch.setattr(dask_cluster, "local", lambda workers, threads: contextlib.nullcontext("client"))
    monkeypatch.setattr(dask_cluster, "existing", lambda address: contextlib.nullcontext("client"))
    return failing, done


def table(folder):
    with (folder / "summary.csv").open() as file:
        return {row["run"]: row for row in csv.DictReader(file)}


def test_every_combination_becomes_a_run_folder_a_row_and_a_picture(call, pair, fake, tmp_path):
    code, out, err = call("sweep", *pair, "-o", "s", *GRID)
    assert (code, err) == (0, "")
    assert sorted(p.name for p in (tmp_path / "s/runs").iterdir()) == sorted(NAMES)
    assert "[8/8]" in out
    rows = table(tmp_path / "s")
    assert list(rows) == NAMES
    row = rows["kernel-g0.2-s1"]
    assert (row["status"], row["preset"], row["mixing"], row["gamma"], row["seed"]) == (
        "done",
        "paper",
        "kernel",
        "0.2",
        "1",
    )
    manifest = load_manifest(tmp_path / "s/runs/kernel-g0.2-s1")
    assert float(row["fidelity"]) == pytest.approx(manifest["final"]["fidelity"], rel=1e-4)
    assert float(row["alpha2"]) == pytest.approx(manifest["mixing"]["matrix"][1][0], rel=1e-4)
    found = without_truth.indicators(*archived(tmp_path / "s/runs/kernel-g0.2-s1"))
    assert float(row["detail_kept"]) == pytest.approx(found.detail_kept, rel=1e-4)
    assert float(row["ghost_correlation"]) == pytest.approx(found.ghost_correlation, rel=1e-4)
    page = (tmp_path / "s/report.html").read_text()
    assert "8 of 8 fits done" in page
    assert page.count("<figure>") == 3 + 4 * 3 + 4 * 2  # input, settings with a spectrum, deviation maps
    links = re.findall(r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=[^>]*>", page)
    assert all('="data:' in link for link in links)


def test_without_dask_nothing_is_left_behind(call, pair, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, err = call("sweep", *pair, "-o", "s", *GRID)
    assert code == 1
    assert 'pip install "ddip-tf[cluster]"' in err
    assert not (tmp_path / "s").exists()


def test_a_failure_is_named_and_the_rest_is_done(call, pair, fake, tmp_path):
    fake[0]["shallow-g0.2-s0"] = "its worker died"
    code, _, err = call("sweep", *pair, "-o", "s", *GRID)
    assert code == 1
    assert err.count("\n") == 1
    assert "1 of 8 fits failed: shallow-g0.2-s0" in err
    rows = table(tmp_path / "s")
    assert rows["shallow-g0.2-s0"]["status"] == "failed: its worker died"
    assert [name for name, row in rows.items() if row["status"] == "done"] == [n for n in NAMES if n not in fake[0]]
    assert "7 of 8 fits done · 1 failed" in (tmp_path / "s/report.html").read_text()


def test_report_makes_the_pages_again_from_the_table(call, pair, fake, tmp_path):
    fake[0]["shallow-g0.2-s0"] = "its worker died"
    assert call("sweep", *pair, "-o", "s", *GRID)[0] == 1
    pages = [tmp_path / "s/report.html", tmp_path / "s/runs/kernel-g0.2-s1/report.html"]
    before = [page.read_text() for page in pages]
    for page in pages:
        page.unlink()
    code, out, err = call("report", "s")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "s/report.html"
    assert len(out.splitlines()) == 8
    numbers = re.compile(r"(\d\.\d{3})\d*")  # the table keeps six digits
    assert [numbers.sub(r"\1", page.read_text()) for page in pages] == [numbers.sub(r"\1", text) for text in before]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("run,status\na,done\n", "no table of a sweep: a line has no gamma"),
        ("run,status,preset,mixing,gamma,seed\n../x,done,paper,kernel,0.4,1\n", "leads out of the run folder"),
        ("run,status,preset,mixing,gamma,seed\na,done,paper,kernel,x,1\n", "cannot be read"),
    ],
)
def test_a_damaged_table_is_one_sentence(tmp_path, lines, said):
    (tmp_path / "summary.csv").write_text(lines)
    with pytest.raises((InputError, RunError), match=said):
        sweep_table.read_summary(tmp_path)


def test_resume_does_only_what_is_missing(call, pair, fake, tmp_path):
    failing, done = fake
    failing["shallow-g0.2-s0"] = "interrupt"
    code, _, err = call("sweep", *pair, "-o", "s", *GRID)
    assert code == 130
    assert "--resume" in err
    assert table(tmp_path / "s")["kernel-g0.2-s1"]["status"] == "waiting"
    before = {name: sha256(tmp_path / f"s/runs/{name}/manifest.json") for name in done}
    assert list(before) == NAMES[:2]
    failing.clear()
    done.clear()
    code, out, _ = call("sweep", *pair, "-o", "s", *GRID)
    assert code == 2
    assert done == []
    code, out, _ = call("sweep", *pair, "-o", "s", *GRID, "--resume")
    assert (code, done) == (0, NAMES[2:])
    assert "2 of 8 are there already" in out
    assert {name: sha256(tmp_path / f"s/runs/{name}/manifest.json") for name in before} == before
    done.clear()
    assert call("sweep", *pair, "-o", "s", *GRID, "--resume")[0] == 0
    assert done == []
    assert call("sweep", *pair, "-o", "s", *GRID, "--overwrite")[0] == 0
    assert done == NAMES


def test_resume_also_makes_what_a_kill_left_of_the_figures(call, pair, fake, tmp_path, monkeypatch):
    assert call("sweep", *pair, "-o", "s", *GRID)[0] == 0
    (tmp_path / f"s/runs/{NAMES[3]}/preview.png").unlink()
    went = []
    monkeypatch.setattr(sweep, "work", lambda task: went.append(task.name))
    assert call("sweep", *pair, "-o", "s", *GRID, "--resume")[0] == 0
    assert went == NAMES[3:4]


def test_a_second_sweep_is_refused_while_the_first_lives(call, pair, fake, tmp_path, monkeypatch):
    said = []

    def interfering(task):
        work(task)
        if task.name == NAMES[1]:
            monkeypatch.setattr(sweep, "work", work)  # the second one must not go on and on
            before = sorted((tmp_path / "s").rglob("*"))
            said.append(call("sweep", *pair, "-o", "s", *GRID, "--overwrite"))
            assert sorted((tmp_path / "s").rglob("*")) == before

    work = sweep.work
    monkeypatch.setattr(sweep, "work", interfering)
    assert call("sweep", *pair, "-o", "s", *GRID)[0] == 0
    (code, _, err) = said[0]
    assert code == 2
    assert err == f"ddip-tf: another ddip-tf works on {tmp_path / 's'}: wait for its end, or choose another -o\n"
    assert all(row["status"] == "done" for row in table(tmp_path / "s").values())


def test_resume_refuses_other_settings_and_other_slices(call, pair, fake, tmp_path):
    arguments = ["-o", "s", "--preset", "paper", "--mixing", "kernel"]
    assert call("sweep", *pair, *arguments)[0] == 0
    code, _, err = call("sweep", *pair, *arguments, "--resume", "--epochs", "7")
    assert code == 2
    assert "another config" in err
    code, _, err = call("sweep", *pair[::-1], *arguments, "--resume")
    assert code == 2
    assert "another inputs" in err
    code, _, err = call("sweep", *pair, *arguments, "--resume", "--crop", "0:40,0:36")
    assert code == 2
    assert "another shape" in err


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], ["transfer-s0"]),
        (["--mixing", "shallow,kernel"], ["shallow-g0.1-s0", "kernel-g0.4-s0"]),
        (["--mixing", "transfer,linear", "--gamma", "0,1e-3"], ["transfer-s0", "linear-g0-s0", "linear-g0.001-s0"]),
        (["--mixing", "linear,transfer", "--epochs", "9", "--normalisation", "sum"], ["linear-g0.4-s0", "transfer-s0"]),
        (["--preset", "paper,default", "--seed", "4"], ["paper-shallow-g0.1-s4", "default-transfer-s4"]),
        (["--mixing", "transfer,kernel", "--runs", "2"], ["transfer-s0", "kernel-g0.4-s0", "kernel-g0.4-s1"]),
        (["--prior", "dip", "--runs", "2"], ["transfer-s0", "transfer-s1"]),
        (["--mixing", "kernel,kernel", "--gamma", "0.2,0.20"], ["kernel-g0.2-s0"]),
    ],
)
def test_grid(call, pair, fake, arguments, names):
    assert call("sweep", *pair, "-o", "s", *arguments)[0] == 0
    assert fake[1] == names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gamma", "0.1"], "--gamma does nothing with mixing transfer"),
        (["--gamma", "0.1,x"], "x"),
        (["--mixing", "magic"], "magic"),
        (["--mixing", "kernel", "--gamma", "-1"], "gamma is -1"),
        (["--workers", "2", "--scheduler", "tcp://a:1"], "one of them"),
        (["--crop", "0:10,0:10"], "at least 32"),
        (["--runs", "0"], "runs"),
    ],
)
def test_bad_usage_is_exit_2_and_nothing_written(call, pair, fake, tmp_path, arguments, message):
    before = sorted(tmp_path.iterdir())
    code, out, err = call("sweep", *pair, "-o", "s", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert sorted(tmp_path.iterdir()) == before


def test_json_progress_is_a_row_a_line(call, pair, fake):
    code, out, err = call("sweep", *pair, "-o", "s", *GRID, "--progress", "json")
    assert (code, err) == (0, "")
    assert [json.loads(line)["run"] for line in out.splitlines()] == NAMES


@pytest.mark.slow
def test_two_workers_fit_for_real(call, pair, tmp_path):
    code, _, err = call(
        "sweep", *pair, "-o", "s", "--mixing", "linear,kernel", "--epochs", "3", "--width", "1", "--workers", "2"
    )
    assert (code, err) == (0, "")
    for name in ("linear-g0.4-s0", "kernel-g0.4-s0"):
        assert call("regenerate", f"s/runs/{name}", "--check")[0] == 0
        assert load_manifest(f"s/runs/{name}")["threads"]["inter_op"] == 1


@pytest.mark.slow
def test_everything_killed_at_once_costs_only_what_was_unfinished(call, pair, tmp_path):
    arguments = ["sweep", *map(str, pair), "-o", "s", "--mixing", "linear", "--gamma", "0.1,0.4", "--width", "1"]
    arguments += ["--preset", "paper", "--epochs", "40"]
    program = [sys.executable, "-c", "from ddip_tf.cli import main; main()", *arguments]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    sweeping = subprocess.Popen(program, cwd=tmp_path, start_new_session=True, **quiet)
    runs = [tmp_path / f"s/runs/linear-g{gamma}-s0/manifest.json" for gamma in ("0.1", "0.4")]
    for _ in range(3000):
        if any(run.exists() for run in runs) or sweeping.poll() is not None:
            break
        time.sleep(0.1)
    os.killpg(sweeping.pid, signal.SIGKILL)  # parent, scheduler and workers
    sweeping.wait()
    done = [run for run in runs if run.exists()]
    assert len(done) == 1
    before = done[0].stat().st_mtime_ns
    code, out, err = call(*arguments, "--resume")
    assert (code, err) == (0, "")
    assert "1 of 2 are there already" in out
    assert all(run.exists() for run in runs)
    assert done[0].stat().st_mtime_ns == before
