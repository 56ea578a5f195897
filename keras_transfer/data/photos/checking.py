"""Finding the files that are no photos before training starts."""

import warnings

from keras_transfer.data.photos.photo import check_photo
from keras_transfer.data.photos.pool import pool
from keras_transfer.data.progress import progress


def good_photos(paths, loose=()) -> tuple[set, dict[str, str]]:
    """Every file decoded once, in threads; the bad ones named in a warning.

    Args:
        paths: files that should be photos.
        loose: photos that belong to no class, to be named with the others.

    Returns:
        The set of good paths, and `{path: reason}` of the others.
    """
    with warnings.catch_warnings():
        # Pillow's own remarks on bad files: ours names each of them.
        warnings.simplefilter("ignore")
        reasons = list(
            progress(
                pool().map(check_photo, paths), len(paths), "Checking photos"
            )
        )
    good = {p for p, reason in zip(paths, reasons, strict=True) if not reason}
    skipped = {
        str(path): reason
        for path, reason in zip(paths, reasons, strict=True)
        if reason
    }
    skipped |= {str(path): "not in a class folder" for path in loose}
    if skipped:
        warnings.warn(_report(skipped, len(paths)), stacklevel=2)
    return good, skipped


def _report(skipped, num_files) -> str:
    lines = [f"  {path}: {reason}" for path, reason in skipped.items()]
    return (
        f"{len(skipped)} of {num_files} files are no photos that can be read, "
        "and were skipped:\n" + "\n".join(lines)
    )
