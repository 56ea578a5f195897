"""What the progress bar of Keras makes of a number in the logs."""


class WholeNumber(int):
    """A number in the logs that the bar of Keras shows without decimals.

    The bar takes the mean of a value, divides it by a count, which is 1 at the
    end of an epoch, and formats it with four decimals. Everybody else finds an
    `int`. Uses what `Progbar.update` does to values.
    """

    def mean(self, **options: object) -> "WholeNumber":
        """Returns the number itself."""
        return self

    def __truediv__(self, other: float) -> float:
        return self if other == 1 else int(self) / other

    def __format__(self, spec: str) -> str:
        return format(int(self), "" if spec.endswith(("f", "e")) else spec)
