"""The ways in which things go wrong, apart from programming errors."""

from __future__ import annotations

import errno


class InputError(ValueError):
    """What came in cannot be worked on: wrong file, shape, value or option (exit code 2).

    >>> ddip_tf.read("nowhere.tif")
    Traceback (most recent call last):
    ddip_tf.errors.InputError: ...
    """


class RunError(RuntimeError):
    """Work that started could not be finished: no permission, no space, archive damaged (exit code 1)."""


class Interrupted(RuntimeError):
    """Work was asked to stop before its end; the message says what was saved (exit code 130).

    ``kept``: whether there is anything that the same work, resumed, goes on from.
    """

    def __init__(self, message: str = "", *, kept: bool = False) -> None:
        super().__init__(message)
        self.kept = kept


def remedy(error: BaseException) -> str:
    """What helps where a place cannot be written, as the system or TensorFlow says why."""
    number, said = getattr(error, "errno", None), f"{type(error).__name__} {error}"
    if number in (errno.ENOSPC, errno.EDQUOT) or "No space left" in said or "ResourceExhausted" in said:
        return "make room there, or choose another place"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS) or "PermissionDenied" in said or "Read-only" in said:
        return "you may not write there: choose another place"
    return "choose another place"
