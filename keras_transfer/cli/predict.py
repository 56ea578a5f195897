"""`keras-transfer predict DIR IMAGE...`: a name for each photo."""

import sys

EXAMPLES = """  keras-transfer predict run/ new.jpg other.png
  keras-transfer predict run/ new.jpg --json"""


def add_parser(commands):
    """Adds the command to the command line."""
    from keras_transfer.cli import add_command

    parser = add_command(
        commands, "predict", run, "name what is on photos", EXAMPLES
    )
    parser.add_argument("run_dir", metavar="DIR", help="what fit has written")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="photos")


def run(arguments):
    """Predicts and prints; a photo that cannot be read fails at the end."""
    from keras_transfer import run_folder
    from keras_transfer.cli.output import show
    from keras_transfer.tables import format_table

    finished = run_folder.read(arguments.run_dir)
    shape = finished.config["input_shape"]
    results = [_predict(finished.model, shape, p) for p in arguments.images]
    good = [result for result in results if result is not None]
    rows = [
        [r["image"], r["label"], f"{r['score']:.3f}", _runners_up(r)]
        for r in good
    ]
    columns = ["image", "label", "score", "next"]
    show(arguments, good, format_table(columns, rows) if rows else "")
    return 0 if len(good) == len(results) else 1


def _predict(model, shape, path):
    from keras_transfer.data import PhotoError, read_photo

    try:
        image = read_photo(path, tuple(shape[:2]), channels=shape[2])
    except (PhotoError, OSError) as error:
        print(f"keras-transfer: {path}: {error}", file=sys.stderr)
        return None
    scores = model.predict(image[None], verbose=0)[0]
    order = scores.argsort()[::-1][:3]
    names = model.class_names
    return {
        "image": str(path),
        "label": names[order[0]],
        "score": float(scores[order[0]]),
        "top": [{"label": names[i], "score": float(scores[i])} for i in order],
    }


def _runners_up(result):
    return ", ".join(
        f"{t['label']} {t['score']:.3f}" for t in result["top"][1:]
    )
