"""Every public name has a short example, and it runs as it stands."""

import doctest
import shutil
from pathlib import Path

import numpy
import pytest
import tifffile

import ddip_tf

ROOT = Path(__file__).parents[2]
#: raised by what is shown elsewhere
WITHOUT = {"RunError", "Separation", "Solution"}


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A folder with small files of the names that the examples use."""
    for name in ("slice1", "slice2"):
        image = tifffile.imread(ROOT / "ddip_tf/demo_data" / f"{name}.tif")[30:126, 40:141]
        resolution = (1e-2 / 7.3e-9,) * 2
        tifffile.imwrite(tmp_path / f"{name}.tif", image, resolution=resolution, resolutionunit="CENTIMETER")
    shutil.copytree(ROOT / "saved_models/example", tmp_path / "saved_models/example")
    monkeypatch.chdir(tmp_path)


def run(thing, name) -> int:
    """How many examples of ``thing`` there are; fails where one says something else."""
    tests = doctest.DocTestFinder(recurse=False).find(thing, name, globs={"ddip_tf": ddip_tf, "numpy": numpy})
    runner, said = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE), []
    for test in tests:
        runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)
    return sum(len(test.examples) for test in tests)


@pytest.mark.parametrize("name", [*ddip_tf.__all__, "ddip_tf"])
def test_the_example_runs(name, bench):
    thing = ddip_tf if name == "ddip_tf" else getattr(ddip_tf, name)
    assert run(thing, name) or name in WITHOUT


def test_a_wrong_example_would_be_seen():
    def wrong():
        """
        >>> ddip_tf.preset("paper").epochs
        7
        """

    with pytest.raises(AssertionError, match="10000"):
        run(wrong, "wrong")


def test_version_and_what_is_open():
    from importlib import metadata

    assert ddip_tf.__version__ == metadata.version("ddip-tf")
    assert ddip_tf.load(ROOT / "saved_models/example").config.mixing == "transfer"


def test_reprs_are_short(separation, stack, run):
    for thing in (separation, stack, ddip_tf.load(run), ddip_tf.preset("paper")):
        assert len(repr(thing)) < 200 + len(str(run)) and "\n" not in repr(thing)
    assert "2 slices of 43 x 36" in repr(stack) and "mixing shallow" in repr(separation)
