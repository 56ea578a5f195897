"""What trains and what stands still: the only writer of `.trainable`.

Freezing is done on leaf layers, the optimizer is built over everything that
could ever train, and the train function is rebuilt when the flags change. So
a frozen block costs no gradient and no optimizer step, a block that joins
later finds its slots where it left them, and nobody has to compile again.
"""

import dataclasses
from collections.abc import Iterable, Iterator

import keras

from keras_transfer import _private, graph
from keras_transfer.storage.low_rank import low_rank_factors
from keras_transfer.training.layerwise_optimizer import LayerwiseOptimizer
from keras_transfer.training.nesting import warn_of_outer_model
from keras_transfer.training.schedules import checked_depth


@dataclasses.dataclass
class FreezeState:
    """What of a model can be frozen, in which order, and how far it is now.

    Attributes:
        blocks: the blocks from input to output; the last ones unfreeze first.
        head: layers that always train.
        depth: number of blocks that train, counted from the top.
        train_batch_norm: whether batch normalisation in a block that trains
            learns too. If not, it keeps its statistics, gamma and beta.
        trains_elsewhere: whether a step that is not the model's own has
            trained it, such as that of a model around it.
    """

    blocks: list
    head: list
    depth: int
    train_batch_norm: bool = False
    trains_elsewhere: bool = False


def set_trainable_depth(
    model: keras.Model, depth: int, *, train_batch_norm: bool | None = None
) -> list[str]:
    """Makes exactly the `depth` blocks nearest the output, and the head, train.

    Can be called before `fit`, between two `fit` calls and from a callback at
    the start of an epoch. Nothing has to be compiled again, and no optimizer
    slot is lost. Variables of frozen blocks, batch-norm statistics included,
    do not change at all.

    Args:
        model: a `TransferModel`, or any functional or Sequential
            `keras.Model`, of which the part after the last feature tensor
            counts as the head.
        depth: number of blocks, from 0 (the head alone) to all of them.
        train_batch_norm: whether batch normalisation layers in the blocks
            that train learn as well. `None` keeps what was said before: at
            first `True` for a `TransferModel` with `weights=None`, and
            `False` for every other model.

    Returns:
        The names of the blocks that train now, from input to output.

    Raises:
        ValueError: `depth` is no whole number of blocks that the model has.

    Example:

    ```python
    kt.set_trainable_depth(model, 2)  # ['residual_15', 'residual_16']
    ```
    """
    state = freeze_state(model)
    state.depth = checked_depth(
        depth, len(state.blocks), f"the depth of model '{model.name}'"
    )
    if train_batch_norm is not None:
        state.train_batch_norm = bool(train_batch_norm)
    _private.sync_state(model)
    changed = _write(_wanted_flags(model, state))
    if changed or _waits_for_blocks(model):
        refresh_training(model)
    if changed and state.trains_elsewhere:
        state.trains_elsewhere = False
        warn_of_outer_model(model)
    return trainable_blocks(model)


def freeze(model: keras.Model) -> list[str]:
    """Freezes every block; the head goes on training. Depth 0.

    Args:
        model: as in `set_trainable_depth`.

    Returns:
        An empty list: no block trains.

    Example:

    ```python
    kt.freeze(model)
    ```
    """
    return set_trainable_depth(model, 0)


def unfreeze(model: keras.Model) -> list[str]:
    """Makes every block train (batch norm only where the model says so).

    Args:
        model: as in `set_trainable_depth`.

    Returns:
        The names of all blocks, from input to output.

    Example:

    ```python
    kt.unfreeze(model)
    ```
    """
    return set_trainable_depth(model, len(freeze_state(model).blocks))


def trainable_blocks(model: keras.Model) -> list[str]:
    """Returns the names of the blocks in which any variable trains.

    Args:
        model: as in `set_trainable_depth`.

    Example:

    ```python
    kt.trainable_blocks(model)  # [] where only the head trains
    ```
    """
    return [
        block.name
        for block in freeze_state(model).blocks
        if any(layer.trainable_variables for layer in block.layers)
    ]


def freeze_state(model: keras.Model) -> FreezeState:
    """Returns the model's `FreezeState`, made from its graph the first time."""
    state = getattr(model, "_freeze_state", None)
    if state is None:
        state = _state_from_graph(model)
        model._freeze_state = state
    return state


def flags(model: keras.Model) -> list[bool]:
    """Returns whether each leaf layer trains, in the order of the layers."""
    return [layer.trainable for layer in _private.leaf_layers(model)]


def restore_flags(model: keras.Model, flags: Iterable[bool]) -> None:
    """Sets the flag of every leaf layer, in the order of the model's layers.

    For models read from a file, in which somebody may have set flags that are
    not a number of blocks.
    """
    _write(zip(_private.leaf_layers(model), flags, strict=True))


