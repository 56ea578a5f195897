"""Matches small models on one device and on two; prints what came of it.

python match_on_replicas.py DISTANCE [...]
"""

import contextlib
import json
import sys

import keras
import numpy as np
import tensorflow as tf
from small_nets import LOSS, conv_net

import keras_transfer as kt

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)


def net(*widths):
    backbone = conv_net(
        *widths, padding="valid", bias_initializer="ones",
        kernel_regularizer="l2",
    )  # fmt: skip
    return kt.TransferModel(
        backbone, 3, preprocessing="tf", weights=None,
        share_source=True,
    )  # fmt: skip


def matcher(distance):
    keras.utils.set_random_seed(0)
    source, target = net(6, 8), net(4, 5)
    pairs = ["logits"] if distance in ("kl", "dkd") else "auto"
    made = kt.FeatureMatcher(
        source=source, target=target, pairs=pairs, loss=distance
    )
    made.compile(
        keras.optimizers.SGD(0.05), LOSS, weighted_metrics=["accuracy"],
        regularizer=kt.L2SP(0.1, 0.1),
    )  # fmt: skip
    return made


def trained(distance, scope):
    """Returns the history and the weights of a matching."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 255, (32, 8, 8, 3)).astype("float32")
    y = rng.integers(0, 3, 32)
    weights = rng.uniform(0.5, 2.0, 32).astype("float32")
    with scope:
        model = matcher(distance)
    history = model.fit(
        x, y, sample_weight=weights, batch_size=16, epochs=3, verbose=0
    ).history
    return history, [
        np.asarray(w).ravel().tolist() for w in model.get_weights()
    ]


def main(distances):
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    found = {
        name: [
            trained(name, contextlib.nullcontext()),
            trained(name, two.scope()),
        ]
        for name in distances
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
