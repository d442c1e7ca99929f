"""Every code of a warning can be raised, by the smallest case of its condition, and names the slice it concerns."""

import json
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest
import tifffile
from codes_of_mixing import RAISED_BY_MIXING, SHAPE, TRUE
from helpers import DATA, discs, sources

from ddip_tf.archive import export, repeats
from ddip_tf.archive.manifest import cautions, load_manifest
from ddip_tf.caution import CODES
from ddip_tf.formats import families, open_content, read
from ddip_tf.quality import depth, repeatability, warnings
from ddip_tf.slices import SliceStack, outliers, sums
from ddip_tf.slices.affine import Affine
from ddip_tf.transfer import guides, vacuum


def outliers_replaced(stack, **_):
    images = stack.images.copy()
    images[1, 20, 11] = 30
    return outliers.replaced(replace(stack, images=images))[1]


def misregistered(separation, **_):
    common = sources(1, (143, 167))[0]
    shifted = SliceStack(np.stack([common, np.roll(common, (3, -4), (0, 1))]))
    return warnings._misregistered(replace(separation, stack=shifted))


def fewer_levels(separation, **_):
    return warnings.with_warnings(separation).warnings  # of 43 x 36 pixels


def own_weight_at_bound(separation, **_):
    return warnings._weights_at_bounds(replace(separation, mixing={"matrix": np.array([[0.6, 0.4], [0.055, 0.945]])}))


def confused(separation, **_):
    outputs = separation.stack.images[[0, 0]]
    return warnings._confused(replace(separation, outputs=outputs))


def unexplained(separation, **_):
    images = separation.stack.images
    modelled = images * np.array([1, 0.5], np.float32)[:, None, None]
    return warnings._unexplained(replace(separation, modelled=modelled))


def guides_change_nothing(**_):
    return guides.related([(0, TRUE[0])], TRUE, 0.0)[1]


def guide_left_out(**_):
    return guides.related([(1, TRUE[0])], TRUE, 6.0)[1]


def guide_of_another(**_):
    own, other = (image / image.std() for image in TRUE[::-1])
    return guides.related([(1, own + 1.5 * other)], TRUE, 6.0)[1]


def runs(run, orders, used):
    manifests = [load_manifest(run)] * 3
    scale = Affine((1.0, 1.0), (0.0, 0.0))
    members = [repeatability.Member(one, order, scale) for order, one in zip(orders, used, strict=True)]
    return cautions(repeats._manifest(["0001", "0002", "0003"], manifests, members, np.ones((2, 4, 5))))


def runs_left_out(run, **_):
    return runs(run, [(0, 1)] * 3, [True, True, False])


def runs_reordered(run, **_):
    return runs(run, [(0, 1), (1, 0), (0, 1)], [True] * 3)


def another_file(tmp_path, **_):
    manifest = {"slices": 2, "inputs": [{"name": "a.tif", "page": page, "sha256": "0"} for page in (0, 1)]}
    return export._pages(manifest, tmp_path, tmp_path / "b.tif", "1")[1]


def content(tmp_path, **changes):
    np.save(tmp_path / "slices.npy", TRUE.astype(np.float32))
    return replace(open_content(tmp_path / "slices.npy"), notes=(), **changes)


def scaled_values(tmp_path, **_):
    eight_bit = content(tmp_path, images=np.arange(60, dtype=np.uint8).reshape(2, 5, 6))
    return families._sane(eight_bit, "slices.npy").notes


def axis_taken_as_slices(tmp_path, **_):
    tifffile.imwrite(tmp_path / "c.tif", TRUE.astype(np.float32), imagej=True, metadata={"axes": "CYX"})
    return open_content(tmp_path / "c.tif").notes


def impossible_length(tmp_path, **_):
    return families._sane(content(tmp_path, pixel_size_m=(5.0, 5.0)), "slices.npy").notes


def electrons_assumed(tmp_path, **_):
    file = content(tmp_path, electrons=False, wavelength_m=4e-12, pixel_size_m=(2e-11, 2e-11))
    return families._sane(file, "slices.npy").notes


