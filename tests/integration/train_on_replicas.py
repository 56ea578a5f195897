"""Trains small models on so many devices; prints what came of it.

python train_on_replicas.py '[[DEVICES, SAMPLES, [WAY, ...]], ...]'
"""

import functools
import json
import math
import sys
import tempfile
from unittest import mock

import doubles
import keras
import numpy as np
from small_nets import LOSS, conv_net

import keras_transfer as kt
from keras_transfer.training import distribution

BATCH = 12


def make_devices():
    """Makes four of the one that TensorFlow has."""
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 4,
    )


# TensorFlow's collective operations know each group of devices once.
@functools.cache
def strategy_of(count):
    if keras.backend.backend() == "jax":
        return distribution.strategy("jax" if count > 1 else "default")
    if count == 1:
        return distribution.strategy("default")
    names = [f"CPU:{number}" for number in range(count)]
    return distribution.strategy("mirrored", names)


def aligned(shape):
    """An array of floats where TensorFlow uses memory without a copy."""
    size = 4 * math.prod(shape)
    room = np.empty(size + 64, "uint8")
    start = -room.ctypes.data % 64
    return room[start : start + size].view("float32").reshape(shape)


class Ways:
    def __init__(self, count, samples):
        rng = np.random.default_rng(0)
        x = aligned((samples, 8, 8, 3))
        x[:] = rng.uniform(0, 255, x.shape)
        self.data = x, rng.integers(0, 3, samples)
        self.strategy = strategy_of(count)

    def model(self, optimizer=None, batch_norm=False, levels="last", **options):
        keras.utils.set_random_seed(0)
        with self.strategy.scope():
            # A bias before batch norm is moved by rounding alone.
            net = conv_net(
                4, 6, 8, batch_norm=batch_norm, use_bias=not batch_norm
            )
            model = kt.TransferModel(
                net, 3, preprocessing="tf", weights=None, levels=levels
            )
            if not batch_norm:
                model._mark_pretrained()
                kt.freeze(model)
        # Made outside of the scope, as users do.
        optimizer = optimizer or keras.optimizers.Adam(1e-2)
        with self.strategy.scope():
            model.compile(optimizer, LOSS, metrics=["accuracy"], **options)
        return distribution.prepare(model, self.strategy)

    def fitted(self, model, data=None, epochs=3, **options):
        data = self.data if data is None else (data,)
        with self.strategy.scope():
            history = model.fit(
                *data, batch_size=None if len(data) == 1 else BATCH,
                epochs=epochs, verbose=0, **options,
            ).history  # fmt: skip
            test = model.evaluate(*self.data, verbose=0)
        history = {
            name: values for name, values in history.items()
            if not name.startswith("trainable")
        }  # fmt: skip
        return history | {"test": test}

    def head(self):
        return self.fitted(self.model())

    def gradual(self):
        schedule = kt.FreezingScheduler(kt.GradualUnfreezing(0, 1))
        return self.fitted(self.model(), epochs=4, callbacks=[schedule])

    def layerwise(self):
        adam = keras.optimizers.AdamW(1e-2, weight_decay=0.01)
        model = self.model(kt.LayerwiseOptimizer(adam, decay=0.5))
        kt.unfreeze(model)
        return self.fitted(model)

    def averaged(self):
        averaging = keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.8)
        schedule = kt.FreezingScheduler(kt.GradualUnfreezing(0, 1))
        return self.fitted(
            self.model(averaging), epochs=4, callbacks=[schedule]
        )

    def levels(self):
        model = self.model(levels=2)
        kt.set_trainable_depth(model, 2)
        found = self.fitted(model, feature_cache="memory")
        centre = keras.ops.convert_to_numpy(model.level_scaling.centre)
        return found | {"centre": centre.tolist()}

    def native(self):
        """A strategy of TensorFlow's own is passed on as it is."""
        self.strategy = self.strategy.native or self.strategy
        return self.head()

    def l2sp(self):
        model = self.model(regularizer=kt.L2SP(0.1, 0.1))
        kt.unfreeze(model)
        return self.fitted(model)

    def precise_batch_norm(self):
        return self.batch_norm(is_precise=True)

    def batch_norm(self, is_precise=False):
        model = self.model(batch_norm=True)
        precise = kt.PreciseBatchNorm(self.data, num_batches=4)
        callbacks = [precise] if is_precise else []
        found = self.fitted(model, callbacks=callbacks)
        moving = [v for v in model.variables if "moving" in v.path]
        return found | {
            "moving": np.concatenate([np.asarray(v) for v in moving]).tolist()
        }

    def cached(self):
        schedule = kt.FreezingScheduler(kt.GradualUnfreezing(0, 2))
        return self.fitted(
            self.model(), epochs=4, callbacks=[schedule],
            feature_cache="memory",
        )  # fmt: skip

    def resumed(self):
        with tempfile.TemporaryDirectory() as folder:
            for epochs in (2, 4):
                found = self.fitted(
                    self.model(), epochs=epochs,
                    callbacks=[kt.TransferCheckpoint(folder)],
                )  # fmt: skip
        return found

    def fine_tuned(self):
        model, (x, y) = self.model(), self.data
        result = kt.fine_tune(
            model,
            (x, y),
            validation=(x[:60], y[:60]),
            epochs=2,
            blocks=2,
            verbose=0,
        )
        return {
            "best": result.best["val_loss"],
            "test": model.evaluate(x, y, verbose=0),
        }

    def searched(self):
        x, y = self.data
        hypermodel = kt.TransferHyperModel(
            3, backbones=[self.model().backbone], head_epochs=1,
            strategy=self.strategy,
            space={
                "learning_rate": (1e-3, 1e-2, "log"), "batch_size": [8, 12],
                "blocks": [0.5, 1.0],
                # A solved head ends somewhere within the solver's tolerance.
                "hidden_units": [4],
            },
        )  # fmt: skip
        few = mock.patch("keras_transfer.recipes.defaults.HEAD_EPOCHS", 2)
        with tempfile.TemporaryDirectory() as folder, few:
            result = kt.search(
                hypermodel, (x, y), validation=(x[:61], y[:61]), trials=2,
                epochs=2, directory=folder, verbose=0, objective="val_loss",
            )  # fmt: skip
        return {
            "scores": [row["score"] for row in result.trials],
            "test": result.model.evaluate(x, y, verbose=0),
        }

    def py_dataset(self):
        batches = doubles.Batches(*self.data, BATCH)
        return self.fitted(self.model(), batches, shuffle=False)

    def tf_data(self):
        return self.fitted(self.model(), doubles.tf_data(*self.data, BATCH))

    def mixed(self):
        keras.config.set_dtype_policy("mixed_float16")
        try:
            model = self.model()
            kt.unfreeze(model)
            return self.fitted(model)
        finally:
            keras.config.set_dtype_policy("float32")

    def traffic(self):
        """Bytes of gradients that a step adds up: measured, and said."""
        import tensorflow as tf

        measured = []
        inner = tf.distribute.CrossDeviceOps.batch_reduce

        def batch_reduce(ops, reduce_op, pairs, **options):
            for value, _ in pairs:
                one = getattr(value, "values", [value])[0]
                measured[-1] += one.shape.num_elements() * one.dtype.size
            return inner(ops, reduce_op, pairs, **options)

        tf.distribute.CrossDeviceOps.batch_reduce = batch_reduce
        model, said = self.model(), []
        for depth in range(len(model.blocks) + 1):
            kt.set_trainable_depth(model, depth)
            measured.append(0)
            model.fit(*self.data, batch_size=BATCH, verbose=0)
            said.append(distribution.all_reduced_bytes(model))
        tf.distribute.CrossDeviceOps.batch_reduce = inner
        return {"measured": measured, "said": said}

    def arrays_kept(self):
        """How many samples of a user's arrays have been written over."""
        model, (x, y) = self.model(), self.data
        before = x.copy()
        batches = doubles.Batches(x, y, BATCH)
        with self.strategy.scope():
            model.fit(batches, validation_data=batches, epochs=3, verbose=0)
            model.predict(batches, verbose=0)
        return {"changed": int((x != before).any((1, 2, 3)).sum())}

    def evaluated(self):
        with self.strategy.scope():
            found = self.model().evaluate(
                *self.data, batch_size=BATCH, verbose=0
            )
        return {"all": found}

    def few(self):
        """Batches of which some devices get less than others, or nothing."""
        model, (x, y) = self.model(), self.data
        found = {}
        with self.strategy.scope():
            for samples, size in ((33, 32), (7, 32), (1, 32), (45, 9)):
                found[f"{samples} in batches of {size}"] = [
                    *model.evaluate(
                        x[:samples], y[:samples], batch_size=size, verbose=0
                    ),
                    model.predict(x[:samples], size, verbose=0).sum(axis=0),
                ]
            model.fit(x, y, validation_data=(x[:7], y[:7]), verbose=0)
        found = {k: np.hstack(v).tolist() for k, v in found.items()}
        return found


def main(jobs):
    if keras.backend.backend() == "tensorflow":
        make_devices()
    found = []
    for count, samples, names in json.loads(jobs):
        ways = Ways(count, samples)
        found.append({name: getattr(ways, name)() for name in names})
    print(json.dumps(found, default=float))


if __name__ == "__main__":
    main(sys.argv[1])
