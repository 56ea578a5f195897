"""One pass of a data set through the frozen part of a model."""

import contextlib
import dataclasses
import errno
import itertools
import os
import pathlib
import time

import filelock
import keras
import numpy as np
from keras import ops

from keras_transfer import _private
from keras_transfer.data.nested import concatenated, num_rows
from keras_transfer.data.samples import prefetched
from keras_transfer.data.views import SubsetBatches
from keras_transfer.feature_cache import manifest
from keras_transfer.feature_cache.cached import CachedFeatures
from keras_transfer.feature_cache.rows import (
    FileRows,
    MemoryRows,
    free_bytes,
    num_bytes,
)
from keras_transfer.storage import fingerprints
from keras_transfer.storage.memory import available_bytes
from keras_transfer.training import random_state
from keras_transfer.training.replicas import each_in_full, num_replicas

_ROWS_A_CHUNK = 32


def build(
    samples,
    boundary,
    cache,
    *,
    name,
    views=1,
    deeper=None,
    verbose="auto",
):
    """Runs a data set through a boundary's prefix, or finds that it was run.

    Args:
        samples: the `Samples`.
        boundary: the `Boundary`.
        cache: the `FeatureCache`.
        name: what to call the data set while it is read.
        views: how many versions of each sample.
        deeper: `(CachedFeatures, model)`: what is there at another boundary,
            and the model from there to this one; `None` begins at the data.
        verbose: 0 shows no progress.

    Returns:
        `CachedFeatures`.

    Raises:
        ValueError: it takes more than `max_bytes`, or rows differ in shape.
        OSError: the disk has no room, or cannot be written.
    """
    key = _key(samples, boundary, cache, views)

    def known():
        found = _found(cache, key, views) or _part_of_whole(
            samples, boundary, cache, views
        )
        if found is None:
            return None
        return dataclasses.replace(found, samples=samples, seconds=0.0)

    def computed():
        started = time.perf_counter()
        generators = random_state.collect()
        try:
            walk = _Pass(
                samples, boundary, cache, key, name, views, deeper, verbose
            )
            found = walk.run()
        finally:
            random_state.restore(*generators)
        found.seconds = time.perf_counter() - started
        if cache.directory is None and key is not None:
            cache.kept[key] = found
        return found

    if cache.directory is None:
        return known() or computed()
    # Twice: what another process was computing is there after the wait.
    return known() or _one_at_a_time(
        cache, key, lambda: known() or computed(), verbose
    )


