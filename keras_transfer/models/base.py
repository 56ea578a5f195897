"""The `compile` and the `fit` of the models of this package."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras

from keras_transfer import _private
from keras_transfer._private.types import (
    Callbacks,
    Data,
    Nested,
    PathLike,
    Tensor,
    Verbose,
)
from keras_transfer.callbacks.precise_batch_norm import (
    warn_of_young_statistics,
)
from keras_transfer.callbacks.run_aware import with_callback, with_run
from keras_transfer.data import look
from keras_transfer.data.adapters import adapt, adapt_packed
from keras_transfer.data.class_weights import weights_by_class
from keras_transfer.data.data_adapter import DataAdapter
from keras_transfer.data.label_checks import check_labels
from keras_transfer.data.lending import lent
from keras_transfer.data.mixing import Mixing
from keras_transfer.feature_cache import as_feature_cache
from keras_transfer.models.auto_compile import complete_arguments
from keras_transfer.models.loss_scaling import warn_of_unscaled_loss
from keras_transfer.models.mixed_samples import LearnsFromMixed, check_mixes
from keras_transfer.models.penalized import PenalizedModel
from keras_transfer.storage import printing
from keras_transfer.training import freezing, replicas
from keras_transfer.training.nesting import own_step

if TYPE_CHECKING:
    from keras_transfer.feature_cache.settings import FeatureCache
    from keras_transfer.graph.block import Block
    from keras_transfer.training.regularizers import L2SP


class BaseModel(LearnsFromMixed, PenalizedModel, _private.BuildsByOneReplica):
    """Mixin of the models of this package: their `compile` and their `fit`.

    Subclasses have `head`, `class_names`, `expects_pixels` and a freeze state,
    and implement `_fit_on_cache`.
    """

    @property
    def blocks(self) -> list[Block]:
        """The blocks that freezing goes by, from input to output."""
        return list(self._freeze_state.blocks)

    @property
    def trainable_depth(self) -> int:
        """How many blocks train, counted from the top."""
        return self._freeze_state.depth

    def _fit_on_cache(
        self,
        fit: Callable[..., keras.callbacks.History],
        data: DataAdapter,
        **options: Any,
    ) -> keras.callbacks.History:
        """Trains with `feature_cache`; the arguments are those of `fit`.

        Data are adapters: the `data` to train on and `validation`, or `None`.
        """
        raise NotImplementedError

    def _prepare_run(
        self, data: DataAdapter, callbacks: Callbacks
    ) -> Callbacks:
        """Returns the callbacks of a run of `fit` on a `DataAdapter`."""
        return callbacks

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer | str = "auto",
        loss: Nested = None,
        loss_weights: Nested = None,
        metrics: Nested = None,
        *,
        regularizer: L2SP | None = None,
        **kwargs: Any,
    ) -> None:
        """Like `keras.Model.compile`; `"auto"` picks what fits the head.

        Args:
            optimizer: a Keras optimizer or its name. `"auto"` is
                `Adam(1e-3)`, with the loss and the metric that the head calls
                for where they are not given. The choice is printed.
            loss: as in Keras. The automatic one for a softmax takes integer
                labels.
            loss_weights: as in Keras.
            metrics: as in Keras.
            regularizer: an `L2SP`, or `None`. It pulls the backbone to the
                weights that it has now, or had when an earlier `compile` was
                given a regularizer.
            **kwargs: the other arguments of `keras.Model.compile`.

        Raises:
            ValueError: a regularizer of another kind, or a head for which
                nothing can be picked.

        Example:

        ```python
        model.compile("auto")
        model.compile(keras.optimizers.AdamW(1e-4), regularizer=kt.L2SP(0.1, 0))
        ```
        """
        penalty = self._penalty_of(regularizer)
        replicas.check_groups(self)
        with replicas.scope_of(self):
            if isinstance(optimizer, str) and optimizer == "auto":
                optimizer, loss, metrics = complete_arguments(
                    self.head, loss, metrics
                )
            super().compile(
                optimizer=replicas.optimizer_for(self, optimizer),
                loss=loss,
                loss_weights=loss_weights,
                metrics=metrics,
                **kwargs,
            )
            self._use_penalty(penalty)
            freezing.prepare_optimizer(self)
        if self.optimizer is not None and kwargs.get("auto_scale_loss", True):
            warn_of_unscaled_loss(self)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))

    @printing.silent_at_verbose_0
    def fit(
        self,
        x: Data = None,
        y: Nested = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Verbose = "auto",
        callbacks: Callbacks = None,
        *,
        validation_split: float = 0.0,
        validation_data: Data = None,
        shuffle: bool = True,
        sample_weight: Nested = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        feature_cache: FeatureCache | PathLike | None = None,
        mixing: str | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Like `keras.Model.fit`, with a sample order that can be repeated.

        The order of arrays, `keras_transfer.data.load` and other seeded data
        sets is a pure function of the seed and the epoch. The first batch is
        looked at before anything trains: pixels that are not numbers, labels
        that do not fit the head or the loss, and images in 0..1 are reported.

        Args:
            x: arrays, or anything else that `keras.Model.fit` takes.
            y: labels, for arrays.
            batch_size: samples a step, 32 by default, for arrays.
            epochs: number of the last epoch, counted from 1.
            verbose: as in Keras.
            callbacks: as in Keras.
            validation_split: share of the arrays, from their end, to validate
                on.
            validation_data: as in Keras.
            shuffle: whether arrays, and the batches of a `PyDataset`, are
                shuffled.
            sample_weight: weights of the samples, for arrays.
            initial_epoch: epoch at which to start, counted from 0.
            steps_per_epoch: steps an epoch, if not one pass over the data.
            feature_cache: `"memory"`, a folder or a `FeatureCache`: what is
                frozen runs once over the data, not once an epoch, with the
                same numbers. Where they would differ it is an error.
            mixing: `"mixup"` or `"cutmix"`: the samples of each batch are
                mixed in pairs, by the seed of their order, the epoch and the
                number of the batch. The loss is that to both labels by their
                shares, as to a mixed label; metrics go by the larger share.
                Labels and the compiled loss stay what they are.
            seed: seed of the order of arrays.
            **kwargs: the other arguments of `keras.Model.fit`. `class_weight`
                may be `"balanced"` too, or go by the names of classes.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: pixels that are not numbers, labels that do not fit
                the head or the loss, or a cache that would not be exact.

        Example:

        ```python
        model.fit(images, labels, epochs=5, feature_cache="memory")
        ```
        """
        self._check_class_weight(kwargs)
        if mixing is not None:
            mixes = Mixing(mixing)
            self._check_mixing(mixing, cached=feature_cache is not None)
        data = adapt(
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
        )
        rest = {**data.rest, "batch_size": batch_size} if data.rest else {}
        data = data.looked_at(self)
        if data.holds_arrays and validation_split and validation_data is None:
            data, validation_data = data.cut_off(validation_split)
            validation_split = 0.0
        self._adopt_class_names(data)
        data = data.in_training(
            shuffle=shuffle,
            seed=seed,
            devices=replicas.num_replicas(self),
            epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
        )
        self._name_class_weights(data, kwargs)
        if mixing is not None:
            weights = kwargs.pop("class_weight", None)
            data = data.mixed(dataclasses.replace(mixes, class_weight=weights))
        if batch_size is not None:
            kwargs.setdefault("validation_batch_size", batch_size)
        validation = self._validation(
            validation_data, kwargs.get("validation_batch_size")
        )
        callbacks = with_run(
            self._prepare_run(data, callbacks),
            self,
            data.data,
            validates=validation_data is not None or bool(validation_split),
        )
        common = {
            "epochs": epochs,
            "verbose": printing.verbosity(verbose),
            "initial_epoch": initial_epoch,
            "steps_per_epoch": None if data.is_seeded else steps_per_epoch,
            "shuffle": shuffle and data.keras_shuffles,
            **kwargs,
        }
        feature_cache = as_feature_cache(feature_cache)
        if feature_cache is not None:
            history = self._fit_on_cache(
                self._fit_of_keras,
                data,
                feature_cache=feature_cache,
                callbacks=callbacks,
                validation=validation,
                seed=seed,
                **common,
            )
        else:
            history = self._fit_of_keras(
                data.data,
                callbacks=with_callback(callbacks, data.order()),
                validation_split=validation_split,
                validation_data=validation and validation.for_validation(),
                **rest,
                **common,
            )
        warn_of_young_statistics(self, callbacks)
        return history

    def _fit_of_keras(
        self, x: Data, *, validation_data: Data = None, **options: Any
    ) -> keras.callbacks.History:
        """The `fit` of Keras, after which nothing of the run is kept."""
        with lent(x, validation_data) as (x, validation_data):
            try:
                return super().fit(
                    x, validation_data=validation_data, **options
                )
            finally:
                _private.forget_validation(self)
                _private.forget_step_gradients()

    def _check_class_weight(self, options: dict[str, Any]) -> None:
        outputs = getattr(self, "outputs", None) or [None]
        if options.get("class_weight") and len(outputs) > 1:
            raise ValueError(
                "`class_weight` is for a model with one output. Received: "
                f"'{self.name}' with {len(outputs)} outputs. Pass "
                "sample_weight, a list with the weights for each output."
            )

    def _name_class_weights(
        self, data: DataAdapter, options: dict[str, Any]
    ) -> None:
        """Makes class weights ones by index, as Keras takes them."""
        given = options.get("class_weight")
        if given is None or (
            not isinstance(given, str)
            and not any(isinstance(name, str) for name in given)
        ):
            return
        if not data.is_seeded:
            raise ValueError(
                "class_weight='balanced' and names of classes need data that "
                f"can be counted. Received: {data.kind}. Pass arrays or what "
                "data.load returns, or a dict from indices to weights."
            )
        options["class_weight"] = weights_by_class(
            given,
            data.data.read_labels(),
            self.output_shape[-1],
            getattr(self, "class_names", None),
        )

    def _check_mixing(self, method: str, cached: bool) -> None:
        """Raises if the model cannot learn from mixed samples."""
        check_mixes(self, method, cached)

    def _validation(
        self, data: Data, batch_size: int | None
    ) -> DataAdapter | None:
        """Returns the `DataAdapter` of validation data, labels looked at."""
        if data is None:
            return None
        if not isinstance(data, DataAdapter):
            data = adapt_packed(data, batch_size=batch_size, shuffle=False)
        data = data.with_ids(self)
        if look.is_due() and data.is_seeded:
            check_labels(data.labels, self)
        return data

    @printing.silent_at_verbose_0
    def evaluate(
        self,
        x: Data = None,
        y: Nested = None,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        sample_weight: Nested = None,
        steps: int | None = None,
        callbacks: Callbacks = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> dict[str, float] | list[float] | float:
        """Like `keras.Model.evaluate`; counts each sample once, everywhere.

        The data are looked at as in `fit`. The arguments are Keras' own.

        Args:
            x: as in `fit`.
            y: as in `fit`.
            batch_size: as in `fit`.
            verbose: as in Keras.
            sample_weight: as in `fit`.
            steps: as in Keras.
            callbacks: as in Keras.
            return_dict: whether the numbers come by name.
            **kwargs: as in Keras.

        Returns:
            The loss, or loss and metrics as a list or a dict.
        """
        given = {"x": x, "y": y, "sample_weight": sample_weight}
        if not _private.validates_fit(kwargs):
            given = adapt(**given).looked_at(self).for_keras()
        with replicas.each_in_full(), lent(given.pop("x")) as (x,):
            return super().evaluate(
                x,
                **given,
                batch_size=batch_size,
                verbose=printing.verbosity(verbose),
                steps=steps,
                callbacks=callbacks,
                return_dict=return_dict,
                **kwargs,
            )

    @printing.silent_at_verbose_0
    def predict(
        self,
        x: Data,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        steps: int | None = None,
        callbacks: Callbacks = None,
    ) -> Nested:
        """Like `keras.Model.predict`, of any number of samples.

        The inputs are looked at as in `fit`.

        Args:
            x: as in `fit`, without labels.
            batch_size: as in `fit`.
            verbose: as in Keras.
            steps: as in Keras.
            callbacks: as in Keras.

        Returns:
            An array `(samples, outputs)`, or a structure of these.
        """
        data = adapt(x).looked_at(self, labels=False)
        x = data.for_keras()["x"]
        with replicas.each_in_full(), lent(x) as (x,):
            return super().predict(
                x,
                batch_size=batch_size,
                verbose=printing.verbosity(verbose),
                steps=steps,
                callbacks=callbacks,
            )

    # What TensorFlow traces once for each model is no fault of a user.

    def make_train_function(self, force: bool = False) -> None:
        super().make_train_function(force=force)
        _private.trace_quietly(self.train_function)

    def make_test_function(self, force: bool = False) -> None:
        super().make_test_function(force=force)
        _private.trace_quietly(self.test_function)

    def make_predict_function(self, force: bool = False) -> None:
        super().make_predict_function(force=force)
        _private.trace_quietly(self.predict_function)

    # Under `tf.distribute` steps work on copies, and on shares that may be
    # empty.

    def train_step(self, *data: Any) -> dict[str, Tensor]:
        if _private.has_strategy(self):
            data = replicas.copied(data)
        with own_step():
            return super().train_step(*data)

    def test_step(self, *data: Any) -> dict[str, Tensor]:
        if not _private.has_strategy(self):
            return super().test_step(*data)
        step = functools.partial(super().test_step, *replicas.copied(data))
        return replicas.unless_empty(step, data, self.get_metrics_result)

    def predict_step(self, *data: Any) -> Nested:
        if not _private.has_strategy(self):
            return super().predict_step(*data)
        step = functools.partial(super().predict_step, *replicas.copied(data))
        return replicas.unless_empty(step, data, self._no_outputs)

    def _no_outputs(self) -> Nested:
        """The outputs of no samples."""
        return keras.tree.map_structure(
            lambda tensor: keras.ops.zeros(
                (0, *(size or 0 for size in tensor.shape[1:])), tensor.dtype
            ),
            self.output,
        )

    def _adopt_class_names(self, data: DataAdapter) -> None:
        names = getattr(data, "class_names", None)
        if self.class_names is None and names:
            self.class_names = list(names)
