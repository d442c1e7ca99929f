"""What the start of TensorFlow lets through to standard error."""

import subprocess
import sys

import pytest

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
