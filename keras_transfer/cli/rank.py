"""`keras-transfer rank DATA`: which source model suits the data."""

from keras_transfer.cli import training
from keras_transfer.cli.command import chosen, progress, show, split_names
from keras_transfer.cli.options.rank import SMALL
from keras_transfer.recipes import run_folder
from keras_transfer.recipes.assessment import rank_backbones
from keras_transfer.storage.printing import verbosity

# What `fit --backbone` calls a choice of these.
AUTO = "auto"


def run(arguments):
    """Ranks and prints."""
    if arguments.output:
        run_folder.check_writable(arguments.output)
    data = training.load_data(arguments, "")
    ranking = _ranked(
        arguments, split_names(arguments.backbone) or SMALL, data,
        fine_tune=arguments.fine_tune,
        weights=training.weights_of(arguments),
    )  # fmt: skip
    text = str(ranking)
    if arguments.output:
        written = ranking.write(arguments.output)
        text += f"\n{arguments.output}: {', '.join(written)}"
    show(arguments, ranking.as_dict(), text)
    return 0


def best_of_small(arguments, data):
    """Returns the name of the best small source for `fit --backbone auto`.

    Args:
        arguments: the parsed arguments of `fit`.
        data: what `data.load` returns.

    Raises:
        ValueError: other weights than those of ImageNet are asked for.
    """
    if arguments.weights != "imagenet":
        raise ValueError(
            "--backbone auto compares sources with their ImageNet weights. "
            f"Received: --weights {arguments.weights}. Name a backbone, or "
            "leave --weights out."
        )
    progress(f"Ranking {', '.join(SMALL)} ...")
    ranking = _ranked(arguments, SMALL, data)
    ranking.write(arguments.output)
    progress(str(ranking))
    return ranking.best()


def _ranked(arguments, candidates, data, **options):
    return rank_backbones(
        candidates,
        data,
        verbose=verbosity("auto"),
        **chosen(arguments, "seed"),
        **options,
    )