def cropped_to_finite(tmp_path, **_):
    images = TRUE.astype(np.float32)
    images[:, :3] = np.nan
    np.save(tmp_path / "rim.npy", images)
    return read(tmp_path / "rim.npy").notes


def vacuum_left_out(tmp_path, **_):
    np.save(tmp_path / "four.npy", np.concatenate([TRUE, np.zeros((1, *SHAPE))]).astype(np.float32))
    return read(tmp_path / "four.npy").notes


def unlike_scales(tmp_path, **_):
    np.save(tmp_path / "two.npy", np.stack([np.degrees(TRUE[0]), TRUE[1]]).astype(np.float32))
    return read(tmp_path / "two.npy").notes


def vacuum_found(**_):
    return vacuum.said([1])


def more_than_told_apart(**_):
    return depth.cautions(depth.of(TRUE, (2e-11, 3e-11), (1e-10,), 2e-12))


def neighbours_mixed(tmp_path, **_):
    file = shutil.copy(DATA / "electrons.hdf5", tmp_path / "filtered.hdf5")
    with h5py.File(file, "r+") as opened:
        opened["params/constraint_params/kz_filter/start_iter"] = 1
        opened["params/constraint_params/kz_filter/beta"] = 0.7
    return read(file).notes


def slices_summed(**_):
    return sums.summed(SliceStack(discs(5, SHAPE, 3)), 2).notes


def uncoded(run, tmp_path, **_):
    old = shutil.copytree(run, tmp_path / "old")
    manifest = load_manifest(old)
    (old / "manifest.json").write_text(json.dumps({**manifest, "warnings": ["Look twice."]}))
    assert load_manifest(old)["warnings"] == [{"code": "uncoded", "text": "Look twice.", "slice": None}]
    return cautions(load_manifest(old))


#: by code: what raises it, and the slice it then names
RAISED = {
    **RAISED_BY_MIXING,
    "outliers-replaced": (outliers_replaced, 2),
    "misregistered": (misregistered, 2),
    "fewer-levels": (fewer_levels, None),
    "own-weight-at-bound": (own_weight_at_bound, 2),
    "doubt-confused": (confused, 2),
    "doubt-unexplained": (unexplained, 2),
    "guides-change-nothing": (guides_change_nothing, None),
    "guide-left-out": (guide_left_out, 2),
    "doubt-guide-of-another": (guide_of_another, 2),
    "runs-left-out": (runs_left_out, None),
    "runs-reordered": (runs_reordered, None),
    "scaled-values": (scaled_values, None),
    "axis-taken-as-slices": (axis_taken_as_slices, None),
    "impossible-length": (impossible_length, None),
    "electrons-assumed": (electrons_assumed, None),
    "cropped-to-finite": (cropped_to_finite, None),
    "vacuum-left-out": (vacuum_left_out, None),
    "vacuum-found": (vacuum_found, 2),
    "unlike-scales": (unlike_scales, None),
    "more-than-told-apart": (more_than_told_apart, None),
    "neighbours-mixed": (neighbours_mixed, None),
    "slices-summed": (slices_summed, None),
    "another-file": (another_file, None),
    "uncoded": (uncoded, None),
}


@pytest.mark.parametrize("code", CODES)
def test_code_is_raised_and_names_its_slice(code, run, separation, stack, monkeypatch, tmp_path):
    raise_it, number = RAISED[code]
    said = raise_it(run=run, separation=separation, stack=stack, monkeypatch=monkeypatch, tmp_path=tmp_path)
    found = [caution for caution in said if caution.code == code]
    assert [caution.slice for caution in found] == [number] * len(found)
    assert found
    if code in ("none-found", "same-image", "withheld"):  # nothing was changed, so nothing can have been harmed
        assert not any(caution.doubtful for caution in said)
    for caution in found:
        assert str(caution) == caution.text
        assert caution.doubtful is code.startswith("doubt-")
        assert number is None or f"lice {number}" in caution.text or f"output {number}" in caution.text
