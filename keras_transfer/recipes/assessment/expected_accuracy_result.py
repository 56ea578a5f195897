"""The result of `expected_accuracy`: a text and numbers."""

import dataclasses
from typing import Any

from keras_transfer.recipes.assessment.batch_shift import SHIFT_LEVEL
from keras_transfer.storage.printing import brief


@dataclasses.dataclass(frozen=True)
class ExpectedAccuracy:
    """The accuracy to expect on data without labels.

    Attributes:
        value: the estimate.
        low: lower end of its 95 % interval, the noise of few samples alone.
        high: upper end.
        p_value: of the test that both data sets are of one kind.
        validation_accuracy: what the model reaches on validation data.
        num_validation: validation samples that were looked at.
        num_unlabelled: samples without labels that were looked at.
    """

    value: float
    low: float
    high: float
    p_value: float
    validation_accuracy: float
    num_validation: int
    num_unlabelled: int

    @property
    def is_shifted(self) -> bool:
        """Whether the data are of another kind than the validation data."""
        return self.p_value < SHIFT_LEVEL

    def __repr__(self) -> str:
        return brief(
            self,
            f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})",
            "shifted: not reliable" if self.is_shifted else "no shift found",
        )

    def __str__(self) -> str:
        reading = "no shift found"
        if self.is_shifted:
            reading = (
                "shifted: not reliable. Label some of these samples and measure"
            )
        return (
            f"expected accuracy {self.value:.3f} ({self.low:.3f} to "
            f"{self.high:.3f}) on {self.num_unlabelled} samples without "
            f"labels; {self.validation_accuracy:.3f} on "
            f"{self.num_validation} validation samples; shift test p = "
            f"{self.p_value:.3g}: {reading}"
        )

    def to_json(self) -> dict[str, Any]:
        """Returns all of it as a dict of numbers, for `json.dumps`."""
        return dataclasses.asdict(self) | {"is_shifted": self.is_shifted}
