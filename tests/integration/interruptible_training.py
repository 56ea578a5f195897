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
from doubles import vectors
from small_nets import built, dense_net

import keras_transfer as kt

EPOCHS = 6
BATCHES = 5


def schedule(epoch, num_blocks):
    return [0, 1, 2, 1, 1, 2][epoch]


def model():
    return built(
        lambda: dense_net(3, 6, features=8, batch_norm=True, use_bias=False),
        lambda: kt.LayerwiseOptimizer(
            keras.optimizers.AdamW(0.02, use_ema=True, ema_momentum=0.9),
            decay=0.8,
        ),
        seed=3,
        head=lambda: kt.ClassificationHead(3, hidden_units=(8,), dropout=0.3),
        augmentation=keras.layers.GaussianNoise(0.1, seed=5),
        train_batch_norm=True,
        compiled={"metrics": ["accuracy"]},
    )


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
    trained = model()
    history = trained.fit(
        *vectors(48, features=8),
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
    variables = [*trained.variables, *trained.optimizer.variables]
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
