"""`FeatureCache`: where activations are kept, and how many of each sample."""

import os
from pathlib import Path

from keras_transfer._private.types import PathLike
from keras_transfer.feature_cache.rows import HALF_FLOATS
from keras_transfer.storage.printing import brief
from keras_transfer.training.schedules import whole_number

_DTYPES = ("float32", *HALF_FLOATS)


class FeatureCache:
    """Keeps what the frozen part of a model puts out, so that it runs once.

    Everything below the first block that trains gives the same activations in
    every epoch. With `fit(..., feature_cache=...)` they are computed in one
    pass and looked up afterwards; the numbers are those of the uncached run.
    Pass `"memory"` or the path of a folder instead for the defaults.

    Args:
        directory: a folder, which several runs and processes may share, or
            `"memory"`. What is found there is used again if the weights,
            the structure, the data and the versions are the same.
        views: how many augmented versions of each sample to compute; epoch
            `e` uses version `e % views`. With 1 a model with augmentation is
            refused. Fewer versions than epochs are not the same as fresh
            augmentation in each epoch.
        max_bytes: most bytes that one data set may take; more is refused
            before anything is computed. `None` is no limit but the free disk.
        dtype: `"float32"`, or `"float16"` or `"bfloat16"` for half the space
            at the cost of exactness.

    Raises:
        ValueError: arguments that do not fit.

    Example:

    ```python
    model.fit(train, epochs=10, feature_cache=FeatureCache("cache", views=4))
    ```
    """

    def __init__(
        self,
        directory: PathLike | None,
        views: int = 1,
        max_bytes: int | None = None,
        dtype: str = "float32",
    ):
        if not directory or not isinstance(directory, str | os.PathLike):
            raise ValueError(
                "FeatureCache needs a place. Received: directory="
                f"{directory!r}. Expected the path of a folder, or 'memory'."
            )
        for name, value in (("views", views), ("max_bytes", max_bytes)):
            number = whole_number(value)
            if value is not None and (number is None or number < 1):
                raise ValueError(
                    f"`{name}` of FeatureCache is a whole number of at least "
                    f"1. Received: {name}={value!r}."
                )
        if dtype not in _DTYPES:
            raise ValueError(
                "FeatureCache stores floats of 32 or 16 bits. Received: "
                f"dtype={dtype!r}. Expected one of {', '.join(_DTYPES)}."
            )
        in_memory = str(directory) == "memory"
        self.directory = None if in_memory else Path(directory)
        self.views = 1 if views is None else views
        self.max_bytes = max_bytes
        self.dtype = dtype
        # What was computed, by key; and whether there is no need for a key.
        self.kept = {}
        self.used_once = False

    def __repr__(self) -> str:
        views = "" if self.views == 1 else f"{self.views} views"
        return brief(self, f"in {self.place}", views, self.dtype)

    @property
    def place(self) -> str:
        """Where the activations are, in words."""
        return "memory" if self.directory is None else f"'{self.directory}'"


def as_feature_cache(
    value: FeatureCache | PathLike | None,
) -> FeatureCache | None:
    """Returns what `fit(feature_cache=...)` was given as a `FeatureCache`."""
    if value is None or isinstance(value, FeatureCache):
        return value
    if isinstance(value, str | os.PathLike):
        cache = FeatureCache(value)
        cache.used_once = cache.directory is None
        return cache
    raise ValueError(
        "`feature_cache` is None, 'memory', the path of a folder or a "
        f"FeatureCache. Received: {value!r}."
    )
