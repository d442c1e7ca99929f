"""What the start of TensorFlow lets through to standard error, and what other libraries may log."""

import logging
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from ddip_tf import environment
from ddip_tf.errors import InputError
from ddip_tf.formats import read_images

#: half a line of Python's waits in a buffer
WORK = """
import os, sys
from ddip_tf import environment

class OwnKind(Exception): ...

error = {error}
try:
    with environment.quiet():
        os.write(2, b"from a library\\n")
        sys.stderr.write("from Python")
        if error:
            raise error
except BaseException as caught:
    assert caught is error
os.write(2, b"|after")
"""


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("ImportError()", True),
        ("OSError()", True),
        ("OwnKind()", True),
        ("KeyboardInterrupt()", False),
        ("None", False),
    ],
)
def test_quiet_shows_what_was_written_if_the_block_fails(error, shown):
    done = subprocess.run([sys.executable, "-c", WORK.format(error=error)], capture_output=True, text=True, check=True)
    assert done.stderr == ("from a library\nfrom Python" if shown else "") + "|after"


def test_a_logger_is_silent_in_a_context_and_not_after_it(caplog):
    logger = logging.getLogger("a.library")
    with environment.silenced("a.library"):
        logger.error("unheard")
        with environment.silenced("a.library"):
            pass
        logger.error("unheard")
    logger.warning("heard")
    assert caplog.messages == ["heard"]


def test_a_damaged_tiff_is_an_error_and_says_nothing_else(tmp_path, caplog):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((2, 9, 7), np.float32), photometric="minisblack")
    path.write_bytes(path.read_bytes()[:-300])
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) > 0
    assert caplog.messages  # what it says by itself
    caplog.clear()
    with pytest.raises(InputError, match=r"a\.tif"):
        read_images(path)
    assert (caplog.messages, logging.getLogger("tifffile").level) == ([], logging.NOTSET)


def test_free_memory_is_that_of_the_container(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "CGROUP", tmp_path)
    whole = environment.free_memory_bytes()
    assert whole > 2**26
    for most, expected in ((b"5000\n", 3000), (b"1500\n", 0)):
        (tmp_path / "memory.max").write_bytes(most)
        (tmp_path / "memory.current").write_text("2000\n")
        assert environment.free_memory_bytes() == expected
    (tmp_path / "memory.max").write_text("max\n")
    assert environment.free_memory_bytes() > 2**26


def test_registers_are_narrow_where_onednn_is_told_so(monkeypatch):
    asked = environment.narrow_registers.__wrapped__
    monkeypatch.setattr(environment.platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "avx2")
    assert asked()
    for found, expected in ((["X86_V3", "X86_V4"], False), (["AVX2", "AVX512F"], False), (["X86_V3"], True)):
        monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
        monkeypatch.setattr(np, "show_config", lambda mode, found=found: {"SIMD Extensions": {"found": found}})
        assert asked() == expected
    monkeypatch.setattr(environment.platform, "machine", lambda: "aarch64")
    assert not asked()
