"""What an export says: the run's warnings, what it changed, and no to what a run does not explain."""

import numpy as np
import pytest
from exports import run_with
from helpers import DATA
from make_fixtures import SHAPE

from ddip_tf.archive.export import export
from ddip_tf.errors import InputError
from ddip_tf.formats import limits, read
from ddip_tf.slices.phase import Conversion

WHOLE = Conversion(steps=(), crop="whole")


def test_export_repeats_warnings_and_refuses_what_is_not_explained(tmp_path):
    path = DATA / "ptychi.npy"
    stack = read(path, conversion=WHOLE)
    ghosts = 0.1 * np.sin(np.arange(47) / 6) * np.ones((3, 40, 1))
    sentence = "62 % of the contrast of slice 2 is not explained by the modelled mixture: look at input − model."
    said = {"new": {"unexplained": [0.1, 0.62, 0.2]}, "old": {"warnings": [sentence]}}
    for kind, fields in said.items():
        run = run_with(tmp_path / kind / "run", stack, ghosts, **fields)
        with pytest.raises(InputError, match=r"62 % of the contrast of slice 2 unexplained.*`despite_warnings`"):
            export([run], path, tmp_path / kind / "new.npy")
        assert not (tmp_path / kind / "new.npy").exists()
        done = export([run], path, tmp_path / kind / "new.npy", despite_warnings=True)
        assert done.slices == (1, 2, 3) and [note.text for note in done.notes] == fields.get("warnings", [])
    damaged = run_with(tmp_path / "damaged" / "run", stack, ghosts, unexplained=["x"])
    with pytest.raises(InputError, match=r"manifest of .* is damaged"):
        export([damaged], path, tmp_path / "x.npy")


def test_export_says_what_it_changed(tmp_path, call):
    path = DATA / "ptychi.npy"
    stack = read(path, conversion=WHOLE)
    ghosts = np.zeros((3, *SHAPE[1:]))
    clean = run_with(tmp_path / "clean" / "run", stack, ghosts + 1e-9, warnings=["Look twice."])
    code, out, _ = call("export", clean, "--into", path, "-o", "same.npy")
    assert code == 0 and "Warning: Look twice." in out and "nothing was changed" in out
    np.testing.assert_array_equal(np.load("same.npy"), np.load(path))
    ghosts[0] = 0.1 * np.sin(np.arange(47) / 6)
    one = run_with(tmp_path / "one" / "run", stack, ghosts)
    code, out, _ = call("export", one, "--into", path, "-o", "one.npy")
    assert (code, out) == (0, f"one.npy: {path} with the separated slice 1 of 3\n")
    _, out, _ = call("export", one, "--into", path, "-o", "one.tif")
    assert out.startswith(f"Warning: one.tif is in the format of {path}, whatever its name ends in\n")


def test_an_object_too_large_to_change_is_refused_before(tmp_path, monkeypatch):
    path = DATA / "ptychi.npy"
    stack = read(path, conversion=WHOLE)
    run = run_with(tmp_path / "run", stack, np.zeros((3, *SHAPE[1:])))
    size = 16 * stack.images.size
    monkeypatch.setenv(limits.VARIABLE, str(size - 1))
    with pytest.raises(InputError, match=f"ptychi.npy announces .*{limits.VARIABLE}={size}$"):
        export([run], path, tmp_path / "new.npy")
    monkeypatch.setenv(limits.VARIABLE, str(size))
    assert export([run], path, tmp_path / "new.npy").count == 3
