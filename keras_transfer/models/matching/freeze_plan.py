"""The freeze plan of a matcher."""

from keras_transfer.training import freezing


def _of_target(name):
    """Returns a property that reads and writes that of the target's plan."""
    return property(
        lambda self: getattr(self._plan, name),
        lambda self, value: setattr(self._plan, name, value),
    )


class MatcherFreezePlan:
    """The target's `FreezePlan`, with adapters that always train."""

    blocks = _of_target("blocks")
    depth = _of_target("depth")
    train_batch_norm = _of_target("train_batch_norm")

    def __init__(self, target, adapters):
        self._plan = freezing.freeze_plan(target)
        self.head = [*self._plan.head, *adapters]
