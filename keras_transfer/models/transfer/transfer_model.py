"""`TransferModel`: a source model's backbone under a head for your data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from copy import copy as copied
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import keras

from keras_transfer import _private, graph
from keras_transfer._private.types import (
    Callbacks,
    Levels,
    Nested,
    PathLike,
    Shape,
    Tensor,
)
from keras_transfer.backbones import resolving
from keras_transfer.backbones.copying import copy_of, made_again
from keras_transfer.backbones.hub.texts import TextInputs
from keras_transfer.data.class_names import checked_names
from keras_transfer.data.texts import holds_texts
from keras_transfer.feature_cache import FEATURES
from keras_transfer.layers import HeadPart
from keras_transfer.models import construction
from keras_transfer.models.base import BaseModel
from keras_transfer.models.transfer import levels as depths
from keras_transfer.models.transfer.cached_fit import fit_cached
from keras_transfer.models.transfer.pixels import KnowsPixels
from keras_transfer.storage.printing import brief
from keras_transfer.training import freezing
from keras_transfer.training.nesting import is_own_step

if TYPE_CHECKING:
    import numpy as np

    from keras_transfer.backbones.resolving import ResolvedBackbone
    from keras_transfer.data.data_adapter import DataAdapter


# The folder of the tokenizer among the assets of a file.
_TEXTS = "texts"


@keras.saving.register_keras_serializable(package="keras_transfer")
class TransferModel(KnowsPixels, BaseModel, keras.Model):
    """A backbone that has learnt elsewhere, under a head for your own task.

    An ordinary functional `keras.Model`: `summary`, `fit`, `save`, `export`
    and every Keras tool work on it. Pre-trained backbones start frozen
    (`trainable_depth == 0`, only the head trains); `set_trainable_depth` and
    the callbacks unfreeze them from the top. With `weights=None` everything
    trains from the start, batch normalisation included.

    Use it for classification and regression on images, sequences and vectors.
    Not for detection, segmentation or language-model fine-tuning.

    It takes what its source takes: images `(batch, height, width, channels)`
    with values from 0 to 255, sequences `(batch, time, features)` or token
    ids, vectors `(batch, features)`, or a dict of these. It gives
    probabilities `(batch, classes)`, or numbers `(batch, outputs)`.

    Args:
        backbone: name of a `keras.applications` constructor, `"hub:"` and a
            preset of KerasHub, path of a `.keras` file, or a `keras.Model`. A
            classifier is cut before its top, and the cut is printed.
        head: number of classes, or a layer such as `ClassificationHead` or
            `RegressionHead`.
        input_shape: `(height, width, channels)`; `None` takes the backbone's
            own. Images are float32 or uint8 in 0..255, RGB.
        weights: `"imagenet"`, `None` for untrained, or the path of a file.
        preprocessing: `"auto"` does what the backbone was trained with; a
            mode of `ImageNetPreprocessing`, a layer, or `None` for none.
        augmentation: a layer that is applied to the raw images in training
            and never otherwise. `"light"` flips, shifts and crops photos,
            `"strong"` is Keras' `RandAugment` with flips. Images of one
            channel are not flipped; pass a layer where left is not right.
        train_batch_norm: whether batch normalisation in an unfrozen block
            learns. `"auto"` is `True` for untrained weights, else `False`.
        output_layer: name of the layer at which to cut the backbone.
        levels: what the head reads: `"last"`, the backbone's output;
            a number of levels, counted from the last one; indices of blocks
            whose ends are read beside it; or `"auto"`, five levels. Each
            level is pooled, its signed square root taken and brought to one
            length, and levels below the last count half.
        share_source: whether a `keras.Model` of your own is used itself, so
            that training changes it. By default it is copied and stays as it
            is.
        sequence_length: tokens a text, for a source with a tokenizer: the
            start and the end of it included. `None` lets the texts of the
            first `fit` decide, so that 99 % of them are not cut.
        name: name of the model.

    Attributes:
        backbone: the source model up to its features, a `keras.Model`.
        augmentation: the layer for training alone, or `None`.
        preprocessing: the layer between raw input and backbone.
        head: the head layer.
        features: the symbolic tensor between backbone and head; of several
            levels, joined, before they are centred.
        levels: indices of the blocks whose ends the head reads beside the
            last level; empty for that one alone.
        blocks: list of `Block(index, name, layers, num_params)`, input first.
        trainable_depth: number of blocks that train, counted from the top.
        class_names: names of the classes, or `None`. `fit` takes them from
            data that have some.
        is_pretrained: whether the backbone came with weights that are not
            random.
        expects_pixels: whether the input is known to be raw pixels.
        regularizer: the `L2SP` that it was compiled with, or `None`.
        logits: the same model before its last activation.

    Raises:
        ValueError: for arguments that do not fit each other; each message
            says what was expected.

    Example:

    ```python
    model = TransferModel("MobileNetV2", head=5, input_shape=(224, 224, 3))
    model.compile("auto")
    model.fit(images, labels, epochs=5)
    ```
    """

    def __init__(
        self,
        backbone: PathLike | keras.Model | ResolvedBackbone,
        head: int | keras.layers.Layer,
        *,
        input_shape: Shape | None = None,
        weights: PathLike | None = "imagenet",
        preprocessing: keras.layers.Layer | str | None = "auto",
        augmentation: keras.layers.Layer | str | None = None,
        train_batch_norm: bool | str = "auto",
        output_layer: str | None = None,
        levels: Levels = "last",
        share_source: bool = False,
        sequence_length: int | None = None,
        name: str | None = None,
    ):
        source = resolving.resolve_backbone(
            backbone,
            input_shape=input_shape,
            weights=weights,
            output_layer=output_layer,
            sequence_length=sequence_length,
        )
        if isinstance(backbone, keras.Model) and not share_source:
            source = dataclasses.replace(source, model=copy_of(source.model))
        head = construction.head_layer(head)
        preprocessing = construction.preprocessing_layer(preprocessing, source)
        inputs = construction.inputs_like(source.model)
        x = inputs
        if augmentation is not None:
            augmentation = construction.augmentation_layer(augmentation, inputs)
            construction.check_augmentation(augmentation, inputs)
            augmentation = construction.in_training_only(augmentation)
            x = construction.applied(augmentation, x, "augmentation")
        x = construction.applied(preprocessing, x, "preprocessing")
        blocks = graph.blocks(source.model)
        indices = depths.level_indices(levels, blocks)
        extractor, scaling = source.model, None
        if indices:
            extractor = depths.extractor(source.model, blocks, indices, head)
            scaling = depths.scaling(extractor)
        features = extractor(x)
        scaled = features if scaling is None else scaling(features)
        super().__init__(inputs, head(scaled), name=name)
        self.features = features
        self.levels = indices
        self._chooses_levels = bool(indices) and levels == "auto"
        self.level_scaling = scaling
        # Past __setattr__: its layers are the backbone's.
        vars(self)["_extractor"] = extractor  # type: ignore[index]
        self.backbone = source.model
        self.head = head
        self.preprocessing = preprocessing
        self.augmentation = augmentation
        self.class_names = None
        self._source = construction.described(source)
        # Its length is this model's own.
        self._texts = copied(source.texts)
        self._freeze_state = construction.initial_freeze_state(
            source, head, train_batch_norm, self.name, blocks
        )
        freezing.set_trainable_depth(self, self._freeze_state.depth)

    def __repr__(self) -> str:
        trained = "trained" if self.is_pretrained else "random weights"
        return brief(
            self,
            f"'{self.name}'",
            f"{self.backbone.name} ({trained})",
            f"{self.trainable_depth} of {len(self.blocks)} blocks train",
            f"head {type(self.head).__name__} {self.head.name}",
        )

    @property
    def class_names(self) -> list[str] | dict[str, list[str]] | None:
        """Names of the classes by label, or `None`."""
        return self._class_names

    @class_names.setter
    def class_names(
        self, names: Iterable[str] | dict[str, Iterable[str]] | None
    ) -> None:
        # Whichever data or file they come from.
        self._class_names = checked_names(names)

    @property
    def is_pretrained(self) -> bool:
        """Whether the backbone came with weights that are not random."""
        return self._source["pretrained"]

    def _mark_pretrained(self, pretrained: bool = True) -> None:
        """Says whether the backbone has learnt something by now."""
        self._source = {**self._source, "pretrained": bool(pretrained)}

    @property
    def logits(self) -> keras.Model:
        """The same model, weights shared, before the last activation."""
        if not hasattr(self.head, "logits"):
            raise ValueError(
                f"The head {type(self.head).__name__} '{self.head.name}' has "
                "no `logits(features)` method, so its values before the "
                "activation cannot be told apart. Use a ClassificationHead, "
                "or give your layer such a method."
            )
        outputs = HeadPart(self.head, "logits", name="logits")(
            self._scaled(self.features)
        )
        return keras.Model(self.input, outputs, name=f"{self.name}_logits")

    def _scaled(self, features: Tensor) -> Tensor:
        """What the head starts from: features, centred if of several levels."""
        if self.level_scaling is None:
            return features
        return self.level_scaling(features)

    def get_layer(
        self, name: str | None = None, index: int | None = None
    ) -> keras.layers.Layer:
        """Like `keras.Model.get_layer`; says where layers and blocks are.

        Args:
            name: name of the layer.
            index: number of the layer, in place of a name.

        Returns:
            A `keras.layers.Layer`.

        Raises:
            ValueError: there is no such layer.
        """
        try:
            return super().get_layer(name=name, index=index)
        except ValueError as error:
            if name is None:
                raise
            raise construction.no_such_layer(self, name) from error

    def _prepare_run(
        self, data: DataAdapter, callbacks: Callbacks
    ) -> Callbacks:
        depths.centre(self, data)
        return callbacks

    # What runs on activations instead of the whole model, while `fit` caches.
    _suffix = None

    def _use_suffix(self, suffix: keras.Model | None) -> None:
        """Lets `{"cached_features": x}` go through `suffix`; `None` ends it."""
        # Past __setattr__: it is no layer of the model, only a part of it.
        vars(self)["_suffix"] = suffix  # type: ignore[index]
        _private.forget_functions(self)

    def call(
        self,
        inputs: Nested,
        training: bool | None = None,
        mask: Tensor | None = None,
    ) -> Nested:
        if training and not is_own_step():
            self._freeze_state.trains_elsewhere = True
        if self._suffix is not None and _are_activations(inputs):
            features = inputs[FEATURES]
            if isinstance(features, tuple):
                features = list(features)
            return self._suffix(features, training=training)
        return super().call(inputs, training=training, mask=mask)

    call.runs_graph = True

    @property
    def input_spec(self) -> list[keras.InputSpec] | None:
        return None if self._suffix is not None else super().input_spec

    _fit_on_cache = fit_cached  # type: ignore[assignment]

    def clone(self) -> TransferModel:
        """Returns an equal model that shares nothing with this one.

        Weights, flags and class names are copied; the copy is not compiled.
        (`keras.models.clone_model` gives a plain functional model with new
        weights.)

        Returns:
            A `TransferModel`.
        """
        copy = made_again(self)
        copy._texts = copied(self._texts)
        _private.copy_state(self, copy)
        return copy

    def tokenize(self, texts: Nested) -> dict[str, np.ndarray]:
        """Returns the inputs that `fit` and `predict` make of texts.

        Args:
            texts: texts, or a pair of as many texts: lists, arrays or Series.

        Returns:
            A dict of int32 arrays `(texts, sequence_length)`.

        Raises:
            ValueError: the source has no tokenizer, or something among them
                is no text.
        """
        if self._texts is None:
            raise ValueError(
                f"'{self.name}' has no tokenizer. Received: texts. Take a "
                "source of KerasHub for texts, or make ids of them yourself."
            )
        return self._texts.ids(texts)

    def __call__(self, *args: Any, **kwargs: Any) -> Nested:
        if self._texts is not None and args and holds_texts(args[0]):
            raise ValueError(
                "The graph of a model takes ids, not texts. Received: texts. "
                "Call model.predict(texts), or model(model.tokenize(texts))."
            )
        return super().__call__(*args, **kwargs)

    def save_assets(self, folder: PathLike) -> None:
        """Keeps the tokenizer in the file; called by Keras.

        Args:
            folder: where the assets of the file are written.
        """
        if self._texts is not None:
            self._texts.save(Path(folder) / _TEXTS)

    def load_assets(self, folder: PathLike) -> None:
        """Brings the tokenizer back; called by Keras.

        Args:
            folder: where the assets of the file lie.
        """
        self._texts = TextInputs.load(Path(folder) / _TEXTS)

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "backbone": serialize(self.backbone),
            "head": serialize(self.head),
            "preprocessing": serialize(self.preprocessing),
            "augmentation": serialize(self.augmentation),
            "train_batch_norm": self._freeze_state.train_batch_norm,
            "trainable_depth": self.trainable_depth,
            "trainable_flags": freezing.flags(self),
            "class_names": self.class_names,
            "saw_pixels": self._saw_pixels,
            "source": dict(self._source),
            "levels": list(self.levels) or "last",
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: dict[str, Any] | None = None,
    ) -> Self:
        def restored(key: str) -> keras.layers.Layer | None:
            return keras.saving.deserialize_keras_object(
                config[key], custom_objects=custom_objects
            )

        source = resolving.ResolvedBackbone(
            model=restored("backbone"), preprocessing="none", **config["source"]
        )
        model = cls(
            source,
            restored("head"),
            preprocessing=restored("preprocessing"),
            augmentation=restored("augmentation"),
            train_batch_norm=config["train_batch_norm"],
            # Older files do not say.
            levels=config.get("levels", "last"),
            name=config["name"],
        )
        model.class_names = config["class_names"]
        # Older files do not say.
        model._note_pixels(config.get("saw_pixels"))
        freezing.set_trainable_depth(model, config["trainable_depth"])
        freezing.restore_flags(model, config["trainable_flags"])
        return model


def _are_activations(inputs: Nested) -> bool:
    return isinstance(inputs, dict) and FEATURES in inputs
