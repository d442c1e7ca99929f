import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ddip_tf.archive.lock import FolderLock, as_run_error, clear
from ddip_tf.errors import InputError, RunError
from ddip_tf.training.interruption import Interruption, seconds

HOLD = """
import sys, time
from ddip_tf.archive.lock import FolderLock
with FolderLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_refused_while_the_first_lives(tmp_path):
    run = tmp_path / "run"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, run], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(InputError, match="another ddip-tf works on"), FolderLock(run):
        pass
    (tmp_path / ".run.partial" / "half").write_text("unfinished")
    holder.kill()  # leaves its lock and its folder
    holder.communicate()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".run.lock", ".run.partial"]
    with FolderLock(run) as place:
        assert list(place.aside.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="has no folder that nobody writes to")
def test_a_place_where_no_lock_can_be_made_is_one_that_cannot_be_written():
    with pytest.raises(RunError, match="cannot write /proc/run"), FolderLock("/proc/run"):
        pass


def test_two_places_in_one_process_exclude_each_other(tmp_path):
    with FolderLock(tmp_path / "run"), pytest.raises(InputError, match="another"), FolderLock(tmp_path / "run"):
        pass
    with FolderLock(tmp_path / "run"), FolderLock(tmp_path / "run2"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_cleared_unless_somebody_works_on_a_run_of_it(tmp_path):
    folder = tmp_path / "sweep"
    (folder / "runs/a").mkdir(parents=True)
    (folder / "runs/a/manifest.json").write_text("finished")
    (folder / "runs/.b.lock").write_text("")  # of a killed process
    with FolderLock(folder / "runs/c"):
        before = sorted(folder.rglob("*"))
        with pytest.raises(InputError, match=r"another ddip-tf works on .*c:"):
            clear(folder)
        assert sorted(folder.rglob("*")) == [path for path in before if path.name != ".b.lock"]
    clear(folder)
    assert list(tmp_path.iterdir()) == []
    clear(folder)


def test_refusals_of_the_system_and_of_tensorflow_are_one_sentence_and_faults_stay_what_they_are(tmp_path):
    import tensorflow as tf

    full = tf.errors.ResourceExhaustedError(None, None, "no space {{node save}} for it\nmore")
    for refusal, said in ((OSError(28, "No space left"), "No space left"), (full, "no space for it")):
        with pytest.raises(RunError, match=rf"^cannot write .*run: {said}; make room"), as_run_error(tmp_path / "run"):
            raise refusal
    fault = type("Fault", (RuntimeError,), {"__module__": "tensorflow_of_ours"})
    with pytest.raises(fault), as_run_error(tmp_path / "run"):
        raise fault("a programming error")


@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_an_exchange_cut_short_is_taken_back_or_completed(tmp_path, killed_after):
    """Steps: old run aside, new one in its place, old one removed."""
    run, old = tmp_path / "run", tmp_path / ".run.old"
    (run / "checkpoints").mkdir(parents=True)
    aside = tmp_path / ".run.partial"
    aside.mkdir()
    (aside / "manifest.json").write_text("new")
    if killed_after >= 1:
        run.rename(old)
    if killed_after >= 2:
        aside.rename(run)
    if killed_after >= 3:
        (old / "checkpoints").rmdir()
    with FolderLock(run):
        pass
    assert [path.name for path in run.iterdir()] == (["checkpoints"] if killed_after == 1 else ["manifest.json"])
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_file_in_the_place_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(InputError, match="no folder"), FolderLock(tmp_path / "run"):
        pass
    with pytest.raises(RunError, match="cannot write"), FolderLock(tmp_path / "run" / "inner"):
        pass


@pytest.mark.parametrize(("text", "value"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172800), ("0s", 0)])
def test_times(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_reason_to_stop(number, capfd):
    former = signal.getsignal(number)
    with Interruption() as guard:
        assert guard.reason() is None
        os.kill(os.getpid(), number)
        end = time.monotonic() + 5
        while guard.reason() is None and time.monotonic() < end:
            time.sleep(0.01)
        assert guard.reason() == signal.Signals(number).name
    assert signal.getsignal(number) is former
    assert "once more to stop at once" in capfd.readouterr().err


def test_the_second_signal_ends_the_process_at_once():
    busy = (
        "import os, signal, time\nfrom ddip_tf.training.interruption import Interruption\n"
        "with Interruption():\n os.kill(os.getpid(), signal.SIGTERM)\n time.sleep(0.3)\n"
        " os.kill(os.getpid(), signal.SIGINT)\n time.sleep(30)\n"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", busy], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert time.monotonic() - began < 20
    assert "stopped at once" in done.stderr


def test_a_time_limit_is_a_reason():
    assert Interruption(0.0).reason() == "the time is up"
    assert Interruption(60.0).reason() is None
