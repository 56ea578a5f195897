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
        found = pool().map(check_photo, paths)
        found = progress(found, len(paths), "Checking photos")
        reasons = dict(zip(paths, found, strict=True))
    good = {path for path, reason in reasons.items() if not reason}
    skipped = {str(path): reasons[path] for path in paths if reasons[path]}
    skipped |= {str(path): "not in a class folder" for path in loose}
    if skipped:
        lines = [f"  {path}: {reason}" for path, reason in skipped.items()]
        warnings.warn(
            f"{len(skipped)} of {len(paths)} files are no photos that can be "
            "read, and were skipped:\n" + "\n".join(lines),
            stacklevel=2,
        )
    return good, skipped
