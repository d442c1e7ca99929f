"""The scripts of docs/examples do what they say."""

import functools
import http.server
import re
import runpy
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from ddip_tf.archive import run as run_of
from ddip_tf.training.device import on_device

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
SHIPPED = ROOT / "saved_models" / "example"


def test_a_loop_of_ones_own_learns(stack):
    separate = runpy.run_path(str(EXAMPLES / "own_loop.py"))["separate"]
    with on_device("/CPU:0"):  # the graph as it is traced: to optimise it takes longer than its thirty calls
        images, history = separate(stack, epochs=30, width=1)
    assert images.shape == stack.images.shape
    assert 0 <= images.min() < images.max() <= 1
    assert len(history) == 30
    assert history[-1] < 0.85 * history[0]


def test_a_term_of_ones_own_counts(stack, without_graphs):
    separate = runpy.run_path(str(EXAMPLES / "own_loop.py"))["separate"]
    (light,), (heavy,) = (separate(stack, epochs=1, width=1, smoothness=weight)[1] for weight in (1e-4, 1.0))
    assert heavy > 2 * light


@pytest.mark.parametrize(("script", "tolerance"), [("serve_saved_model.py", 1e-5), ("run_onnx.py", 1e-4)])
@pytest.mark.parametrize("latent", ["z", "base"])
def test_pictures_without_ddip_tf(script, tolerance, latent, run):
    text = (EXAMPLES / script).read_text()
    assert "import ddip_tf" not in text
    folder = run if latent == "z" else SHIPPED
    images = runpy.run_path(str(EXAMPLES / script))["pictures"](folder)
    _, archived = run_of.archived(folder)
    np.testing.assert_allclose(images, archived, atol=tolerance * np.ptp(archived))


def test_a_program_is_stopped_separated_and_started(tmp_path, monkeypatch):
    obj, done = tmp_path / "object.npy", []

    def run(command, check):
        command = [str(part) for part in command]
        done.append(command[:2])
        if command[0] == "program":  # goes on from the object, if there is one
            obj.write_text((obj.read_text() if obj.exists() else "") + "p")
        elif command[1] == "export":
            into, new = (command[command.index(flag) + 1] for flag in ("--into", "-o"))
            Path(new).write_text(Path(into).read_text() + "s")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr("sys.argv", ["stop_and_start.py", str(obj), f"program {{object}} --out {obj}", "--times", "2"])
    runpy.run_path(str(EXAMPLES / "stop_and_start.py"), run_name="__main__")
    assert obj.read_text() == "pspsp"
    own, fit, export = ["program", str(obj)], ["ddip-tf", "fit"], ["ddip-tf", "export"]
    assert done == [own, fit, export, own, fit, export, own]


def test_pictures_in_the_browser(tmp_path):
    """Needs chromium, and `npm install onnxruntime-web` in docs/examples."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    library = EXAMPLES / "node_modules"
    if not chromium or not library.exists():
        pytest.skip("no chromium, or no onnxruntime-web in docs/examples/node_modules")
    shutil.copy(EXAMPLES / "browser.html", tmp_path)
    (tmp_path / "node_modules").symlink_to(library)
    (tmp_path / "run").symlink_to(SHIPPED)
    serve = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("localhost", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://localhost:{server.server_port}/browser.html?run=run"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000", "--dump-dom"]
        command = [chromium, *flags, address]
        page = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
        server.shutdown()
    assert "done in" in page
    shown = re.findall(r">slice\d: mean ([^,]+), deviation ([^<]+)<", page)
    _, archived = run_of.archived(SHIPPED)
    expected = [(image.mean(dtype=float), image.std(dtype=float)) for image in archived]
    np.testing.assert_allclose(np.array(shown, float), expected, rtol=1e-4)
