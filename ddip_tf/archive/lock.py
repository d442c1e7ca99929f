"""The lock of a run folder: held by one process at a time, and always either the old run, the new one, or none.

Beside RUN stand, while a process works there, `.RUN.lock` (locked by the kernel for as long as the process lives),
`.RUN.partial` (the run in the making) and, for the moment of the exchange, `.RUN.old`. Whoever holds the lock may clear
away what a killed process left. The folder of repeats or of a sweep is held in the same way, beside its runs.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from ddip_tf._types import StrPath
from ddip_tf.errors import InputError, RunError, remedy

#: files of a fit under way that are not its state: a folder with nothing else is free
PREVIEW, LOG = "preview.png", "log.txt"


def taken(run: Path) -> bool:
    """Whether the folder ``run`` is there and holds anything that must not be lost."""
    return run.is_dir() and any(path.name not in (PREVIEW, f".{PREVIEW}", LOG) for path in run.iterdir())


class FolderLock:
    """Hold the folder ``run``; leaving it clears away what is not finished.

    Raises
    ------
    InputError
        another process holds it, or it is a file.
    RunError
        no permission, no space.
    """

    def __init__(self, run: StrPath) -> None:
        self.run = Path(run).absolute()
        #: the folder to fill
        self.aside = self._beside("partial")

    def __enter__(self) -> FolderLock:
        import filelock

        if self.run.exists() and not self.run.is_dir():
            raise InputError(f"{self.run} exists and is no folder")
        self._lock = filelock.FileLock(self._beside("lock"))
        with as_run_error(self.run):
            self.run.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(blocking=False)
            except filelock.Timeout:
                if not self._beside("lock").exists():  # it cannot even be made
                    raise RunError(f"cannot write {self.run}") from None
                raise InputError(
                    f"another ddip-tf works on {self.run}: wait for its end, or choose another `run`"
                ) from None
        try:
            with as_run_error(self.run):
                self._recover()
                self.aside.mkdir()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        shutil.rmtree(self.aside, ignore_errors=True)
        self._release()

    def commit(self) -> None:
        """Put the filled folder in its place and remove what was there. Raises OSError."""
        if self.run.exists():
            self.run.rename(self._beside("old"))
        self.aside.rename(self.run)
        shutil.rmtree(self._beside("old"), ignore_errors=True)

    def _recover(self) -> None:
        """Undo what a killed process began: an exchange, a folder not finished."""
        old = self._beside("old")
        if old.exists() and not self.run.exists():
            old.rename(self.run)
        for left in (old, self.aside):
            if left.exists():
                shutil.rmtree(left)

    def _release(self) -> None:
        with contextlib.suppress(OSError):
            self._beside("lock").unlink()  # while it is held: the next one makes its own
        self._lock.release()

    def _beside(self, kind: str) -> Path:
        return self.run.with_name(f".{self.run.name}.{kind}")


def clear(folder: Path) -> None:
    """Remove ``folder`` with the run folders in it, whose place the caller holds.

    Raises InputError, and removes nothing, while another process works on one of them, as a worker does that outlives
    its sweep; RunError if it cannot be removed.
    """
    with as_run_error(folder), contextlib.ExitStack() as held:
        for lock in sorted(folder.rglob(".*.lock")):
            held.enter_context(FolderLock(lock.with_name(lock.name.removeprefix(".").removesuffix(".lock"))))
        if folder.exists():
            shutil.rmtree(folder)


class as_run_error:
    """Turns the refusals of the system and of TensorFlow (permission, space) into one RunError with the folder."""

    def __init__(self, run: Path) -> None:
        self._run = run

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OSError):
            raise RunError(f"cannot write {self._run}: {error.strerror or error}; {remedy(error)}") from error
        tensorflow = sys.modules.get("tensorflow")  # what never started it raises none of its errors
        if tensorflow is not None and isinstance(error, tensorflow.errors.OpError):
            said = re.sub(r"\{\{.*?\}\} *", "", error.message).split("\n")[0]
            raise RunError(f"cannot write {self._run}: {said[:300]}; {remedy(error)}") from error


def replace_text(path: Path, text: str) -> Path:
    """Write ``text`` aside and put it in its place, so that a reader never sees half. Raises RunError."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with as_run_error(path):
        aside.write_text(text)
        aside.replace(path)
    return path
