"""Training on several devices: which strategy, and what it cannot do."""

import contextlib
import dataclasses
import functools
import json
import os
import sys
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np

from keras_transfer import _private
from keras_transfer._private.types import NativeStrategy
from keras_transfer.training.replicas import EvenlyOrWhole, num_replicas

NAMES = ("auto", "default", "one_device", "mirrored", "multi_worker", "jax")


@dataclasses.dataclass(frozen=True)
class Strategy:
    """Where a model is trained.

    Attributes:
        name: one of the names that `strategy` takes.
        num_replicas: on how many devices each batch is spread.
        native: the `tf.distribute.Strategy` or `keras.distribution` object
            behind it; `None` for a single device as Keras uses it by itself.
    """

    name: str
    num_replicas: int = 1
    native: NativeStrategy | None = None

    def scope(self) -> AbstractContextManager:
        """Returns the context in which models are built and compiled."""
        if self.native is None:
            return contextlib.nullcontext()
        return self.native.scope()


def strategy(name: str = "auto", devices: list[str] | None = None) -> Strategy:
    """Returns the `Strategy` of that name, on the devices there are.

    Of `"mirrored"` there is one for the same devices in a process.

    Args:
        name: `"default"` is Keras as it is. `"one_device"` and `"mirrored"`
            are those of `tf.distribute`; `"multi_worker"` reads `TF_CONFIG`
            and creates the strategy, no more: `fit` on several machines is
            not supported yet. `"jax"` is `keras.distribution.DataParallel`.
            `"auto"` takes `"multi_worker"` where `TF_CONFIG` names several,
            `"mirrored"` or `"jax"` where there are several accelerators, else
            `"default"`.
        devices: names of the devices, such as `["GPU:0", "GPU:1"]`; all
            accelerators by default, or, where there are none, all logical
            CPUs.

    Raises:
        ValueError: there is no such strategy, or not with this backend.

    Example:

    ```python
    strategy = kt.distribution.strategy("mirrored")
    with strategy.scope():
        model = kt.TransferModel("MobileNetV2", head=5)
        model.compile("auto")
        kt.distribution.prepare(model, strategy)
        model.fit(photos, epochs=5)
    ```
    """
    if name not in NAMES:
        raise ValueError(
            f"There is no strategy {name!r}. Expected one of "
            f"{', '.join(map(repr, NAMES))}."
        )
    backend = keras.backend.backend()
    if name == "auto":
        name = _automatic(backend)
    if name == "default":
        return Strategy("default")
    needed = "jax" if name == "jax" else "tensorflow"
    if backend != needed:
        raise ValueError(
            f"The strategy {name!r} needs Keras on {needed}. Received: the "
            f"backend {backend!r}. Set KERAS_BACKEND={needed}, or use "
            "'default'."
        )
    return _MAKERS[name](devices)


def as_strategy(given: Strategy | NativeStrategy | None) -> Strategy:
    """Returns a `Strategy` for one of `tf.distribute` or `keras.distribution`.

    Args:
        given: one of these, a `Strategy`, or `None`, which is the default.

    Raises:
        ValueError: it is none of them.
    """
    if isinstance(given, Strategy):
        return given
    if given is None:
        return Strategy("default")
    if isinstance(given, keras.distribution.DataParallel):
        return Strategy("jax", given.device_mesh.devices.size, given)
    tf = sys.modules.get("tensorflow")
    if tf is None or not isinstance(given, tf.distribute.Strategy):
        raise ValueError(
            "A strategy is what keras_transfer.distribution.strategy returns, "
            "a tf.distribute.Strategy or a keras.distribution.DataParallel. "
            f"Received: {given!r}."
        )
    kinds = {
        "one_device": tf.distribute.OneDeviceStrategy,
        "multi_worker": tf.distribute.MultiWorkerMirroredStrategy,
    }
    names = [name for name, kind in kinds.items() if isinstance(given, kind)]
    name = next(iter(names), "mirrored")
    return Strategy(name, given.num_replicas_in_sync, given)


def prepare(
    model: keras.Model, strategy: Strategy | NativeStrategy | None = None
) -> keras.Model:
    """Makes a model ready to train on several devices, or says what cannot.

    Batch normalisation that may train takes its statistics over all devices
    from now on.

    Args:
        model: a compiled model.
        strategy: the strategy it is to be trained with, a `Strategy` or one
            of `tf.distribute` or `keras.distribution`; what it was built
            under by default.

    Returns:
        The model.

    Raises:
        ValueError: what is known to break under several devices: a model
            built outside the strategy's scope, `steps_per_execution` above 1,
            gradient accumulation, averages that are written over the weights
            during training, several machines.
    """
    strategy = None if strategy is None else as_strategy(strategy)
    if strategy is not None and strategy.name == "multi_worker":
        raise ValueError(
            "Training on several machines is not supported yet: `fit` fails "
            "under MultiWorkerMirroredStrategy in this Keras. Use 'mirrored' "
            "on one machine, or unset TF_CONFIG."
        )
    wanted = num_replicas(model) if strategy is None else strategy.num_replicas
    if wanted == 1 or keras.backend.backend() == "jax":
        # JAX lays out weights by itself, and its batch norm sees all devices.
        return model
    if num_replicas(model) != wanted:
        raise ValueError(
            f"The model '{model.name}' was built for {num_replicas(model)} "
            f"device(s), and the strategy {strategy.name!r} has {wanted}: its "
            "weights lie elsewhere. Build and compile it inside `with "
            "strategy.scope():`."
        )
    _refuse_what_breaks(model)
    for layer in _private.leaf_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
    return model


