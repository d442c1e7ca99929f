import numpy as np
import pytest
from helpers import SHAPE, blobs
from scipy.ndimage import gaussian_filter

from ddip_tf.errors import InputError
from ddip_tf.quality.warnings import with_warnings
from ddip_tf.slices import SliceStack
from ddip_tf.slices.phase import STEPS, Conversion, Record, convert, scanned_box
from ddip_tf.slices.registration import shift_between

Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
PHASE = np.stack([0.4 * blobs(5, SHAPE, 1, 3.0), -0.3 * blobs(7, SHAPE, 2, 4.0)])


def objects(phase=PHASE, amplitude=1.0):
    return (1 - 0.2 * blobs(4, SHAPE, 3, 4.0)) * amplitude * np.exp(1j * phase)


def without_plane(images):
    columns = np.stack([np.ones(Y.size), Y.ravel(), X.ravel()], 1)
    flat = images.reshape(len(images), -1).T
    return (flat - columns @ np.linalg.lstsq(columns, flat, rcond=None)[0]).T.reshape(images.shape)


@pytest.mark.parametrize("steep", [0.01, 0.9])  # rad/pixel; the second wraps every seven pixels
def test_a_ramp_and_an_offset_leave_no_trace(steep):
    ramps = np.stack([2.0 + steep * Y - 0.3 * steep * X, -1.0 - 0.5 * steep * Y + steep * X])
    images, record = convert(objects(PHASE + ramps), Conversion())
    np.testing.assert_allclose(images, without_plane(PHASE), atol=1e-5)
    straight, _ = convert(objects(), Conversion())
    np.testing.assert_allclose(images, straight, atol=1e-5)
    difference = np.array(record.planes) - np.array(convert(objects(), Conversion())[1].planes)
    np.testing.assert_allclose(difference[:, 1:], [[steep, -0.3 * steep], [-0.5 * steep, steep]], atol=1e-6)


@pytest.mark.parametrize("steps", [STEPS, ("ramp",), ("offset",), ("unwrap",), ("ramp", "unwrap"), ()])
@pytest.mark.parametrize("depth", [1.0, 12.0])  # rad: the second wraps
def test_every_choice_of_steps_goes_exactly_back(steps, depth):
    true = objects(depth * PHASE / 0.4 + 0.05 * Y + 0.02 * X + 1)
    images, record = convert(true, Conversion(steps=steps))
    np.testing.assert_allclose(record.inverse(images) * abs(true), true, atol=2e-6)
    if "ramp" not in steps:
        assert all(plane[1:] == (0, 0) for plane in record.planes)
    if "offset" not in steps:
        assert all(plane[0] == 0 for plane in record.planes)
    if steps == ():
        np.testing.assert_allclose(images, np.angle(true), atol=1e-6)


def test_phases_beyond_a_turn_are_unwrapped():
    deep = 25 * PHASE
    images, record = convert(objects(deep), Conversion())
    np.testing.assert_allclose(images, without_plane(deep), atol=1e-4)
    assert record.unwrapped == (True, True)
    assert convert(objects(), Conversion())[1].unwrapped == (False, False)
    wrapped, _ = convert(objects(deep), Conversion(steps=("ramp", "offset")))
    assert np.abs(wrapped - without_plane(deep)).max() > 3


def test_amplitudes_are_logarithms_and_go_back():
    true = objects(amplitude=3.0)
    images, record = convert(true, Conversion("amplitude"))
    np.testing.assert_allclose(images, np.log(abs(true)), atol=1e-6)
    np.testing.assert_allclose(record.inverse(images), abs(true), rtol=1e-6)
    true[0, 3, 4] = 0
    images, _ = convert(true, Conversion("amplitude"))
    assert np.isfinite(images).all() and images[0, 3, 4] == images.min()


def test_a_record_follows_its_pixels():
    ramp = 0.03 * Y - 0.02 * X
    true = objects(PHASE + ramp)
    images, record = convert(true, Conversion())
    stack = SliceStack(images, record=record).cropped((4, 43), (1, 36)).cropped((2, 38), (1, 34)).pick([1, 0])
    back = stack.record.inverse(stack.images)
    np.testing.assert_allclose(back, np.exp(1j * np.angle(true[::-1, 6:42, 2:35])), atol=2e-6)
    assert stack.crop == ((6, 42), (2, 35))


def test_wrong_wishes_and_broken_objects_are_refused():
    with pytest.raises(InputError, match="quantity is 'both'"):
        Conversion("both")
    with pytest.raises(InputError, match="no step 'plane'"):
        Conversion(steps=("plane",))
    broken = objects()
    broken[1, 2, 3] = np.nan
    with pytest.raises(InputError, match="slice 2 has 1 pixels that are NaN"):
        convert(broken, Conversion())
    with pytest.raises(InputError, match="slice 1 is zero everywhere"):
        convert(np.zeros((2, 40, 40), complex), Conversion("amplitude"))
    assert Record("phase", ((0.0, 0.0, 0.0),), (False,)).inverse(np.zeros((1, 3, 4))).shape == (1, 3, 4)


