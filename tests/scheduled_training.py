"""Trains three small blocks by a schedule inside one `fit`."""

import keras
from doubles import vectors
from keras import callbacks, optimizers
from small_nets import LOSS, dense_net, values

import keras_transfer as kt
from keras_transfer import _private

BACKEND = keras.backend.backend()
STAGES = [0, 2, 1, 3]
NUM_SAMPLES = 20
# Earlier ones pair the averages of all variables with those that train.
SWAPS_A_PART = tuple(map(int, keras.version().split(".")[:2])) >= (3, 15)
SWAPS_THE_WRONG_ONES = "SwapEMAWeights needs Keras 3.15 where a part trains"

OPTIMIZERS = {
    "stock": lambda rate, **options: optimizers.Adam(rate, **options),
    "layer-wise": lambda rate, **options: kt.LayerwiseOptimizer(
        optimizers.AdamW(rate, weight_decay=0.01, **options), decay=0.7
    ),
}


class Samples(keras.metrics.Metric):
    """How many samples it has seen since it was reset."""

    def __init__(self, name="samples"):
        super().__init__(name=name)
        self.seen = self.add_weight(shape=(), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        number = keras.ops.shape(y_true)[0]
        self.seen.assign_add(keras.ops.cast(number, self.seen.dtype))

    def result(self):
        return keras.ops.convert_to_tensor(self.seen)


class Watch(callbacks.Callback):
    """Keeps each layer's weights at both ends of each epoch."""

    def __init__(self):
        super().__init__()
        self.epochs = []
        self.metrics = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append([])

    def on_train_batch_begin(self, batch, logs=None):
        # Not in on_epoch_begin, where averages are still to be swapped.
        if not self.epochs[-1]:
            self.epochs[-1].append(layer_weights(self.model))

    def on_epoch_end(self, epoch, logs=None):
        self.epochs[-1].append(layer_weights(self.model))
        self.metrics.append([id(metric) for metric in self.model.metrics])


def layer_weights(model):
    """The weights of the three blocks and of the head."""
    blocks = [block.layers[0] for block in model.blocks]
    return [values(layer.weights) for layer in [*blocks, model.head]]


def transfer_model(policy="float32"):
    """Three blocks of a dense layer each, over 6 features."""
    keras.config.set_dtype_policy(policy)
    try:
        return kt.TransferModel(
            dense_net(3, 4, use_bias=False),
            head=3,
            preprocessing=None,
            output_layer="dense2",
        )
    finally:
        keras.config.set_dtype_policy("float32")


def scheduler():
    return kt.FreezingScheduler(lambda epoch, num_blocks: STAGES[epoch])


def compiled(model, optimizer, **options):
    # Compiling to machine code costs more than it shows, on TensorFlow.
    options = {"jit_compile": BACKEND == "jax"} | options
    if options.get("run_eagerly"):
        options["jit_compile"] = False
    model.compile(
        optimizer,
        LOSS,
        metrics=[Samples()],
        **options,
    )
    return model


def fit(model, used, **options):
    options = {"batch_size": 5, "epochs": len(STAGES), "verbose": 0} | options
    return model.fit(*vectors(NUM_SAMPLES), callbacks=used, **options).history


def inner(model):
    return _private.wrapped_optimizers(model.optimizer)[-1]
