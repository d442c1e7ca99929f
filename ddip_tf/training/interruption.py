"""Ctrl-C, SIGTERM and a time limit: the first asks a fit to stop, a second signal ends the process at once."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import threading
import time
from typing import Any

from ddip_tf.errors import InputError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> float:
    """``90s``, ``30m``, ``1h30m`` or ``2d`` in seconds. Raises InputError for anything else."""
    if not re.fullmatch(r"(\d{1,9}[smhd])+", text):
        raise InputError(f"{text!r} is no time: write 90s, 30m or 1h30m")
    return float(sum(int(number) * UNIT_S[unit] for number, unit in re.findall(r"(\d+)([smhd])", text)))


class Interruption:
    """Context in which ``reason()`` says why to stop, if there is a reason.

    A thread of its own hears the signals, since Python's handlers wait until TensorFlow comes back from its graph.
    Enter it in the main thread.

    Parameters
    ----------
    stop_after_s
        time limit in seconds from now, or None.
    """

    def __init__(self, stop_after_s: float | None = None) -> None:
        self._end = None if stop_after_s is None else time.monotonic() + stop_after_s
        self._heard: int | None = None

    def __enter__(self) -> Interruption:
        self._listen, self._speak = socket.socketpair()
        self._speak.setblocking(False)
        self._former_descriptor = signal.set_wakeup_fd(self._speak.fileno(), warn_on_full_buffer=False)
        self._former = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        signal.set_wakeup_fd(self._former_descriptor)
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._speak.close()  # the thread reads the end of the stream
        self._thread.join()
        self._listen.close()

    def reason(self) -> str | None:
        """Why to stop, or None to go on."""
        if self._heard is not None:
            return signal.Signals(self._heard).name
        if self._end is not None and time.monotonic() >= self._end:
            return "the time is up"
        return None

    def _wait(self) -> None:
        while number := self._listen.recv(1):
            if number[0] not in SIGNALS:
                continue
            if self._heard is not None:
                _say("stopped at once" + ("\x1b[?25h" if sys.stderr.isatty() else ""))  # a bar hides the cursor
                os._exit(130)
            self._heard = number[0]
            _say("finishing this epoch, then saving; once more to stop at once")


def _say(text: str) -> None:
    os.write(2, f"\nddip-tf: {text}\n".encode() if sys.stderr.isatty() else f"ddip-tf: {text}\n".encode())
