"""The same architecture with random weights, to compare with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import keras

from keras_transfer import _private
from keras_transfer.backbones.copying import made_again
from keras_transfer.training import random_state
from keras_transfer.training.batch_norm import StatisticsPass
from keras_transfer.training.freezing import (
    set_trainable_depth,
    trainable_candidates,
)

if TYPE_CHECKING:
    from keras_transfer.models.transfer.transfer_model import TransferModel


def with_random_weights(
    model: TransferModel, batches: Iterable, *, seed: int = 0
) -> TransferModel:
    """Returns a model of the same architecture that has learnt nothing.

    All that could train is drawn anew, as Keras initialises it. What layers
    keep beside that (the statistics of a `Normalization`, a vocabulary) is as
    in `model`. Batch-norm statistics are those of the data: with 0 and 1,
    where they begin, a deep net puts out nearly the same for every image.

    Args:
        model: a `TransferModel`; it stays as it is.
        batches: batches of the data, for the statistics.
        seed: seed of the weights.

    Reference:
        Wu and Johnson 2021, Rethinking "Batch" in BatchNorm.
    """
    before = random_state.collect()
    try:
        keras.utils.set_random_seed(seed)
        fresh = made_again(model)
    finally:
        random_state.restore(*before)
    variables = trainable_candidates(fresh)
    drawn = [keras.ops.convert_to_numpy(v).copy() for v in variables]
    _private.copy_state(model, fresh)
    for variable, value in zip(variables, drawn, strict=True):
        variable.assign(value)
    set_trainable_depth(fresh, len(fresh.blocks), train_batch_norm=True)
    StatisticsPass(fresh).run(batches)
    return fresh
