"""Names for types that Keras, NumPy and Python leave without one."""

import os
from collections.abc import Sequence
from typing import Any, TypeAlias

import keras

# A tensor of any backend, a symbolic one, or an array: they share no class.
Tensor: TypeAlias = Any
# One of something, or lists, tuples and dicts of it, as `keras.tree` takes.
Nested: TypeAlias = Any
# What `fit` takes: arrays, PyDataset, tf.data, torch or Grain loaders, ...
Data: TypeAlias = Any
# A call in the graph of a functional model.
GraphNode: TypeAlias = Any
# A `tf.distribute.Strategy`, and the graph of a `tf.function`.
NativeStrategy: TypeAlias = Any
FuncGraph: TypeAlias = Any
# `keras_tuner.engine.trial.Trial`, which has no public name.
Trial: TypeAlias = Any
# What JSON can hold.
Json: TypeAlias = Any
# Without axes of unknown length, or with `None` for each.
Shape: TypeAlias = Sequence[int | None]
# "last", "auto", how many, or indices of blocks.
Levels: TypeAlias = str | int | Sequence[int]
PathLike: TypeAlias = str | os.PathLike[str]
# A name such as "float32", or a policy.
Dtype: TypeAlias = str | keras.DTypePolicy
# 0, 1, 2 or "auto", as in `fit`.
Verbose: TypeAlias = int | str
# One, several, the list that Keras makes of them, or none.
Callbacks: TypeAlias = (
    keras.callbacks.Callback
    | list[keras.callbacks.Callback]
    | keras.callbacks.CallbackList
    | None
)