def _one_at_a_time(cache, key, compute, verbose):
    """Lets one process compute what several want; the others wait for it."""
    _check_folder(cache)
    lock = filelock.FileLock(cache.directory / f"{key}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        if verbose:
            print(
                "Another process computes the same features in "
                f"{cache.place}; waiting for it.",
                flush=True,
            )
        lock.acquire()
    try:
        return compute()
    finally:
        # While it is held: who waits at a file that is gone opens a new one.
        # Windows lets nobody remove an open file, and removes it at release.
        with contextlib.suppress(OSError):
            pathlib.Path(lock.lock_file).unlink()
        lock.release()


def _key(samples, boundary, cache, views):
    """Names what is computed; `None` if nobody will ask for it again."""
    if cache.used_once:
        return None
    about = [
        fingerprints.of_model(boundary.prefix),
        samples.fingerprint(),
        views,
        cache.dtype,
        keras.version(),
        keras.backend.backend(),
    ]
    return fingerprints.of_arrays(repr(about))


class _Pass:
    """The walk over the data, chunk after chunk."""

    def __init__(
        self, samples, boundary, cache, key, name, views, deeper, verbose
    ):
        self.samples, self.boundary = samples, boundary
        self.cache, self.key = cache, key
        self.num_views = views
        self.below, self.prefix = deeper or (None, boundary.prefix)
        if views > 1:
            run_eagerly = self.prefix.run_eagerly
            self.prefix = InTraining(self.prefix)
            self.prefix.run_eagerly = run_eagerly
        self.rows_of_items = samples.rows_of_items()
        self.num_rows = int(sum(self.rows_of_items))
        self.name = name
        self.bar = keras.utils.Progbar(
            self.num_rows,
            verbose=1 if verbose == "auto" else verbose,
            unit_name=f"{name} sample through the frozen part",
        )
        self.views = None
        self.rest = []
        self.seeds = _Seeds(self.prefix)

    def run(self):
        try:
            self._walk()
        finally:
            self.seeds.restore()
        return self._finished()

    def _walk(self):
        start = 0
        for count, inputs_of, rest in self._chunks():
            self.rest.append(rest)
            if self.views is None:
                self._prepare(inputs_of(0))
            for view, stores in enumerate(self.views):
                if any(s.missing(start, start + count) for s in stores):
                    self.seeds.count_from(view * self.num_rows + start)
                    self._compute(inputs_of(view), stores, start)
            start += count
            self.bar.update(start)

    def _finished(self):
        for store in itertools.chain.from_iterable(self.views):
            store.finish()
        found = CachedFeatures(
            self.views,
            concatenated(self.rest),
            np.concatenate([[0], np.cumsum(self.rows_of_items)]),
            self.samples,
            isinstance(self.boundary.prefix.output, list),
            0.0,
        )
        if self.cache.directory is not None:
            manifest.write(self.cache.directory / self.key, found)
        return found

    def _chunks(self):
        """Yields `(number of rows, inputs by view, labels and weights)`."""
        if self.below is None:
            for rows, batch in prefetched(self.samples.chunks()):
                x, *rest = batch
                yield sum(rows), lambda view, x=x: x, tuple(rest)
            return
        for start in range(0, self.num_rows, _ROWS_A_CHUNK):
            rows = np.arange(start, min(start + _ROWS_A_CHUNK, self.num_rows))
            yield (
                len(rows),
                lambda view, rows=rows: self.below.take(rows, view),
                self.below.rest_of(rows),
            )

    def _compute(self, x, stores, start):
        outputs = run_prefix(self.prefix, x)
        for store, output in zip(stores, outputs, strict=True):
            if output.shape[1:] != store.row_shape:
                raise ValueError(
                    "The feature cache needs samples of one size. Received: "
                    f"activations of shape {output.shape[1:]} after "
                    f"{store.row_shape} in the {self.name} data. Resize the "
                    "images, or pad the sequences, to one shape."
                )
            store.write(start, output)

    def _prepare(self, x):
        """Learns the shapes from the first sample, and makes room."""
        first = keras.tree.map_structure(lambda leaf: leaf[:1], x)
        outputs = run_prefix(self.prefix, first)
        layout = [
            (output.shape[1:], self._dtype_for(output)) for output in outputs
        ]
        self._check_room(layout)
        self.views = [
            [
                self._store(f"view{view}-{index}", *each)
                for index, each in enumerate(layout)
            ]
            for view in range(self.num_views)
        ]

    def _dtype_for(self, output):
        if output.dtype.kind in "biu":
            return output.dtype.name
        return self.cache.dtype

    def _store(self, name, row_shape, dtype):
        if self.cache.directory is None:
            return MemoryRows(self.num_rows, row_shape, dtype)
        folder = self.cache.directory / self.key
        return FileRows(folder, name, self.num_rows, row_shape, dtype)

    def _check_room(self, layout):
        needed = self.num_views * sum(
            num_bytes(self.num_rows, shape, dtype) for shape, dtype in layout
        )
        shapes = ", ".join(str(shape) for shape, _ in layout)
        what = (
            f"The activations of {self.num_rows} {self.name} samples "
            f"({shapes}, {self.num_views} views, {self.cache.dtype}) take "
            f"{needed:,} bytes"
        )
        most = self.cache.max_bytes
        if most is not None and needed > most:
            raise ValueError(
                f"{what}, more than max_bytes={most:,}. Nothing was computed. "
                "Allow more, train fewer blocks, or use a 16-bit dtype."
            )
        self._check_place(what, needed)

    def _check_place(self, what, needed):
        if self.cache.directory is None:
            free = available_bytes()
            if free is not None and needed > free:
                raise MemoryError(
                    f"{what}, and {free:,} of memory are available. Nothing "
                    "was computed. Pass a folder, or train more blocks."
                )
            return
        free = free_bytes(self.cache.directory)
        if needed > free:
            raise OSError(
                errno.ENOSPC,
                f"{what}, and {free:,} are free at {self.cache.place}. "
                "Nothing was computed. Make room, or choose another folder",
            )


class _Seeds:
    """What random layers draw: by the sample's number, not by what ran before.

    A build that goes on after a kill, or finds a part of its files, then draws
    what a new one does; and a training does not see whether there was one.
    """

    # More than a layer draws in one call.
    _STEP = 256

    def __init__(self, model):
        self.states = _private.seed_states(model)
        self.before = [ops.convert_to_numpy(state) for state in self.states]

    def count_from(self, number):
        shift = np.array([0, number * self._STEP % 2**31], "uint32")
        for state, before in zip(self.states, self.before, strict=True):
            state.assign(before + shift)

    def restore(self):
        for state, before in zip(self.states, self.before, strict=True):
            state.assign(before)


def _check_folder(cache):
    """Raises before anything is computed if the folder is none to write to."""
    try:
        cache.directory.mkdir(parents=True, exist_ok=True)
        if os.access(cache.directory, os.W_OK):
            return
        number = errno.EACCES
    except OSError as error:
        number = error.errno
    raise OSError(
        number,
        f"The feature cache cannot be kept in {cache.place}: "
        f"{os.strerror(number)}. Nothing was computed. Expected a folder that "
        "can be made and written to; choose another one",
    )


def run_prefix(prefix, x):
    """Returns the tensors at the boundary for one batch, as a list."""
    with each_in_full():
        if num_replicas(prefix) == 1:
            outputs = prefix.predict_on_batch(x)
        else:
            outputs = _predict_on_replicas(prefix, x)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return [_as_stored(output) for output in outputs]


def _predict_on_replicas(prefix, x):
    """`predict` of one batch, of which no replica gets nothing.

    `predict_on_batch` would give every replica all of it.
    """
    rows = num_rows(x)
    numbers = np.arange(-(-rows // num_replicas(prefix)) * num_replicas(prefix))
    numbers = np.minimum(numbers, rows - 1)
    x = keras.tree.map_structure(lambda leaf: np.asarray(leaf)[numbers], x)
    outputs = prefix.predict(x, batch_size=len(numbers), verbose=0)
    return keras.tree.map_structure(lambda leaf: leaf[:rows], outputs)


def _as_stored(output):
    output = np.asarray(output)
    return output if output.dtype.kind in "biu" else output.astype("float32")


class InTraining(keras.Model):
    """Runs a model as in training: random layers draw."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def call(self, inputs):
        return self.model(inputs, training=True)


def _found(cache, key, views):
    """What was computed before, in this process or on disk."""
    if cache.directory is None:
        return cache.kept.get(key)
    return manifest.read(cache.directory / key, views)


def _part_of_whole(samples, boundary, cache, views):
    """The rows of a subset, if the whole data set has been run through."""
    batches = getattr(samples, "batches", None)
    if not isinstance(batches, SubsetBatches):
        return None
    key = _key(type(samples)(batches.batches), boundary, cache, views)
    whole = _found(cache, key, views)
    return None if whole is None else whole.part(batches.indices)
