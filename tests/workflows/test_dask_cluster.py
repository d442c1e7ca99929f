"""Tasks on Dask workers; the tasks here are small functions, no TensorFlow."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ddip_tf.errors import RunError
from ddip_tf.workflows import dask_cluster


def write_once(task):
    """Leave a mark named after the task and this process; the task's text says how to end."""
    folder, name, how = task
    marks = list(Path(folder).glob(f"{name}.*"))
    (Path(folder) / f"{name}.{os.getpid()}").write_text(os.environ.get("OMP_NUM_THREADS", ""))
    if how == "raise":
        raise ValueError("two\nlines")
    if how == "die" or (how == "die once" and not marks):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.1)


def outcome(tasks, client):
    return {task[1]: failure for task, failure in dask_cluster.run(write_once, tasks, client)}


def test_dead_workers_and_failed_tasks_cost_nothing_else(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # what a user has set would stand
    hows = ["", "die once", "", "raise", "", "die", ""]
    tasks = [(str(tmp_path), f"task{i}", how) for i, how in enumerate(hows)]
    with dask_cluster.local(2, 3) as client:
        found = outcome(tasks, client)
    assert found.pop("task3") == "two lines"
    assert "died" in found.pop("task5")
    assert found == dict.fromkeys(["task0", "task1", "task2", "task4", "task6"])

    def attempts(name):
        return len(list(tmp_path.glob(f"{name}.*")))

    assert attempts("task1") == 2  # tried again once
    assert attempts("task5") == 2  # and not oftener
    assert attempts("task3") == 1  # what fails by itself is not repeated
    assert {path.read_text() for path in tmp_path.iterdir()} == {"3"}


def test_a_scheduler_started_by_hand(tmp_path):
    path = Path(dask_cluster.__file__).parents[2], Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    address = tmp_path / "scheduler.json"
    options = ["--scheduler-file", str(address), "--no-dashboard"]
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment, "cwd": tmp_path}
    scheduler = subprocess.Popen([*dask, "scheduler", *options, "--port", "0", "--host", "127.0.0.1"], **quiet)
    worker = subprocess.Popen([*dask, "worker", *options, "--nthreads", "1"], **quiet)
    try:
        for _ in range(300):
            if address.exists() and address.stat().st_size:
                break
            time.sleep(0.1)
        import json

        time.sleep(0.2)
        (tmp_path / "marks").mkdir()
        tasks = [(str(tmp_path / "marks"), f"task{i}", how) for i, how in enumerate(["", "raise"])]
        with dask_cluster.existing(json.loads(address.read_text())["address"]) as client:
            assert outcome(tasks, client) == {"task0": None, "task1": "two lines"}
        assert scheduler.poll() is None
        assert worker.poll() is None
    finally:
        for process in (worker, scheduler):
            process.terminate()
            process.wait(20)


def test_a_scheduler_that_is_not_there(monkeypatch):
    monkeypatch.setattr(dask_cluster, "PATIENCE_S", 1)
    with (
        pytest.raises(RunError, match="no Dask scheduler answers at tcp"),
        dask_cluster.existing("tcp://127.0.0.1:9"),
    ):
        pass


def test_every_worker_sees_one_gpu_where_there_are_any(tmp_path, monkeypatch):
    assert [dask_cluster.own_gpu(number, 2) for number in range(3)] == [
        {"CUDA_VISIBLE_DEVICES": "0"},
        {"CUDA_VISIBLE_DEVICES": "1"},
        {"CUDA_VISIBLE_DEVICES": "0"},
    ]
    assert dask_cluster.own_gpu(1, 0) == {}
    monkeypatch.setattr(dask_cluster, "NVIDIA", tmp_path / "missing")
    assert dask_cluster.gpus() == 0
    monkeypatch.setattr(dask_cluster, "NVIDIA", tmp_path)
    (tmp_path / "0000:01:00.0").mkdir()
    assert dask_cluster.gpus() == 1
