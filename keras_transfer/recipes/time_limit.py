"""A time limit that keeps what has been reached."""

import time

import keras


class TimeLimit:
    """Counts from when it is made.

    Args:
        minutes: more than 0; `None` is no limit.

    Raises:
        ValueError: it is no positive number.
    """

    def __init__(self, minutes):
        if minutes is not None and not minutes > 0:
            raise ValueError(
                "`max_minutes` is a positive number of minutes, or None for "
                f"no limit. Received: max_minutes={minutes!r}."
            )
        self.minutes = minutes
        self._started = time.monotonic()

    @property
    def is_over(self):
        if self.minutes is None:
            return False
        return time.monotonic() - self._started >= 60 * self.minutes


class StopAtTimeLimit(keras.callbacks.Callback):
    """Ends a training at the next step after the limit.

    The epoch that was under way is validated as it is.

    Args:
        limit: a `TimeLimit`.
    """

    def __init__(self, limit):
        super().__init__()
        self.limit = limit

    def on_train_batch_end(self, batch, logs=None):
        if self.limit.is_over:
            self.model.stop_training = True
