"""The bars of Keras for passes over data that are ours."""

import keras

from keras_transfer._private.types import Verbose
from keras_transfer.storage.printing import verbosity


def progress_bar(
    total: int | None, verbose: Verbose = "auto", **options: object
) -> keras.utils.Progbar:
    """Returns a `keras.utils.Progbar`.

    Args:
        total: number of steps.
        verbose: 0 for none, 2 for one line at the end; anything else for a bar
            that moves, where standard output can show it.
        **options: the other arguments of the bar.
    """
    if verbose not in (0, 2):
        verbose = verbosity("auto")
    return keras.utils.Progbar(total, verbose=verbose, **options)
