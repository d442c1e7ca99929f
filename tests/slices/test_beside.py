"""What is given beside slices: what cannot be right is refused, parts and picks go with the slices."""

import numpy as np
import pytest
from helpers import blobs

from ddip_tf.errors import InputError
from ddip_tf.formats import read, read_beside, tiff
from ddip_tf.slices.stack import SliceStack

SHAPE = (43, 57)


@pytest.fixture
def stack():
    return SliceStack(np.stack([blobs(5, SHAPE, 1), -blobs(7, SHAPE, 2)]))


def single(stack):
    return np.stack([stack.images.sum(0), np.zeros(SHAPE, np.float32)])


def test_start_and_halves_follow_crop_and_pick(stack):
    half = stack.images + 0.01
    beside = stack.beside(single(stack), np.stack([half, half + 0.01]))
    assert beside.halves.images.shape == (2, 2, *SHAPE)
    part = beside.cropped((3, 40), (5, 44)).pick([1, 0])
    np.testing.assert_array_equal(part.start.images, single(stack)[::-1, 3:40, 5:44])
    np.testing.assert_array_equal(part.halves.images[0], half[::-1, 3:40, 5:44])
    assert stack.beside(half=half).halves.images.shape == (1, 2, *SHAPE)
    assert len(beside.start.record[0]["sha256"]) == 64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s[:, :-1], "shape"),
        (lambda s: s[:1], "shape"),
        (lambda s: 40 * s, "contrast"),
        (lambda s: 0.02 * s, "unit and sign"),
        (lambda s: -s, "unit and sign"),
        (lambda s: np.exp(1j * s), "real"),
        (lambda s: s + np.nan, "finite"),
    ],
)
def test_starts_that_cannot_be_right(stack, change, message):
    with pytest.raises(InputError, match=message):
        stack.beside(start=change(single(stack)))


def test_the_slices_themselves_are_no_start_and_no_half(stack):
    with pytest.raises(InputError, match="themselves"):
        stack.beside(start=stack.images)
    with pytest.raises(InputError, match="same images"):
        stack.beside(half=stack.images)
    with pytest.raises(InputError, match="halves have shape"):
        stack.beside(half=stack.images[:, :, :-2])


def test_files_are_cropped_and_sorted_as_the_slices(stack, tmp_path):
    first, second = stack.images + 0.01, stack.images + 0.02
    for name, images in (("slices", stack.images), ("a", first), ("b", second)):
        np.save(tmp_path / f"{name}.npy", images)
    for i in (0, 1):
        tiff.write(tmp_path / f"start{i}.tif", single(stack)[i])
    whole = read(tmp_path / "slices.npy")
    cropped = whole.cropped((2, 41), (4, 50))
    halves = read_beside(cropped, tmp_path / "a.npy", tmp_path / "b.npy", halves=True)
    np.testing.assert_array_equal(halves.images, np.stack([first, second])[..., 2:41, 4:50])
    start = read_beside(cropped, tmp_path / "start0.tif", tmp_path / "start1.tif")
    np.testing.assert_array_equal(start.images, single(stack)[:, 2:41, 4:50])
    assert [source.name for source in start.sources] == ["start0.tif", "start1.tif"]
    with pytest.raises(InputError, match="1 images for the start"):
        read_beside(whole, tmp_path / "start0.tif")
