"""What `fuzz.py` feeds: each reader of ddip-tf, and the files that mutations start from."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import ddip_tf
from ddip_tf import config
from ddip_tf.archive import safe_models
from ddip_tf.archive.manifest import changed_files, load_manifest
from ddip_tf.errors import RunError
from ddip_tf.formats import arrays, mapped, read_images

OBJECTS = Path(__file__).parents[1] / "tests" / "data"
EXAMPLE = Path(__file__).parents[1] / "saved_models" / "example"
GENERATOR = EXAMPLE / "generators" / "slice1"


def tiffs() -> Iterator[bytes]:
    import tifffile

    image = np.random.default_rng(0).normal(size=(2, 37, 34))
    kinds = [{}, {"compression": "lzw"}, {"compression": "zlib", "predictor": True}, {"tile": (16, 16)}]
    kinds += [{"bigtiff": True}, {"byteorder": ">"}, {"compression": "zstd"}, {"compression": "packbits"}]
    kinds += [{"compression": "lzma"}, {"rowsperstrip": 5, "resolution": (1e6, 2e6)}, {"imagej": True}, {"ome": True}]
    for dtype in ("f4", "u2", "u1"):
        for options in kinds:
            stream = io.BytesIO()
            data = (image * 20 + 99).astype(dtype)
            with_pages = {} if "imagej" in options or "ome" in options else {"photometric": "minisblack"}
            tifffile.imwrite(stream, data, **with_pages, **options)
            yield stream.getvalue()
    palette = np.stack([np.arange(0, 65536, 257).astype("u2")] * 3)
    axes = {"imagej": True, "metadata": {"axes": "ZYX", "unit": "nm", "spacing": 3.0}}
    for array, options in (
        (np.zeros((37, 34), "u1"), {"photometric": "palette", "colormap": palette}),
        (np.zeros((3, 37, 34), "u1"), {}),  # colour planes
        (np.zeros((2, 37, 34), "f4"), axes),
        (np.zeros((5, 37, 34), "f4"), {"truncate": True, "photometric": "minisblack"}),
    ):
        stream = io.BytesIO()
        tifffile.imwrite(stream, array, **options)
        yield stream.getvalue()


def npys() -> Iterator[bytes]:
    for array in (np.eye(3), np.zeros((2, 5, 4), "f4"), np.asfortranarray(np.ones((3, 2), ">c8"))):
        stream = io.BytesIO()
        np.save(stream, array)
        yield stream.getvalue()
        stream = io.BytesIO()
        np.lib.format.write_array(stream, array, version=(2, 0))
        yield stream.getvalue()


def large_npys() -> Iterator[bytes]:
    phases = np.random.default_rng(0).random((2, 37, 34))
    for array in (phases, np.asfortranarray(np.exp(1j * phases).astype(">c8"))):
        stream = io.BytesIO()
        np.save(stream, array)
        yield stream.getvalue()


def npzs() -> Iterator[bytes]:
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, about=np.array('{"a": 1}'), variable0=np.arange(7.0), history=np.zeros((3, 2), "f4"))
        yield stream.getvalue()
    yield (EXAMPLE / "mixing.npz").read_bytes()


def objects(*names: str) -> Callable[[], Iterator[bytes]]:
    return lambda: ((OBJECTS / name).read_bytes() for name in names)


def manifests() -> Iterator[bytes]:
    yield (EXAMPLE / "manifest.json").read_bytes()
    yield json.dumps(json.loads((EXAMPLE / "manifest.json").read_text())).encode()


def read_mapped(path: Path) -> None:
    """As a file that is so large that its array stays in it."""
    mapped.LEAST = 0
    ddip_tf.read(path)


def read_manifest(path: Path) -> None:
    from ddip_tf.report.text import run

    manifest = load_manifest(path.parent)
    changed_files(path.parent, manifest)
    run(path.parent)


def read_config(path: Path) -> None:
    try:
        text = path.read_text()
    except UnicodeDecodeError:  # the command says so
        return
    config.FitConfig.from_yaml(text)


def load_onnx(path: Path) -> None:
    """What passes the inspection goes to onnxruntime, as in `ddip_tf.archive.regenerate`."""
    import onnxruntime

    data = path.read_bytes()
    safe_models.check_onnx(data, path.name)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except Exception as error:  # `regenerate` turns all of them into one line
        raise RunError(type(error).__name__) from error


def read_saved_model(path: Path) -> None:
    safe_models.check_saved_model(path.parent)


def load_saved_model(path: Path) -> None:
    """What passes the inspection is loaded and called by TensorFlow, as in `ddip_tf.archive.regenerate`."""
    from ddip_tf.archive.runtimes import run_saved_model

    if not (path.parent / "variables").exists():
        shutil.copytree(GENERATOR / "variables", path.parent / "variables")
    try:
        run_saved_model(path.parents[2], GENERATOR.name, arrays.read_npz(EXAMPLE / "latents.npz"))
    except RunError:
        raise
    except Exception as error:  # `regenerate` turns all of them into one line
        raise RunError(type(error).__name__) from error


#: reader, the name its file must have, where mutations start from, its share of the executions
READERS: dict[str, tuple[Callable[[Path], object], str, Callable[[], Iterator[bytes]], float]] = {
    "TIFF": (read_images, "a.tif", tiffs, 0.14),
    ".npy": (read_images, "a.npy", npys, 0.18),
    ".npy, mapped": (read_mapped, "a.npy", large_npys, 0.02),
    ".npz": (arrays.read_npz, "a.npz", npzs, 0.1),
    "HDF5": (
        read_images,
        "a.h5",
        objects(
            *("ptychodus.h5", "ptyrad.hdf5", "py4dstem.h5", "slices.h5", "matlab.mat"),
            *("phaser.h5", "ptylab.hdf5", "signal.hspy", "emdfile.emd", "berkeley.emd"),
            *(f"../field/{name}" for name in ("foldslice_electron.mat", "object.hspy", "ptyrad_vacuum.hdf5")),
        ),
        0.05,
    ),
    "HDF5, mapped": (read_mapped, "a.h5", objects("slices.h5", "py4dstem.h5", "../field/phaser.h5"), 0.01),
    "object .npz": (read_images, "a.npz", objects("ptychodus.npz"), 0.02),
    "zarr": (read_images, "a.zspy", objects("signal.zspy"), 0.01),
    "slices last": (read_images, "a.tiff", objects("obj_phase_ds_1.tiff"), 0.01),
    "manifest": (read_manifest, "manifest.json", manifests, 0.15),
    "config": (read_config, "a.yaml", lambda: iter([config.preset("paper").to_yaml().encode()]), 0.05),
    "ONNX": (
        lambda path: safe_models.check_onnx(path.read_bytes(), path.name),
        "a.onnx",
        lambda: (file.read_bytes() for file in (EXAMPLE / "onnx").iterdir()),
        0.15,
    ),
    "ONNX, loaded": (load_onnx, "a.onnx", lambda: (file.read_bytes() for file in (EXAMPLE / "onnx").iterdir()), 0.01),
    "SavedModel": (
        read_saved_model,
        "saved_model.pb",
        lambda: ((EXAMPLE / "generators" / name / "saved_model.pb").read_bytes() for name in ("slice1", "slice2")),
        0.09,
    ),
    "SavedModel, loaded": (
        load_saved_model,
        f"generators/{GENERATOR.name}/saved_model.pb",
        lambda: iter([(GENERATOR / "saved_model.pb").read_bytes()]),
        0.01,
    ),
}
