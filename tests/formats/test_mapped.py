"""Large arrays stay in their file: the same pictures, and in memory only what is picked."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers import blobs

import ddip_tf
from ddip_tf.errors import InputError
from ddip_tf.formats import limits, mapped, open_content
from ddip_tf.slices.phase import Conversion

SHAPE = (61, 83)
OBJECT = np.exp(1j * np.stack([blobs(5, SHAPE, seed) for seed in range(4)])).astype(np.complex64)
PART = ((9, 50), (20, 71))
COUNTS = np.arange(OBJECT.size, dtype="u2").reshape(OBJECT.shape) % 4096


@pytest.fixture(autouse=True)
def large(monkeypatch):
    monkeypatch.setattr(mapped, "LEAST", 1000)


def in_one_piece(path):
    with h5py.File(path, "w") as file:
        file["object"] = OBJECT


def in_chunks(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("object", data=OBJECT, chunks=(1, 31, 83), compression="gzip")


def with_a_block_before(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        file["object"] = OBJECT


def twelve_bits(path):
    kind = h5py.h5t.NATIVE_UINT16.copy()
    kind.set_precision(12)
    kind.set_offset(4)
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple(OBJECT.shape)
        data = h5py.h5d.create(file.id, b"object", kind, space)
        data.write(h5py.h5s.ALL, h5py.h5s.ALL, COUNTS)


def other_order(path):
    with h5py.File(path, "w") as file:
        file["object"] = OBJECT.astype(">c8")


FILES = {
    "piece.h5": (in_one_piece, True),
    "chunks.h5": (in_chunks, False),
    "block.h5": (with_a_block_before, False),
    "order.h5": (other_order, True),
    "twelve.h5": (twelve_bits, False),
    "rows.npy": (lambda path: np.save(path, OBJECT), True),
    "columns.npy": (lambda path: np.save(path, np.asfortranarray(OBJECT)), True),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_reads_the_same_and_is_not_written_to(tmp_path, name):
    write, stays = FILES[name]
    write(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    images = open_content(tmp_path / name, dataset="object" if name.endswith("h5") else None).images
    assert isinstance(images, np.memmap) == stays
    np.testing.assert_array_equal(images, COUNTS if name == "twelve.h5" else OBJECT)
    assert images.flags.writeable != stays
    del images
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("name", ["piece.h5", "rows.npy"])
def test_only_what_is_picked_has_to_fit(tmp_path, monkeypatch, name):
    FILES[name][0](tmp_path / name)
    dataset = "object" if name.endswith("h5") else None
    picked = {"dataset": dataset, "slices": [3, 1], "conversion": Conversion(crop=PART)}
    expected = ddip_tf.read(tmp_path / name, **picked)
    size = 2 * (50 - 9) * (71 - 20) * 8
    monkeypatch.setenv(limits.VARIABLE, str(size))
    found = ddip_tf.read(tmp_path / name, **picked)
    np.testing.assert_array_equal(found.images, expected.images)
    assert found.numbers == (4, 2) and not isinstance(found.images, np.memmap)
    monkeypatch.setenv(limits.VARIABLE, str(size - 1))
    with pytest.raises(InputError, match=f"{name} announces .* GiB of data; .*{limits.VARIABLE}={size}$"):
        ddip_tf.read(tmp_path / name, **picked)


def test_files_of_several_kinds_are_counted_as_what_they_become(tmp_path, monkeypatch):
    for number, kind in enumerate(("f4", "f8")):
        np.save(tmp_path / f"{number}.npy", OBJECT[number].real.astype(kind))
    files = [tmp_path / "0.npy", tmp_path / "1.npy"]
    size = 2 * SHAPE[0] * SHAPE[1] * 8
    monkeypatch.setenv(limits.VARIABLE, str(size))
    assert ddip_tf.read(*files).shape == SHAPE
    monkeypatch.setenv(limits.VARIABLE, str(size - 1))
    with pytest.raises(InputError, match=r"0.npy and .*1.npy announces"):
        ddip_tf.read(*files)


def test_amplitudes_and_phases_have_to_fit(tmp_path, monkeypatch):
    """An object of both is made anew, so that nothing of it stays in the file."""
    file = Path(__file__).parents[1] / "data" / "ptyrad.hdf5"
    monkeypatch.setenv(limits.VARIABLE, "1000")
    with pytest.raises(InputError, match="announces"):
        ddip_tf.read(file)


def test_a_file_without_its_end_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", OBJECT)
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-1])
    with pytest.raises(InputError, match="fewer follow"):
        ddip_tf.read(tmp_path / "a.npy")
