"""`keras-transfer predict DIR IMAGE...`: a name for each photo."""

import sys

from keras_transfer.cli.command import show
from keras_transfer.data import PhotoError, read_photo
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
    shape = config["input_shape"]
    results = [_predict(model, shape, path) for path in arguments.images]
    good = [result for result in results if result is not None]
    rows = [[r["image"], *_cells(r)] for r in good]
    columns = ["image", "label", "score", "next"][: len(rows[0]) if rows else 4]
    show(arguments, good, format_table(columns, rows) if rows else "")
    return 0 if len(good) == len(results) else 1


def _predict(model, shape, path):
    try:
        image = read_photo(path, tuple(shape[:2]), channels=shape[2])
    except (PhotoError, OSError) as error:
        print(f"keras-transfer: {error}", file=sys.stderr)
        return None
    values = model.predict(image[None], verbose=0)[0]
    return {"image": str(path), **describe(model, values)}


def _cells(result):
    if "values" in result:
        named = result["values"].items()
        return [", ".join(f"{name} {value:.4g}" for name, value in named)]
    first, *others = result["top"]
    label = ", ".join(result.get("labels", [first["label"]]))
    following = ", ".join(f"{t['label']} {t['score']:.3f}" for t in others)
    return [label or "none", f"{first['score']:.3f}", following]
