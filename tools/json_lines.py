"""Rows that tools write as they go, a line of JSON each, so that what was stopped goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows that are there; a line cut short is none."""
    rows = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def finished_rows(paths: tuple[Path, ...]) -> list[dict[str, Any]]:
    """The rows of several files, without those of cases that failed."""
    return [row for path in paths for row in read_rows(path) if "error" not in row]
