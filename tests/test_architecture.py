"""Data goes one way: who may import whom, and what must stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ddip_tf

PACKAGE = Path(ddip_tf.__file__).parent

#: what each room may import of the others, beside the glossary and the errors
ALLOWED = {
    "config": set(),
    "phase": set(),
    "slices": {"phase"},
    "quantities": set(),
    "formats": {"phase", "quantities", "slices"},
    "normalise": set(),
    "runtime": set(),
    "interruption": set(),
    "place": set(),
    "manifest": {"formats"},
    "inspection": {"formats"},
    "outliers": {"slices"},
    "checkpoint": {"config", "formats", "runtime", "slices"},
    "parameters": {"swift"},
    "swift": {"networks"},
    "losses": set(),
    "networks": set(),
    "mixing": {"config", "networks", "parameters"},
    "result": {"config", "normalise", "slices"},
    "diagnose": {"phase", "result"},
    "smica": set(),
    "profiles": set(),
    "transfer": {"profiles", "smica"},
    "cosine": set(),
    "noise": {"smica"},
    "guide": {"noise", "smica"},
    "amplitude": {"cosine", "profiles", "smica"},
    "nullspace": {"amplitude", "cosine", "guide", "noise", "profiles", "smica", "transfer", "variation"},
    "variation": {"cosine"},
    "metrics": set(),
    "spectral": {"profiles"},
    "deep": {"config", "mixing", "networks", "noise", "nullspace", "parameters", "spectral", "transfer"},
    "nulldeep": {
        "cosine",
        "config",
        "deep",
        "mixing",
        "networks",
        "noise",
        "nullspace",
        "parameters",
        "smica",
        "transfer",
    },
    "audience": {"networks", "result"},
    "watching": {"thumbnail"},
    "thumbnail": set(),
    "progress": {"thumbnail", "watching"},
    "descent": {"audience", "checkpoint", "config", "parameters"},
    "lawful": {
        "audience",
        "checkpoint",
        "config",
        "deep",
        "descent",
        "diagnose",
        "networks",
        "normalise",
        "nulldeep",
        "nullspace",
        "result",
        "runtime",
        "slices",
        "transfer",
    },
    "coupled": {"config", "losses", "mixing", "networks", "parameters", "result"},
    "fitting": {
        "checkpoint",
        "config",
        "coupled",
        "descent",
        "diagnose",
        "lawful",
        "mixing",
        "networks",
        "normalise",
        "outliers",
        "result",
        "runtime",
        "slices",
    },
    "graphs": {"networks", "runtime"},
    "archive": {
        "checkpoint",
        "config",
        "formats",
        "graphs",
        "inspection",
        "manifest",
        "place",
        "result",
        "runtime",
        "slices",
    },
    "regeneration": {"archive", "formats", "inspection", "manifest", "normalise", "repeats"},
    "ensemble": {"formats", "manifest", "place", "regeneration", "repeats"},
    "export": {"formats", "manifest", "slices"},
    "describe": {"archive", "formats", "quantities", "result", "slices", "transfer"},
    "planes": set(),
    "run_charts": {"describe", "formats", "manifest", "spectrum"},
    "run_page": {
        "archive",
        "config",
        "describe",
        "formats",
        "manifest",
        "place",
        "planes",
        "regeneration",
        "run_charts",
        "spectrum",
    },
    "report": {"archive", "describe", "formats", "manifest", "place", "regeneration", "transfer"},
    "blind": set(),
    "repeats": {"normalise"},
    "sweep": {
        "archive",
        "blind",
        "checkpoint",
        "config",
        "fitting",
        "formats",
        "manifest",
        "place",
        "regeneration",
        "result",
        "runtime",
        "slices",
    },
    "suggestion": set(),
    "sweep_page": {"place", "regeneration", "repeats", "report", "spectrum", "suggestion", "sweep"},
    "cluster": set(),
    "spectrum": set(),
    "resolution": set(),
    "napari_reader": {"archive", "formats", "manifest", "regeneration", "report"},
    "napari_panel": {"config", "formats", "napari_reader", "slices"},
    "plots": {"report", "resolution", "spectrum"},
}


def imports(module: str) -> set[str]:
    path = PACKAGE / module
    files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "ddip_tf":
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ddip_tf."):
                found.add(node.module.split(".")[1])
            elif isinstance(node, ast.ImportFrom) and node.level:
                found |= {node.module} if node.module else {alias.name for alias in node.names}
    return found - {"_typing", "errors", module}


@pytest.mark.parametrize("module", ALLOWED)
def test_imports_go_one_way(module):
    assert imports(module) <= ALLOWED[module]


def test_nobody_imports_the_command_line():
    for file in PACKAGE.rglob("*.py"):
        text = file.read_text()
        assert "ddip_tf.cli" not in text
        if file.name != "cli.py" and file.parent.name != "commands":
            assert "ddip_tf.commands" not in text


def test_modules_are_short():
    for file in PACKAGE.rglob("*.py"):
        assert len(file.read_text().splitlines()) <= 300, file.name


@pytest.mark.parametrize("module", ["ddip_tf", "ddip_tf.cli", "ddip_tf.regeneration", "ddip_tf.formats"])
def test_light_modules_import_nothing_heavy(module):
    heavy = ("tensorflow", "keras", "onnx", "onnxruntime", "tf2onnx", "matplotlib", "scipy", "skimage", "rich", "h5py")
    code = f"import sys, {module}; print([n for n in {heavy!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_resolve_and_are_documented():
    for name in ddip_tf.__all__:
        assert getattr(ddip_tf, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ddip_tf.nothing  # noqa: B018


def test_public_functions_stay_functions_after_their_modules_are_imported():
    code = (
        "import ddip_tf.archive, ddip_tf.regeneration, ddip_tf;"
        "print(callable(ddip_tf.regenerate), callable(ddip_tf.read))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True True"
