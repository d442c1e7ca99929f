import hashlib

import numpy as np
import pytest
import tifffile
from helpers import blobs

from ddip_tf.errors import InputError
from ddip_tf.formats import read, tiff
from ddip_tf.slices import SliceStack

ONE, TWO = (blobs(6, (45, 38), s) for s in (1, 2))


def pair(tmp_path, write, name="slice{}.tif"):
    files = [tmp_path / name.format(i) for i in (1, 2)]
    for file, image in zip(files, (ONE, TWO), strict=True):
        write(file, image)
    return files


@pytest.mark.parametrize(
    ("dtype", "options"),
    [
        ("float32", {}),
        ("float64", {}),
        ("float16", {}),
        ("uint8", {}),
        ("int16", {}),
        ("uint16", {"byteorder": ">"}),
        ("float64", {"byteorder": ">"}),
        ("float32", {"tile": (16, 16)}),
        ("uint16", {"compression": "lzw"}),
        ("float32", {"compression": "zlib", "predictor": True}),
        ("float32", {"bigtiff": True}),
        ("uint8", {"photometric": "minisblack", "rowsperstrip": 7}),
    ],
)
def test_tiff_kinds_are_read_right(tmp_path, dtype, options):
    as_type = lambda image: (image * 200).astype(dtype)  # noqa: E731
    files = pair(tmp_path, lambda file, image: tifffile.imwrite(file, as_type(image), **options))
    stack = read(*files)
    assert stack.images.dtype == np.float32
    np.testing.assert_array_equal(stack.images, np.stack([as_type(ONE), as_type(TWO)]).astype(np.float32))
    assert [source.dtype for source in stack.sources] == [dtype, dtype]


def test_one_file_of_many_pages(tmp_path):
    tifffile.imwrite(tmp_path / "stack.tif", np.stack([ONE, TWO, ONE]).astype("f4"), photometric="minisblack")
    stack = read(tmp_path / "stack.tif")
    assert stack.images.shape == (3, 45, 38)
    assert [source.page for source in stack.sources] == [0, 1, 2]
    np.testing.assert_array_equal(stack.pick([2, 1]).images, np.stack([ONE, TWO]).astype("f4"))


@pytest.mark.parametrize("count", [3, 4])
def test_slices_that_a_writer_took_for_colour_planes(tmp_path, count):
    images = np.stack([ONE, TWO, ONE + TWO, ONE - TWO])[:count].astype("f4")
    tifffile.imwrite(tmp_path / "stack.tif", images)  # marked as planar RGB
    np.testing.assert_array_equal(read(tmp_path / "stack.tif").images, images)


def test_numpy_files(tmp_path):
    stack = read(*pair(tmp_path, np.save, "slice{}.npy"))
    np.testing.assert_array_equal(stack.images[1], TWO.astype("f4"))
    np.save(tmp_path / "stack.npy", np.stack([ONE, TWO]))
    np.testing.assert_array_equal(read(tmp_path / "stack.npy").images, stack.images)


def test_sources_name_and_hash_the_files(tmp_path):
    files = pair(tmp_path, np.save, "slice{}.npy")
    source = read(*files).sources[1]
    assert source.name == "slice2.npy"
    assert source.sha256 == hashlib.sha256(files[1].read_bytes()).hexdigest()


def test_pixel_size_travels_in_the_tags(tmp_path):
    files = pair(tmp_path, lambda file, image: tiff.write(file, image, (7.3e-9, 8.1e-9)))
    np.testing.assert_allclose(read(*files).pixel_size_m, (7.3e-9, 8.1e-9), rtol=1e-6)
    assert read(*files, pixel_size_m=5e-9).pixel_size_m == (5e-9, 5e-9)


def test_printing_resolution_is_no_pixel_size(tmp_path):
    files = pair(
        tmp_path, lambda file, image: tifffile.imwrite(file, image, resolution=(72, 72), resolutionunit="INCH")
    )
    assert read(*files).pixel_size_m is None