@pytest.mark.parametrize("margin", ["constant", "noise"])
def test_the_scanned_area_is_found_from_the_amplitude(margin):
    random = np.random.default_rng(0)
    shape, (y0, y1), (x0, x1) = (2, 150, 190), (30, 125), (25, 150)
    smooth = np.stack([blobs(400, shape[1:], s, 3.0) for s in (1, 2)])
    amplitude = np.ones(shape) if margin == "constant" else 1 + 0.01 * random.standard_normal(shape)
    rim = 0.05 * gaussian_filter(random.standard_normal(shape), (0, 0.7, 0.7))  # what only the beam's tails reached
    amplitude[:, y0 - 14 : y1 + 14, x0 - 14 : x1 + 14] += rim[:, y0 - 14 : y1 + 14, x0 - 14 : x1 + 14]
    amplitude[:, y0:y1, x0:x1] = (1 + 0.1 * smooth + 1e-4 * random.standard_normal(shape))[:, y0:y1, x0:x1]
    found = scanned_box(amplitude * np.exp(0.3j * smooth))
    assert found is not None
    np.testing.assert_allclose(np.ravel(found), [y0, y1, x0, x1], atol=8)
    everywhere = (1 + 0.1 * smooth) * np.exp(0.3j * smooth)
    box = scanned_box(everywhere)
    assert box is None or min(box[0][1] - box[0][0] - 130, box[1][1] - box[1][0] - 170) > 0
    assert scanned_box(np.ones(shape, complex)) is None


def test_a_shift_between_slices_is_measured_and_said():
    shape = (120, 97)
    common, own = (np.stack([blobs(60, shape, s, 3.0) for s in seeds]) for seeds in ((1, 1), (2, 3)))
    still = common + 0.4 * own
    assert max(map(abs, shift_between(*still) or (0, 0))) < 1
    moved = np.stack([still[0], np.roll(still[1], (3, -4), (0, 1))])
    np.testing.assert_allclose(shift_between(*moved), (3, -4), atol=0.5)
    assert shift_between(own[0], np.roll(own[1], (3, -4), (0, 1))) is None  # nothing in common, nothing to say
    assert shift_between(np.zeros(shape), still[0]) is None
    far = np.roll(still[1], (36, -24), (0, 1))
    assert shift_between(still[0], far) is None  # nobody's slices lie so far apart


@pytest.mark.parametrize("seed", [1, 2, 3, 7])
def test_sparse_shapes_that_fit_in_several_places_are_not_said_to_be_shifted(seed):
    first, second = (blobs(3, (97, 120), s, 2.0) for s in (seed, seed + 20))
    shift = shift_between(0.6 * first + 0.2 * second, 0.2 * first + 0.6 * second)  # ghosts of each other
    assert max(map(abs, shift or (0, 0))) < 1


def test_one_place_that_fits_elsewhere_is_no_shift_of_the_slices():
    rng, shape = np.random.default_rng(5), (120, 97)
    common, *own = rng.normal(size=(3, *shape))
    first, second = (gaussian_filter(0.3 * common + one, 1.2) for one in own)
    patch = 6 * gaussian_filter(rng.normal(size=(20, 24)), 1.2)
    first[50:70, 32:56] += patch
    second[51:71, 34:58] += patch
    assert max(map(abs, shift_between(first, second) or (0, 0))) < 1
    np.testing.assert_allclose(shift_between(first, np.roll(first + 0.5 * second, (1, 2), (0, 1))), (1, 2), atol=0.5)


def test_a_shifted_pair_is_warned_of(separation):
    from dataclasses import replace

    shape = (120, 97)
    common = blobs(60, shape, 1, 3.0)
    stack = SliceStack(np.stack([common, np.roll(common, (2, -3), (0, 1)) + 0.3 * blobs(9, shape, 2)]))
    shifted = replace(separation, stack=stack, outputs=stack.images, modelled=stack.images)
    found = [c for c in with_warnings(shifted).warnings if c.code == "misregistered"]
    assert len(found) == 1 and found[0].text.startswith("Slice 2 seems to lie +2")


def test_one_line_of_pixels_is_converted_for_the_stack_to_refuse():
    line = np.exp(1j * np.linspace(0, 9, 50)).astype("c8")
    for shape in ((2, 1, 50), (2, 50, 1)):
        images, _ = convert(np.tile(line.reshape(shape[1:]), (2, 1, 1)), Conversion())
        assert images.shape == shape and np.isfinite(images).all()
