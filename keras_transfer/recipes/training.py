"""Shared by recipes: compiling as the user did, caching where exact."""

from __future__ import annotations

from typing import Any

import keras

from keras_transfer import feature_cache
from keras_transfer._private.types import Data
from keras_transfer.callbacks import PreciseBatchNorm
from keras_transfer.models import TransferModel
from keras_transfer.storage.memory import available_bytes
from keras_transfer.training.freezing import freeze_state


def compile_like(
    model: keras.Model,
    like: keras.Model,
    optimizer: keras.optimizers.Optimizer | str,
    **options: Any,
) -> None:
    """Compiles with the loss, metrics and regularizer of `like`.

    Args:
        model: the model to compile.
        like: a compiled model.
        optimizer: the optimizer to use instead of that model's.
        **options: other arguments of `compile` to use instead.
    """
    kept = keras.saving.deserialize_keras_object(like.get_compile_config())
    if model is not like:
        # A part of the model has no starting point to be pulled to.
        kept.pop("regularizer", None)
    model.compile(**kept | {"optimizer": optimizer} | options)


def statistics_callbacks(
    model: keras.Model, data: Data, *, part: keras.Model | None = None
) -> list[PreciseBatchNorm]:
    """Returns the callbacks that a model whose batch norm trains needs.

    Without them it would be judged by statistics that are not there yet.

    Args:
        model: the model that has the batch norm.
        data: its training data, as `PreciseBatchNorm` takes them.
        part: `model`, where another one is trained that contains it.
    """
    if not freeze_state(model).train_batch_norm:
        return []
    return [PreciseBatchNorm(data, part=part)]


def fits_in_memory(
    model: TransferModel,
    num_samples: int,
    depth: int | None = None,
    *,
    views: int = 1,
) -> bool:
    """Whether what is frozen can run once, and its activations be kept.

    Args:
        model: a `TransferModel`.
        num_samples: how many samples there are.
        depth: blocks above the boundary; `None` is what trains now.
        views: how many augmented versions of each sample.
    """
    needed = feature_cache.bytes_to_cache(
        model, num_samples, depth, views=views
    )
    return needed is not None and has_room(8 * needed)


def has_room(num_bytes: int) -> bool:
    """Whether so much memory is free, as far as that is known."""
    available = available_bytes()
    return available is None or num_bytes <= available
