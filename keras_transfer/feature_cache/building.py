"""One pass of a data set through the frozen part of a model."""

from __future__ import annotations

import dataclasses
import errno
import itertools
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_transfer._private.types import Nested, Verbose
from keras_transfer.data.nested import concatenated, take_rows
from keras_transfer.data.samples import prefetched
from keras_transfer.data.views import SubsetBatches
from keras_transfer.feature_cache import manifest, prefix
from keras_transfer.feature_cache.cached import CachedFeatures
from keras_transfer.feature_cache.locking import locked
from keras_transfer.feature_cache.rows import free_bytes, num_bytes, stores
from keras_transfer.storage import fingerprints
from keras_transfer.storage.memory import available_bytes
from keras_transfer.storage.progress_bars import progress_bar
from keras_transfer.training import random_state
from keras_transfer.training.in_training import InTraining

if TYPE_CHECKING:
    from keras_transfer.data.samples import Samples
    from keras_transfer.feature_cache.boundary import Boundary
    from keras_transfer.feature_cache.settings import FeatureCache

_ROWS_A_CHUNK = 32


def build(
    samples: Samples,
    boundary: Boundary,
    cache: FeatureCache,
    *,
    name: str,
    views: int = 1,
    deeper: tuple[CachedFeatures, keras.Model] | None = None,
    verbose: Verbose = "auto",
) -> CachedFeatures:
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

    def known() -> CachedFeatures | None:
        found = _found(cache, key, views) or _part_of_whole(
            samples, boundary, cache, views
        )
        return found and dataclasses.replace(
            found, samples=samples, seconds=0.0
        )

    def computed() -> CachedFeatures:
        started = time.perf_counter()
        generators = random_state.collect()
        try:
            found = _Pass(
                samples, boundary, cache, key, name, views, deeper, verbose
            ).run()
        finally:
            random_state.restore(*generators)
        found.seconds = time.perf_counter() - started
        if cache.directory is None and key is not None:
            cache.kept[key] = found
        return found

    if cache.directory is None:
        return known() or computed()
    found = known()
    if found is None:
        with locked(cache, key, verbose):
            # What another process was computing is there after the wait.
            found = known() or computed()
    return found


def _key(
    samples: Samples,
    boundary: Boundary,
    cache: FeatureCache,
    views: int,
) -> str | None:
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


def _found(
    cache: FeatureCache, key: str | None, views: int
) -> CachedFeatures | None:
    """What was computed before, in this process or on disk."""
    if cache.directory is None:
        return cache.kept.get(key)
    return manifest.read(cache.directory / key, views)


def _part_of_whole(
    samples: Samples,
    boundary: Boundary,
    cache: FeatureCache,
    views: int,
) -> CachedFeatures | None:
    """The rows of a subset, if the whole data set has been run through."""
    batches = getattr(samples, "batches", None)
    if not isinstance(batches, SubsetBatches):
        return None
    whole_data = type(samples)(batches.batches)  # type: ignore[call-arg]
    key = _key(whole_data, boundary, cache, views)
    whole = _found(cache, key, views)
    return None if whole is None else whole.part(batches.indices)


class _Pass:
    """The walk over the data, chunk after chunk."""

    def __init__(
        self,
        samples: Samples,
        boundary: Boundary,
        cache: FeatureCache,
        key: str | None,
        name: str,
        views: int,
        deeper: tuple[CachedFeatures, keras.Model] | None,
        verbose: Verbose,
    ):
        self.samples, self.boundary, self.name = samples, boundary, name
        self.cache, self.num_views = cache, views
        self.folder = cache.directory and cache.directory / key
        self.below, self.prefix = deeper or (None, boundary.prefix)
        if views > 1:
            self.prefix = InTraining(self.prefix)
        self.rows_of_items = samples.rows_of_items()
        self.num_rows = int(sum(self.rows_of_items))
        self.bar = progress_bar(
            self.num_rows,
            verbose,
            unit_name=f"{name} sample through the frozen part",
        )
        self.views: list[list] | None = None
        self.rest = []

    def run(self) -> CachedFeatures:
        with prefix.seeded_by_number(self.prefix) as count_from:
            self._walk(count_from)
        for store in itertools.chain(*self.views):
            store.finish()
        found = CachedFeatures(
            self.views,
            concatenated(self.rest),
            np.concatenate([[0], np.cumsum(self.rows_of_items)]),
            self.samples,
            isinstance(self.boundary.prefix.output, list),
        )
        if self.folder is not None:
            manifest.write(self.folder, found)
        return found

    def _walk(self, count_from: Callable[[int], None]) -> None:
        start = 0
        for count, inputs_of, rest in self._chunks():
            self.rest.append(rest)
            if self.views is None:
                self._prepare(inputs_of(0))
            for view, kept in enumerate(self.views):
                if any(s.missing(start, start + count) for s in kept):
                    count_from(view * self.num_rows + start)
                    self._compute(inputs_of(view), kept, start)
            start += count
            self.bar.update(start)

    def _chunks(self) -> Iterator[tuple[int, Callable[[int], Nested], Nested]]:
        """Yields `(number of rows, inputs by view, labels and weights)`."""
        if self.below is None:
            for rows, (x, *rest) in prefetched(self.samples.chunks()):
                yield sum(rows), lambda view, x=x: x, tuple(rest)  # type: ignore[misc]
            return
        for start in range(0, self.num_rows, _ROWS_A_CHUNK):
            rows = np.arange(start, min(start + _ROWS_A_CHUNK, self.num_rows))
            yield (
                len(rows),
                lambda view, rows=rows: self.below.take(rows, view),  # type: ignore[misc]
                self.below.rest_of(rows),
            )

    def _compute(self, x: Nested, kept: list, start: int) -> None:
        outputs = prefix.run(self.prefix, x)
        for store, output in zip(kept, outputs, strict=True):
            if output.shape[1:] != store.row_shape:
                raise ValueError(
                    "The feature cache needs samples of one size. Received: "
                    f"activations of shape {output.shape[1:]} after "
                    f"{store.row_shape} in the {self.name} data. Resize the "
                    "images, or pad the sequences, to one shape."
                )
            store.write(start, output)

    def _prepare(self, x: Nested) -> None:
        """Learns the shapes from the first sample, and makes room."""
        outputs = prefix.run_without_drawing(
            self.prefix, take_rows(x, slice(1)), may_draw=self.num_views > 1
        )
        layout = [(each.shape[1:], self._kept_dtype(each)) for each in outputs]
        self._check_room(layout)
        self.views = stores(self.folder, self.num_rows, self.num_views, layout)

    def _kept_dtype(self, output: np.ndarray) -> str:
        # Whole numbers, such as tokens, stay what they are.
        is_float = output.dtype.kind not in "biu"
        return self.cache.dtype if is_float else output.dtype.name

    def _check_room(self, layout: list[tuple[tuple[int, ...], str]]) -> None:
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

    def _check_place(self, what: str, needed: int) -> None:
        place = self.cache.directory
        free = available_bytes() if place is None else free_bytes(place)
        if free is None or needed <= free:
            return
        if place is None:
            raise MemoryError(
                f"{what}, and {free:,} of memory are available. Nothing "
                "was computed. Pass a folder, or train more blocks."
            )
        raise OSError(
            errno.ENOSPC,
            f"{what}, and {free:,} are free at {self.cache.place}. "
            "Nothing was computed. Make room, or choose another folder",
        )
