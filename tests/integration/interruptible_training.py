"""A training that says how far it is, for `test_resume_after_kill.py`.

    python interruptible_training.py CHECKPOINTS RESULT.npz [EPOCH]

Prints a line after each batch and after the last epoch. With EPOCH it stops
for good in the middle of writing the checkpoint before that epoch.
"""

import json
import sys
import time

import keras
import numpy as np

import keras_transfer as kt

EPOCHS = 6
BATCHES = 5


def schedule(epoch, num_blocks):
    return [0, 1, 2, 1, 1, 2][epoch]


def built():
    layers = keras.layers
    inputs = x = keras.Input((8,))
    for index in range(3):
        x = layers.Dense(6, use_bias=False, name=f"dense{index}")(x)
        x = layers.BatchNormalization(name=f"norm{index}")(x)
        x = layers.Activation("tanh", name=f"tanh{index}")(x)
    model = kt.TransferModel(
        keras.Model(inputs, x),
        head=kt.ClassificationHead(3, hidden_units=(8,), dropout=0.3),
        preprocessing=None,
        augmentation=layers.GaussianNoise(0.1, seed=5),
        train_batch_norm=True,
        output_layer="tanh2",
    )
    model.compile(
        kt.LayerwiseOptimizer(
            keras.optimizers.AdamW(0.02, use_ema=True, ema_momentum=0.9),
            decay=0.8,
        ),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


class SayBatches(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        print(f"batch {self.epoch * BATCHES + batch}", flush=True)
        # Time for the signal to arrive before the next one.
        time.sleep(0.1)


def stop_in_checkpoint(epoch):
    """Makes the writing of one checkpoint stop half way."""
    whole = np.savez

    def half(path, **arrays):
        whole(path, **arrays)
        if path.parent.name == f"epoch-{epoch:05d}":
            path.write_bytes(path.read_bytes()[:1000])
            print("writing", flush=True)
            time.sleep(300)

    np.savez = half


def main(checkpoints, result, stop_before=None):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    if stop_before is not None:
        stop_in_checkpoint(int(stop_before))
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(48, 8)).astype("float32")
    y = np.arange(48) % 3
    model = built()
    history = model.fit(
        x,
        y,
        batch_size=8,
        epochs=EPOCHS,
        validation_split=1 / 6,
        verbose=0,
        callbacks=[
            SayBatches(),
            kt.callbacks.FreezingScheduler(schedule),
            keras.callbacks.EarlyStopping(
                patience=9, restore_best_weights=True
            ),
            kt.callbacks.TransferCheckpoint(checkpoints),
        ],
    )
    variables = [*model.variables, *model.optimizer.variables]
    np.savez(
        result,
        history=json.dumps([history.epoch, history.history]),
        **{
            f"{index} {variable.path}": keras.ops.convert_to_numpy(variable)
            for index, variable in enumerate(variables)
        },
    )
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
