import numpy as np
import pytest
import tifffile
from helpers import blobs
from scipy.ndimage import gaussian_filter

from ddip_tf.archive.manifest import load_manifest
from ddip_tf.errors import InputError
from ddip_tf.slices import Guide, SliceStack
from ddip_tf.transfer import guides
from ddip_tf.transfer.bands import band_centres, frequencies, projected_power
from ddip_tf.transfer.dct import dct, idct

SHAPE = (90, 73)
TRUE = np.stack([blobs(12, SHAPE, 1, 4.0), blobs(20, SHAPE, 2, 4.0)])
MIXED = np.stack([TRUE.mean(0)] * 2)  # as low frequencies are: fully shared


def tied(known, index=1, crossover_px=6.0):
    """What sum and tie together make of shared slices: the sum is known, the difference is not."""
    information, data = guides.ties([(index, known)], MIXED, crossover_px)
    system = information + 1e4 * np.ones((2, 2)) + 1e-6 * np.eye(2)
    right = data + 1e4 * dct(MIXED).sum(-1, keepdims=True)
    right[0, 0] = 0
    return idct(np.linalg.solve(system, right[..., None])[..., 0])


def low(image):
    return gaussian_filter(image - image.mean(), 6)


@pytest.mark.parametrize("unit", [1.0, -37.0])
def test_a_map_says_whose_the_low_frequencies_are(unit):
    y = tied(unit * TRUE[1] + 5)
    for image, true in zip(y, TRUE, strict=True):
        assert np.corrcoef(low(image).ravel(), low(true).ravel())[0, 1] > 0.9
    shared = np.corrcoef(low(MIXED[0]).ravel(), low(TRUE[0]).ravel())[0, 1]
    assert np.corrcoef(low(y[0]).ravel(), low(TRUE[0]).ravel())[0, 1] > shared + 0.1


def test_ties_are_low_frequencies_of_one_slice_only():
    information, data = guides.ties([(1, TRUE[1])], MIXED, 6.0)
    assert (
        np.abs(information[..., 0, :]).max() == np.abs(information[..., :, 0]).max() == np.abs(data[..., 0]).max() == 0
    )
    weight = information[..., 1, 1]
    assert weight.min() >= 0
    k, bands = frequencies(*SHAPE), band_centres(*SHAPE)
    relative = weight * np.interp(k, bands, projected_power(MIXED, bands))  # to the power of the sum
    assert relative[k > 3 * 0.5 / 6].max() < 0.02 * relative[(k > 0) & (k < 0.5 / 6)].mean()
    assert not guides.ties([(1, TRUE[1])], MIXED, 0.0)[0].any()


def test_maps_that_have_nothing_to_do_with_their_slice_are_left_out():
    blurred = gaussian_filter(TRUE[1], 4) + 0.02 * np.random.default_rng(3).standard_normal(SHAPE)
    unrelated = gaussian_filter(np.random.default_rng(4).standard_normal(SHAPE), 3)
    for known in (TRUE[1], -3 * TRUE[1] + 7, blurred):
        assert guides.coherence(known, TRUE, 6.0)[1] > 0.7
    assert (guides.coherence(unrelated, TRUE, 6.0) < 0.3).all()
    right, wrong = (1, blurred), (0, unrelated)
    assert guides.related([right], TRUE, 6.0) == ([right], [])
    kept, said = guides.related([wrong, right], TRUE, 6.0)
    assert kept == [right]
    assert len(said) == 1 and "guide of slice 1 was left out" in said[0].text
    kept, said = guides.related([(0, blurred)], TRUE, 6.0)
    assert kept == [] and len(said) == 1 and said[0].text.endswith(" It resembles slice 2.")
    assert guides.related([right], TRUE, 0.0)[0] == []


def test_guides_stay_with_their_slices():
    stack = SliceStack(np.stack([TRUE[0], TRUE[1], TRUE[0] + TRUE[1]]))
    coarse = TRUE[1][::2, ::2]
    guided = stack.guided([Guide(1, coarse)])
    assert guided.guides[0].image.shape == SHAPE
    assert np.corrcoef(guided.guides[0].image.ravel(), TRUE[1].ravel())[0, 1] > 0.99
    part = guided.cropped((3, 80), (5, 70)).pick([2, 1])
    assert [g.index for g in part.guides] == [1]
    np.testing.assert_array_equal(part.guides[0].image, guided.guides[0].image[3:80, 5:70])
    assert guided.pick([0, 2]).guides == ()
    with pytest.raises(InputError, match="guide of slice 4 is of none"):
        stack.guided([Guide(3, coarse)])
    with pytest.raises(InputError, match="must be finite, vary"):
        stack.guided([Guide(0, np.ones((9, 9)))])


QUICK = ("--preset", "quick")


def test_guide_on_the_command_line(call, tmp_path):
    mixed = 0.3 * np.stack([0.7 * TRUE[0] + 0.3 * TRUE[1], 0.3 * TRUE[0] + 0.7 * TRUE[1]])
    for n, image in enumerate(mixed, 1):
        tifffile.imwrite(tmp_path / f"s{n}.tif", image.astype("f4"))
    tifffile.imwrite(tmp_path / "map.tif", gaussian_filter(TRUE[1], 4)[::2, ::2].astype("f4"))
    files = [str(tmp_path / "s1.tif"), str(tmp_path / "s2.tif")]
    assert call("fit", *files, *QUICK, "-o", "plain")[0] == 0
    code, _, err = call("fit", *files, *QUICK, "--guide", "slice2=map.tif", "-o", "guided")
    assert (code, err) == (0, "")
    assert load_manifest("guided")["guides"][0]["name"] == "map.tif"
    assert load_manifest("plain")["guides"] is None
    for wrong, message in (
        ("2=map.tif", "takes sliceK=MAP"),
        ("slice3=map.tif", "slice3=map.tif: the slices are 1 and 2"),
        ("slice2=none.tif", "No such file"),
    ):
        code, _, err = call("fit", *files, "--guide", wrong, "-o", "wrong")
        assert code == 2 and message in err
    noise = gaussian_filter(np.random.default_rng(4).standard_normal(TRUE[1].shape), 3)
    tifffile.imwrite(tmp_path / "noise.tif", noise.astype("f4"))
    code, out, err = call("fit", *files, *QUICK, "--guide", "slice2=noise.tif", "-o", "unguided")
    assert (code, err) == (0, "")
    assert "Warning: The guide of slice 2 was left out" in out
    for kind in ("slice1", "slice2"):
        plain, unguided = (tifffile.imread(tmp_path / f"{run}/outputs/{kind}.tif") for run in ("plain", "unguided"))
        np.testing.assert_allclose(unguided, plain, atol=1e-6)
    code, _, err = call("fit", *files, "--guide", "slice2=map.tif", "--mixing", "linear", "-o", "wrong")
    assert code == 2 and "works with mixing transfer, prior tv" in err
