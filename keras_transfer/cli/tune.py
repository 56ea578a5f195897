"""`keras-transfer tune DATA`: a search over hyperparameters."""

EXAMPLES = """  keras-transfer tune photos/ --trials 15
  keras-transfer tune photos/ --backbones MobileNetV2,MobileNet --space full
  keras-transfer tune photos/ --trials 30        (goes on from the first 15)
  keras-transfer fit --config tuned_run/best_recipe.json --output again/"""

# What `fit --config` needs to train the best trial once more.
_RECIPE = (
    "data", "data_dir", "shots", "validation_split", "image_size",
    "batch_size", "backbone", "weights", "recipe", "hyperparameters",
    "epochs", "head_epochs", "objective", "seed", "strategy",
)  # fmt: skip


def add_parser(commands):
    """Adds the command to the command line."""
    from keras_transfer.cli import add_command

    parser = add_command(
        commands,
        "tune",
        run,
        "search hyperparameters with KerasTuner and keep the best model",
        EXAMPLES,
    )
    add = parser.add_argument
    add("data", metavar="DATA",
        help='folder of photos, "digits" or "tfds:NAME"')  # fmt: skip
    add("--output", default="tuned_run", metavar="DIR",
        help="folder to write; a search that is in it goes on "
        "[%(default)s]")  # fmt: skip
    add("--overwrite", action="store_true",
        help="begin anew whatever search is in --output")  # fmt: skip
    _add_search_options(add)
    _add_data_options(add)


def _add_search_options(add):
    add("--trials", type=int, default=15, metavar="N",
        help="number of trials [%(default)s]")  # fmt: skip
    add("--backbones", default="MobileNetV2", metavar="NAMES",
        help="keras.applications names or .keras files, with commas "
        "[%(default)s]")  # fmt: skip
    add("--weights", default="imagenet", metavar="W",
        help='"imagenet", "none" or a file [%(default)s]')  # fmt: skip
    add("--space", choices=("small", "full"), default="small",
        help="what is searched [%(default)s]")  # fmt: skip
    add("--tuner", choices=("random", "bayesian", "grid"), default="random",
        help="how the trials are drawn [%(default)s]")  # fmt: skip
    add("--objective", default="val_accuracy", metavar="NAME",
        help="what is compared: val_accuracy or val_loss "
        "[%(default)s]")  # fmt: skip
    add("--epochs", type=int, default=20, metavar="N",
        help="epochs of a trial [%(default)s]")  # fmt: skip
    add("--head-epochs", type=int, metavar="N",
        help="how many of them for the head alone [three fifths]")  # fmt: skip
    add("--keep-checkpoints", type=int, default=3, metavar="N",
        help="keep the weights of the best N trials [%(default)s]")  # fmt: skip
    add("--tensorboard", action="store_true",
        help="write TensorBoard logs and HParams")  # fmt: skip
    add("--strategy", default="auto", metavar="NAME",
        help="several devices: auto, default, one_device, mirrored, jax "
        "[%(default)s]")  # fmt: skip


def _add_data_options(add):
    add("--shots", type=int, metavar="N",
        help="train on N samples a class only")  # fmt: skip
    add("--data-dir", metavar="DIR", help="where TFDS keeps its data")
    add("--validation-split", type=float, default=0.1, metavar="P",
        help="part of the training data held out [%(default)s]")  # fmt: skip
    add("--image-size", type=int, metavar="PX",
        help="side of the images [224; 8 for digits]")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N",
        help="seed of splits, order, weights and trials "
        "[%(default)s]")  # fmt: skip


def run(arguments):
    """Searches, evaluates the best model and writes the run."""
    import shutil
    from pathlib import Path

    from keras_transfer.cli.training import finish, load, named_or_read
    from keras_transfer.recipes import run_folder
    from keras_transfer.training import distribution
    from keras_transfer.tuner import search

    folder = Path(arguments.output)
    run_folder.check_writable(folder)
    names = [name for name in arguments.backbones.split(",") if name]
    backbones = [named_or_read(name) for name in names]
    strategy = distribution.strategy(arguments.strategy)
    # Each trial picks its own; this is for reading.
    arguments.batch_size = 32
    data = load(arguments, backbones[0] if backbones else "")
    hypermodel = _hypermodel(
        arguments, backbones, data, folder / "features", strategy
    )
    result = search(
        hypermodel,
        data,
        trials=arguments.trials,
        epochs=arguments.epochs,
        tuner=arguments.tuner,
        objective=arguments.objective,
        directory=folder / "search",
        keep_checkpoints=arguments.keep_checkpoints,
        overwrite=arguments.overwrite,
        tensorboard=arguments.tensorboard,
        seed=arguments.seed,
    )
    if result.model is None:
        raise KeyboardInterrupt
    if not result.interrupted:
        shutil.rmtree(folder / "features", ignore_errors=True)
    result.model.class_names = list(data.class_names)
    found = result.recipe["hyperparameters"]
    place = list(hypermodel.backbones).index(found["backbone"])
    vars(arguments).update(
        recipe="searched",
        hyperparameters=found,
        backbone=names[place],
        head_epochs=result.recipe["head_epochs"],
    )
    _write(folder, arguments, result)
    return finish(
        arguments, result.model, data, result, _RECIPE, told=[result.table()],
        resume="the same command",
    )  # fmt: skip


def _hypermodel(arguments, backbones, data, features, strategy):
    from keras_transfer.cli.training import input_shape_of, weights_of
    from keras_transfer.tuner import search_space
    from keras_transfer.tuner.hyper_model import TransferHyperModel

    if data.task != "classification":
        raise ValueError(
            f"tune searches classifiers with one label a sample. Received: "
            f"{data.task} data. Use `keras-transfer fit`."
        )
    return TransferHyperModel(
        len(data.class_names),
        input_shape_of(data),
        backbones,
        search_space.fitted(arguments.space, data.train.num_samples),
        weights=weights_of(arguments),
        feature_cache=str(features),
        head_epochs=arguments.head_epochs,
        strategy=strategy,
        seed=arguments.seed,
    )


def _write(folder, arguments, result):
    from keras_transfer.recipes import report

    recipe = {name: getattr(arguments, name) for name in _RECIPE}
    report.write_json(folder / "best_recipe.json", recipe)
    rows = [
        {**{k: v for k, v in row.items() if k != "hyperparameters"},
         **row["hyperparameters"]}
        for row in result.trials
    ]  # fmt: skip
    report.write_rows(folder / "trials.csv", rows)
    result.plot(folder / "trials.png")
