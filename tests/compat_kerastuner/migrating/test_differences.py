"""What is said of lines that behave otherwise here: only where a script really does it."""

import pytest

from tests.compat_kerastuner.migrating.running import migrated, notebook

HEAD = "import keras_tuner as kt\n"
SAID = [
    # Code below an import, and what is said of its last line.
    ("import os\nos.environ['KERASTUNER_TUNER_ID'] = 'chief'", "search(workers=2)"),
    ("env = {'KERASTUNER_ORACLE_IP': 'x'}", "search(workers=2)"),
    ("open(path + '/oracle.json')", "kt.open_project(directory)"),
    ("open(f'{path}/trial_{number}/trial.json')", "kerastune export DIR --keras-tuner FOLDER"),
    ("glob.glob('runs/trial_*')", "KerasTuner's file does not exist"),
    ("os.path.join(path, 'checkpoint.weights.h5')", "KerasTuner's file does not exist"),
    ("t = kt.Hyperband(b)\nt.search(x, y, epochs=9)", "epochs= is ignored"),
    ("kt.Hyperband(b).search(epochs=9)", "epochs= is ignored"),
    ("class H(kt.Hyperband): pass\nh = H(b)\nh.search(epochs=9)", "epochs= is ignored"),
    ("self.t = kt.Hyperband(b)\nself.t.search(epochs=9)", "epochs= is ignored"),
    ("from tensorflow import keras", "Keras 3, as from TensorFlow 2.16 on"),
    ("import tensorflow.keras.layers", "Keras 3, as from TensorFlow 2.16 on"),
    ("import tensorflow as tf\ntf.keras.Sequential()", "as from TensorFlow 2.16 on"),
    ("import tf_keras", "Keras 2 does not work here"),
    ("os.environ['TF_USE_LEGACY_KERAS'] = '1'", "Keras 2 does not work here"),
    ("from autokeras import StructuredDataClassifier", "AutoKeras needs KerasTuner itself"),
    ("kt.RandomSearch(b, 'val_f1_score')", '"val_f1_score" is maximised here'),
    ("kt.RandomSearch(b, objective=['r2_score'])", '"r2_score" is maximised here'),
    ("kt.oracles.HyperbandOracle('r2_score')", '"r2_score" is maximised here'),
    ("kt.Hyperband(b, 'val_huber')", 'kt.Objective("val_huber", "min")'),
    ("kt.GridSearch(b, 'true_positives')", 'kt.Objective("true_positives", "max")'),
    ("kt.GridSearch(b, 'val_weighted_mse')", '"min" or "max"'),
    ("kt.BayesianOptimization(b, alpha=1e-3)", "alpha= is used as in KerasTuner"),
    ("kt.oracles.BayesianOptimizationOracle(alpha=1, beta=2)", "alpha= and beta= are used as"),
    ("hp.Float('rate', 0.0, 0.5, step=0.1)", "Float includes max_value=0.5 here"),
    ("hp.Float('x', min_value=-1, max_value=1, step=0.1)", "Float includes max_value=1 here"),
    ("tuner.get_best_models(num_models=12)", "Pass keep_checkpoints=12 to the tuner"),
    ("tuner.get_best_models(11)[0]", "only the best 10 trials keep their weights"),
    ("t = kt.Tuner(b)\nt.directory = 'x'", "t.directory cannot be set later. Pass it: Tuner(...,"),
    ("t = kt.Tuner(b)\nt.oracle.objective = 'x'", "t.oracle.objective cannot be set later"),
    ("kt.utils.load_json", "kt.utils has no counterpart here. Do without it"),
    ("kt.engine.tuner.Tunr", "kt.engine.tuner.Tunr has no counterpart here. Use kerastune_lite."),
    ("kt.oracles.Random", "kt.oracles.Random has no counterpart here"),
    ("kt.oracles.Hyperband('r2_score')", '"r2_score" is maximised here'),
    ("importlib.import_module('keras_tuner.tuners')", '"keras_tuner.tuners" is not changed'),
    ("os.system('pip install -q keras-tuner')", "package to install is kerastune_lite"),
    ("ipython().run_line_magic('pip', 'install keras-tuner')", "install is kerastune_lite"),
    ("needed = ['keras-tuner>=1.4']", "package to install is kerastune_lite"),
]
NOT_SAID = [
    "t = kt.Hyperband(b)\nt = kt.RandomSearch(b)\nt.search(epochs=9)",
    "t = kt.Tuner(kt.oracles.Hyperband('loss'))\nt.search(epochs=9)",
    "t = kt.Hyperband(b)\nmodel.fit(x, epochs=9)\nt.search(x)",
    "keras.callbacks.ModelCheckpoint('checkpoint.weights.h5')",
    "import keras\nkeras.Sequential()",
    "kt.RandomSearch(b, 'val_accuracy')",
    "kt.RandomSearch(b, kt.Objective('val_f1_score', 'min'))",
    "kt.RandomSearch(b, OBJECTIVE)",
    "model.compile('adam', 'huber', metrics=['f1_score'])",
    "kt.BayesianOptimization(b, 'loss', 10)",
    "hp.Float('x', 0.0, 1.0)",
    "hp.Float('x', 0.0, 0.5, step=0.25)",
    "hp.Float('x', 0.0, 0.55, step=0.1)",
    "hp.Float('x', 0.001, 0.1, step=10, sampling='log')",
    "hp.Float('x', low, 0.5, step=0.1)",
    "kt.Tuner(b, directory='keras_tuner', project_name='kerastuner')",
    "os.path.join('logs', 'keras_tuner')",
    "print('KerasTuner is slow'); 'keras_tuner'",
    "kt.engine.hyperparameters.HyperParameters(); kt.tuners.Hyperband",
    "model.directory = 'x'",
    "tuner.get_best_models(10); tuner.get_best_models(n); tuner.get_best_models()",
    "class Mine(keras.Model):\n    def _run_and_update_trial(self): pass",
    "class Mine(kt.Oracle):\n    def populate_space(self, trial_id): pass",
]


