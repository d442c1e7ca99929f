"""A second process that computes while this one imports TensorFlow, which holds Python's lock for seconds.

What it is given and gives is pickled between the two. It ends with this one, whatever becomes of that; what it cannot
do is done here.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from ddip_tf import environment


class Answer(Protocol):
    """What a function gives, or the exception that it raises, for who waits for it."""

    def result(self) -> Any: ...


class Process(Protocol):
    """Calls functions of modules, one after the other."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Answer: ...


class ThisProcess:
    """Calls them here, when the answer is asked for."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Answer:
        return _Later(functools.partial(function, *arguments))


class _Later:
    def __init__(self, call: Callable[[], Any]) -> None:
        self.result = call


class SecondProcess:
    """Calls them at once, elsewhere; here only where that process is gone."""

    def __init__(self, *modules: str) -> None:
        command = [sys.executable, "-m", __name__, *modules]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._calls = ThreadPoolExecutor(1)
        self._left = False

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Answer:
        return self._calls.submit(self._call, pickle.dumps((function, arguments)), function, arguments)

    def _call(self, pickled: bytes, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(pickled)
            self._process.stdin.flush()
            found, error = pickle.load(self._process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            if self._left:
                raise
            return function(*arguments)
        if error is not None:
            raise error
        return found

    def leave(self) -> None:
        """End it, whatever it does."""
        self._left = True
        self._process.kill()
        self._calls.shutdown(cancel_futures=True)
        self._process.communicate()


@contextlib.contextmanager
def beside(*modules: str, useful: bool = True) -> Iterator[Process]:
    """A second process, which begins with the import of ``modules``; this one where two are not ``useful``: TensorFlow
    is imported already, or there is one core."""
    if not useful or "tensorflow" in sys.modules or environment.available_cores() == 1:
        yield ThisProcess()
        return
    process = SecondProcess(*modules)
    try:
        yield process
    finally:
        process.leave()


def _serve(modules: list[str]) -> None:
    """Calls come on standard input, answers go to standard output; the end of the first is the end of all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's business
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed is no answer
    calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(calls,), daemon=True).start()
    for module in modules:
        importlib.import_module(module)
    while True:
        function, arguments = calls.get()
        found = error = None
        try:
            found = function(*arguments)
        except Exception as raised:
            error = raised
        answers.write(pickle.dumps((found, error)))
        answers.flush()


def _listen(calls: queue.SimpleQueue[Any]) -> None:
    with contextlib.suppress(EOFError):
        while True:
            calls.put(pickle.load(sys.stdin.buffer))
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1:])
