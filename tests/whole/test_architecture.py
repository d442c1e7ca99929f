"""Data goes one way: who may import whom, and what must stay light."""

import ast
import subprocess
import sys

import pytest
from rooms import ORDER, PACKAGE, files, imports, rooms_of

import ddip_tf

#: the package itself, and what runs it as a program
OUTSIDE = {"__init__", "__main__"}
#: rooms that are NumPy and SciPy only
NUMPY_ONLY = ("transfer", "slices", "formats", "quality")


@pytest.mark.parametrize("room", ORDER)
def test_imports_go_one_way(room):
    before = {*ORDER[: ORDER.index(room)], room}
    for file in files(room):
        assert rooms_of(file) <= before, file


def test_every_module_stands_in_a_room():
    assert {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} == {
        *ORDER,
        *OUTSIDE,
    }


@pytest.mark.parametrize("room", NUMPY_ONLY)
def test_the_numerics_know_no_keras(room):
    for file in files(room):
        assert not {name.split(".")[0] for name in imports(file)} & {"tensorflow", "keras"}, file


@pytest.mark.parametrize("room", [room for room in ORDER if (PACKAGE / room).is_dir()])
def test_a_room_says_what_lives_in_it_and_hides_no_public_function(room):
    assert ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text()))
    assert not any(path.name in ddip_tf.__all__ for path in PACKAGE.rglob("*") if path.is_dir())


def test_nobody_imports_the_command_line():
    for file in PACKAGE.rglob("*.py"):
        text = file.read_text()
        assert "ddip_tf.cli" not in text
        if file.name != "cli.py" and file.parent.name != "commands":
            assert "ddip_tf.commands" not in text


def test_modules_are_short():
    folders = (PACKAGE, *(PACKAGE.parent / name for name in ("tests", "tools", "docs/examples")))
    for file in (file for folder in folders for file in folder.rglob("*.py")):
        assert len(file.read_text().splitlines()) <= 300, file


def lines_of_code(function):
    said = ast.get_docstring(function, clean=False)
    return function.end_lineno - function.lineno + 1 - (0 if said is None else len(said.splitlines()))


def test_functions_are_short():
    too_long = {
        f"{file.relative_to(PACKAGE).as_posix()}:{node.name}"
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_of_code(node) > 50
    }
    assert not too_long


@pytest.mark.parametrize("module", ["ddip_tf", "ddip_tf.cli", "ddip_tf.archive.regenerate", "ddip_tf.formats"])
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
        "import ddip_tf.archive.write, ddip_tf.archive.regenerate, ddip_tf;"
        "print(callable(ddip_tf.regenerate), callable(ddip_tf.read))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True True"
