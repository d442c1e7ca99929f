"""A whole job from Python: run folder, figures and page at once, resumed, and from a thread."""

import dataclasses
import shutil
import threading

import keras
import numpy as np
import pytest

import ddip_tf
from ddip_tf.archive.run import Run
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError, Interrupted
from ddip_tf.quality import repeatability
from ddip_tf.report import run_page
from ddip_tf.workflows import repeats, sweep
from ddip_tf.workflows import run as whole

QUICK = FitConfig(mixing="linear", epochs=4, width=1, chunk=2, seed=3)
QUIET = ddip_tf.RunOptions(threads=2, progress="none")


@pytest.fixture(scope="module")
def made(stack, tmp_path_factory):
    return ddip_tf.fit_and_save(stack, tmp_path_factory.mktemp("whole") / "run", QUICK, QUIET)


def test_everything_is_there(made, stack):
    assert isinstance(made, Run)
    names = {path.name for path in made.path.iterdir()}
    assert names >= {"manifest.json", "outputs", "onnx", "preview.png", "report.html"} and "checkpoints" not in names
    assert made.manifest["config"] == QUICK.to_dict()
    np.testing.assert_allclose(made.inputs, stack.images, atol=1e-6)
    assert ddip_tf.check(made) == []


def test_halves_that_the_settings_do_not_use_are_refused(stack, tmp_path):
    halves = stack.beside(half=stack.images[:, ::-1])
    with pytest.raises(InputError, match="work with mixing transfer"):
        ddip_tf.fit_and_save(halves, tmp_path / "run", QUICK, QUIET)
    assert not (tmp_path / "run").exists()


def test_a_finished_run_gets_only_what_it_lacks(made, stack):
    written = (made.path / "manifest.json").stat().st_mtime_ns
    page, preview = made.path / "report.html", made.path / "preview.png"
    with pytest.raises(InputError, match="not empty"):
        ddip_tf.fit_and_save(stack, made, QUICK, QUIET)
    before = preview.stat().st_mtime_ns
    ddip_tf.fit_and_save(stack, made, QUICK, dataclasses.replace(QUIET, resume=True))
    assert preview.stat().st_mtime_ns == before
    page.unlink()  # it is written last: without it the figures may be halves
    said = []
    again, new = whole.carry_out(stack, made, QUICK, dataclasses.replace(QUIET, resume=True), archived=said.append)
    assert said == []
    assert (new, page.exists(), preview.stat().st_mtime_ns > before) == (False, True, True)
    assert (again.path / "manifest.json").stat().st_mtime_ns == written
    with pytest.raises(InputError, match="finished run with another config"):
        ddip_tf.fit_and_save(stack, made, ddip_tf.preset("quick"), dataclasses.replace(QUIET, resume=True))


def test_who_cannot_be_told_gets_the_pictures_all_the_same(stack, tmp_path, without_graphs):
    def gone(run):
        raise BrokenPipeError("nobody reads")

    with pytest.raises(BrokenPipeError, match="nobody reads"):
        whole.carry_out(stack, tmp_path / "r", ddip_tf.preset("quick"), QUIET, archived=gone)
    assert (tmp_path / "r/preview.png").exists() and (tmp_path / "r/report.html").exists()


class Count(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.heard = []

    def on_epoch_end(self, epoch, logs=None):
        self.heard.append(epoch)


@pytest.fixture(scope="module")
def stopped(stack, tmp_path_factory):
    """A job whose time is up after its first epoch: its folder, and who heard of it."""
    run, count = tmp_path_factory.mktemp("stopped") / "r", Count()
    options = dataclasses.replace(QUIET, stop_after="0s")
    with pytest.raises(Interrupted, match="the time is up"):
        ddip_tf.fit_and_save(stack, run, QUICK, options, callbacks=[count])
    return run, count


def test_callbacks_hear_of_it_and_a_stop_keeps_the_state(stopped):
    run, count = stopped
    assert count.heard[0] == 0 and (run / "checkpoints/state.npz").exists()


def test_it_goes_on_outside_the_main_thread_and_a_page_that_fails_leaves_the_run(
    stopped, stack, made, tmp_path, monkeypatch, capfd
):
    def fail(run):
        raise ValueError("no ink")

    monkeypatch.setattr(run_page, "write", fail)
    run, (count, done) = shutil.copytree(stopped[0], tmp_path / "r"), (Count(), [])
    resumed = dataclasses.replace(QUIET, resume=True)

    def said(opened):
        done.append((opened.outputs, sorted(path.name for path in opened.path.glob("*.[hp]*"))))

    def job():
        whole.carry_out(stack, run, QUICK, resumed, callbacks=[count], archived=said)

    work = threading.Thread(target=job)
    work.start()
    work.join()
    assert stopped[1].heard + count.heard == [0, 1, 2, 3]
    ((outputs, there),) = done  # what was found is said before pictures are drawn
    np.testing.assert_array_equal(outputs, made.outputs)
    assert there == [] and (run / "preview.png").exists()
    again = f"ddip-tf report {run} makes it again"
    assert capfd.readouterr().err == f"Warning: no {run / 'report.html'}: no ink; {again}\n"


def test_repeats_and_sweeps_are_made_of_whole_jobs(stack, made, tmp_path, monkeypatch, without_graphs):
    jobs, fitted = [], []

    def carry_out(stack, run, config, options, **more):
        jobs.append((run, config.seed, options))
        return actual(stack, run, config, options, **more)

    actual = whole.carry_out
    monkeypatch.setattr(whole, "carry_out", carry_out)
    options = dataclasses.replace(QUIET, tensorboard=str(tmp_path / "board"), resume=True)
    shutil.copytree(made.path, tmp_path / "r/runs/0001")  # one of both is there
    monkeypatch.setattr(whole, "_listeners", lambda *_: [])
    monkeypatch.setattr(repeatability, "ALIKE", -1.0)  # after four epochs no two are
    several = repeats.fit_repeatedly(stack, tmp_path / "r", 2, QUICK, options, each=lambda _, new: fitted.append(new))
    assert fitted == [False, True]
    assert [(run.name, seed) for run, seed, _ in jobs] == [("0001", 3), ("0002", 4)]
    assert {one.tensorboard for _, _, one in jobs} == {str(tmp_path / "board/r")}
    assert several.repeated and [one.manifest["seed"] for one in several.members] == [3, 4]
    np.testing.assert_allclose(several.outputs, np.mean([one.outputs for one in several.members], 0), atol=1e-5)

    task = sweep.Task("s", "quick", ddip_tf.preset("quick"), lambda: stack, tmp_path / "s", threads=2)
    sweep.work(task)
    assert jobs[-1][0] == tmp_path / "s"
    assert (tmp_path / "s/report.html").exists() and (tmp_path / "s/preview.png").exists()
