import dataclasses
import json
import re

import keras
import numpy as np
import pytest

from ddip_tf import cli
from ddip_tf.archive import manifest, network_files
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError, Interrupted, RunError
from ddip_tf.training import checkpoint
from ddip_tf.training.checkpoint import Checkpoints, State
from ddip_tf.training.fitting import fit

STATE = State((np.arange(5.0, dtype="f4"), np.array(7)), np.ones((3, 6), "f4"), 12.5)
SAME = {"gamma": 0.1, "shape": [2, 43, 36], "threads inter_op": 2}


def kept(run, **changes):
    keeper = Checkpoints(run, every=2)
    keeper.begin({**SAME, **changes})
    keeper.save(STATE)
    return Checkpoints(run, resume=True)


def test_a_state_comes_back_bit_by_bit(tmp_path):
    back = kept(tmp_path / "run").begin(SAME)
    for one, other in zip((*back.variables, back.history), (*STATE.variables, STATE.history), strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    assert (back.seconds, back.status) == (12.5, "running")


@pytest.mark.parametrize(
    ("name", "value"), [("gamma", 0.2), ("shape", [2, 43, 37]), ("threads inter_op", 1), ("new", 1)]
)
def test_a_state_of_another_fit_is_refused_by_name(tmp_path, name, value):
    with pytest.raises(InputError, match=f"a fit with {name} .*, this one has"):
        kept(tmp_path).begin({**SAME, name: value})


def test_without_resume_an_old_state_is_forgotten(tmp_path):
    kept(tmp_path)
    assert Checkpoints(tmp_path).begin(SAME) is None
    assert Checkpoints(tmp_path, resume=True).begin(SAME) is None


def test_damaged_and_foreign_states_are_refused(tmp_path):
    keeper = kept(tmp_path)
    path = tmp_path / checkpoint.STATE
    whole = path.read_bytes()
    for damaged in (whole[:-40], b"", b"PK", whole[:900] + b"?" * 30 + whole[930:]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"state\.npz"):
            keeper.begin(SAME)
    np.savez(path, about=json.dumps({"format_version": 2, "seconds": 1, "status": ""}), identity="{}", history=[[1]])
    with pytest.raises(InputError, match="has format 2"):
        keeper.begin(SAME)


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(tmp_path, monkeypatch):
    keeper = kept(tmp_path)
    before = (tmp_path / checkpoint.STATE).read_bytes()

    def full(stream, **_):
        stream.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(RunError, match=r"No space left.*the last one is kept"):
        keeper.save(STATE)
    assert (tmp_path / checkpoint.STATE).read_bytes() == before
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["state.npz"]


def test_when_a_checkpoint_is_due(tmp_path):
    keeper = Checkpoints(tmp_path, every=4)
    assert [keeper.due(done) for done in (3, 4, 5, 8)] == [False, True, False, True]
    assert [keeper.epochs_left(done) for done in (0, 3, 4)] == [4, 1, 4]
    assert Checkpoints(tmp_path, every_s=0).due(1)
    assert not Checkpoints(tmp_path).due(1)


@pytest.fixture(scope="module")
def interrupted(stack, small, tmp_path_factory):
    """The run folder of the session's fit, stopped after some of its 12 epochs."""
    run = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(Interrupted, match=r"SIGTERM: stopped after epoch \d+ of 12, state saved in .*state.npz$"):
        fit(stack, small, threads=2, checkpoints=Checkpoints(run, every=3), stop=Stop(2))
    return run


class Stop:
    """A reason to stop when asked for the nth time."""

    def __init__(self, count):
        self.left = count

    def __call__(self):
        self.left -= 1
        return None if self.left else "SIGTERM"


def test_a_resumed_fit_has_the_bits_of_one_never_stopped(interrupted, stack, small, separation):
    heard = []
    listener = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: heard.append(epoch))
    again = fit(stack, small, threads=2, checkpoints=Checkpoints(interrupted, resume=True), callbacks=[listener])
    assert 0 < heard[0] < 11
    assert heard == list(range(heard[0], 12))
    np.testing.assert_array_equal(again.outputs, separation.outputs)
    np.testing.assert_array_equal(again.mixing["matrix"], separation.mixing["matrix"])
    for name in separation.history:
        np.testing.assert_array_equal(again.history[name], separation.history[name])
    assert again.status == "done"


