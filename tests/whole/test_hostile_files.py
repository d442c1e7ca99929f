"""Files that lie or are broken are refused in one line, before they cost memory."""

import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers import DATA
from make_fixtures import SHAPE, the_object

from ddip_tf.errors import InputError
from ddip_tf.formats import open_content, read
from ddip_tf.slices.phase import Conversion


def hostile(kind: str, folder: Path) -> Path:
    """A file that lies, or is broken."""
    path = folder / "bad.h5"
    if kind == "truncated":
        path.write_bytes((DATA / "ptychodus.h5").read_bytes()[:20_000])
        return path
    if kind in ("truncated npz", "empty npz", "huge npz"):
        path = folder / "bad.npz"
        whole = (DATA / "ptychodus.npz").read_bytes()
        path.write_bytes({"truncated npz": whole[:5000], "empty npz": b"PK\x03\x04"}.get(kind, b""))
        if kind == "huge npz":
            import io
            import zipfile

            stream = io.BytesIO()
            header = {"descr": "<c8", "fortran_order": False, "shape": (3, 10**6, 10**6)}
            np.lib.format.write_array_header_1_0(stream, header)
            with zipfile.ZipFile(path, "w") as file:
                file.writestr("object.npy", stream.getvalue())
        return path
    if kind == "matlab 5":
        (folder / "bad.mat").write_bytes(b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(200))
        return folder / "bad.mat"
    if kind == "truncated slices":
        whole = (DATA / "obj_phase_ds_1.tiff").read_bytes()
        (folder / "obj_phase.tiff").write_bytes(whole[:-9000])
        return folder / "obj_phase.tiff"
    shutil.copyfile(DATA / "ptychodus.h5", path)
    with h5py.File(path, "r+") as file:
        about = dict(file["object"].attrs)
        del file["object"]
        if kind.startswith("external link"):
            target = "nowhere.h5" if "nowhere" in kind else str(DATA / "ptychodus.h5")
            file["object"] = h5py.ExternalLink(target, "/object")
            return path
        if kind == "circular links":
            file["object"] = h5py.SoftLink("/other")
            file["other"] = h5py.SoftLink("/object")
            return path
        if kind == "external storage":
            (folder / "raw").write_bytes(bytes(8 * 3 * 40 * 47))
            file.create_dataset("object", SHAPE, "c8", external=[(str(folder / "raw"), 0, h5py.h5f.UNLIMITED)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout(SHAPE, "c8")
            layout[:] = h5py.VirtualSource(str(DATA / "ptychodus.h5"), "object", SHAPE)
            file.create_virtual_dataset("object", layout)
        elif kind == "huge":
            file.create_dataset("object", (3, 10**6, 10**6), "c8", chunks=(1, 100, 100))
        elif kind == "never written":
            file.create_dataset("object", (3, 4000, 4000), "c8", chunks=(1, 100, 100), compression="gzip")
        elif kind == "text":
            file.create_dataset("object", SHAPE, h5py.string_dtype())
        elif kind == "references":
            file.create_dataset("object", SHAPE, h5py.ref_dtype)
        elif kind == "five axes":
            file["object"] = np.ones((2, 1, 3, 40, 47), "c8")
        elif kind == "modes":
            file["object"] = np.ones((2, 3, 40, 47), "c8")
        elif kind == "no axes":
            file["object"] = np.complex64(1)
        elif kind == "empty":
            file["object"] = np.ones((3, 0, 47), "c8")
        elif kind == "nan":
            file["object"] = np.where(the_object().real > 0.99, np.nan, the_object())
        elif kind == "zero":
            file["object"] = np.zeros(SHAPE, "c8")
        elif kind == "group":
            file.create_group("object")
        elif kind == "cyclic groups":
            group = file.create_group("entry")
            group["round"] = file["/"]
            group["again"] = group
            group["data"] = the_object()
            return path
        for key, value in about.items():
            file["object"].attrs[key] = value
    return path


HOSTILE = {
    "truncated": "cannot be read as HDF5",
    "truncated npz": "cannot be read",
    "empty npz": "cannot be read",
    "huge npz": "announces 2.24e.04 GiB",
    "truncated slices": "cannot be read as TIFF",
    "matlab 5": "save it with -v7.3",
    "external link": "link to another file",
    "external link to nowhere": "link to another file",
    "circular links": "leads in a circle",
    "external storage": "keeps its numbers in another file",
    "virtual": "keeps its numbers in another file",
    "huge": "announces 2.24e.04 GiB",
    "never written": "declares 366 MiB, but 0 bytes are stored",
    "text": "holds no numbers",
    "references": "holds no numbers",
    "five axes": "is no image",
    "modes": "holds 2 object modes",
    "no axes": "is no image",
    "empty": "is no image",
    "nan": "NaN or infinite",
    "zero": "the same everywhere",
    "group": "is no dataset",
    "cyclic groups": "choose one",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused_in_one_line(tmp_path, kind):
    path = hostile(kind, tmp_path)
    with pytest.raises(InputError, match=HOSTILE[kind]) as caught:
        read(path, conversion=Conversion(crop="whole"))
    assert "\n" not in str(caught.value)


def test_a_hostile_file_is_exit_code_2_and_one_line(tmp_path):
    code = "from ddip_tf.cli import main; main()"
    for kind in ("external link", "huge"):
        (tmp_path / kind).mkdir()
        path = hostile(kind, tmp_path / kind)
        done = subprocess.run(
            [sys.executable, "-c", code, "fit", str(path), "-o", str(tmp_path / "run")], capture_output=True, text=True
        )
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("ddip-tf: ")
    assert not (tmp_path / "run").exists()


def test_cyclic_groups_do_not_hide_a_dataset_that_is_named(tmp_path):
    path = hostile("cyclic groups", tmp_path)
    np.testing.assert_array_equal(open_content(path, dataset="entry/round/entry/again/data").images, the_object())
