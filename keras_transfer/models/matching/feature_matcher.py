"""`FeatureMatcher`: trains a model to have the features of another."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Self

import keras

from keras_transfer import _private
from keras_transfer._private.types import (
    Callbacks,
    Data,
    Json,
    Nested,
    PathLike,
)
from keras_transfer.losses import FeatureMatchingLoss
from keras_transfer.models.base import BaseModel
from keras_transfer.models.matching import matched_fit
from keras_transfer.models.matching.cached_fit import fit_cached
from keras_transfer.models.matching.freeze_state import MatcherFreezeState
from keras_transfer.models.matching.loss_weights import LossWeights, no_labels
from keras_transfer.models.matching.matching_step import MatchingStep
from keras_transfer.models.matching.paired_features import PairedFeatures
from keras_transfer.models.matching.pairs import Pairs, matched_pairs
from keras_transfer.models.matching.similarity import similarities
from keras_transfer.models.matching.source_model import as_source, check_models
from keras_transfer.models.matching.source_weights import SourceWeights
from keras_transfer.storage.printing import brief

if TYPE_CHECKING:
    from keras_transfer.data.data_adapter import DataAdapter
    from keras_transfer.data.texts import MakesIds
    from keras_transfer.training.regularizers import L2SP, Penalty


@keras.saving.register_keras_serializable(package="keras_transfer")
class FeatureMatcher(MatchingStep, SourceWeights, BaseModel, keras.Model):
    """Trains `target` against the features of a frozen `source`.

        loss = task_weight * task loss
             + matching_weight * sum_pairs weight * loss_pair(source, target)
             + what regularises the target

    A `keras.Model` that is trained with plain `fit` and whose output is the
    target's. Each step runs each model once. The source is in inference mode,
    gets no gradient and is left as it was; it may have another architecture,
    input size, preprocessing and number of classes. With `task_weight=0` the
    labels are not used, and data without labels will do: that is stage 3
    alone. `matcher.target` is the target, without anything of this.

    `FreezingScheduler`, `LayerwiseOptimizer`, `L2SP` and `TransferCheckpoint`
    work on the matcher as on the target. Every pair has a metric of its own.

    Args:
        source: the model to learn from: a `TransferModel`, a functional or
            Sequential model, the name of a `keras.applications` constructor,
            or a path. Its own top, if it has one, gives the scores. It gets
            the target's input, resized to its own size. Where the target
            augments, it sees the augmented images.
        target: the model to train, a `TransferModel` or a functional or
            Sequential model.
        pairs: `"auto"` pairs the ends of stages of equal size, or of equal
            relative depth where there are none; or a list of pairs
            `(source, target)`, each end the index or name of a block, the
            name of a layer, a symbolic tensor or `"logits"`.
        loss: a `FeatureMatchingLoss` for all pairs of features, or a list
            with one for each pair.
        soft_targets: whether logits are matched too, with `SoftTargetLoss`;
            or the loss to do it with. `"auto"` does so if both models name
            the same classes.
        task_weight: weight of the compiled loss.
        matching_weight: weight of all pairs together.
        data: a batch of inputs. With it `"auto"` picks by similarity (CKA)
            where several pairs would fit, `pairs` shows the similarity, and
            the source's features are brought to one scale by it. Without it
            the first `fit` takes 128 samples for that.
        name: name of the model.

    Attributes:
        source: the model that is learnt from.
        target: the model that is trained.
        pairs: `Pairs`, which print as a table.

    Raises:
        ValueError: models or pairs that cannot be matched.

    Example:

    ```python
    source = kt.load_model("vgg16_flowers.keras")
    target = kt.TransferModel("ResNet50", head=5)
    matcher = kt.FeatureMatcher(source=source, target=target)
    print(matcher.pairs)
    kt.unfreeze(matcher)  # a pre-trained target starts frozen
    matcher.compile("auto")
    matcher.fit(photos, epochs=5)
    matcher.target.save("resnet50_flowers.keras")
    ```

    Reference:
        Romero et al. 2015, FitNets: Hints for Thin Deep Nets.
    """

    def __init__(
        self,
        *,
        source: keras.Model | PathLike,
        target: keras.Model,
        pairs: str | Sequence = "auto",
        loss: Nested = None,
        soft_targets: bool | str | keras.losses.Loss = "auto",
        task_weight: float = 1.0,
        matching_weight: float = 1.0,
        data: Data = None,
        name: str | None = None,
    ):
        super().__init__(name=name or "feature_matcher")
        loss = FeatureMatchingLoss() if loss is None else loss
        source = as_source(source)
        check_models(source, target)
        found = matched_pairs(source, target, pairs, loss, soft_targets, data)
        self.target = target
        self.adapters = [p.adapter for p in found if p.adapter is not None]
        parts = PairedFeatures(source, target, found)
        # Past __setattr__: they are no layers of this model. The source's
        # weights are not to train, and the others are the target's own.
        vars(self).update(source=source, pairs=Pairs(found))
        vars(self)["_parts"] = parts  # type: ignore[index]
        self._freeze_state = MatcherFreezeState(target, self.adapters)
        self._loss_weights = LossWeights(
            task_weight, matching_weight, [pair.weight for pair in found]
        )
        self._add_trackers()
        self.built = True
        if data is not None:
            self._parts.scale_by([data])
            self.measure(data)

    def __repr__(self) -> str:
        return brief(
            self,
            f"source '{self.source.name}'",
            f"target '{self.target.name}'",
            f"{len(self.pairs)} pairs",
        )

    # What a target has that `fit`, callbacks and `compile("auto")` ask for.

    @property
    def head(self) -> keras.layers.Layer | None:
        """The target's head."""
        return getattr(self.target, "head", None)

    @property
    def class_names(self) -> list[str] | dict[str, list[str]] | None:
        """Names of the classes, or `None`."""
        return getattr(self.target, "class_names", None)

    @class_names.setter
    def class_names(self, names: Iterable[str] | None) -> None:
        self.target.class_names = names

    @property
    def expects_pixels(self) -> bool:
        """Whether the input is known to be raw pixels in 0..255."""
        return getattr(self.target, "expects_pixels", False)

    def _note_pixels(self, are_pixels: bool) -> None:
        """Lets the target know what images it is given."""
        if isinstance(self.target, BaseModel):
            self.target._note_pixels(are_pixels)

    @property
    def input_shape(self) -> Nested:
        """The target's."""
        return self.target.input_shape

    @property
    def output_shape(self) -> Nested:
        """The target's."""
        return self.target.output_shape

    def _penalty_of(self, regularizer: L2SP | None) -> Penalty | None:
        if regularizer is None:
            return None
        if not isinstance(self.target, BaseModel):
            raise ValueError(
                "compile(regularizer=...) needs a TransferModel for a target. "
                f"Received: target '{self.target.name}', a "
                f"{type(self.target).__name__}."
            )
        return self.target._penalty_of(regularizer)

    def predict(self, *args: Any, **kwargs: Any) -> Nested:
        """Returns what the target predicts; the source does not run.

        Args:
            *args: as in `keras.Model.predict`.
            **kwargs: as there.
        """
        return self.target.predict(*args, **kwargs)

    def quantize(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Quantizes the target; adapters and source are for training alone.

        Args:
            *args: as in `keras.Model.quantize`.
            **kwargs: as there.
        """
        self.target.quantize(*args, **kwargs)

    # Training and files.

    # Whether the data of the `fit` before had no labels.
    _was_unlabelled = False

    def fit(
        self, x: Data = None, y: Nested = None, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """Like `TransferModel.fit`; data may come without labels.

        Args:
            x: as there.
            y: as there; `None`, or data without labels, with
                `task_weight=0`.
            *args: as there.
            **kwargs: as there. `feature_cache` keeps the features of the
                source: they are computed once, and an epoch costs no more
                than training the target alone. For that the source has to see
                the same input each time, so the target may not augment.

        Returns:
            A `keras.callbacks.History`, with `matching_loss`, `task_loss` and
            one `match_...` a pair.

        Raises:
            ValueError: there are no labels and `task_weight` is above 0, or
                features that are not numbers.
        """
        with matched_fit.frozen(self.source), warnings.catch_warnings():
            if self.task_weight == 0:
                # Keras would wonder about a head that nothing asks to train.
                warnings.filterwarnings("ignore", "Gradients do not exist")
            try:
                return super().fit(x, y, *args, **kwargs)
            finally:
                self._is_unlabelled = False

    @property
    def _texts(self) -> MakesIds | None:
        """The tokenizer of both; ids of one must mean the same to the other."""
        texts = getattr(self.target, "_texts", None)
        if texts is None:
            return None
        if not texts.is_like(getattr(self.source, "_texts", None)):
            raise ValueError(
                "Source and target have different tokenizers, so the same ids "
                "mean other words to them. Received: "
                f"'{self.source.name}' and '{self.target.name}'. Take a target "
                "with the tokenizer of the source."
            )
        return texts

    def _check_mixing(self, method: str, cached: bool) -> NoReturn:
        raise ValueError(
            f"`mixing='{method}'` is for TransferModel.fit. Received: the "
            "FeatureMatcher. Match on samples as they are, and mix when "
            "matcher.target is trained."
        )

    def _prepare_run(
        self, data: DataAdapter, callbacks: Callbacks
    ) -> Callbacks:
        self._is_unlabelled = data.is_unlabelled()
        if self._is_unlabelled != self._was_unlabelled:
            # With labels there are metrics that had no variables before.
            _private.forget_functions(self)
        self._was_unlabelled = self._is_unlabelled
        if self._is_unlabelled and self.task_weight:
            raise no_labels(self.task_weight)
        return matched_fit.prepared(self, data, callbacks)

    _fit_on_cache = fit_cached  # type: ignore[assignment]

    def measure(self, data: Nested, after: bool = False) -> list[float]:
        """Measures how alike the features of each pair are (debiased CKA).

        Args:
            data: a batch of inputs, 4 samples or more; 64 tell more.
            after: whether the figure goes into the table's last column.

        Returns:
            List of floats, one a pair.
        """
        found = similarities(self._parts, data)
        for pair, value in zip(self.pairs, found, strict=True):
            if after:
                pair.similarity_after = value
            else:
                pair.similarity = value
        return found

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "source": serialize(self.source),
            "target": serialize(self.target),
            "pairs": [
                {
                    "source": pair.source.name,
                    "target": pair.target.name,
                    "loss": serialize(pair.loss),
                }
                for pair in self.pairs
            ],
            "task_weight": self.task_weight,
            "matching_weight": self.matching_weight,
            "pair_weights": self.pair_weights,
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: dict[str, Any] | None = None,
    ) -> Self:
        def restored(value: Json) -> Nested:
            return keras.saving.deserialize_keras_object(
                value, custom_objects=custom_objects
            )

        pairs = config["pairs"]
        with warnings.catch_warnings():
            # The weights of the source come after this.
            warnings.filterwarnings("ignore", ".*looks untrained.*")
            matcher = cls(
                source=restored(config["source"]),
                target=restored(config["target"]),
                pairs=[(pair["source"], pair["target"]) for pair in pairs],
                loss=[restored(pair["loss"]) for pair in pairs],
                soft_targets=False,
                task_weight=config["task_weight"],
                matching_weight=config["matching_weight"],
                name=config["name"],
            )
        matcher.pair_weights = config["pair_weights"]
        return matcher