def test_files_of_different_pixel_size_need_a_word(tmp_path):
    tiff.write(tmp_path / "a.tif", ONE, (7e-9, 7e-9))
    tiff.write(tmp_path / "b.tif", TWO, (8e-9, 8e-9))
    with pytest.raises(InputError, match="different pixel sizes"):
        read(tmp_path / "a.tif", tmp_path / "b.tif")


def write_bad(kind, file):
    if kind == "not an image":
        file.write_text("hello, this is no image at all")
    elif kind == "truncated":
        tifffile.imwrite(file, ONE.astype("f4"))
        file.write_bytes(file.read_bytes()[:500])
    elif kind == "empty":
        file.write_bytes(b"")
    elif kind == "rgb":
        tifffile.imwrite(file, np.zeros((45, 38, 3), "u1"), photometric="rgb")
    elif kind == "complex":
        tifffile.imwrite(file, (ONE + 1j * TWO).astype("c8"))
    elif kind == "directory":
        file.mkdir()
    elif kind != "missing":
        image = {
            "other shape": ONE[:40],
            "constant": np.ones_like(ONE),
            "huge offset": 1 + 1e-9 * ONE,
            "nan": np.where(ONE > 0.5, np.nan, ONE),
            "infinite": np.where(ONE > 0.5, np.inf, ONE),
            "too large": ONE * 1e300,
        }[kind]
        tifffile.imwrite(file, image)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "No such file"),
        ("directory", "directory or device"),
        ("not an image", "is not an image file"),
        ("empty", r"is empty \(0 bytes\)"),
        ("truncated", "cannot be read"),
        ("rgb", "colour"),
        ("complex", "complex"),
        ("other shape", "shapes differ"),
        ("constant", "slice 2; only slice 1 is left"),
        ("huge offset", "subtract its offset"),
        ("nan", "NaN or infinite"),
        ("infinite", "NaN or infinite"),
        ("too large", "NaN or infinite"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, kind, message):
    good, bad = tmp_path / "good.tif", tmp_path / "bad.tif"
    tifffile.imwrite(good, ONE)
    write_bad(kind, bad)
    with pytest.raises(InputError, match=message) as caught:
        read(good, bad)
    assert "\n" not in str(caught.value)


def test_one_slice_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", ONE)
    with pytest.raises(InputError, match="only one slice"):
        read(tmp_path / "a.tif")


def test_a_file_of_pages_among_several_files_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", ONE)
    tifffile.imwrite(tmp_path / "b.tif", np.stack([ONE, TWO]), photometric="minisblack")
    with pytest.raises(InputError, match="holds 2 images"):
        read(tmp_path / "a.tif", tmp_path / "b.tif")


def test_numpy_files_are_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "a.npy", tmp_path / "a.npy")


def test_stack_rules():
    stack = SliceStack(np.stack([ONE, TWO, ONE]), spacing_m=(1e-5, 2e-5))
    assert stack.pick([0, 2]).spacing_m == pytest.approx((3e-5,))
    inner = stack.cropped((3, 40), (2, 36)).cropped((1, 37), (0, 33))
    assert inner.crop == ((4, 40), (2, 35))
    np.testing.assert_array_equal(inner.images, stack.images[:, 4:40, 2:35])
    with pytest.raises(InputError, match="at least 32"):
        stack.cropped((0, 31), (0, 38))
    with pytest.raises(InputError, match="outside the image"):
        stack.cropped((0, 46), (0, 38))
    with pytest.raises(InputError, match="no slice 3"):
        stack.pick([0, 3])
    with pytest.raises(InputError, match="twice"):
        stack.pick([0, 0])
    for size in (0.0, -1e-9, np.nan, np.inf):
        with pytest.raises(InputError, match="pixel size must be"):
            SliceStack(np.stack([ONE, TWO]), pixel_size_m=(7e-9, size))
    with pytest.raises(InputError, match="complex"):
        SliceStack(np.stack([ONE, TWO]) * 1j)
    with pytest.raises(InputError, match="array"):
        SliceStack(ONE)
