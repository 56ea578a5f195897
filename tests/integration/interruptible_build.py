"""A cached training that says how far its cache is.

    python interruptible_build.py CACHE RESULT.npz [EVENT NUMBER]

With EVENT it stops for good (it prints "stopped" and waits to be killed):
`before` or `after` the file of that number is moved into place, in the `middle`
of writing it, or before the `manifest`.
"""

import os
import sys
import time

import cached_build
import numpy as np

from keras_transfer.feature_cache import building, rows


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


def main(folder, result, event=None, number="0"):
    if event is not None:
        stop_at(event, int(number))
    computed, arrays = cached_build.train(folder)
    np.savez(result, computed=computed, **arrays)
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
