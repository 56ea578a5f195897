"""The start of TensorFlow without its notes on stderr."""

import contextlib
import os
import re
import sys
import tempfile

# How its C++ code begins a line, such as "I0000 00:00:1718 cudart_stub.cc:31]",
# and what stands above the first of them.
_NOTES = re.compile(
    rb"^(?:[IWE]\d{4} [\d:.]+ .*|WARNING: All log messages before absl.*)\n?",
    re.MULTILINE,
)


@contextlib.contextmanager
def quiet_start():
    """Keeps the notes of a TensorFlow that is imported here from stderr.

    Some are written before it reads `TF_CPP_MIN_LOG_LEVEL`. Whatever else is
    written to stderr comes out at the end. A variable that the user has set
    lets all of them through.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    # For processes that are started later, too.
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if "tensorflow" in sys.modules or sys.stderr is None:
        yield
        return
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            # Without room for a file nothing is held back.
            written = stack.enter_context(tempfile.TemporaryFile())
            stack.callback(_tell, os.dup(2), written)
            os.dup2(written.fileno(), 2)
        yield


def _tell(stderr, written):
    """Gives stderr back, and writes to it what is worth reading."""
    sys.stderr.flush()
    os.dup2(stderr, 2)
    os.close(stderr)
    written.seek(0)
    os.write(2, _NOTES.sub(b"", written.read()))