def all_reduced_bytes(model: keras.Model) -> int:
    """Returns how many bytes of gradients all devices add up at each step.

    Those of what trains now: what is frozen sends nothing. In a ring of n
    devices each of them sends and receives `2 (n - 1) / n` times as much
    (Patarasuk and Yuan 2009, Bandwidth optimal all-reduce algorithms).

    Args:
        model: a model; gradients are as large as its trainable weights.
    """
    return sum(
        int(np.prod(v.shape)) * np.dtype(v.dtype).itemsize
        for v in model.trainable_variables
    )


def _automatic(backend: str) -> str:
    if backend == "tensorflow":
        if len(_cluster().get("worker", ())) > 1:
            return "multi_worker"
        return "mirrored" if len(_accelerators()) > 1 else "default"
    if backend == "jax":
        found = keras.distribution.list_devices()
        kinds = {device.split(":")[0] for device in found}
        return "jax" if len(found) > 1 and kinds != {"cpu"} else "default"
    return "default"


def _cluster() -> dict[str, Any]:
    """Names of the machines, by task; none where `TF_CONFIG` names none."""
    try:
        given = json.loads(os.environ.get("TF_CONFIG") or "{}")
    except json.JSONDecodeError as error:
        raise ValueError(
            f"The environment variable TF_CONFIG is no JSON: {error}. Received:"
            f" {os.environ['TF_CONFIG']!r}."
        ) from error
    return given.get("cluster", {})


def _accelerators() -> list:
    import tensorflow as tf

    return tf.config.list_logical_devices("GPU")


def _one_device(devices: list[str] | None) -> Strategy:
    import tensorflow as tf

    first = (devices or ["GPU:0" if _accelerators() else "CPU:0"])[0]
    return Strategy("one_device", 1, tf.distribute.OneDeviceStrategy(first))


def _mirrored(devices: list[str] | None) -> Strategy:
    import tensorflow as tf

    if devices is None and not _accelerators():
        devices = [d.name for d in tf.config.list_logical_devices("CPU")]
    return _kept_mirrored(None if devices is None else tuple(devices))


@functools.cache
def _kept_mirrored(devices: tuple[str, ...] | None) -> Strategy:
    """The strategy of these devices: a cell that is run again gets the same."""
    native = _private.mirrored_strategy(devices)
    return Strategy("mirrored", native.num_replicas_in_sync, native)


def _multi_worker(devices: list[str] | None) -> Strategy:
    import tensorflow as tf

    if not _cluster():
        raise ValueError(
            "The strategy 'multi_worker' needs the environment variable "
            "TF_CONFIG, which names the workers. Received: none. For several "
            "devices of one machine use 'mirrored'."
        )
    native = tf.distribute.MultiWorkerMirroredStrategy()
    return Strategy("multi_worker", native.num_replicas_in_sync, native)


def _data_parallel(devices: list[str] | None) -> Strategy:
    found = devices or keras.distribution.list_devices()
    native = EvenlyOrWhole(devices=found)
    return Strategy("jax", len(found), native)


_MAKERS = {
    "one_device": _one_device,
    "mirrored": _mirrored,
    "multi_worker": _multi_worker,
    "jax": _data_parallel,
}


def _refuse_what_breaks(model: keras.Model) -> None:
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return
    steps = getattr(model, "steps_per_execution", 1)
    if steps > 1:
        raise ValueError(
            f"steps_per_execution={steps} breaks under several devices in "
            "this Keras. Compile with steps_per_execution=1."
        )
    for each in _private.wrapped_optimizers(optimizer):
        if accumulated := each.gradient_accumulation_steps:
            raise ValueError(
                f"gradient_accumulation_steps={accumulated} breaks under "
                "several devices in this Keras. Use a batch size that is as "
                "many times larger: each device gets its share of it."
            )
        if frequency := each.ema_overwrite_frequency:
            raise ValueError(
                f"ema_overwrite_frequency={frequency} breaks under several "
                "devices in this Keras. Leave it out: `fit` ends with the "
                "averages in the weights."
            )
