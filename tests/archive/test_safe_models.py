import contextlib
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tifffile
from helpers import SHAPE, blobs

from ddip_tf import environment
from ddip_tf.archive import regenerate, safe_models
from ddip_tf.archive.manifest import changed_files, load_manifest
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError, RunError
from ddip_tf.formats import arrays, limits, read_images

EXAMPLE = Path(__file__).parents[2] / "saved_models" / "example"


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(EXAMPLE, tmp_path / "run")


def replace_generator(run, function):
    """Put a SavedModel whose picture comes from ``function`` in the place of generator 1."""
    shape = tf.TensorSpec((1, *json.loads((run / "manifest.json").read_text())["shape"], 1))
    module = tf.Module()
    module.call = tf.function(lambda base: {"image": function(base)}, input_signature=[shape])
    folder = run / "generators" / "slice1"
    shutil.rmtree(folder)
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function())


def test_a_model_of_arithmetic_is_loaded(copy):
    replace_generator(copy, lambda base: base * 2.0)
    assert np.isfinite(regenerate.regenerate(copy, "tensorflow")).all()


def writes(target):
    @tf.function
    def inner(base):
        tf.io.write_file(str(target), "let in")
        return base

    return inner


def evil(kind, target):
    """Functions of base that touch what they should not."""
    if kind == "loop":
        return lambda base: tf.while_loop(lambda x: tf.reduce_sum(x) < 1e30, lambda x: x + 0.0, [base])[0]
    if kind == "python":
        return lambda base: tf.ensure_shape(tf.py_function(lambda x: x, [base], tf.float32), base.shape)
    if kind == "read":
        return lambda base: base + tf.cast(tf.strings.length(tf.io.read_file(str(target))), tf.float32)
    if kind == "save":
        return lambda base: (
            base
            + 0
            * tf.cast(
                tf.strings.length(tf.raw_ops.ShardedFilename(basename=_saved(base, target), shard=0, num_shards=1)),
                tf.float32,
            )
        )
    return writes(target)


def _saved(base, target):
    save = tf.raw_ops.SaveV2(prefix=str(target), tensor_names=["x"], shape_and_slices=[""], tensors=[base])
    with tf.control_dependencies([save]):
        return tf.constant(str(target))


@pytest.mark.parametrize(
    ("kind", "operation"),
    [("write", "WriteFile"), ("loop", "While"), ("python", "PyFunc"), ("read", "ReadFile"), ("save", "SaveV2")],
)
def test_a_model_that_does_more_is_refused_and_not_run(copy, tmp_path, kind, operation):
    target = tmp_path / "target"
    if kind == "read":
        target.write_text("secret")
    replace_generator(copy, evil(kind, target))
    target.unlink(missing_ok=True)
    with pytest.raises(RunError, match="not loaded") as caught:
        regenerate.regenerate(copy, "tensorflow")
    assert operation in str(caught.value) or "ShardedFilename" in str(caught.value)
    assert not list(tmp_path.glob("target*"))


def test_assets_links_and_other_files_are_refused(copy, tmp_path):
    (copy / "generators/slice1/assets").mkdir(exist_ok=True)
    (copy / "generators/slice1/assets/extra.txt").write_text("more")
    with pytest.raises(RunError, match=r"assets/extra\.txt"):
        safe_models.check_saved_model(copy / "generators/slice1")
    (copy / "generators/slice2/variables/variables.index").unlink()
    (copy / "generators/slice2/variables/variables.index").symlink_to("/etc/hostname")
    with pytest.raises(RunError, match=r"variables\.index"):
        safe_models.check_saved_model(copy / "generators/slice2")


def test_variables_and_constants_are_held_against_the_limit(copy, monkeypatch):
    monkeypatch.setenv(limits.VARIABLE, "20000")
    with pytest.raises((RunError, InputError), match="limit"):
        safe_models.check_saved_model(copy / "generators/slice1")


def rewritten(run, change):
    import onnx

    model = onnx.load(run / "onnx/slice1.onnx")
    change(onnx, model)
    (run / "onnx/slice1.onnx").write_bytes(model.SerializeToString())


def outside(onnx, model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret.bin")


def loop(onnx, model):
    body = onnx.helper.make_graph([], "body", [], [])
    model.graph.node.append(onnx.helper.make_node("Loop", ["a", "b"], ["c"], body=body))


def unknown(onnx, model):
    model.graph.node.append(onnx.helper.make_node("Launch", ["z"], ["c"]))


@pytest.mark.parametrize(
    ("change", "message"), [(outside, "data in other files"), (loop, "Loop|loops"), (unknown, "'Launch'")]
)
def test_onnx_with_outside_data_loops_or_unknown_operations_is_refused(copy, change, message):
    rewritten(copy, change)
    with pytest.raises(RunError, match=message):
        regenerate.regenerate(copy, "onnx")


def test_onnx_that_cannot_be_loaded_is_one_sentence_and_nothing_is_printed(copy, capfd):
    data = (copy / "onnx/slice1.onnx").read_bytes()
    (copy / "onnx/slice1.onnx").write_bytes(data.replace(b"base", b"b\xffse"))
    with pytest.raises(RunError, match="cannot be regenerated"):
        regenerate.regenerate(copy, "onnx")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["latents.npz", "onnx/slice1.onnx", "outputs/slice1.tif", "generators/slice1"])
