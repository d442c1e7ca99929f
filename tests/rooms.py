"""The rooms of `ddip_tf` in their one order, and what each imports: for tests/whole and tools/draw_architecture.py."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "ddip_tf"

#: rooms (folders, or modules beside them) in the order of the data: each imports only from those before it
ORDER = (
    "_types",
    "_moved",
    "errors",
    "caution",
    "environment",
    "methods",
    "plain_yaml",
    "config",
    "transfer",
    "slices",
    "networks",
    "formats",
    "quality",
    "objectives",
    "training",
    "hooks",
    "archive",
    "report",
    "napari_plugin",
    "workflows",
    "commands",
    "cli",
)


def files(room: str) -> list[Path]:
    path = PACKAGE / room
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def imports(file: Path) -> set[str]:
    """Full names of all that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms_of(file: Path) -> set[str]:
    """The rooms that a file imports from, its own among them."""
    return {name.split(".")[1] for name in imports(file) if name.startswith("ddip_tf.")}