def trainable_candidates(model: keras.Model) -> list[keras.Variable]:
    """Returns every variable that could train, frozen now or not.

    The order is that of `model.variables`, whatever the flags are, so that an
    optimizer built on them finds its state again after a reload.
    """
    own = {
        id(variable)
        for layer in _private.leaf_layers(model)
        for variable in _private.own_trainable_variables(layer)
    }
    return [v for v in model.variables if id(v) in own]


def prepare_optimizer(model: keras.Model) -> None:
    """Builds a compiled model's optimizer over all that could ever train.

    An optimizer that Keras has built over a part of them (a plain model that
    was compiled while frozen) is replaced by one over all, its state kept.
    Moving averages, accumulated gradients and step counters are told what
    trains from now on.
    """
    if model.optimizer is None:
        return
    _refuse_multi_optimizer(model.optimizer)
    candidates = trainable_candidates(model)

    def introduce(optimizer: keras.optimizers.Optimizer) -> None:
        for each in _layerwise(optimizer):
            state = freeze_state(model)
            each._know_blocks(state.blocks, state.head, candidates)

    known = _private.knows_variables(model.optimizer, candidates)
    if not model.optimizer.built:
        introduce(model.optimizer)
        model.optimizer.build(candidates)
    elif not known or _waits_for_blocks(model):
        model.optimizer = _private.optimizer_over(
            model.optimizer, candidates, introduce
        )
    _private.apply_to_active_variables(model.optimizer, model)
    active = model.trainable_variables
    inner = _private.wrapped_optimizers(model.optimizer)[-1]
    _private.average_active_variables(inner, active)
    for each in _layerwise(model.optimizer):
        each._follow(active)


def refresh_training(model: keras.Model) -> None:
    """Makes a compiled model train what its flags say from the next step on."""
    if getattr(model, "compiled", False):
        prepare_optimizer(model)
    _private.rebuild_train_function(model)


def _refuse_multi_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    if hasattr(optimizer, "optimizers"):
        raise ValueError(
            f"A {type(optimizer).__name__} cannot train a changing part of a "
            "model: it insists on all the variables it was built on. For a "
            "rate of its own for each block, use kt.LayerwiseOptimizer("
            "keras.optimizers.AdamW(1e-3), decay=0.8)."
        )


def _layerwise(
    optimizer: keras.optimizers.Optimizer,
) -> list[LayerwiseOptimizer]:
    wrapped = _private.wrapped_optimizers(optimizer)
    return [each for each in wrapped if isinstance(each, LayerwiseOptimizer)]


def _waits_for_blocks(model: keras.Model) -> bool:
    """Whether a `LayerwiseOptimizer` has not met the model it trains."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return False
    return not all(each._knows_blocks for each in _layerwise(optimizer))


def _state_from_graph(model: keras.Model) -> FreezeState:
    """Splits a plain model into blocks and the head that follows them."""
    blocks = graph.blocks(model)
    top = graph.top_cut(model)
    if top is None:
        return FreezeState(blocks, head=[], depth=len(blocks))
    # A block reaches from the cut that ends the one before it to its own; the
    # last one below the top may reach past it, by layers without weights.
    starts = [-1, *(block.output.index for block in blocks[:-1])]
    below = sum(start < top.index for start in starts)
    head = [layer for block in blocks[below:] for layer in block.layers]
    return FreezeState(blocks[:below], head, depth=below)


def _write(flags: Iterable[tuple[keras.layers.Layer, bool]]) -> bool:
    """Writes pairs `(layer, flag)`; returns whether any flag changed."""
    changed, written = False, []
    for layer, flag in flags:
        # The setter of a composite layer writes to its parts, which follow it
        # in this order, so the parts have the last word.
        if layer.trainable != flag:
            layer.trainable = flag
            changed = True
        written.append(layer)
    for layer in written:
        _hold_below_lora(layer)
    return changed


def _hold_below_lora(layer: keras.layers.Layer) -> None:
    """Freezes what the LoRA factors of a layer stand for.

    `layer.trainable = True` makes all of its variables train, the kernel too
    that `enable_lora` had frozen.
    """
    factors = low_rank_factors(layer)
    for variable in _private.own_trainable_variables(layer):
        if variable.name in factors:
            variable.trainable = False


def _wanted_flags(
    model: keras.Model, state: FreezeState
) -> Iterator[tuple[keras.layers.Layer, bool]]:
    # A frozen container would hide its leaves from anything that asks it.
    for container in _private.nested_models(model):
        yield container, True
    first = len(state.blocks) - state.depth
    for index, block in enumerate(state.blocks):
        for layer in _leaves(block.layers):
            _private.infer_while_frozen(layer)
            is_norm = isinstance(layer, keras.layers.BatchNormalization)
            held = is_norm and not state.train_batch_norm
            yield layer, index >= first and not held
    for layer in _leaves(state.head):
        yield layer, True


def _leaves(layers: Iterable[keras.layers.Layer]) -> list[keras.layers.Layer]:
    return [leaf for layer in layers for leaf in _private.leaf_layers(layer)]
