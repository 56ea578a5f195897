"""`Settings`: one choice of each hyperparameter."""

import dataclasses

from keras_transfer.recipes.options import FineTuneOptions

# The value of `recipe` of the trial that is `fine_tune` itself.
FINE_TUNE = "fine_tune"
# Adam's own, for a head that is trained: a trial trains it once.
_HEAD_RATE = 1e-3


@dataclasses.dataclass(frozen=True)
class Settings:
    """One choice of each hyperparameter; the default where none is searched.

    Those of the training have the names of `fine_tune`, and `None` is what
    `fine_tune` would pick.

    Attributes:
        backbone: name of the backbone.
        recipe: `"fine_tune"` leaves the whole training to `fine_tune`, with
            what it chooses in the place of each `None`.
    """

    backbone: str
    # Of the model.
    hidden_units: int = 0
    dropout: float = 0.0
    pooling: str = "avg"
    label_smoothing: float = 0.0
    augmentation: float = 0.0
    # Of the training.
    batch_size: int | None = None
    blocks: int | float | None = None
    learning_rate: float | None = None
    layer_decay: float | None = None
    gradual: bool | None = None
    l2sp: float | None = None
    optimizer: str | None = None
    weight_decay: float | None = None
    head_learning_rate: float | None = None
    recipe: str | None = None

    @property
    def is_fine_tune(self):
        """Whether the trial is `fine_tune` with its own choices."""
        return self.recipe == FINE_TUNE

    @property
    def trains_blocks(self):
        """Whether any block is fine-tuned."""
        return self.blocks is None or self.blocks > 0

    @property
    def has_trained_head(self):
        """Whether the head is trained, not solved."""
        return bool(self.hidden_units or self.label_smoothing)

    def options(self, epochs, head_epochs):
        """Returns the `FineTuneOptions`.

        Args:
            epochs: epochs of fine-tuning, `None` for `fine_tune`'s own.
            head_epochs: most epochs of a head that is trained, or `None`.
        """
        if not self.trains_blocks:
            epochs = 0
        head_rate = self.head_learning_rate
        if head_rate is None and not self.is_fine_tune:
            head_rate = _HEAD_RATE
        return FineTuneOptions(
            epochs=epochs,
            blocks=self.blocks if self.trains_blocks else None,
            learning_rate=self.learning_rate,
            layer_decay=self.layer_decay,
            gradual=self.gradual,
            l2sp=self.l2sp,
            optimizer=self.optimizer,
            weight_decay=self.weight_decay,
            head_epochs=head_epochs,
            head_learning_rate=head_rate,
            batch_size=self.batch_size,
        )
