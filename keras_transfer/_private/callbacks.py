"""Private names of the callbacks."""

import keras
from keras.src.callbacks.monitor_callback import MonitorCallback

# Whether a `SwapEMAWeights` has put the averages into the model.
SWAPPED = "_ema_weights_in_model"
# How many batches a `ModelCheckpoint(save_freq=100)` has counted.
BATCHES_SINCE_SAVED = "_batches_seen_since_last_saving"


def is_higher_better(model: keras.Model, monitor: str) -> bool:
    """Tells whether a logged quantity should rise, as Keras itself decides.

    Args:
        model: a compiled model whose metrics have seen a batch.
        monitor: name of the quantity in the logs.

    Raises:
        ValueError: it is no loss and no metric whose direction is known.

    Uses `MonitorCallback._set_monitor_op` and `_is_improvement`.
    """
    callback = MonitorCallback(monitor, mode="auto")
    callback.set_model(model)
    callback._set_monitor_op()
    return bool(callback._is_improvement(1.0, 0.0))


def start_at_epoch(model: keras.Model, epoch: int | None) -> None:
    """Makes a `fit` that has just begun start at `epoch`; `None` undoes it.

    To be called in `on_train_begin`. Uses `Trainer._initial_epoch`.
    """
    model._initial_epoch = epoch


def epoch_to_start_at(model: keras.Model) -> int | None:
    """Returns what `start_at_epoch` has set, or `None`.

    Uses `Trainer._initial_epoch`.
    """
    return model._initial_epoch
