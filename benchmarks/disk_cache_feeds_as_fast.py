"""A feature cache on disk feeds the head as fast as one in memory.

    python benchmarks/disk_cache_feeds_as_fast.py [--gib 2]

Activations of 7 x 7 x 320 in shards under a temporary folder, and the same in
an array; a pooled dense head trains on both in turn, one epoch in shuffled
order a side. Goal: the speed from disk at least 90 % of that from memory, and
the anonymous memory of the process (RssAnon) grown by at most 256 MiB by the
training from disk. The files were just written: they lie in the page cache as
far as memory allows.
"""

import argparse
import json
import tempfile
from pathlib import Path

import keras
import numpy as np
from paired import line, machine, paired

from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.feature_cache import CachedFeatures
from keras_transfer.feature_cache.rows import FileRows, MemoryRows

SHAPE = (7, 7, 320)
CHUNK = 256


def anonymous_bytes():
    for text in Path("/proc/self/status").read_text().splitlines():
        if text.startswith("RssAnon"):
            return 1024 * int(text.split()[1])
    raise RuntimeError("this system does not say RssAnon")


def fill(store, num_rows):
    for start in range(0, num_rows, CHUNK):
        rng = np.random.default_rng(start)
        count = min(CHUNK, num_rows - start)
        rows = rng.random((count, *SHAPE), dtype="float32")
        store.write(start, rows)
    store.finish()
    return store


def batches(store, num_rows):
    labels = np.arange(num_rows) % 5
    starts = np.arange(num_rows + 1)
    cached = CachedFeatures([[store]], (labels,), starts, None, False, 0.0)
    return cached.batches(SeededBatches(num_rows, batch_size=32))


def head():
    inputs = {"cached_features": keras.Input(SHAPE, name="cached_features")}
    x = keras.layers.GlobalAveragePooling2D()(inputs["cached_features"])
    model = keras.Model(inputs, keras.layers.Dense(5, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gib", type=float, default=2.0)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    row_bytes = 4 * int(np.prod(SHAPE))
    num_rows = int(arguments.gib * 2**30 / row_bytes)
    print(
        f"{keras.backend.backend()}, Keras {keras.__version__}, {machine()}, "
        f"{num_rows} rows, {arguments.gib} GiB"
    )
    model = head()
    with tempfile.TemporaryDirectory() as folder:
        on_disk = fill(
            FileRows(folder, "view0-0", num_rows, SHAPE, "float32"), num_rows
        )
        disk = batches(on_disk, num_rows)
        model.fit(disk, epochs=1, verbose=0)
        before = anonymous_bytes()
        model.fit(disk, epochs=1, verbose=0)
        grown = anonymous_bytes() - before
        print(f"RssAnon grew by {grown / 2**20:.0f} MiB while training")
        memory = batches(
            fill(MemoryRows(num_rows, SHAPE, "float32"), num_rows), num_rows
        )
        result = paired(
            lambda: model.fit(disk, epochs=1, verbose=0),
            lambda: model.fit(memory, epochs=1, verbose=0),
            pairs=arguments.pairs,
            warm_up=0,
        )
    print(line("an epoch from disk", result))
    print(f"speed from disk: {1 / result['ratio']:.2f} of that from memory")
    if arguments.json:
        print(json.dumps(result | {"grown_bytes": grown}))


if __name__ == "__main__":
    main()
