"""A cached training that says how far its cache is.

    python interruptible_build.py CACHE RESULT.npz [EVENT NUMBER]

With EVENT it stops for good (it prints "stopped" and waits to be killed):
`before` or `after` the file of that number is moved into place, in the `middle`
of writing it, or before the `manifest`.
"""

import json
import os
import sys
import time

import keras
import numpy as np

import keras_transfer as kt
from keras_transfer.feature_cache import FeatureCache, building, rows

NUM = 60
# Eight rows a file.
rows.SHARD_BYTES = 8 * 5 * 4


def wait():
    print("stopped", flush=True)
    time.sleep(300)


def stop_at(event, number):
    """Makes the build stop at its file of that number."""
    save, counted = rows.FileRows._save, iter(range(1000))

    def stopping(self, shard, array):
        if next(counted) != number:
            return save(self, shard, array)
        if event == "before":
            wait()
        if event == "middle":
            rows.np = Half()
        save(self, shard, array)
        return wait()

    rows.FileRows._save = stopping
    if event == "manifest":
        building.manifest.write = lambda folder, cached: wait()


class Half:
    """NumPy, but for a `save` that stops half way."""

    def __getattr__(self, name):
        return getattr(np, name)

    def save(self, path, array):
        np.save(path, array)
        with open(path, "r+b") as file:
            file.truncate(os.path.getsize(path) // 2)
        wait()


def built():
    layers = keras.layers
    inputs = x = keras.Input((6,))
    for index in range(3):
        x = layers.Dense(5, activation="tanh", name=f"dense{index}")(x)
    model = kt.TransferModel(
        keras.Model(inputs, x),
        head=kt.ClassificationHead(3, dropout=0.3),
        preprocessing=None,
        augmentation=layers.GaussianNoise(0.3, seed=5),
        output_layer="dense2",
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def main(folder, result, event=None, number="0"):
    if event is not None:
        stop_at(event, int(number))
    computed, whole = [], building.run_prefix

    def counting(prefix, x):
        outputs = whole(prefix, x)
        computed.append(len(outputs[0]))
        return outputs

    building.run_prefix = counting
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(NUM, 6)).astype("float32")
    model = built()
    history = model.fit(
        x,
        np.arange(NUM) % 3,
        batch_size=8,
        epochs=3,
        verbose=0,
        feature_cache=FeatureCache(folder, views=2),
    )
    np.savez(
        result,
        history=json.dumps(history.history),
        computed=sum(computed),
        **{
            str(i): keras.ops.convert_to_numpy(v)
            for i, v in enumerate(model.variables)
        },
    )
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
