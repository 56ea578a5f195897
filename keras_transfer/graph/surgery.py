"""New models over the layers of an old one: flat, split, or tapped."""

from __future__ import annotations

import numbers
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import keras

from keras_transfer import _private
from keras_transfer._private.types import Nested
from keras_transfer.graph import block, build, cuts, masking, trace

if TYPE_CHECKING:
    from keras_transfer.graph.block import Block
    from keras_transfer.graph.cuts import Cut, Place
    from keras_transfer.graph.trace import Step, Trace, Value


def flatten(model: keras.Model) -> keras.Model:
    """Returns the same computation as one functional model without nesting.

    Layers and weights are shared with `model`, which stays as it was. Use it
    to reach layers inside nested models, or before drawing new connections.

    Args:
        model: a built functional or Sequential model. Nested functional and
            Sequential models are replaced by their layers; a nested
            subclassed model stays one layer.

    Returns:
        A functional `keras.Model` with the same inputs and outputs. If two
        nested models have layers of one name, it computes and trains as it
        should but cannot be saved itself: save `model`.

    Raises:
        ValueError: `model` has no graph (subclassed, or not built yet).

    Examples:
        >>> backbone = keras.applications.MobileNetV2(include_top=False)
        >>> model = keras.Sequential([backbone, keras.layers.Dense(5)])
        >>> len(model.layers), len(flatten(model).layers)
        (2, 155)
    """
    flat = cuts.exact_trace(model)
    return cuts.model_from(model, flat, flat.steps, flat.outputs, model.name)


def split(
    model: keras.Model, cut: Cut | Block | int | str
) -> tuple[keras.Model, keras.Model]:
    """Cuts a model in two: `suffix(prefix(x))` equals `model(x)`.

    Args:
        model: a built functional or Sequential model.
        cut: a `Cut`; a block, its index or its name (the cut comes after
            that block); or the name of an operation, which goes before that
            of a block.

    Returns:
        `(prefix, suffix)`, two functional models that share the layers of
        `model`. Token models may need more than the cut tensor: its `side`
        tensors and its mask. Then `prefix` returns a list, the cut tensor
        first, and `suffix` takes that list.

    Raises:
        ValueError: the model has no graph or cannot be cut there.
        IndexError: there is no block with that index.

    Examples:
        >>> prefix, suffix = split(model, "block3_pool")
        >>> features = prefix.predict(images)
        >>> logits = suffix.predict(features)
    """
    flat = cuts.exact_trace(model)
    place = cuts.find(flat, _as_cut(model, flat, cut))
    return _prefix(model, flat, place), _suffix(model, flat, place)


def _prefix(model: keras.Model, flat: Trace, place: Place) -> keras.Model:
    steps, values = list(flat.steps), [place.value, *place.side]
    if place.cut.masked and _mask_index(place) is None:
        steps.append(_mask_step(place.value))
        values.extend(steps[-1].outputs)
    outputs = _single_or_list(values)
    return cuts.model_from(model, flat, steps, outputs, f"{model.name}_prefix")


def _mask_step(value: Value, name: str = "mask") -> Step:
    mask = trace.Value(_private.get_mask(value.tensor))
    layer = masking.MaskOf(name=name)
    return trace.Step(layer, (value,), {}, [value], [value.tensor], [mask])


def _suffix(model: keras.Model, flat: Trace, place: Place) -> keras.Model:
    values = [place.value, *place.side]
    starts = [_input_like(value.tensor) for value in values]
    known = dict(zip(values, starts, strict=True))
    if place.cut.masked:
        index = _mask_index(place)
        if index is None:
            mask = _private.get_mask(place.cut.tensor)
            starts.append(_input_like(mask))
            index = -1
        known[place.value] = masking.WithMask()(starts[0], mask=starts[index])
    return build.build_model(
        flat.steps,
        known,
        _single_or_list(starts),
        flat.outputs,
        name=f"{model.name}_suffix",
    )


def _mask_index(place: Place) -> int | None:
    """Where the mask is among the cut tensor and its side tensors."""
    mask = _private.get_mask(place.cut.tensor)
    tensors = [place.cut.tensor, *place.cut.side]
    return next((i for i, x in enumerate(tensors) if x is mask), None)


def tap(
    model: keras.Model,
    cuts_to_tap: Iterable[Cut | Block | int | str],
    masks_of: Collection[int] = (),
) -> keras.Model:
    """Returns a model whose outputs are the tensors at some cuts.

    All of them come out of one pass.

    Args:
        model: a built functional or Sequential model.
        cuts_to_tap: what `split` takes as `cut`, a list of them.
        masks_of: positions in that list of tensors that carry a Keras mask;
            those masks are further outputs, after all tensors.

    Returns:
        A functional model that shares the layers of `model` and returns a
        list with one tensor for each entry of `cuts_to_tap` (for a single
        entry Keras returns the tensor itself).

    Raises:
        ValueError: the model has no graph or no such cut.

    Examples:
        >>> features = tap(model, cut_points(model)[::10])(images)
    """
    flat = cuts.exact_trace(model)
    found = [cuts.find(flat, _as_cut(model, flat, cut)) for cut in cuts_to_tap]
    values = [place.value for place in found]
    masks = [_mask_step(values[i], f"mask_{i}") for i in masks_of]
    values += [mask for step in masks for mask in step.outputs]
    steps = [*flat.steps, *masks]
    return cuts.model_from(model, flat, steps, values, f"{model.name}_tap")


def _as_cut(
    model: keras.Model, flat: Trace, cut: Cut | Block | int | str
) -> Cut | str:
    """Turns a block, or what stands for it, into the cut after that block."""
    if isinstance(cut, str):
        if cuts.has_operation(flat, cut):
            return cut
        named = [x for x in block.blocks(model) if x.name == cut]
        cut = named[0] if named else cut
    elif isinstance(cut, numbers.Integral):
        cut = _block_at(model, int(cut))
    if not isinstance(cut, block.Block):
        return cut  # type: ignore[return-value]
    if cut.output is None:
        raise ValueError(
            f"The model '{model.name}' cannot be cut after its last block, "
            f"because it has {len(model.outputs)} outputs."
        )
    return cut.output


def _block_at(model: keras.Model, index: int) -> Block:
    found = block.blocks(model)
    if not -len(found) <= index < len(found):
        raise IndexError(
            f"The model '{model.name}' has no block with index {index}. "
            f"Expected 0 (cut after the first block) to {len(found) - 1}. "
            "`blocks(model)` lists them."
        )
    return found[index]


def _input_like(tensor: keras.KerasTensor) -> keras.KerasTensor:
    return keras.Input(
        batch_shape=tensor.shape, dtype=tensor.dtype, sparse=tensor.sparse
    )


def _single_or_list(values: list) -> Nested:
    return values[0] if len(values) == 1 else values
