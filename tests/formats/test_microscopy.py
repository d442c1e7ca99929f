"""TIFF stacks as people in the field have them: whole numbers, palettes, channels, series, units in every spelling."""

import numpy as np
import pytest
import tifffile
from exports import run_with
from helpers import DATA, FIELD, blobs
from make_fixtures import the_object

from ddip_tf.archive.export import export
from ddip_tf.errors import InputError
from ddip_tf.formats import open_content, read
from ddip_tf.slices.quantities import unit_m

IMAGES = np.angle(the_object())


def test_eight_bit_planes_are_slices_with_a_sentence():
    stack = read(FIELD / "zstack_08bit_3slices.tif")
    assert stack.images.shape == (3, 48, 64) and stack.images.max() == 255
    axis, kind = stack.notes
    assert axis.code == "axis-taken-as-slices" and "taken as slices" in axis.text
    assert kind.code == "scaled-values"
    assert "8-bit integers" in kind.text and "not rad" in kind.text and "by itself" in kind.text


@pytest.mark.parametrize("count", [3, 4])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_stacks_that_a_writer_took_for_colour_planes(tmp_path, count, kind):
    images = (200 * np.concatenate([IMAGES, IMAGES[:1]])[:count] + 99).astype(kind)
    tifffile.imwrite(tmp_path / "stack.tif", images)
    np.testing.assert_array_equal(read(tmp_path / "stack.tif").images, images)


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "?"])
def test_whole_numbers_are_never_taken_in_silence(tmp_path, kind):
    images = (90 * IMAGES + 40).astype(kind) if kind != "?" else IMAGES > 0.1
    np.save(tmp_path / "stack.npy", images)
    (note,) = read(tmp_path / "stack.npy").notes
    assert note.code == "scaled-values" and "not rad" in note.text
    assert read(DATA / "ptychi.npy").notes == ()


def test_floats_that_were_scaled_to_one_are_said(tmp_path):
    np.save(tmp_path / "stack.npy", (IMAGES - IMAGES.min()) / np.ptp(IMAGES))
    (note,) = read(tmp_path / "stack.npy").notes
    assert note.code == "scaled-values" and "exactly from 0 to 1" in note.text


def test_floats_that_are_whole_numbers_are_scaled(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (2, 33, 41))
    np.save(tmp_path / "grey.npy", grey.astype(np.float32))
    (note,) = read(tmp_path / "grey.npy").notes
    assert note.code == "scaled-values" and "whole numbers" in note.text
    np.save(tmp_path / "phase.npy", (grey + 0.25).astype(np.float32))
    assert read(tmp_path / "phase.npy").notes == ()


def grey(count: int, *, even: bool) -> np.ndarray:
    """A palette of greys, (3, 256): a ramp, or its square."""
    ramp = np.linspace(0, 1, 256) ** (1 if even else 2)
    return np.stack([(65535 * ramp).round().astype("u2")] * count)


def test_palettes_of_grey_are_read_and_colours_refused(tmp_path):
    image = blobs(5, (45, 38), 1)
    entries = (255 * image).astype("u1")
    for name, palette in (("even", grey(3, even=True)), ("steep", grey(3, even=False))):
        for n in (1, 2):
            part = entries if n == 1 else entries[::-1]
            tifffile.imwrite(tmp_path / f"{name}{n}.tif", part, photometric="palette", colormap=palette)
    np.testing.assert_array_equal(read(tmp_path / "even1.tif", tmp_path / "even2.tif").images[0], entries)
    steep = read(tmp_path / "steep1.tif", tmp_path / "steep2.tif").images[1]
    np.testing.assert_array_equal(steep, grey(1, even=False)[0][entries[::-1]])
    palette = grey(3, even=True)
    palette[1] = 0
    tifffile.imwrite(tmp_path / "red.tif", entries, photometric="palette", colormap=palette)
    with pytest.raises(InputError, match="palette of colours"):
        open_content(tmp_path / "red.tif")


