"""Memory and open files over many calls of `fit` in one process.

    python benchmarks/repeated_fits_stay_flat.py [--fits 30]

Each fit has a new model and 20 MB of new images. The sides, each a process of
its own: plain Keras; `TransferModel.fit`, also with features kept in memory
and in a folder; and `fit` as it was when Keras read the data themselves, which
TensorFlow then keeps (`as before`). Prints the resident memory in MiB after
some fits, how many training sets are still there at the end, and how many
files of the feature cache are open. On two cores with TensorFlow a fit added
0.4 MiB with each of the three, 4.1 in plain Keras and 20.3 before, when 30 of
30 training sets were kept, and of a folder 30 open files.
"""

import argparse
import contextlib
import gc
import os
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path

import keras
import numpy as np
from paired import machine
from search_stays_small import resident

import keras_transfer as kt
from keras_transfer.models import base

SIDES = ("plain Keras", "fit", "cache in memory", "cache in a folder")
BEFORE = (" as before", "")
SHAPE, SAMPLES = (24, 24, 3), 3000


def arrays():
    rng = np.random.default_rng()
    x = rng.integers(0, 255, (SAMPLES, *SHAPE)).astype("float32")
    return x, np.arange(SAMPLES) % 3


def source():
    inputs = keras.Input(SHAPE)
    x = keras.layers.Rescaling(1 / 255)(inputs)
    return keras.Model(inputs, keras.layers.Conv2D(4, 3, strides=4)(x))


def fit_plain(x, y):
    net = source()
    pooled = keras.layers.GlobalAveragePooling2D()(net.output)
    model = keras.Model(net.input, keras.layers.Dense(3)(pooled))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
    model.fit(x, y, batch_size=500, verbose=0)


def fit_transfer(x, y, cache):
    model = kt.TransferModel(source(), head=3)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=500, verbose=0, feature_cache=cache)


def run_side(side, fits):
    """Prints one line of the table."""
    if side.endswith(BEFORE[0]):
        base.lent = lambda *data: contextlib.nullcontext(data)
    left, memory = [], []
    with tempfile.TemporaryDirectory() as folder:
        place = {"cache in memory": "memory", "cache in a folder": folder}
        for _ in range(fits):
            x, y = arrays()
            left.append(weakref.ref(x))
            if side == SIDES[0]:
                fit_plain(x, y)
            else:
                fit_transfer(x, y, place.get(side.removesuffix(BEFORE[0])))
            del x, y
            gc.collect()
            memory.append(resident())
        is_open = [
            os.path.realpath(file).startswith(folder)
            for file in Path("/proc/self/fd").iterdir()
        ]
    alive = sum(each() is not None for each in left)
    shown = " ".join(f"{memory[i]:7.0f}" for i in _marks(fits))
    growth = (memory[-1] - memory[fits // 3 - 1]) / (fits - fits // 3)
    print(f"{side:27} {shown} {growth:9.2f} {alive:6} {sum(is_open):5}")


def _marks(fits):
    return [0, fits // 3 - 1, 2 * fits // 3 - 1, fits - 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fits", type=int, default=30)
    parser.add_argument("--side", help="runs one side, in this process")
    given = parser.parse_args()
    if given.side:
        run_side(given.side, given.fits)
        return
    marks = " ".join(f"{'MiB@' + str(i + 1):>7}" for i in _marks(given.fits))
    print(machine())
    print(f"{'':27} {marks} {'MiB a fit':>9} {'alive':>6} {'open':>5}")
    for side in [SIDES[0], *(s + b for s in SIDES[1:] for b in BEFORE)]:
        command = [sys.executable, __file__, "--fits", str(given.fits)]
        subprocess.run([*command, "--side", side], check=True)


if __name__ == "__main__":
    main()
