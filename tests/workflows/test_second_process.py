"""A second process: its answers are those of a call, it hinders nobody, and it does not outlive the first."""

import operator
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from ddip_tf.workflows import second_process
from ddip_tf.workflows.second_process import SecondProcess, ThisProcess, beside


@pytest.fixture(scope="module")
def process():
    one = SecondProcess()
    yield one
    one.leave()


@pytest.mark.parametrize("kind", [SecondProcess, ThisProcess])
def test_answers_and_exceptions_are_those_of_the_call(kind, process):
    one = process if kind is SecondProcess else ThisProcess()
    image = np.random.default_rng(0).normal(size=(130, 201))  # more than a pipe holds
    calls = [one.submit(np.flipud, image), one.submit(operator.truediv, 1, 0), one.submit(os.getpid)]
    np.testing.assert_array_equal(calls[0].result(), image[::-1])
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        calls[1].result()
    assert (calls[2].result() == os.getpid()) == (kind is ThisProcess)


def test_what_is_printed_there_is_no_answer(process):
    assert process.submit(print, "said").result() is None
    assert process.submit(operator.add, 2, 3).result() == 5


def test_what_it_cannot_give_is_computed_here():
    one = SecondProcess()
    there = one.submit(os.getpid).result()
    os.kill(there, signal.SIGKILL)
    assert one.submit(os.getpid).result() == os.getpid() != there
    one.leave()


def test_leaving_does_not_wait_for_what_it_does():
    one, began = SecondProcess(), time.monotonic()
    answer = one.submit(time.sleep, 60)
    one.submit(time.sleep, 60)
    one.leave()
    assert time.monotonic() - began < 20
    with pytest.raises((OSError, EOFError)):
        answer.result()


def test_it_ends_with_the_first_however_that_ends():
    code = (
        "import os, time; from ddip_tf.workflows.second_process import SecondProcess as S\n"
        "one = S(); print(one.submit(os.getpid).result(), flush=True); one.submit(time.sleep, 60); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as first:
        second = int(first.stdout.readline())
        first.kill()
    until = time.monotonic() + 20
    while time.monotonic() < until and running(second):
        time.sleep(0.05)
    assert not running(second)


def running(process: int) -> bool:
    """Whether it is there and no more than a name that nobody asked about yet."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_there_is_one_where_tensorflow_is_still_to_come(monkeypatch):
    with beside() as process:  # the tests have imported it
        assert isinstance(process, ThisProcess)
    monkeypatch.delitem(sys.modules, "tensorflow")
    with beside(useful=False) as process:
        assert isinstance(process, ThisProcess)
    monkeypatch.setattr(second_process.environment, "available_cores", lambda: 1)
    with beside() as process:
        assert isinstance(process, ThisProcess)
    monkeypatch.setattr(second_process.environment, "available_cores", lambda: 2)
    with beside("ddip_tf.errors") as process:
        assert process.submit(operator.contains, "abc", "b").result() is True
