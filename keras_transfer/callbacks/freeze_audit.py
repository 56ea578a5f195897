"""`FreezeAudit`: proof that what is frozen stood still and the rest moved."""

import hashlib

import keras
from keras import ops

from keras_transfer import _private


class FreezeAudit(keras.callbacks.Callback):
    """Raises if a frozen layer moved in an epoch, or an unfrozen one did not.

    Use it in a test or in the first epochs of an expensive run, beside any
    way of freezing. Weights and statistics (batch norm's moving averages) of
    every layer that does not train are hashed before the first batch of each
    epoch and compared after it. Seeds of dropout are left out: they move.
    The weights of `trainable=False` layers that write to them in `call` are a
    finding, not an exception. An unfrozen layer has to have changed in at
    least one value, unless the learning rate is 0 or the optimizer has made no
    update (accumulated gradients, an overflow in float16). One that has
    statistics and nothing to learn may do what it likes.

    Costs one pass over the weights an epoch, no memory.

    Raises:
        RuntimeError: at the end of the epoch, naming the layers.

    Example:

    ```python
    model.fit(x, y, epochs=3, callbacks=[scheduler, FreezeAudit()])
    ```
    """

    def __init__(self) -> None:
        super().__init__()
        self._before: list | None = None
        self._updates_before: int | None = None

    def __repr__(self) -> str:
        return "<FreezeAudit>"

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        self._before = None

    def on_train_batch_begin(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        # Not in on_epoch_begin: other callbacks may set flags there.
        if self._before is None:
            self._updates_before = self._updates()
            self._before = [
                (layer, bool(layer.trainable_variables), _digest(layer))
                for layer in _private.leaf_layers(self.model)
                if _own_weights(layer) and not _only_counts(layer)
            ]

    def on_epoch_end(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        moved, stood = [], []
        for layer, trains, before in self._before or []:
            same = _digest(layer) == before
            if not trains and not same:
                moved.append(layer)
            elif trains and same:
                stood.append(layer)
        if moved:
            raise RuntimeError(
                "Frozen layers have changed in epoch "
                f"{epoch + 1}: {_names(moved)}. Expected them to stand "
                "still. Freeze with kt.set_trainable_depth or "
                "FreezingScheduler: a flag that is set by hand on a "
                "container, or after compile, may not take effect."
            )
        updated = self._updates() != self._updates_before
        if stood and updated and not self._rate_is_zero():
            raise RuntimeError(
                "Layers that train have not changed in epoch "
                f"{epoch + 1}: {_names(stood)}. Expected every one to move. "
                "Either no gradient reaches them (they are not part of the "
                "path to the loss), or their flags were set by hand after "
                "training had begun: use kt.set_trainable_depth."
            )

    def _updates(self) -> int:
        return int(ops.convert_to_numpy(self.model.optimizer.iterations))

    def _rate_is_zero(self) -> bool:
        rate = self.model.optimizer.learning_rate
        return float(ops.convert_to_numpy(rate)) == 0.0


def _own_weights(layer: keras.layers.Layer) -> list[keras.Variable]:
    """The weights that the layer itself holds, not those of its parts."""
    parts = {
        id(weight)
        for each in _private.leaf_layers(layer)
        if each is not layer
        for weight in each.weights
    }
    return [weight for weight in layer.weights if id(weight) not in parts]


def _only_counts(layer: keras.layers.Layer) -> bool:
    """Whether a layer is allowed to train and has nothing that could."""
    learns = _private.own_trainable_variables(layer)
    return layer.trainable and not layer.trainable_variables and not learns


def _digest(layer: keras.layers.Layer) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for weight in _own_weights(layer):
        digest.update(ops.convert_to_numpy(weight).tobytes())
    return digest.digest()


def _names(layers: list[keras.layers.Layer]) -> str:
    shown = ", ".join(f"'{layer.name}'" for layer in layers[:5])
    more = len(layers) - 5
    return f"{shown} and {more} more" if more > 0 else shown
