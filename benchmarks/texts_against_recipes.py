"""`fine_tune` on few labelled texts: beside a probe and a plain loop.

    python benchmarks/texts_against_recipes.py --preset MINILM \
        questions6=FOLDER product_reviews2=FOLDER [--shots 5 20] [--seeds 5]

A KerasHub encoder (MiniLM, 6 layers, mean-pooled) on folders with `train.csv`
and `test.csv` of columns `text` and `label`; ids of up to 40 tokens come from
KerasHub's packer. A recipe gets 5 or 20 labelled texts a class and nothing
else. The test set is looked at once. Each cell runs in a process of its own;
its seconds count from ids in memory to a model that can predict. One JSON file
a row and recipe in `benchmarks/results/texts/`; what is there is not run again.
Prints a table.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import keras
import numpy as np
from cells import difference, read, write
from peer_recipes import fitted_plainly, head_weights, solved
from text_ids import ids_of

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.sampling import few_shot
from keras_transfer.recipes.head_stage import pooled_once

RESULTS = Path(__file__).resolve().parent / "results" / "texts"


def encoder(preset, num_classes, dropout=0.0):
    head = kt.ClassificationHead(num_classes, dropout=dropout)
    return kt.TransferModel(f"hub:{preset}", head)


def features(model, x, y):
    model.compile("auto")
    batches = ArrayBatches(x, y, shuffle=False)
    return pooled_once(model, batches, "training", 0)[0]


def probe(x, y, preset, num_classes, seed):
    """scikit-learn's logistic regression, its strength by log loss."""
    model = encoder(preset, num_classes)
    solver = solved(features(model, x, y), y, seed)
    model.head.set_weights(head_weights(solver))
    return model


def plain_loop(x, y, preset, num_classes, seed):
    """As for photos; the encoder's own dropout is on."""
    model = encoder(preset, num_classes, dropout=0.1)
    solver = solved(features(model, x, y), y, seed)
    model.head.set_weights(head_weights(solver))
    # A plain fit: everything trains, no schedule of this package.
    kt.unfreeze(model)
    fitted_plainly(model, x, y, num_classes)
    return model


def ours(x, y, preset, num_classes, seed):
    """`kt.fine_tune(model, (x, y))` with nothing else said."""
    model = encoder(preset, num_classes)
    kt.fine_tune(model, (x, y), seed=seed, verbose=0)
    return model


RECIPES = {"fine_tune": ours, "probe": probe, "plain loop": plain_loop}


def cell(folder, shots, recipe, seed, preset):
    """Runs one recipe once; returns what is written down."""
    (x, y), (test_x, test_y) = (
        ids_of(Path(folder) / f"{part}.csv", preset)
        for part in ("train", "test")
    )
    drawn = few_shot(y, shots, seed)
    x, y = {name: ids[drawn] for name, ids in x.items()}, y[drawn]
    keras.utils.set_random_seed(seed)
    started = time.perf_counter()
    model = RECIPES[recipe](x, y, preset, int(test_y.max()) + 1, seed)
    seconds = time.perf_counter() - started
    found = model.predict(test_x, verbose=0).argmax(axis=-1)
    return {
        "test": round(float(np.mean(found == test_y)), 4),
        "seconds": round(seconds, 1),
        "samples": len(y),
    }


def in_a_process(*arguments):
    context = get_context("forkserver")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(cell, *arguments).result()


def file_of(name, shots, recipe):
    row = f"{name}_{shots}_{recipe}".replace(" ", "_")
    return RESULTS / f"{row}.json"


def rows(name, shots):
    ours = read(file_of(name, shots, "fine_tune"))
    for recipe in RECIPES:
        cells = read(file_of(name, shots, recipe))
        shared, gain = sorted(set(cells) & set(ours)), ""
        if not cells:
            continue
        if recipe != "fine_tune" and len(shared) > 1:
            sides = [
                np.array([side[seed]["test"] for seed in shared])
                for side in (ours, cells)
            ]
            gain = difference(*sides)
        tests = [each["test"] for each in cells.values()]
        seconds = np.median([each["seconds"] for each in cells.values()])
        yield (
            f"| {name} | {shots} | {recipe} | {np.mean(tests):.3f} "
            f"({len(tests)}) | {gain} | {seconds:.0f} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--preset", required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shots", nargs="+", type=int, default=[5, 20])
    given = parser.parse_args()
    places = dict(each.split("=", 1) for each in given.data)
    for seed in range(given.seeds):
        for shots in given.shots:
            for name, place in places.items():
                for recipe in RECIPES:
                    path = file_of(name, shots, recipe)
                    if str(seed) in read(path):
                        continue
                    found = in_a_process(
                        place, shots, recipe, seed, given.preset
                    )
                    write(path, read(path) | {str(seed): found})
                    print(name, shots, recipe, seed, found, flush=True)
    print(
        "| data | labels a class | recipe | test accuracy (seeds) | "
        "fine_tune is better by | seconds |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for name in places:
        for shots in given.shots:
            print("\n".join(rows(name, shots)))


if __name__ == "__main__":
    main()
