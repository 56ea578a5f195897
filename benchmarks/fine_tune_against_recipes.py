"""`fine_tune` against the recipes people use: accuracy, time and memory.

    python benchmarks/fine_tune_against_recipes.py --weights FILE.h5 \
        flowers5=PHOTOS trashnet6=PHOTOS 'photo to sketch=PHOTO>SKETCH' \
        [--recipes fine_tune probe tutorial] [--shots 5 20 all] [--seeds 5] \
        [--backbone FILE.keras]

MobileNetV2 with ImageNet weights (the file for 224 px, without top) on folders
`PHOTOS/train|test/CLASS/*.jpg` at 128 px; `A>B` trains on `A/train` and tests
on `B/test`. A recipe gets 5 or 20 labelled photos a class, or all, and nothing
else: what it validates on it has to take from these. The test set is looked at
once. Every cell runs in a process of its own. Its seconds count from photos in
memory and a backbone with its weights to a model that can predict; its peak
memory is that of the process. One JSON file a row and recipe in
`benchmarks/results/fine_tune/`; what is there is not run again. Prints a
table.
"""

import argparse
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import keras
import numpy as np
from calibration import calibration_error
from cells import difference, read, write
from gradual_unfreezing import photos
from peer_recipes import RECIPES, backbone

from keras_transfer.data.sampling import few_shot

RESULTS = Path(__file__).resolve().parent / "results" / "fine_tune"


def cell(data, shots, recipe, seed, weights, file):
    """Runs one recipe once; returns what is written down."""
    data = np.load(data)
    x, y = data["x"], data["y"]
    if shots != "all":
        drawn = few_shot(y, int(shots), seed)
        x, y = x[drawn], y[drawn]
    num_classes = int(y.max()) + 1
    keras.utils.set_random_seed(seed)
    base = backbone(x, weights, file)
    started = time.perf_counter()
    classify = RECIPES[recipe](x, y, num_classes, base, seed)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    scores, labels = classify(data["test_x"]), data["test_y"]
    return {
        "test": round(float(np.mean(scores.argmax(axis=-1) == labels)), 4),
        "calibration error": round(calibration_error(scores, labels), 4),
        "seconds": round(seconds, 1),
        "peak MiB": round(peak),
        "samples": len(y),
        **getattr(classify, "about", {}),
    }


def in_a_process(*arguments):
    """`cell` in a new process, with the modules loaded and nothing else."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["peer_recipes", "gradual_unfreezing"])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(cell, *arguments).result()


def written(place, folder):
    """Reads the photos of `FOLDER` or `TRAIN>TEST` once, into one file."""
    source, _, target = place.partition(">")
    train, test = photos(source)
    if target:
        _, test = photos(target)
    path = folder / f"{len(list(folder.iterdir()))}.npz"
    np.savez(path, x=train[0], y=train[1], test_x=test[0], test_y=test[1])
    return path


def file_of(name, shots, recipe, given):
    row = f"{name}_{shots}_{recipe}".replace(" ", "_")
    folder = Path(given.backbone).stem if given.backbone else "."
    return RESULTS / folder / f"{row}.json"


def run_missing(given, places, folder):
    files = {}
    for seed in range(given.seeds):
        for shots in given.shots:
            for name, place in places.items():
                for recipe in given.recipes:
                    path = file_of(name, shots, recipe, given)
                    if str(seed) in read(path):
                        continue
                    if name not in files:
                        files[name] = written(place, folder)
                    found = in_a_process(
                        files[name], shots, recipe, seed, given.weights,
                        given.backbone,
                    )  # fmt: skip
                    write(path, read(path) | {str(seed): found})
                    print(name, shots, recipe, seed, found, flush=True)


def rows(name, shots, recipes, given):
    """The table's lines: means, and differences to `fine_tune` in pairs."""
    ours = read(file_of(name, shots, "fine_tune", given))
    for recipe in recipes:
        cells = read(file_of(name, shots, recipe, given))
        if not cells:
            continue
        tests = [c["test"] for c in cells.values()]
        shared = sorted(set(cells) & set(ours))
        gain, faster = "", ""
        if recipe != "fine_tune" and shared:
            pairs = [
                np.array([side[seed][what] for seed in shared])
                for what in ("test", "seconds")
                for side in (ours, cells)
            ]
            gain = (
                difference(*pairs[:2])
                if len(shared) > 1
                else f"{(pairs[0] - pairs[1])[0]:+.3f}"
            )
            faster = f"{np.median(pairs[3] / pairs[2]):.1f}"
        seconds = np.median([c["seconds"] for c in cells.values()])
        peak = max(c["peak MiB"] for c in cells.values())
        errors = [c.get("calibration error") for c in cells.values()]
        errors = [each for each in errors if each is not None]
        off = f"{np.mean(errors):.3f} ({len(errors)})" if errors else ""
        yield (
            f"| {name} | {shots} | {recipe} | {np.mean(tests):.3f} "
            f"({len(tests)}) | {gain} | {off} | {seconds:.0f} | {faster} | "
            f"{peak} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--backbone", help="a .keras file of a classifier")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shots", nargs="+", default=["5", "20", "all"])
    known = list(RECIPES)
    parser.add_argument("--recipes", nargs="+", default=known, choices=known)
    given = parser.parse_args()
    places = dict(each.split("=", 1) for each in given.data)
    with tempfile.TemporaryDirectory() as folder:
        run_missing(given, places, Path(folder))
    print(
        "| data | labels a class | recipe | test accuracy (seeds) | "
        "fine_tune is better by | calibration error (seeds) | seconds | "
        "times fine_tune's | peak MiB |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in places:
        for shots in given.shots:
            print("\n".join(rows(name, shots, known, given)))


if __name__ == "__main__":
    main()
