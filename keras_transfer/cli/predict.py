"""`keras-transfer predict DIR PHOTO...`: a name for each photo."""

import sys
from collections import Counter
from pathlib import Path

from keras_transfer.cli import predictions
from keras_transfer.cli.command import progress, show
from keras_transfer.data import PhotoBatches
from keras_transfer.data.photos.checking import reasons_against
from keras_transfer.data.sources.loose_photos import photos_below
from keras_transfer.recipes import run_folder, writers
from keras_transfer.serving.predictions import describe
from keras_transfer.storage.printing import shortened, shows_bars

# Passes of more batches than these show a bar on a terminal.
_SHORT = 10


def run(arguments):
    """Predicts and prints; a photo that cannot be read fails at the end."""
    if arguments.csv:
        _check_file(Path(arguments.csv))
    model, config = run_folder.read(arguments.run_dir)
    reasons = reasons_against(_paths(arguments.images))
    damaged = {path: reason for path, reason in reasons.items() if reason}
    _name_damaged(damaged, len(reasons))
    detector = _detector(arguments.run_dir, model)
    good = [path for path in reasons if path not in damaged]
    results = _predict(model, detector, config["input_shape"], good)
    text = predictions.as_table(results)
    if arguments.csv:
        rows = predictions.as_rows(results, damaged)
        writers.write_rows(arguments.csv, rows)
        counts = Counter(predictions.label_of(result) for result in results)
        text = predictions.as_counts(counts)
        text += f"\n{arguments.csv}: {len(rows)} rows"
    show(arguments, results, text)
    for line in _about(results, detector):
        progress(line)
    return 1 if damaged else 0


def _check_file(path):
    """Raises before anything is read if it cannot be written."""
    if path.is_dir():
        raise ValueError(
            f"--csv takes a file. Received: '{path}', a folder. Expected a "
            "path like named.csv."
        )
    run_folder.check_writable(path.parent)


def _paths(given):
    """The photos themselves, each of them once, and those in folders."""
    paths = []
    for path in map(Path, given):
        found = photos_below(path) if path.is_dir() else [path]
        if not found:
            raise ValueError(
                f"There is no photo in the folder '{path}', at no depth. "
                "Expected JPEG, PNG or another format that Pillow reads."
            )
        paths += map(str, found)
    return list(dict.fromkeys(paths))


def _name_damaged(damaged, number):
    lines = [f"{path}: {reason}" for path, reason in damaged.items()]
    for line in shortened(lines, whole="--csv FILE"):
        print(f"keras-transfer: {line}", file=sys.stderr)
    if damaged and number > 1:
        progress(f"{len(damaged)} of {number} photos cannot be read.")


def _detector(folder, model):
    """The run's detector, or `None` with a note why there is none to use."""
    try:
        return run_folder.read_detector(folder, model)
    except ValueError as error:
        # The names do not depend on what stands beside them.
        progress(f"Note: no unknown score is shown: {error}")
        return None


def _predict(model, detector, shape, paths):
    """A dict for each photo: its path, names with scores, and if unknown."""
    if not paths:
        return []
    photos = PhotoBatches(
        paths, image_size=tuple(shape[:2]), channels=shape[2], shuffle=False
    )
    is_long = len(photos) > _SHORT and shows_bars()
    values = model.predict(photos, verbose=int(is_long))
    results = [
        {"image": path, **describe(model, row)}
        for path, row in zip(paths, values, strict=True)
    ]
    if detector is None:
        return results
    scores = detector.score(photos, verbose=int(is_long))
    for result, score in zip(results, scores, strict=True):
        result["unknown"] = {
            "score": float(score),
            "is_unknown": bool(score > detector.threshold),
            "threshold": detector.threshold,
        }
    return results


def _about(results, detector):
    """The threshold, once, and a warning if the photos are of another kind."""
    if detector is None or not results:
        return []
    scores = [result["unknown"]["score"] for result in results]
    warning = detector.shift_warning(scores)
    return [str(detector), *([f"Note: {warning}"] if warning else [])]
