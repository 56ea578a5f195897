"""`keras-transfer predict DIR IMAGE...`: a name for each photo."""

import sys

from keras_transfer.cli.command import progress, show
from keras_transfer.data import PhotoBatches, PhotoError, read_photo
from keras_transfer.recipes import run_folder
from keras_transfer.serving.predictions import describe
from keras_transfer.storage.tables import format_table

SUMMARY = "name what is on photos"
EXAMPLES = """  keras-transfer predict run/ new.jpg other.png
  keras-transfer predict run/ new.jpg --json"""


def add_options(add):
    """Adds the options of the command."""
    add("run_dir")
    add("images", str, "IMAGE", "photos", nargs="+")


def run(arguments):
    """Predicts and prints; a photo that cannot be read fails at the end."""
    model, config = run_folder.read(arguments.run_dir)
    detector = _detector(arguments.run_dir, model)
    shape = config["input_shape"]
    results = [_predict(model, shape, path) for path in arguments.images]
    good = [result for result in results if result is not None]
    if detector is not None and good:
        _judge(good, detector, shape)
    show(arguments, good, _table(good, detector))
    for line in _about(good, detector):
        progress(line)
    return 0 if len(good) == len(results) else 1


def _detector(folder, model):
    """The run's detector, or `None` with a note why there is none to use."""
    try:
        return run_folder.read_detector(folder, model)
    except ValueError as error:
        # The names do not depend on what stands beside them.
        progress(f"Note: no unknown score is shown: {error}")
        return None


def _predict(model, shape, path):
    try:
        image = read_photo(path, tuple(shape[:2]), channels=shape[2])
    except (PhotoError, OSError) as error:
        print(f"keras-transfer: {error}", file=sys.stderr)
        return None
    values = model.predict(image[None], verbose=0)[0]
    return {"image": str(path), **describe(model, values)}


def _judge(results, detector, shape):
    """Adds to each result how unlike the training data its photo is."""
    photos = PhotoBatches(
        [result["image"] for result in results],
        image_size=tuple(shape[:2]),
        channels=shape[2],
        shuffle=False,
    )
    for result, score in zip(results, detector.score(photos), strict=True):
        result["unknown"] = {
            "score": float(score),
            "is_unknown": bool(score > detector.threshold),
            "threshold": detector.threshold,
        }


def _table(results, detector):
    if not results:
        return ""
    rows = [[r["image"], *_cells(r)] for r in results]
    columns = ["image", "label", "score", "next"][: len(rows[0])]
    if detector is not None:
        columns.append("unknown")
        rows = [
            [*row, _unknown_cell(result["unknown"])]
            for row, result in zip(rows, results, strict=True)
        ]
    return format_table(columns, rows)


def _unknown_cell(found):
    return f"{'yes' if found['is_unknown'] else 'no'}, {found['score']:.3f}"


def _about(results, detector):
    """The threshold, once, and a warning if the photos are of another kind."""
    if detector is None or not results:
        return []
    scores = [result["unknown"]["score"] for result in results]
    warning = detector.shift_warning(scores)
    return [str(detector), *([f"Note: {warning}"] if warning else [])]


def _cells(result):
    if "values" in result:
        named = result["values"].items()
        return [", ".join(f"{name} {value:.4g}" for name, value in named)]
    first, *others = result["top"]
    label = ", ".join(result.get("labels", [first["label"]]))
    following = ", ".join(f"{t['label']} {t['score']:.3f}" for t in others)
    return [label or "none", f"{first['score']:.3f}", following]
