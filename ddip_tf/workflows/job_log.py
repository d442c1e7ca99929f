"""What a job does and when: ``log.txt`` of the run folder, and standard error where that is asked for."""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import Path
from typing import Any

from ddip_tf.archive.lock import LOG
from ddip_tf.archive.manifest import MANIFEST

#: of the package; its modules log to ``ddip_tf.…``
LOGGER = logging.getLogger("ddip_tf")


class JobLog(logging.Handler):
    """A context in which what the package logs stands in ``run/log.txt``, as soon as the folder is there.

    Where it cannot be written there is none: no reason to end a fit.

    Parameters
    ----------
    run
        the run folder.
    resume
        whether the log that is there goes on; else it is left alone until `anew`.
    verbose
        whether standard error has the same lines.
    """

    def __init__(self, run: Path, *, resume: bool, verbose: bool) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(asctime)s  %(message)s"))
        self._path = run / LOG
        self._lines: list[str] = []
        self._pending: list[str] = []
        self._before = not resume and (run / MANIFEST).exists()  # the run there is to be replaced
        self._verbose = verbose
        if resume:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                self._lines = self._path.read_text().splitlines()

    def __enter__(self) -> JobLog:
        self._former = LOGGER.level, LOGGER.propagate
        LOGGER.setLevel(logging.INFO)
        LOGGER.propagate = False  # libraries set up the root logger, which would say every line once more
        LOGGER.addHandler(self)
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is not None:
            LOGGER.info("ended by %s: %s", type(error).__name__, error)
        LOGGER.removeHandler(self)
        level, LOGGER.propagate = self._former
        LOGGER.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line, and write it if there is where."""
        line = self.format(record)
        self._lines.append(line)
        self._pending.append(line)
        if self._verbose:
            print(line, file=sys.stderr, flush=True)
        if not self._before and self._path.parent.is_dir():
            self._write("a")

    def anew(self) -> None:
        """The folder was put in place: all lines into it."""
        self._before, self._pending = False, list(self._lines)
        self._write("w")

    def _write(self, mode: str) -> None:
        with contextlib.suppress(OSError), self._path.open(mode) as stream:
            stream.write("".join(f"{line}\n" for line in self._pending))
            self._pending.clear()
