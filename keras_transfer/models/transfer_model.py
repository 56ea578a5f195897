"""`TransferModel`: a source model's backbone under a head for your data."""

import keras

from keras_transfer import _keras_private, first_batch, freezing
from keras_transfer.assignment import assign_weights
from keras_transfer.backbones import ResolvedBackbone, resolve_backbone
from keras_transfer.batches import (
    ArrayBatches,
    ReorderedBatches,
    SeededBatches,
)
from keras_transfer.companions import introduced
from keras_transfer.feature_cache import FEATURES, as_feature_cache
from keras_transfer.layers import (
    HeadPart,
    ImageNetPreprocessing,
)
from keras_transfer.models.auto_compile import complete_arguments
from keras_transfer.models.cached_fit import fit_cached
from keras_transfer.models.construction import (
    applied,
    described,
    head_layer,
    in_training_only,
    initial_plan,
    input_like,
    preprocessing_layer,
)
from keras_transfer.models.order import (
    OrderOfEpoch,
    is_foreign_py_dataset,
    is_plain_py_dataset,
    with_callback,
)
from keras_transfer.models.penalized import PenalizedModel


@keras.saving.register_keras_serializable(package="keras_transfer")
class TransferModel(PenalizedModel):
    """A backbone that has learnt elsewhere, under a head for your own task.

    An ordinary functional `keras.Model`: `summary`, `fit`, `save`, `export`
    and every Keras tool work on it. Pre-trained backbones start frozen
    (`trainable_depth == 0`, only the head trains); `set_trainable_depth` and
    the callbacks unfreeze them from the top. With `weights=None` everything
    trains from the start, batch normalisation included.

    Use it for classification and regression on images, sequences and vectors.
    Not for detection, segmentation or language-model fine-tuning.

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
            and never otherwise.
        train_batch_norm: whether batch normalisation in an unfrozen block
            learns. `"auto"` is `True` for untrained weights, else `False`.
        output_layer: name of the layer at which to cut the backbone.
        name: name of the model.

    Attributes:
        backbone: the source model up to its features, a `keras.Model`.
        preprocessing: the layer between raw input and backbone.
        head: the head layer.
        blocks: list of `Block(index, name, layers, num_params)`, input first.
        trainable_depth: number of blocks that train, counted from the top.
        class_names: names of the classes, or `None`.
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
        backbone,
        head,
        *,
        input_shape=None,
        weights="imagenet",
        preprocessing="auto",
        augmentation=None,
        train_batch_norm="auto",
        output_layer=None,
        name=None,
    ):
        source = resolve_backbone(
            backbone,
            input_shape=input_shape,
            weights=weights,
            output_layer=output_layer,
        )
        head = head_layer(head)
        preprocessing = preprocessing_layer(preprocessing, source)
        inputs = keras.tree.map_structure(input_like, source.model.input)
        x = inputs
        if augmentation is not None:
            augmentation = in_training_only(augmentation)
            x = augmentation(x)
        features = source.model(applied(preprocessing, x))
        super().__init__(inputs, head(features), name=name)
        self.features = features
        self.backbone = source.model
        self.head = head
        self.preprocessing = preprocessing
        self.augmentation = augmentation
        self.class_names = None
        self._source = described(source)
        self._freeze_plan = initial_plan(
            source, head, train_batch_norm, self.name
        )
        freezing.set_trainable_depth(self, self._freeze_plan.depth)

    @property
    def blocks(self):
        """The backbone's blocks, from input to output."""
        return list(self._freeze_plan.blocks)

    @property
    def trainable_depth(self):
        """How many blocks train, counted from the top."""
        return self._freeze_plan.depth

    @property
    def is_pretrained(self):
        """Whether the backbone came with weights that are not random."""
        return self._source["pretrained"]

    @property
    def expects_pixels(self):
        """Whether the input is known to be raw pixels in 0..255."""
        return self._source["min_size"] is not None or isinstance(
            self.preprocessing, ImageNetPreprocessing | keras.layers.Rescaling
        )

    @property
    def logits(self):
        """The same model, weights shared, before the last activation."""
        if not hasattr(self.head, "logits"):
            raise ValueError(
                f"The head {type(self.head).__name__} '{self.head.name}' has "
                "no `logits(features)` method, so its values before the "
                "activation cannot be told apart. Use a ClassificationHead, "
                "or give your layer such a method."
            )
        outputs = HeadPart(self.head, "logits", name="logits")(self.features)
        return keras.Model(self.input, outputs, name=f"{self.name}_logits")

    # What runs on activations instead of the whole model, while `fit` caches.
    _suffix = None

    def use_suffix(self, suffix):
        """Lets `{"cached_features": x}` go through `suffix`; `None` ends it."""
        # Past __setattr__: it is no layer of the model, only a part of it.
        vars(self)["_suffix"] = suffix
        _keras_private.forget_functions(self)

    def call(self, inputs, training=None, mask=None):
        if self._suffix is not None and _are_activations(inputs):
            features = inputs[FEATURES]
            if isinstance(features, tuple):
                features = list(features)
            return self._suffix(features, training=training)
        return super().call(inputs, training=training, mask=mask)

    call.runs_graph = True

    @property
    def input_spec(self):
        return None if self._suffix is not None else super().input_spec

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
        if isinstance(optimizer, str) and optimizer == "auto":
            optimizer, loss, metrics = complete_arguments(
                self.head, loss, metrics
            )
        super().compile(
            optimizer=optimizer,
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
        if shuffle and is_plain_py_dataset(x):
            x = ReorderedBatches(x, seed=seed)
        # What is left to Keras to shuffle are data sets with several workers.
        shuffle = shuffle and is_foreign_py_dataset(x)
        order = OrderOfEpoch()
        if isinstance(x, SeededBatches):
            x = order.batches = x.starting_at(initial_epoch, steps_per_epoch)
            steps_per_epoch = None
        callbacks = introduced(
            callbacks,
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
            return fit_cached(
                self,
                super().fit,
                x,
                feature_cache=feature_cache,
                callbacks=callbacks,
                order=order,
                seed=seed,
                **common,
            )
        return super().fit(
            x,
            y,
            batch_size=batch_size,
            callbacks=with_callback(callbacks, order),
            validation_split=validation_split,
            sample_weight=sample_weight,
            **common,
        )

    def _adopt_class_names(self, data):
        names = getattr(data, "class_names", None)
        if self.class_names is None and names:
            self.class_names = list(names)

    def clone(self):
        """Returns an equal model that shares nothing with this one.

        Weights, flags and class names are copied; the copy is not compiled.
        (`keras.models.clone_model` gives a plain functional model with new
        weights.)
        """
        copy = type(self).from_config(self.get_config())
        leaves = _keras_private.leaf_layers(copy)
        assign_weights(copy.weights, self.get_weights(), leaves)
        return copy

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "backbone": serialize(self.backbone),
            "head": serialize(self.head),
            "preprocessing": serialize(self.preprocessing),
            "augmentation": serialize(self.augmentation),
            "train_batch_norm": self._freeze_plan.train_batch_norm,
            "trainable_depth": self.trainable_depth,
            "trainable_flags": [
                layer.trainable for layer in _keras_private.leaf_layers(self)
            ],
            "class_names": self.class_names,
            "source": dict(self._source),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        def restored(key):
            return keras.saving.deserialize_keras_object(
                config[key], custom_objects=custom_objects
            )

        source = ResolvedBackbone(
            model=restored("backbone"), preprocessing="none", **config["source"]
        )
        model = cls(
            source,
            restored("head"),
            preprocessing=restored("preprocessing"),
            augmentation=restored("augmentation"),
            train_batch_norm=config["train_batch_norm"],
            name=config["name"],
        )
        model.class_names = config["class_names"]
        freezing.set_trainable_depth(model, config["trainable_depth"])
        freezing.restore_flags(model, config["trainable_flags"])
        return model


def _are_activations(inputs):
    return isinstance(inputs, dict) and FEATURES in inputs
