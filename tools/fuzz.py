"""Mutated files against every reader: no exception but the two that users see, no hang over 5 s, no memory over 2 GB.

    python tools/fuzz.py OUT --executions 1000000 --seed 1

Each reader starts from files that ddip-tf writes or reads well, and gets them with bits flipped, numbers replaced,
pieces cut, doubled and exchanged. It works in a process of its own, limited to 2 GB of data and 5 s of processor time
for each file; a process that dies is counted and started again. OUT gets the files that were not borne. The table has
executions, refusals (InputError or RunError), and faults by kind.
"""

from __future__ import annotations

import io
import json
import os
import random
import resource
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np

from ddip_tf import config
from ddip_tf.archive import safe_models
from ddip_tf.archive.manifest import changed_files, load_manifest
from ddip_tf.errors import InputError, RunError
from ddip_tf.formats import arrays, read_images

OBJECTS = Path(__file__).parents[1] / "tests" / "data"
EXAMPLE = Path(__file__).parents[1] / "saved_models" / "example"
MOST_MEMORY, MOST_SECONDS = 2 * 2**30, 5.0
NUMBERS = [0, 1, 2, 3, 7, 8, 16, 127, 128, 255, 256, 4096, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63]
WORDS = [b"null", b"-1", b"1e999", b"[]", b"{}", b"true", b'"\\u001b"', b"[" * 3000, b"9" * 400, b"NaN", b"../../etc"]
WORDS += [b"&a", b"*a", b"!!python/object:os.system", b"(" * 200, b"'O'", b"2020-99-99", b"\x00", b"\xff", b": ", b"\n"]


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


#: reader, the name its file must have, where mutations start from, its share of the executions
READERS: dict[str, tuple[Callable[[Path], object], str, Callable[[], Iterator[bytes]], float]] = {
    "TIFF": (read_images, "a.tif", tiffs, 0.14),
    ".npy": (read_images, "a.npy", npys, 0.2),
    ".npz": (arrays.read_npz, "a.npz", npzs, 0.1),
    "HDF5": (
        read_images,
        "a.h5",
        objects(
            *("ptychodus.h5", "ptyrad.hdf5", "py4dstem.h5", "slices.h5", "matlab.mat"),
            *("phaser.h5", "ptylab.hdf5", "signal.hspy", "emdfile.emd", "berkeley.emd"),
        ),
        0.07,
    ),
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
        0.1,
    ),
}


def mutated(data: bytes, others: list[bytes], dice: random.Random) -> bytes:
    """``data`` with one to eight wounds."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        at = dice.randrange(len(out) + 1)
        # headers decide most: aim there half of the time
        at = min(at, dice.randrange(400)) if dice.random() < 0.5 else at
        kind = dice.randrange(7)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            size = dice.choice((1, 2, 4, 8))
            number = dice.choice(NUMBERS) % 256**size
            out[at : at + size] = number.to_bytes(size, dice.choice(("little", "big")))
        elif kind == 2:
            del out[at : at + dice.choice((1, 4, 50, len(out)))]
        elif kind == 3:
            out[at:at] = out[at : at + dice.choice((1, 8, 200))]
        elif kind == 4:
            other = dice.choice(others)
            cut = dice.randrange(len(other) + 1)
            out[at : at + dice.choice((0, 64))] = other[cut : cut + dice.choice((4, 64, 1000))]
        elif kind == 5:
            out[at : at + dice.choice((0, 1, 4))] = dice.choice(WORDS)
        elif at < len(out):
            out[at] = dice.randrange(256)
    return bytes(out)


def work(name: str, folder: Path, report: int, seed: int, count: int) -> None:
    """Feed a reader; one letter for each file goes to the descriptor ``report``: r refused, . read, f fault."""
    read, file, corpus, _ = READERS[name]
    start = list(corpus())
    dice = random.Random(seed)
    path = folder / file
    for data in start:  # what is well is read; this also imports what the reader needs
        path.write_bytes(data)
        if name != "ONNX":
            read(path)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for _ in range(count):
        path.write_bytes(mutated(dice.choice(start), start, dice))
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        letter = b"."
        try:
            read(path)
        except (InputError, RunError) as error:
            letter = b"r" if "\n" not in str(error) else b"f"
        except Exception as error:
            if type(error).__name__ == "DecodeError":
                letter = b"r"  # protobuf's own; `regenerate` turns it into one line
            else:
                letter = b"f"
                (folder / "why").write_text(f"{type(error).__name__}: {error}"[:300])
        signal.setitimer(signal.ITIMER_PROF, 0)
        os.write(report, letter)


def fuzz(name: str, count: int, seed: int, out: Path) -> tuple[Counter, float]:
    """Executions of a reader by letter (also s: died of a signal), and the largest resident memory in GB."""
    found: Counter = Counter()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as place:
        folder = Path(place)
        while (done := sum(found.values())) < count:
            listen, report = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(listen)
                quiet = os.open(os.devnull, os.O_WRONLY)
                os.dup2(quiet, 2)
                code = 1
                try:
                    # a process is given no more than this, so that what one file leaves behind cannot blind the rest
                    work(name, folder, report, seed * 1_000_003 + done, min(count - done, 100_000))
                    code = 0
                finally:  # nothing of this process's cleaning up is the child's
                    os._exit(code)
            os.close(report)
            with open(listen, "rb") as stream:
                while letters := stream.read1(4096):
                    text = letters.decode()
                    found.update(text)
                    if "f" in text:
                        why = (folder / "why").read_text() if (folder / "why").exists() else "two lines"
                        print(f"{name}: {why}", flush=True)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if status:
                found["s"] += 1
                kept = out / f"{name.strip('.').replace(', ', '-')}-{done}-signal{-status}"
                shutil.copy(folder / READERS[name][1], kept)
                print(f"{name}: ended with {status}, its file is {kept}", flush=True)
                if not done and sum(found.values()) == 1:
                    raise SystemExit("the reader does not bear its own files")
    return found, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--executions", default=1_000_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--only", type=click.Choice(list(READERS)), help="One reader.")
def main(out: Path, executions: int, seed: int, only: str | None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    click.echo("| reader | executions | read | refused | faults | died | seconds | memory so far, GB |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- | --- |")
    total: Counter = Counter()
    for name, (_, _, _, share) in READERS.items():
        if only not in (None, name):
            continue
        began = time.monotonic()
        found, memory = fuzz(name, int(executions * share) if only is None else executions, seed, out)
        total += found
        numbers = [sum(found.values()), found["."], found["r"], found["f"], found["s"]]
        click.echo(f"| {name} | {' | '.join(map(str, numbers))} | {time.monotonic() - began:.0f} | {memory:.2f} |")
    click.echo(f"{sum(total.values())} executions, {total['f']} faults, {total['s']} processes died")
    raise SystemExit(bool(total["f"] or total["s"]))


if __name__ == "__main__":
    main()
