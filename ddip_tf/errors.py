"""The ways in which things go wrong, apart from programming errors."""

from __future__ import annotations


class InputError(ValueError):
    """What came in cannot be worked on: wrong file, shape, value or option (exit code 2)."""


class RunError(RuntimeError):
    """Work that started could not be finished: no permission, no space, archive damaged (exit code 1)."""


class Interrupted(RuntimeError):
    """Work was asked to stop before its end; the message says what was saved (exit code 130)."""
