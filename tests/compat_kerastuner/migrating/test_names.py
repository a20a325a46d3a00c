"""The tables of names and metrics, compared with KerasTuner and Keras."""

import ast
import importlib
import importlib.util
import inspect
from pathlib import Path

import pytest

import kerastune_lite
from kerastune_lite._src.compat_kerastuner.migrating.differences import (
    KEPT,
    MAXIMISED,
    WITHOUT_DIRECTION,
)
from kerastune_lite._src.compat_kerastuner.migrating.names import MODULES


def test_all_public_names_of_keras_tuner_are_known():
    root = Path(importlib.util.find_spec("keras_tuner").origin).parent
    for path in root.rglob("__init__.py"):
        module = ".".join(path.parent.relative_to(root).parts)
        if module.split(".")[0] in ("src", "api"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            alias.asname or alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert names <= MODULES[module], f"{module or 'the package'} lacks names"


@pytest.mark.parametrize("module", MODULES)
def test_the_names_are_here(module):
    home = importlib.import_module(f"kerastune_lite.{module}".removesuffix("."))
    assert [name for name in MODULES[module] if not hasattr(home, name)] == []


def test_as_many_trials_keep_their_weights_as_is_said():
    parameters = inspect.signature(kerastune_lite.Tuner).parameters
    assert parameters["keep_checkpoints"].default == KEPT


def test_the_metrics_are_those_whose_direction_keras_tuner_guesses():
    inferred = pytest.importorskip("keras_tuner.engine.metrics_tracking").infer_metric_direction
    import keras

    from kerastune_lite._src.keras.metric_directions import direction_of

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    for name in MAXIMISED:
        assert (inferred(name), direction_of(name, model)) == ("min", "max"), name
    for name, direction in WITHOUT_DIRECTION.items():
        assert (inferred(name), direction_of(name, model)) == (direction, None), name
    for name in ("accuracy", "auc", "loss", "mse", "mean_squared_error", "precision"):
        assert inferred(name) == direction_of(name, model)
