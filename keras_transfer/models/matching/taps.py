"""Reads features out of the middle of a model, in one pass with its output."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import keras
import numpy as np

from keras_transfer import _private, graph
from keras_transfer._private.types import Nested, Tensor
from keras_transfer.layers import FeaturePooling, HeadPart
from keras_transfer.models.matching import scores
from keras_transfer.training import freezing

if TYPE_CHECKING:
    from keras_transfer.graph.cuts import Cut


@dataclasses.dataclass(frozen=True)
class Tap:
    """A place at which features of a model can be read.

    Attributes:
        name: of the block or operation, or `"logits"`.
        shape: shape of one sample, channels last.
        depth: how far from input to output it lies, above 0 and up to 1.
        cut: the `graph.Cut`; `None` for the logits.
        is_pooled: whether the features are averaged over their positions.
        activation: of scores, the last activation; `"linear"` otherwise.
        is_inside: whether that is inside of what can be read, and is undone.
    """

    name: str
    shape: tuple
    depth: float
    cut: graph.Cut | None = dataclasses.field(
        default=None, repr=False, compare=False
    )
    is_pooled: bool = False
    activation: str = "linear"
    is_inside: bool = False

    @property
    def positions(self) -> tuple[int | None, ...]:
        """The shape without the channels."""
        return self.shape[:-1]

    def pooled(self) -> Self:
        """The same features, averaged over their positions."""
        return dataclasses.replace(self, shape=self.shape[-1:], is_pooled=True)


# How alike each tap of a source is to each of a target.
TapSimilarity: TypeAlias = Callable[[list[Tap], list[Tap]], np.ndarray]


def in_inference(model: keras.Model, inputs: Nested) -> list[Tensor]:
    """Returns what a model puts out, as the list of its outputs.

    Outside of a training step. JAX would compile each operation by itself, so
    there the whole model is compiled.
    """
    if keras.backend.backend() == "jax":
        return listed(model.predict_on_batch(inputs))
    inputs = keras.tree.map_structure(keras.ops.convert_to_tensor, inputs)
    return listed(model(inputs, training=False))


def taps(model: keras.Model) -> list[Tap]:
    """Returns a `Tap` at the end of every block, from input to output.

    Args:
        model: a `TransferModel`, or a functional or Sequential model; its top
            has none.
    """
    blocks = freezing.freeze_state(model).blocks
    ends = [block for block in blocks if block.output is not None]
    cuts = [block.output for block in ends]
    top = None if hasattr(model, "backbone") else graph.top_cut(model)
    if top is not None and cuts and cuts[-1].index > top.index:
        # Pooling has joined the last block; what it pools tells more.
        cuts[-1] = top
    return [
        Tap(block.name, _shape(cut.tensor), (index + 1) / len(cuts), cut)
        for index, (block, cut) in enumerate(zip(ends, cuts, strict=True))
    ]


def tap_named(
    model: keras.Model, reference: int | str | keras.KerasTensor, role: str
) -> Tap:
    """Returns the `Tap` that somebody has asked for.

    Args:
        model: as for `taps`.
        reference: index of a block, name of a block, layer or operation, a
            symbolic tensor, or `"logits"`.
        role: `"source"` or `"target"`, for the message.

    Raises:
        ValueError: there is no such place.
    """
    known = taps(model)
    if isinstance(reference, int) and not isinstance(reference, bool):
        if -len(known) <= reference < len(known):
            return known[reference]
        raise _unknown(reference, role, model, known)
    if isinstance(reference, str):
        if reference == "logits":
            return logits_tap(model, role)
        named = [tap for tap in known if tap.name == reference]
        if named:
            return named[0]
    cuts = graph.cut_points(model)
    for index, cut in enumerate(cuts):
        same = cut.name == reference or cut.tensor is reference
        if same or _makes(cut, reference):
            depth = (index + 1) / len(cuts)
            return Tap(cut.name, _shape(cut.tensor), depth, cut)
    raise _unknown(reference, role, model, known)


def logits_tap(model: keras.Model, role: str = "model") -> Tap:
    """Returns the `Tap` at the scores before the last activation.

    Raises:
        ValueError: the model does not give them.
    """
    ends = graph.endings(model)
    if len(ends) > 1 or ends[0].activation not in scores.ACTIVATIONS:
        raise ValueError(
            f"The {role} '{model.name}' has no logits to compare. Received: a "
            f"model with {len(ends)} outputs that end in "
            f"{[end.activation for end in ends]}. Expected one output that "
            "ends in a softmax, a sigmoid or a layer without activation. Pair "
            "features instead."
        )
    (end,) = ends
    shape = (scores.num_scores(model.output_shape[-1], end.activation),)
    head = getattr(model, "head", None)
    if hasattr(head, "logits"):
        return Tap("logits", shape, 1.0, activation=end.activation)
    cuts = graph.cut_points(model)
    cut = next(x for x in cuts if x.operation is end.operation)
    return Tap(
        "logits", shape, 1.0, cut,
        activation=end.activation, is_inside=end.is_inside,
    )  # fmt: skip


def as_scores(tap: Tap) -> Tap:
    """Returns a tap for a loss on scores: before an activation inside of it.

    Args:
        tap: a `Tap`; one at a layer that ends in a softmax or a sigmoid gives
            what that is of.
    """
    if tap.cut is None or tap.activation != "linear":
        return tap
    name = graph.last_activation(tap.cut.operation)
    if name == "linear" or name not in scores.ACTIVATIONS:
        return tap
    shape = (*tap.positions, scores.num_scores(tap.shape[-1], name))
    return dataclasses.replace(
        tap, shape=shape, activation=name, is_inside=True
    )


def tapped(
    model: keras.Model, wanted: Sequence[Tap], *, also: Iterable[str] = ()
) -> keras.Model:
    """Returns a model that puts out `[output, *features]`, in one pass.

    Args:
        model: what the taps are of; the layers are shared.
        wanted: `Tap`s.
        also: names of further operations whose output is wanted as it is.

    Returns:
        A functional model. Padded steps of sequences are zero in the
        features, and maps have their channels last.
    """
    places: list[graph.Cut | str] = [graph.cut_points(model)[-1], *also]
    start = len(places)
    # The head gives its logits from what it starts from.
    places += [tap.cut or model._extractor.name for tap in wanted]
    masked = [
        index for index, tap in enumerate(wanted) if is_masked(model, tap)
    ]
    plain = graph.tap(model, places, [start + index for index in masked])
    # Called as one layer: two nested models may have layers of one name.
    inputs = keras.tree.map_structure(graph.input_like, plain.input)
    outputs = keras.tree.flatten(plain(inputs))
    masks = dict(zip(masked, outputs[len(places) :], strict=True))
    features = [
        _read(model, tap, tensor, masks.get(index))
        for index, (tap, tensor) in enumerate(
            zip(wanted, outputs[start : len(places)], strict=True)
        )
    ]
    return keras.Model(inputs, [*outputs[:start], *features])


def is_masked(model: keras.Model, tap: Tap) -> bool:
    """Whether the features are of sequences that may be padded."""
    tensor = model.features if tap.cut is None else tap.cut.tensor
    return _private.get_mask(tensor) is not None


def _read(
    model: keras.Model, tap: Tap, tensor: Tensor, mask: Tensor | None
) -> Tensor:
    if tap.cut is None:
        part = HeadPart(model.head, "logits", name="logits")
        logits = part(model._scaled(tensor), mask=mask)
        return scores.of_classes(logits, tap.activation)
    if tap.is_inside:
        tensor = scores.before(tensor, tap.activation)
    if tap.activation != "linear":
        return scores.of_classes(tensor, tap.activation)
    if tap.is_pooled:
        return FeaturePooling("avg")(tensor, mask=mask)
    if mask is not None:
        return ZeroPadded()(tensor, mask=mask)
    first = keras.config.image_data_format() == "channels_first"
    if len(tensor.shape) == 4 and first:
        return keras.ops.moveaxis(tensor, 1, -1)
    return tensor


@keras.saving.register_keras_serializable(package="keras_transfer")
class ZeroPadded(keras.layers.Layer):
    """Sets the steps of a sequence to zero that its mask leaves out."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return inputs
        kept = keras.ops.cast(mask, inputs.dtype)
        # `where`, not a product: a masked step may hold NaN.
        return keras.ops.where(kept[..., None] > 0, inputs, 0.0)

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor | None = None
    ) -> None:
        return None


def _shape(tensor: keras.KerasTensor) -> tuple[int | None, ...]:
    shape = tuple(tensor.shape[1:])
    first = keras.config.image_data_format() == "channels_first"
    return (*shape[1:], shape[0]) if len(shape) == 3 and first else shape


def _makes(cut: Cut, reference: object) -> bool:
    """Whether a symbolic tensor comes from the operation of a cut."""
    if not isinstance(reference, keras.KerasTensor):
        return False
    return cut.operation is _private.tensor_source(reference)


def _unknown(
    reference: object, role: str, model: keras.Model, known: list[Tap]
) -> ValueError:
    names = [tap.name for tap in known]
    return ValueError(
        f"The {role} '{model.name}' has no features at {reference!r}. Expected "
        f"the index of a block (0 to {len(known) - 1}), the name of a block, "
        "of a layer or of an operation at which the model can be cut, a "
        f"symbolic tensor of it, or 'logits'. Its blocks: {names}."
    )


def listed(values: Nested) -> list:
    """One or several features as a list."""
    return list(values) if isinstance(values, list | tuple) else [values]