def notes(tmp_path, source, name="a.py"):
    found, _ = migrated(tmp_path / name, source)
    return {note: [(p.cell, p.line) for p in places] for note, places in found.notes.items()}


@pytest.mark.parametrize(("code", "says"), SAID, ids=[code for code, _ in SAID])
def test_what_behaves_otherwise_is_said_with_its_line(tmp_path, code, says):
    found = notes(tmp_path, HEAD + code + "\n")
    (note,) = (note for note in found if says in note)
    assert found[note][-1] == (0, code.count("\n") + 2)
    assert note.endswith(".")


@pytest.mark.parametrize("code", NOT_SAID)
def test_nothing_is_said_of_what_behaves_the_same(tmp_path, code):
    assert notes(tmp_path, HEAD + code + "\n") == {}


def test_methods_of_tuners_that_are_not_called(tmp_path):
    code = """
class Mine(kt.RandomSearch):
    def get_state(self):
        return "x"

class More(Mine):
    def _run_and_update_trial(self, trial):
        return None
"""
    (one, [line]), (other, [later]) = notes(tmp_path, HEAD + code).items()
    assert "Mine.get_state() is never called here" in one
    assert "More overrides _run_and_update_trial()" in other
    assert other.endswith("Instead, override run_trial(trial, ...).")
    assert (line, later) == ((0, 3), (0, 7))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("os.environ['KERASTUNER_ORACLE_PORT'] = '8000'", "search(workers=2)"),
        ("import autokeras as ak", "AutoKeras"),
        ("importlib.import_module('kerastuner')", "kerastuner"),
        ("open('trial.json'); hp.Float('x', 0, 1, step=0.1); import tf_keras", None),
    ],
)
def test_of_files_without_keras_tuner_only_its_own_names_are_told(tmp_path, code, says):
    found = notes(tmp_path, code)
    assert len(found) == (says is not None)
    assert all(says in note for note in found)


def test_cells_use_names_of_earlier_cells(tmp_path):
    raw = notebook(
        "%env KERASTUNER_TUNER_ID=chief",
        "from keras_tuner import *",
        "tuner = Hyperband(build, seed=3)",
        "\ntuner.search(x, epochs=3)",
    )
    found, _ = migrated(tmp_path / "a.ipynb", raw)
    assert [(p.cell, p.line) for places in found.notes.values() for p in places] == [
        (1, 1),
        (4, 2),
    ]
    assert found.has_seed


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("kt.RandomSearch(b, seed=1)", True),
        ("kt.oracles.GridSearchOracle(seed=1)", True),
        ("kt.RandomSearch(b)\nnp.random.default_rng(seed=1)", False),
    ],
)
def test_a_seed_is_that_of_a_search(tmp_path, code, expected):
    assert migrated(tmp_path / "a.py", HEAD + code)[0].has_seed is expected