def test_links_out_of_the_run_folder_are_not_followed(copy, tmp_path, name):
    (copy / name).rename(tmp_path / "elsewhere")
    (copy / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="leads out of the run folder"):
        regenerate.check(copy, "tensorflow" if "generators" in name else "onnx")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "format 2.*update it"),
        ({"format_version": 0}, "format 0.*use an older one"),
        ({"format_version": "1"}, "no format version"),
        ({"slices": 10**9}, "slices is"),
        ({"slices": "2"}, "slices is no int"),
        ({"shape": [1e9, 3]}, "shape is no"),
        ({"files": {"a": 3}}, "no texts"),
        ({"normalisation": {"gain": [1], "offset": [0, 0]}}, "gain and offset for each slice"),
        ({"normalisation": {"gain": [1, float("nan")], "offset": [0, 0]}}, "gain and offset for each slice"),
        ({"pixel_size_m": [1]}, "pixel_size_m"),
        ({"inputs": [3]}, "inputs have no names"),
        ({"wall_time_s": None}, "wall_time_s is no int"),
    ],
)
def test_a_damaged_manifest_is_refused_with_the_reason(copy, change, message):
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, **change}))
    with pytest.raises(InputError, match=message):
        load_manifest(copy)


@pytest.mark.parametrize("name", ["/etc/hostname", "../elsewhere", "a" * 5000, "a\0b", "outputs/../../x"])
def test_names_that_lead_out_are_named_not_followed(copy, name):
    manifest = load_manifest(copy)
    manifest["files"] = {name: "0"}
    assert changed_files(copy, manifest) == [f"{name}: outside the run folder"]


def test_a_manifest_cannot_steer_the_terminal(copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["warnings"] = ["\x1b]0;owned\x07 all is well"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert load_manifest(copy)["warnings"][0]["text"] == "?]0;owned? all is well"


def test_an_npy_that_announces_more_than_it_has_is_refused_before_allocation(tmp_path):
    header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 20, 1 << 20)}
    with (tmp_path / "a.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
    with pytest.raises(InputError, match=r"announces 8\.19e\+03 GiB of data; .* an eighth of the memory that is free"):
        read_images(tmp_path / "a.npy")
    header["shape"] = (300, 300)
    with (tmp_path / "a.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
    with pytest.raises(InputError, match="fewer follow"):
        read_images(tmp_path / "a.npy")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((1000, 1000)))
    assert (tmp_path / "a.npz").stat().st_size < 20_000
    assert arrays.read_npz(tmp_path / "a.npz")["x"].shape == (1000, 1000)
    monkeypatch.setenv(limits.VARIABLE, "1000000")
    with pytest.raises(InputError, match="the limit is"):
        arrays.read_npz(tmp_path / "a.npz")
    monkeypatch.setenv(limits.VARIABLE, "much")
    with pytest.raises(InputError, match="takes a number of bytes"):
        arrays.read_npz(tmp_path / "a.npz")


def test_the_limit_is_an_eighth_of_the_memory_that_is_free_or_less_if_that_is_said(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.zeros((300, 200), "f4"))
    enough = 8 * 240_000
    for free, said, refusal in (
        (enough, None, None),
        (enough - 8, None, "GiB is an eighth of the memory that is free$"),
        (enough, " 239_999", f"If you trust it: export {limits.VARIABLE}=240000$"),
        (enough - 8, "240000", "GiB is an eighth of the memory that is free$"),  # it does not lift what memory sets
        (enough - 8, "200000", "GiB is an eighth of the memory that is free$"),
    ):
        monkeypatch.setattr(environment, "free_memory_bytes", lambda free=free: free)
        monkeypatch.delenv(limits.VARIABLE, raising=False)
        if said:
            monkeypatch.setenv(limits.VARIABLE, said)
        with pytest.raises(InputError, match=refusal) if refusal else contextlib.nullcontext():
            assert read_images(tmp_path / "a.npy")[0].shape[-2:] == (300, 200)


def test_memory_is_not_asked_for_a_few_bytes_but_what_is_said_holds(monkeypatch):
    monkeypatch.setattr(environment, "free_memory_bytes", lambda: 0)
    limits.admit("a model", (10,), "f8")
    with pytest.raises(InputError, match="an eighth of the memory that is free"):
        limits.admit("a model", (limits.FEW + 1,), "u1")
    monkeypatch.setenv(limits.VARIABLE, "79")
    with pytest.raises(InputError, match="the limit is"):
        limits.admit("a model", (10,), "f8")


def test_pickles_in_npz_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{"a": 1}], object))
    with pytest.raises(InputError, match="Python objects"):
        arrays.read_npz(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("x.npy", b"nonsense")
    with pytest.raises(InputError, match="cannot be read"):
        arrays.read_npz(tmp_path / "b.npz")


def test_a_tiff_over_the_limit_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4000, 4000), "f4"), compression="zlib")
    assert (tmp_path / "a.tif").stat().st_size < 100_000
    monkeypatch.setenv(limits.VARIABLE, "50000000")
    with pytest.raises(InputError, match=r"announces 0\.0596 GiB of data; the limit is"):
        read_images(tmp_path / "a.tif")


def test_a_compression_without_a_bound_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", (blobs(4, SHAPE, 1) * 250).astype("u1"), compression="jpeg")
    with pytest.raises(InputError, match="JPEG: save it with one of none, LZW"):
        read_images(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [x, x]\ngamma: *a\n", "aliases"),
        ("gamma: [1, 2]\n", "takes one value"),
        ("[" * 500_000, "more than 16 deep"),  # PyYAML alone: minutes
        ("- " * 500_000, "more than 16 deep"),
        ("gamma: !!python/object/apply:os.system [echo]\n", "no valid YAML"),
        ("epochs: 2020-99-99\n", "no valid YAML|whole number"),
        (f"epochs: {'9' * 30}\n", "too large"),
    ],
)
def test_a_config_cannot_run_or_multiply(text, message):
    with pytest.raises(InputError, match=message):
        FitConfig.from_yaml(text)
