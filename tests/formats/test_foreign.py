"""Files that are no slices are named for what they are, and zarr stores are read without trust."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import DATA, FIELD
from make_fixtures import the_object

from ddip_tf.errors import InputError
from ddip_tf.formats import open_content, read
from ddip_tf.slices.phase import Conversion


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name in names:
            file.writestr(name, "hello")
    return stream.getvalue()


FOREIGN = {
    "object.png": (b"\x89PNG\r\n\x1a\n" + bytes(40), "PNG picture.*float TIFF"),
    "object.jpg": (b"\xff\xd8\xff\xe0" + bytes(40), "JPEG picture"),
    "object.mrc": (bytes(208) + b"MAP " + bytes(900), "MRC file.*save it as TIFF"),
    "object.dm4": (b"\0\0\0\4" + bytes(400), "DigitalMicrograph file"),
    "object.pkl": (b"\x80\x04\x95" + bytes(40), "Python pickle, which is never loaded"),
    "object.gz": (b"\x1f\x8b\x08" + bytes(40), "packed by gzip.*unpack"),
    "object.raw": (bytes(4000), "bytes of zero"),
    "empty.tif": (b"", r"is empty \(0 bytes\)"),
    "notes.txt": (b"phase of slice 1\n1 2 3\n", "it is text"),
    "many.zip": (zipped("a.tif", "b.tif"), "zip archive of a.tif, b.tif, not of NumPy arrays: unpack it"),
    "net.keras": (zipped("metadata.json.x", "model.weights.h5"), "Keras model"),
    "empty.npz": (zipped(), "zip archive of nothing|cannot be read|not an image"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_files_are_named_for_what_they_are(tmp_path, name):
    content, message = FOREIGN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        open_content(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_zip_files_that_are_no_arrays():
    with pytest.raises(InputError, match=r"PyTorch file .*numpy.save"):
        open_content(FIELD / "model.pt")
    with pytest.raises(InputError, match="Nion Swift file"):
        open_content(FIELD / "stack.ndata1.ndata")


def hostile_zarr(folder: Path, kind: str) -> Path:
    path = folder / "bad.zspy"
    with zipfile.ZipFile(DATA / "signal.zspy") as old, zipfile.ZipFile(path, "w") as new:
        for name in dict.fromkeys(old.namelist()):
            data = old.read(name)
            if name.endswith("data/.zarray"):
                swap = {
                    "huge": (b"40,", b"4000000,"),
                    "objects": (b'"<c8"', b'"|O8"'),
                    "codec": (b'"blosc"', b'"mine"'),
                    "negative": (b"40,", b"-40,"),
                }
                data = data.replace(*swap.get(kind, (b"", b"")))
            if "/data/" in name and not name.endswith(".zarray"):
                data = data[:4] + b"\xff\xff\xff\x7f" + data[8:] if kind == "bomb" else data
                data = data[:30] if kind == "truncated" else data
            new.writestr(name, data)
    return path


@pytest.mark.parametrize("kind", ["huge", "objects", "codec", "negative", "bomb", "truncated"])
def test_hostile_zarr_stores_are_refused_in_one_line(tmp_path, kind):
    with pytest.raises(InputError) as caught:
        open_content(hostile_zarr(tmp_path, kind))
    assert "\n" not in str(caught.value)


def test_a_zarr_store_that_is_a_folder(tmp_path):
    with zipfile.ZipFile(DATA / "signal.zspy") as file:
        file.extractall(tmp_path / "signal.zspy")
    stack = read(tmp_path / "signal.zspy", conversion=Conversion(steps=(), crop="whole"))
    np.testing.assert_allclose(stack.images, np.angle(the_object()), atol=1e-6)
    assert len(stack.sources[0].sha256) == 64
    (tmp_path / "signal.zspy/Experiments/object/data/.zarray").unlink()
    with pytest.raises(InputError, match="holds 0 signals"):
        read(tmp_path / "signal.zspy")
