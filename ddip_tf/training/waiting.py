"""What is said on a terminal while nothing can be seen: a line at once, a turning sign. No imports to wait for."""

from __future__ import annotations

import contextlib
import sys


def watched(kind: str) -> bool:
    """Whether somebody looks: ``bar``, or ``auto`` where standard error is a terminal."""
    return kind == "bar" or (kind == "auto" and sys.stderr.isatty())


def say(kind: str, text: str) -> None:
    """A line on standard error, at once, where somebody looks; ``kind`` as in `watched`."""
    if watched(kind):
        print(text, file=sys.stderr, flush=True)


def spinner(kind: str, text: str) -> contextlib.AbstractContextManager:
    """A line with a turning sign, for work that is done in one go; ``kind`` as in `watched`."""
    if not watched(kind):
        return contextlib.nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(text)