def test_a_state_of_other_settings_or_threads_is_refused(interrupted, stack, small):
    for name, value in (("gamma", 0.3), ("seed", 8), ("width", 1)):
        with pytest.raises(InputError, match=f"a fit with {name}"):
            fit(stack, dataclasses.replace(small, **{name: value}), checkpoints=Checkpoints(interrupted, resume=True))
    with pytest.raises(InputError, match="images of sha256"):
        fit(stack.pick([1, 0]), small, checkpoints=Checkpoints(interrupted, resume=True))


def test_a_state_that_does_not_fit_the_networks_is_refused(stack, tmp_path, monkeypatch):
    config = FitConfig(mixing="linear", width=1, epochs=4)
    monkeypatch.setattr(Checkpoints, "begin", lambda *_: State((np.zeros(3, "f4"),), np.zeros((1, 6), "f4")))
    with pytest.raises(InputError, match="does not fit these networks"):
        fit(stack, config, checkpoints=Checkpoints(tmp_path, resume=True))


def test_a_loss_that_is_not_finite_leaves_the_last_good_state(stack, tmp_path, without_graphs):
    config = FitConfig(mixing="linear", width=1, epochs=30, learning_rate=1e30)
    with pytest.raises(FloatingPointError, match=r"after epoch \d+: .*lower learning rate; the state of") as caught:
        fit(stack, config, checkpoints=Checkpoints(tmp_path, every=1))
    bad, good = map(int, re.findall(r"epoch (\d+)", str(caught.value)))
    with np.load(tmp_path / checkpoint.STATE) as state:
        # the loss of the epoch after a good state is finite, so that state is two before the bad epoch's end
        assert len(state["history"]) == good == bad - 2
        assert all(np.isfinite(state[name]).all() for name in state.files if state[name].dtype.kind == "f")


def test_weights_go_into_the_models_only_for_who_looks(stack, monkeypatch, without_graphs):
    from ddip_tf.networks import parameters
    from ddip_tf.training.callbacks import progress

    written = []
    monkeypatch.setattr(parameters.ParameterVector, "write", lambda *_: written.append(1))
    config = FitConfig(mixing="linear", width=1, epochs=4, chunk=1)
    fit(stack, config, callbacks=progress.callback("json"))
    assert len(written) == 1
    fit(stack, config, callbacks=[keras.callbacks.Callback()])
    assert len(written) == 1 + 4 + 1


@pytest.fixture
def call(capfd, monkeypatch, tmp_path, stack):
    monkeypatch.chdir(tmp_path)
    np.save("stack.npy", stack.images)
    options = ["--preset", "paper", "--mixing", "linear", "--width", "1", "--epochs", "6", "-o", "run"]

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["ddip-tf", "fit", "stack.npy", *options, *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capfd.readouterr()
        return end.value.code or 0, out, err

    return run


def test_a_result_outlives_an_archive_that_fails(call, tmp_path, monkeypatch, without_graphs):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(network_files.Architecture, "save_onnx", full)
        code, _, err = call()
    assert (code, err.count("\n")) == (1, 1)
    assert "No space left" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "stack.npy"]
    code, _, err = call()
    assert code == 2
    assert "--resume goes on with it" in err
    code, out, err = call("--resume", "--progress", "json")
    assert (code, out, err) == (0, "", "")  # all epochs were done: none is heard of
    assert not (tmp_path / "run/checkpoints").exists()
    code, out, _ = call("--resume")
    assert code == 0
    assert "finished" in out
    code, _, err = call("--resume", "--gamma", "0.2")
    assert code == 2
    assert "another config" in err


def test_a_time_limit_is_exit_130_and_resume_goes_on(call, tmp_path, without_graphs):
    code, out, err = call("--stop-after", "0s")
    assert (code, out) == (130, "")
    assert "the time is up: stopped after epoch 1 of 6" in err
    assert (tmp_path / "run" / checkpoint.STATE).exists()
    assert call("--resume")[0] == 0
    assert manifest.load_manifest(tmp_path / "run")["epochs_done"] == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stop-after", "soon"], "no time"),
        (["--stop-after", "30"], "no time"),
        (["--checkpoint-every", "0"], "the least is 1"),
        (["--checkpoint-every", "x"], "no time"),
    ],
)
def test_bad_times_are_exit_2(call, tmp_path, options, message):
    code, _, err = call(*options)
    assert code == 2
    assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["stack.npy"]