def test_channels_and_times_are_chosen():
    with pytest.raises(InputError, match=r'3 z x 2 channel\): choose \(`dataset="channel=0"`\)'):
        read(FIELD / "hyperstack_zc.tif")
    content = open_content(FIELD / "hyperstack_zc.tif", dataset="channel=1")
    whole = tifffile.imread(FIELD / "hyperstack_zc.tif")
    np.testing.assert_array_equal(content.images, whole[:, 1])
    np.testing.assert_allclose(content.pixel_size_m, (7e-9, 8e-9), rtol=1e-6)
    np.testing.assert_allclose(content.spacing_m, (20e-6, 20e-6))
    slices = open_content(FIELD / "hyperstack_zc.tif", dataset="z=2,slices=channel")
    np.testing.assert_array_equal(slices.images, whole[2])
    for words, message in (
        ("channel=2", "there is no 2"),
        ("plane=0", "takes channel=0"),
        ("channel", "takes channel"),
    ):
        with pytest.raises(InputError, match=message):
            open_content(FIELD / "hyperstack_zc.tif", dataset=words)


@pytest.mark.parametrize("axes", ["TZCYX", "ZTCYX"])
def test_all_axes_of_ome(tmp_path, axes):
    array = np.random.default_rng(0).normal(size=(2, 3, 2, 40, 47)).astype("f4")
    tifffile.imwrite(tmp_path / "all.ome.tif", array, metadata={"axes": axes}, ome=True)
    with pytest.raises(InputError, match="choose"):
        read(tmp_path / "all.ome.tif")
    found = open_content(tmp_path / "all.ome.tif", dataset="time=1,channel=0").images
    np.testing.assert_array_equal(found, array[1, :, 0] if axes[0] == "T" else array[:, 1, 0])


@pytest.mark.parametrize(("axes", "word"), [("CYX", "channel"), ("TYX", "time")])
def test_images_that_are_called_channels_are_slices_with_a_sentence(tmp_path, axes, word):
    tifffile.imwrite(tmp_path / "stack.tif", IMAGES, imagej=True, metadata={"axes": axes})
    stack = read(tmp_path / "stack.tif")
    np.testing.assert_array_equal(stack.images, IMAGES)
    assert f"calls its 3 images {word}s; taken as slices" in stack.notes[0].text


def test_a_series_behind_one_page(tmp_path):
    tifffile.imwrite(tmp_path / "one.tif", IMAGES, photometric="minisblack", truncate=True)
    with tifffile.TiffFile(tmp_path / "one.tif") as file:
        assert len(file.pages) == 1
    np.testing.assert_array_equal(read(tmp_path / "one.tif").images, IMAGES)


def test_several_series_are_chosen_from(tmp_path):
    with tifffile.TiffWriter(tmp_path / "two.ome.tif", ome=True) as file:
        file.write(IMAGES, metadata={"axes": "ZYX"})
        file.write(IMAGES[:2, :35], metadata={"axes": "ZYX"})
    with pytest.raises(InputError, match=r"2 series \(0: 3 x 40 x 47, 1: 2 x 35 x 47\): choose one"):
        read(tmp_path / "two.ome.tif")
    np.testing.assert_array_equal(open_content(tmp_path / "two.ome.tif", dataset="series=1").images, IMAGES[:2, :35])


def test_pages_in_a_circle_are_refused_at_once(tmp_path):
    tifffile.imwrite(tmp_path / "round.tif", IMAGES, photometric="minisblack", metadata=None)
    with tifffile.TiffFile(tmp_path / "round.tif") as file:
        second, last = file.pages[1].offset, file.pages[2]
        end = last.offset + 2 + 12 * len(last.tags)
    data = bytearray((tmp_path / "round.tif").read_bytes())
    data[end : end + 4] = second.to_bytes(4, "little")
    (tmp_path / "round.tif").write_bytes(data)
    with pytest.raises(InputError, match="its pages lead in a circle"):
        read(tmp_path / "round.tif")


ANGSTROMS = ["\u00c5", "\u212b", "\\u00c5", "A", "Angstrom", "Angstroms", "angstrom", "ang", "[Å]"]
NANOMETRES = ["nm", "nanometer", "Nanometers", "nanometre", "[n_m]"]
MICRONS = ["µm", "μm", "um", "micron", "Microns", "micrometer", "\\u00b5m", "\\u00B5m"]
SPELLINGS = (
    [(word, 1e-10) for word in ANGSTROMS]
    + [(word, 1e-9) for word in NANOMETRES]
    + [(word, 1e-6) for word in MICRONS]
    + [("pm", 1e-12), ("mm", 1e-3), ("cm", 1e-2), ("m", 1.0), ("meters", 1.0)]
)


