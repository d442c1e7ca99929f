"""What looks at a fit while it runs: Keras callbacks of any kind, pictures, TensorBoard, the terminal."""

import functools
import io
import json

import keras
import numpy as np
import pytest
from rich.console import Console

from ddip_tf.archive import write
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError
from ddip_tf.formats import tiff
from ddip_tf.report import figures
from ddip_tf.training import fitting
from ddip_tf.training.callbacks import pictures as watching
from ddip_tf.training.callbacks import tensorboard, terminal_images

KINDS = {
    "kernel": {"mixing": "kernel", "epochs": 7, "chunk": 5},
    "tv": {"mixing": "transfer"},
    "null-dip": {"mixing": "transfer", "prior": "null-dip", "epochs": 7, "chunk": 5},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fit_is_heard_and_seen(stack, tmp_path, kind):
    seen, config = [], FitConfig(width=2, seed=3, **KINDS[kind])
    own = keras.callbacks.CSVLogger(tmp_path / "log.csv"), keras.callbacks.EarlyStopping("fidelity", mode="min")
    pictures = watching.Pictures(lambda images, epoch: seen.append((images, epoch)), last=True)
    separation = fitting.fit(
        stack,
        config,
        callbacks=[
            *own,
            keras.callbacks.TensorBoard(tmp_path / "keras"),
            pictures,
            *tensorboard.tensorboard(tmp_path / "tb"),
        ],
        threads=2,
    )
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1 + separation.epochs
    images, epoch = seen[-1]
    assert epoch == separation.epochs
    np.testing.assert_allclose(separation.to_output(images), separation.outputs, atol=2e-5)

    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(tmp_path / "tb"), {"tensors": 0, "images": 0})
    log.Reload()
    terms = [name for name in separation.history if name != "epoch"]
    assert {*log.Tags()["tensors"]} == {*terms, "slice1", "slice2"}
    for name in terms:
        points = log.Tensors(name)
        assert [point.step for point in points] == list(range(1, separation.epochs + 1))
        values = [float(tf.make_ndarray(point.tensor_proto)) for point in points]
        np.testing.assert_allclose(values, separation.history[name], rtol=1e-6)
    assert log.Tensors("slice2")[-1].step == separation.epochs
    assert list((tmp_path / "keras/train").iterdir())


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.ReduceLROnPlateau("fidelity", mode="min"),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
    ],
)
def test_a_callback_that_sets_the_learning_rate_is_told_that_it_cannot(stack, callback):
    with pytest.raises(InputError, match=r"learning rate is the fit's own, .* ReduceLROnPlateau"):
        fitting.fit(stack, FitConfig("linear", epochs=3, width=1), callbacks=[callback], threads=2)


def test_pictures_are_seldom_and_of_the_epoch_they_name(monkeypatch):
    clock, seen = [100.0], []
    monkeypatch.setattr(watching.time, "monotonic", lambda: clock[0])

    def show(images, epoch):
        seen.append((images.tolist(), epoch))
        clock[0] += 2  # what a look takes

    pictures = watching.Pictures(show, every_s=10)
    pictures.set_params({"epochs": 40, "latents": [3.0]})
    pictures.set_model(lambda latents: [np.full((1, 1, 1, 1), 2 * latents[0])])
    asked = []
    for done in range(4, 41, 4):
        asked.append(pictures.needs_weights(done))
        for epoch in range(done - 4, done):
            pictures.on_epoch_end(epoch)
        clock[0] += 30 if done < 12 else 45
    assert seen == [([[[6.0]]], 8), ([[[6.0]]], 20), ([[[6.0]]], 32)]  # then not before 50 times two seconds
    assert [done for done, due in zip(range(4, 41, 4), asked, strict=True) if due] == [8, 20, 32]


def test_preview_of_a_fit_under_way(stack, run, tmp_path, monkeypatch):
    place = tmp_path / "new"
    figures.write_progress(place, stack, stack.images, 40)
    assert [path.name for path in place.iterdir()] == ["preview.png"]
    assert (place / "preview.png").read_bytes().startswith(b"\x89PNG")
    with write.RunFolder(place):
        pass  # nothing but a preview: the folder is free
    (place / "note").write_text("")
    with pytest.raises(InputError, match="not empty"), write.RunFolder(place):
        pass
    before = (run / "preview.png").read_bytes() if (run / "preview.png").exists() else None
    figures.write_progress(run, stack, stack.images, 40)
    assert before == ((run / "preview.png").read_bytes() if (run / "preview.png").exists() else None)
    (tmp_path / "file").write_text("")
    figures.write_progress(tmp_path / "file", stack, stack.images, 40)  # no reason to end a fit


def test_fit_refreshes_its_preview_and_writes_for_tensorboard(call, stack, tmp_path, monkeypatch):
    for number, image in enumerate(stack.images, 1):
        tiff.write(tmp_path / f"{number}.tif", image)
    epochs = []
    monkeypatch.setattr(watching, "Pictures", functools.partial(watching.Pictures, every_s=0.0))
    monkeypatch.setattr(watching, "SELDOM", 0)
    monkeypatch.setattr(figures, "write_progress", lambda run, inputs, images, epoch: epochs.append((run.name, epoch)))
    small = ["--preset", "paper", "--mixing", "linear", "--width", "1", "--epochs", "12", "--threads", "2"]
    code, out, _ = call("fit", "1.tif", "2.tif", "-o", "r", *small, "--tensorboard", "logs", "--progress", "json")
    assert code == 0
    assert epochs == [("r", 1), ("r", 11), ("r", 12)]
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, 13))
    assert {"epochs", "seconds", "loss", "fidelity", "exclusion", "alpha1", "alpha2"} <= lines[0].keys()
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["r"]


def test_tensorboard_that_cannot_write_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"`tensorboard` .*file.* cannot be written"):
        tensorboard.tensorboard(tmp_path / "file")


def test_thumbnails_are_means_over_boxes():
    image = np.kron(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), np.ones((5, 4)))
    greys = terminal_images._greys(image, 3)
    assert greys.shape == (2, 3)
    assert (greys[[0, 1], [1, 2]] == greys.max()).all()
    assert (greys[[0, 0, 1, 1], [0, 2, 0, 1]] == greys.min()).all()
    assert 0 <= greys.min() < 128 < greys.max() <= 255


def test_strip_stays_in_the_width():
    images = [np.random.default_rng(0).normal(size=(90, 61))] * 3
    lines = terminal_images.strip(images, 50).plain.splitlines()
    assert {len(line) for line in lines} == {16 * 3 + 2}
    assert len(lines) == 12  # 16 columns of 90/61 pixels, two a character


@pytest.mark.parametrize(
    ("colours", "terminal", "height", "shows"),
    [
        ("truecolor", True, 40, True),
        ("256", True, 40, True),
        ("standard", True, 40, False),
        ("truecolor", False, 40, False),
        ("truecolor", True, 10, False),
    ],
)
def test_pictures_only_where_the_terminal_can(colours, terminal, height, shows):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    console = Console(file=stream, force_terminal=terminal, color_system=colours, height=height, width=80)
    assert terminal_images.can_show(console) is shows
