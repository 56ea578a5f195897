"""Finding the files that are no photos before training starts."""

import warnings
from collections.abc import Iterable, Sequence

from keras_transfer._private.types import PathLike
from keras_transfer.data.photos.photo import check_photo
from keras_transfer.data.photos.photo_file import Photo
from keras_transfer.data.photos.pool import pool
from keras_transfer.data.progress import progress
from keras_transfer.storage.printing import shortened


def reasons_against(paths: Sequence[Photo]) -> dict:
    """Decodes every file once, in threads.

    Args:
        paths: files that should be photos.

    Returns:
        By path, why it can't be read as a photo; `None` for a good one.
    """
    with warnings.catch_warnings():
        # Pillow's own remarks on bad files: ours names each of them.
        warnings.simplefilter("ignore")
        found = pool().map(check_photo, paths)
        found = list(progress(found, len(paths), "Checking photos"))
    _warn_of_dark([high for _, high in found if high is not None])
    return {
        path: reason for path, (reason, _) in zip(paths, found, strict=True)
    }


def good_photos(
    paths: Sequence[Photo], loose: Iterable[PathLike] = ()
) -> tuple[set, dict[str, str]]:
    """Every file decoded once; the bad ones named in a warning.

    Args:
        paths: files that should be photos.
        loose: photos that belong to no class, to be named with the others.

    Returns:
        The set of good paths, and `{path: reason}` of the others.
    """
    reasons = reasons_against(paths)
    good = {path for path, reason in reasons.items() if not reason}
    skipped = {str(path): reasons[path] for path in paths if reasons[path]}
    skipped |= {str(path): "not in a class folder" for path in loose}
    if skipped:
        lines = [f"{path}: {reason}" for path, reason in skipped.items()]
        warnings.warn(
            f"{len(skipped)} of {len(paths)} files are no photos that can be "
            "read, and were skipped:\n  "
            + "\n  ".join(shortened(lines, whole="`skipped`")),
            stacklevel=2,
        )
    return good, skipped


def _warn_of_dark(highest: list[int]) -> None:
    """Warns of grey files of many bits that use only the lower ones.

    Which of their bits count can't be seen in one of them: a dark photo looks
    the same.
    """
    if not highest or max(highest) > 2**15:
        return
    depth = max(8, int(max(highest)).bit_length())
    warnings.warn(
        f"{len(highest)} grey files hold integers of more than 8 bits, none "
        f"of them above {max(highest)}. Read as 16 bits, as all such files "
        f"are, they reach {max(highest) >> 8} of 255: nearly black. If their "
        f"pixels have {depth} bits, multiply them by 255 / {2**depth - 1} and "
        "save them with 8 bits.",
        stacklevel=4,
    )