@pytest.mark.parametrize(("word", "metres"), SPELLINGS)
def test_units_in_every_spelling(tmp_path, word, metres):
    assert unit_m(word) == unit_m(word.encode()) == metres
    if not word.isascii():
        return  # tifffile does not write it so
    size = 2e-11 if metres < 1e-3 else 2e-9
    about = {"axes": "ZYX", "unit": word, "spacing": 50 * size / metres}
    steps = (0.5 * metres / size, metres / size)
    tifffile.imwrite(tmp_path / "stack.tif", IMAGES, imagej=True, resolution=steps, metadata=about)
    content = open_content(tmp_path / "stack.tif")
    np.testing.assert_allclose(content.pixel_size_m, (size, 2 * size), rtol=1e-4)
    np.testing.assert_allclose(content.spacing_m, (50 * size,) * 2, rtol=1e-4)


@pytest.mark.parametrize("word", ["", "pixel", "px", "1/nm", "nm^-1", "rad", "As", "s"])
def test_words_that_are_no_lengths(word):
    assert unit_m(word) is None


def test_units_of_each_axis_by_itself(tmp_path):
    sizes = {"PhysicalSizeX": 8.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 70.0, "PhysicalSizeYUnit": "Å"}
    depth = {"PhysicalSizeZ": 0.02, "PhysicalSizeZUnit": "mm"}
    tifffile.imwrite(tmp_path / "stack.ome.tif", IMAGES, ome=True, metadata={"axes": "ZYX", **sizes, **depth})
    content = open_content(tmp_path / "stack.ome.tif")
    np.testing.assert_allclose(content.pixel_size_m, (7e-9, 8e-9))
    np.testing.assert_allclose(content.spacing_m, (20e-6, 20e-6))
    about = {"axes": "ZYX", "unit": "nm", "yunit": "A", "zunit": "um", "spacing": 20.0}
    tifffile.imwrite(tmp_path / "ij.tif", IMAGES, imagej=True, resolution=(1 / 8, 1 / 70), metadata=about)
    content = open_content(tmp_path / "ij.tif")
    np.testing.assert_allclose(content.pixel_size_m, (7e-9, 8e-9), rtol=1e-6)
    np.testing.assert_allclose(content.spacing_m, (20e-6, 20e-6))


def test_absurd_lengths_are_never_silent(tmp_path):
    about = {"axes": "ZYX", "unit": "m", "spacing": 5.0}
    tifffile.imwrite(tmp_path / "stack.tif", IMAGES, imagej=True, resolution=(5, 5), metadata=about)
    stack = read(tmp_path / "stack.tif")
    assert stack.pixel_size_m is None and stack.spacing_m is None
    assert [note.code for note in stack.notes[:2]] == ["impossible-length"] * 2
    assert "a pixel size of 200 mm, which cannot be; left out (--pixel-size)" in stack.notes[0].text
    assert "spacing of 5 m" in stack.notes[1].text


def test_a_chosen_channel_goes_back_to_its_place(tmp_path):
    """The other channel, and all that ImageJ says, stay."""
    stack = read(FIELD / "hyperstack_zc.tif", dataset="channel=1")
    ghosts = 0.1 * np.cos(np.arange(48)[:, None] / 5) * np.ones((3, 48, 64)) * np.array([1, 2, 3])[:, None, None]
    run = run_with(tmp_path / "run", stack, ghosts)
    export([run], FIELD / "hyperstack_zc.tif", tmp_path / "new.tif")
    old, new = (tifffile.imread(path) for path in (FIELD / "hyperstack_zc.tif", tmp_path / "new.tif"))
    np.testing.assert_array_equal(new[:, 0], old[:, 0])
    np.testing.assert_allclose(new[:, 1], old[:, 1] - ghosts, atol=1e-6)
    with tifffile.TiffFile(tmp_path / "new.tif") as file:
        assert file.imagej_metadata["channels"] == 2 and file.imagej_metadata["unit"] == "um"
