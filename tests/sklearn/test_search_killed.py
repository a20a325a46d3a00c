"""Searches that are killed, and go on."""

import signal

import pytest

from tests.processes import Forked

SCRIPT = """
import os, signal, sys
import numpy as np
from sklearn.linear_model import LogisticRegression
from kerastune_lite.sklearn import TunerSearchCV

directory, keras, deadly = sys.argv[1], sys.argv[2] == "keras", int(sys.argv[3])
rng = np.random.default_rng(0)
x = rng.normal(size=(60, 4))
y = (x[:, 0] > 0).astype(int)
scored = 0

def score(estimator, x, y):
    global scored
    scored += 1
    if scored == deadly:
        os.kill(os.getpid(), signal.{signal})
    return estimator.score(x, y)

if keras:
    from kerastune_lite.sklearn import KerasClassifier
    from tests.sklearn.models import build_sigmoid
    estimator, tuner, space = KerasClassifier(build_sigmoid, epochs=3), "hyperband", None
else:
    estimator, tuner, space = LogisticRegression(), "random", {"C": list(np.logspace(-3, 3, 50))}
search = TunerSearchCV(estimator, space, tuner=tuner, max_trials=4, cv=3, scoring=score,
                       directory=directory, project_name="it", random_state=0)
search.fit(x, y)
print(scored, "fits:", [round(s, 6) for s in search.cv_results_["mean_test_score"]],
      list(search.cv_results_["epochs"]), search.best_params_)
"""


def run(directory, kind, deadly, sig="SIGKILL"):
    """The exit status, and all that it said."""
    code = SCRIPT.replace("{signal}", sig)
    process = Forked(code, directory, kind, deadly, stderr=True)
    said = process.read()
    return process.returncode, said


@pytest.mark.parametrize("kind", ["linear", pytest.param("keras", marks=pytest.mark.slow)])
def test_a_killed_search_goes_on_as_if_nothing_had_happened(tmp_path, kind):
    status, whole = run(tmp_path / "whole", kind, -1)
    assert status == 0, whole
    fits, results = whole.split(" fits: ")
    killed, _ = run(tmp_path / "killed", kind, 8)
    assert killed == -signal.SIGKILL
    rest, again = run(tmp_path / "killed", kind, -1)[1].split(" fits: ")
    assert again == results
    # TensorFlow may have written something before.
    rest, fits = (int(text.split()[-1]) for text in (rest, fits))
    assert rest == fits - 7, "of the folds that were scored none is trained again"


def test_ctrl_c_keeps_what_was_found(tmp_path):
    status, stopped = run(tmp_path, "linear", 8, "SIGINT")
    assert status == 0, stopped
    assert stopped.startswith("8 fits: [")
    assert stopped.count(",") >= 1
    _, early = run(tmp_path / "early", "linear", 2, "SIGINT")
    assert "KeyboardInterrupt" in early
