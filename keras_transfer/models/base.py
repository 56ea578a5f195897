"""The `compile` and the `fit` of the models of this package."""

import keras

from keras_transfer.callbacks.precise_batch_norm import (
    warn_of_young_statistics,
)
from keras_transfer.callbacks.run_aware import with_run
from keras_transfer.data import first_batch, order
from keras_transfer.data.batches import ArrayBatches, ReorderedBatches
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.feature_cache import as_feature_cache
from keras_transfer.models.auto_compile import complete_arguments
from keras_transfer.models.penalized import PenalizedModel
from keras_transfer.training import freezing, replicas


class BaseModel(PenalizedModel):
    """Mixin of the models of this package: their `compile` and their `fit`.

    Subclasses have `head`, `class_names`, `expects_pixels` and a freeze state,
    and implement `fit_on_cache`.
    """

    @property
    def blocks(self):
        """The blocks that freezing goes by, from input to output."""
        return list(self._freeze_state.blocks)

    @property
    def trainable_depth(self):
        """How many blocks train, counted from the top."""
        return self._freeze_state.depth

    def fit_on_cache(self, fit, x, **options):
        """Trains with `feature_cache`; the arguments are those of `fit`."""
        raise NotImplementedError

    def prepare_run(self, x, callbacks):
        """Returns the callbacks of a run of `fit` on data `x`."""
        return callbacks

    def compile(
        self,
        optimizer="auto",
        loss=None,
        loss_weights=None,
        metrics=None,
        *,
        regularizer=None,
        **kwargs,
    ):
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
        """
        penalty = self.penalty_of(regularizer)
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
            self.use_penalty(penalty)
            freezing.prepare_optimizer(self)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        *,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        feature_cache=None,
        seed=0,
        **kwargs,
    ):
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
            seed: seed of the order of arrays.
            **kwargs: the other arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.
        """
        if first_batch.are_arrays(x):
            if validation_split and validation_data is None:
                (x, y, sample_weight), validation_data = first_batch.cut_off(
                    (x, y, sample_weight), validation_split
                )
            x = ArrayBatches(
                x,
                y,
                sample_weight,
                batch_size=batch_size or 32,
                shuffle=shuffle,
                seed=seed,
            )
            y = sample_weight = batch_size = None
            validation_split = 0.0
        self._adopt_class_names(x)
        x = first_batch.check(x, y, self)
        num_devices = replicas.num_replicas(self)
        if order.is_plain_py_dataset(x) and (shuffle or num_devices > 1):
            x = ReorderedBatches(x, shuffle=shuffle, seed=seed)
        x = replicas.shared(x, num_devices)
        # What is left to Keras to shuffle are data sets with several workers.
        shuffle = shuffle and order.is_foreign_py_dataset(x)
        order_of_epoch = order.OrderOfEpoch()
        if isinstance(x, SeededBatches):
            x = x.starting_at(initial_epoch, steps_per_epoch)
            order_of_epoch.batches = x
            steps_per_epoch = None
        callbacks = with_run(
            self.prepare_run(x, callbacks),
            self,
            validates=validation_data is not None or bool(validation_split),
        )
        common = {
            "epochs": epochs,
            "verbose": verbose,
            "validation_data": validation_data,
            "initial_epoch": initial_epoch,
            "steps_per_epoch": steps_per_epoch,
            "shuffle": shuffle,
            **kwargs,
        }
        feature_cache = as_feature_cache(feature_cache)
        if feature_cache is not None:
            history = self.fit_on_cache(
                super().fit,
                x,
                feature_cache=feature_cache,
                callbacks=callbacks,
                order=order_of_epoch,
                seed=seed,
                **common,
            )
        else:
            history = super().fit(
                x,
                y,
                batch_size=batch_size,
                callbacks=order.with_callback(callbacks, order_of_epoch),
                validation_split=validation_split,
                sample_weight=sample_weight,
                **common,
            )
        warn_of_young_statistics(self, callbacks)
        return history

    def train_step(self, *data):
        return super().train_step(*replicas.copied(data, self))

    def test_step(self, *data):
        return super().test_step(*replicas.copied(data, self))

    def predict_step(self, *data):
        return super().predict_step(*replicas.copied(data, self))

    def evaluate(self, *args, **kwargs):
        """Like `keras.Model.evaluate`; counts each sample once, everywhere."""
        with replicas.each_in_full():
            return super().evaluate(*args, **kwargs)

    def predict(self, *args, **kwargs):
        """Like `keras.Model.predict`, of any number of samples."""
        with replicas.each_in_full():
            return super().predict(*args, **kwargs)

    def _adopt_class_names(self, data):
        names = getattr(data, "class_names", None)
        if self.class_names is None and names:
            self.class_names = list(names)
