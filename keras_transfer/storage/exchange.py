"""Two names of a file system change places in one step."""

import ctypes
import errno
import os
import sys

from keras_transfer._private.types import PathLike

_HERE, _EXCHANGE = -100, 2
# The system or the file system cannot do it.
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)


def exchange(one: PathLike, other: PathLike) -> bool:
    """Lets two files or folders change places, `renameat2` of Linux.

    Args:
        one: a path.
        other: another path on the same file system; both exist.

    Returns:
        Whether that was done: `False` where it cannot be done in one step.

    Raises:
        OSError: one of them is missing, or may not be moved.
    """
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    paths = os.fsencode(one), os.fsencode(other)
    if rename(_HERE, paths[0], _HERE, paths[1], _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(other))
