"""Known recipes for a target model, as they are published.

Each takes `(x, y)` (uint8 photos, integer labels), the number of classes, the
file of weights and a seed, and returns a function from photos to probabilities
of the classes. All have the same backbone; none is tuned to these data.
"""

import keras
import numpy as np

import keras_transfer as kt

layers = keras.layers


def backbone(x, weights, file=None):
    """MobileNetV2, or the features of a classifier in a `.keras` file."""
    if file is None:
        return keras.applications.MobileNetV2(
            input_shape=x.shape[1:], include_top=False, weights=weights
        )
    model = kt.TransferModel(file, head=2, input_shape=x.shape[1:])
    base = model.backbone
    # What the files in use do by themselves.
    base.takes_pixels = True
    return base


def scaled(base, x):
    if getattr(base, "takes_pixels", False):
        return x
    return layers.Rescaling(1 / 127.5, offset=-1)(x)


def classifier(model):
    return lambda x: model.predict(x, verbose=0)


def with_head(base, shape, num_classes, augmentation=(), dropout=0.2):
    """The model of both Keras texts: batch norm in inference mode."""
    inputs = keras.Input(shape)
    x = inputs
    for layer in augmentation:
        x = layer(x)
    x = base(scaled(base, x), training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(
        inputs, layers.Dense(num_classes, activation="softmax")(x)
    )


def compiled(model, optimizer):
    model.compile(
        optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def tutorial(x, y, num_classes, base, seed):
    """TensorFlow's "Transfer learning and fine-tuning" tutorial.

    10 epochs of the head with Adam(1e-4), then 10 of everything from layer 100
    on with RMSprop(1e-5); flips and rotations.
    """
    base.trainable = False
    augmentation = [layers.RandomFlip("horizontal"), layers.RandomRotation(0.2)]
    model = with_head(base, x.shape[1:], num_classes, augmentation)
    compiled(model, keras.optimizers.Adam(1e-4))
    model.fit(x, y, batch_size=32, epochs=10, verbose=0)
    base.trainable = True
    for layer in base.layers[:100]:
        layer.trainable = False
    compiled(model, keras.optimizers.RMSprop(1e-5))
    model.fit(x, y, batch_size=32, epochs=20, initial_epoch=10, verbose=0)
    return classifier(model)


def guide(x, y, num_classes, base, seed):
    """Keras' guide "Transfer learning & fine-tuning".

    The head with Adam(1e-3), then everything with Adam(1e-5), batch 64; 20 and
    10 epochs, as when the guide was written (its present text has 2 and 1 for
    10,000 photos, too few steps for these data sets).
    """
    base.trainable = False
    augmentation = [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)]
    model = with_head(base, x.shape[1:], num_classes, augmentation)
    compiled(model, keras.optimizers.Adam())
    model.fit(x, y, batch_size=64, epochs=20, verbose=0)
    base.trainable = True
    compiled(model, keras.optimizers.Adam(1e-5))
    model.fit(x, y, batch_size=64, epochs=10, verbose=0)
    return classifier(model)


def fastai_style(x, y, num_classes, base, seed):
    """`vision_learner(...).fine_tune(5)` as fastai's documentation has it.

    One epoch of the head, then 5 of all layers; one-cycle rates up to 2e-3 and
    1e-3, a hundredth of that for the first layers; the head concatenates mean
    and maximum and has batch norm and dropout; batch norm trains; AdamW with
    decay 0.01; flips, rotations by 10 degrees and zooms. In Keras, with the
    same batch of 64.
    """
    augmentation = keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(10 / 360, fill_mode="reflect"),
            layers.RandomZoom((-0.1, 0.0), fill_mode="reflect"),
        ]
    )
    model = kt.TransferModel(
        base,
        _fastai_head(base.output_shape[1:], num_classes),
        preprocessing="tf",
        augmentation=augmentation,
        train_batch_norm=True,
    )
    size = min(64, len(x))
    steps = -(-len(x) // size)
    kt.freeze(model)
    compiled(model, _one_cycle(2e-3, steps, 0.99, 25))
    model.fit(x, y, batch_size=size, epochs=1, verbose=0, seed=seed)
    kt.unfreeze(model)
    count = len(model.blocks)
    factors = np.geomspace(0.01, 1.0, count).tolist()
    compiled(model, _one_cycle(1e-3, 5 * steps, 0.3, 5, factors))
    model.fit(x, y, batch_size=size, epochs=5, verbose=0, seed=seed)
    return classifier(model)


def _fastai_head(shape, num_classes):
    inputs = keras.Input(shape)
    x = layers.Concatenate()(
        [
            layers.GlobalMaxPooling2D()(inputs),
            layers.GlobalAveragePooling2D()(inputs),
        ]
    )
    x = layers.Dropout(0.25)(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dense(512, activation="relu", use_bias=False)(x)
    x = layers.Dropout(0.5)(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dense(num_classes, activation="softmax", use_bias=False)(x)
    return keras.Model(inputs, x, name="fastai_head")


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Up from `peak / div` and down to nearly 0, both along a cosine."""

    def __init__(self, peak, steps, start, div):
        self.peak, self.steps = float(peak), max(2, steps)
        self.start, self.div = start, div

    def __call__(self, step):
        ops = keras.ops
        done = ops.cast(step, "float32") / (self.steps - 1)
        up = 0.5 - 0.5 * ops.cos(np.pi * ops.minimum(done / self.start, 1.0))
        rest = ops.clip((done - self.start) / (1 - self.start), 0.0, 1.0)
        low = self.peak / self.div
        rising = low + (self.peak - low) * up
        falling = self.peak * (0.5 + 0.5 * ops.cos(np.pi * rest)) + 1e-8
        return ops.where(done < self.start, rising, falling)


def _one_cycle(peak, steps, start, div, factors=None):
    optimizer = keras.optimizers.AdamW(
        OneCycle(peak, steps, start, div), weight_decay=0.01, beta_2=0.99
    )
    if factors is None:
        return optimizer
    return kt.LayerwiseOptimizer(optimizer, multipliers=factors)


def probe(x, y, num_classes, base, seed):
    """scikit-learn's logistic regression on features from one `predict`.

    The strength of its penalty has the lowest log loss over five folds.
    """
    model = features_of(base, x.shape[1:])
    solver = solved(model.predict(x, batch_size=32, verbose=0), y, seed)
    return lambda x: solver.predict_proba(model.predict(x, verbose=0))


def features_of(base, shape):
    inputs = keras.Input(shape)
    x = base(scaled(base, inputs), training=False)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))


def solved(features, y, seed):
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import StratifiedKFold

    solver = LogisticRegressionCV(
        Cs=np.logspace(-3, 2, 6),
        cv=StratifiedKFold(5, shuffle=True, random_state=seed),
        scoring="neg_log_loss",
        max_iter=1000,
    )
    return solver.fit(features, y)


def head_weights(solver):
    """Kernel and bias of a softmax; of two classes scikit-learn keeps one."""
    kernel, bias = solver.coef_, solver.intercept_
    if len(kernel) == 1:
        kernel, bias = (
            np.concatenate([-kernel, kernel]) / 2,
            (np.concatenate([-bias, bias]) / 2),
        )
    return kernel.T, bias


def plain_loop(x, y, num_classes, base, seed):
    """What an expert would write by hand for few labels.

    The solved head; then all blocks, batch norm frozen, AdamW from 1e-4
    linearly to 0 with decay 0.01, batches of 16, 10 epochs (40 with 5 labels a
    class), dropout of 0.1 before the head.
    """
    solver = solved(
        features_of(base, x.shape[1:]).predict(x, batch_size=32, verbose=0),
        y, seed,
    )  # fmt: skip
    model = with_head(base, x.shape[1:], num_classes, dropout=0.1)
    model.layers[-1].set_weights(head_weights(solver))
    fitted_plainly(model, x, y, num_classes)
    return classifier(model)


def fitted_plainly(model, x, y, num_classes):
    """Fine-tunes all of a model as `plain_loop` says."""
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    epochs = 40 if len(y) <= 5 * num_classes else 10
    steps = epochs * -(-len(y) // 16)
    falling = keras.optimizers.schedules.PolynomialDecay(
        1e-4, steps, end_learning_rate=0.0
    )
    compiled(model, keras.optimizers.AdamW(falling, weight_decay=0.01))
    model.fit(x, y, batch_size=16, epochs=epochs, verbose=0)


def ours(x, y, num_classes, base, seed, levels="last", **options):
    """`kt.fine_tune(model, (x, y))` with nothing else said."""
    scaling = None if getattr(base, "takes_pixels", False) else "tf"
    model = kt.TransferModel(
        base, num_classes, preprocessing=scaling, levels=levels
    )
    result = kt.fine_tune(model, (x, y), seed=seed, verbose=0, **options)
    choices = {row["choice"]: row["value"] for row in result.choices}
    classify = classifier(model)
    classify.about = {
        "weights": str(choices.get("weights", "those of the head alone")),
        "stages": {s["stage"]: round(s["seconds"], 1) for s in result.stages},
    }
    return classify


def head(x, y, num_classes, base, seed):
    """The head that `fine_tune` begins with, and its temperature."""
    return ours(x, y, num_classes, base, seed, epochs=0)


def quick(x, y, num_classes, base, seed):
    """The head alone, of several levels where these pay."""
    return ours(x, y, num_classes, base, seed, levels="auto", effort="quick")


def best(x, y, num_classes, base, seed):
    """`fine_tune` with all the time that it can use."""
    return ours(x, y, num_classes, base, seed, effort="best")


RECIPES = {
    "fine_tune": ours,
    "quick": quick,
    "best": best,
    "head": head,
    "probe": probe,
    "plain loop": plain_loop,
    "tutorial": tutorial,
    "guide": guide,
    "fastai style": fastai_style,
}
