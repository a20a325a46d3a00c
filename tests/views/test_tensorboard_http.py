"""What TensorBoard itself makes of the files: a real server, asked over HTTP."""

import contextlib
import dataclasses
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from kerastune_lite._src.core.events import EpochEnded, SpaceGrown, TrialPaused, TrialResumed
from kerastune_lite._src.core.trial import TrialStatus
from kerastune_lite._src.views.tensorboard.tensorboard_view import TensorBoardView
from kerastune_lite.hyperparameters import Boolean, Choice, Condition, Float, Int, Parameter, Space
from tests.views.fake_search import FakeSearch

pytestmark = pytest.mark.slow

PATIENCE = 60
STATUSES = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]


OURS = "kerastune_lite._src.views.tensorboard.serve"


@contextlib.contextmanager
def tensorboard(logdir, log, module=OURS, loader="auto"):
    """The address of a TensorBoard that serves `logdir` and writes its output to `log`.

    Ours differs in the order of columns, and starts in a fifth of the time.
    """
    command = [sys.executable, "-m", module, "--logdir", str(logdir), f"--load_fast={loader}"]
    command += ["--host", "127.0.0.1", "--port", "0", "--reload_interval", "1"]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield wait_for(lambda: address(process, log))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def address(process, log):
    text = log.read_text()
    if process.poll() is not None:
        raise RuntimeError(f"TensorBoard has stopped:\n{text}")
    found = re.search(r"http://127\.0\.0\.1:\d+", text)
    return found and found.group()


def wait_for(question):
    """The first answer that is not empty."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        time.sleep(0.1)
    raise TimeoutError(f"{question} had no answer for {PATIENCE} seconds.")


def ask(url, route, **body):
    request = urllib.request.Request(
        f"{url}/data/plugin/hparams/{route}",
        json.dumps({"experimentName": "", **body}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return json.load(response)


def get(url, route):
    """The answer of a plugin; None where it does not know of what was asked (yet)."""
    try:
        with urllib.request.urlopen(f"{url}/data/plugin/{route}", timeout=PATIENCE) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None


def groups(url, until):
    """The rows, by name, as soon as `until` is content with them."""

    def question():
        answer = ask(
            url, "session_groups", allowedStatuses=STATUSES, startIndex=0, sliceSize=1000000
        )
        found = {group["name"]: group for group in answer.get("sessionGroups", [])}
        return found if until(found) else None

    return wait_for(question)


def metrics(group):
    """{metric: value}; the metrics of a run below the session as "run:tag"."""
    names = (value["name"] for value in group["metricValues"])
    labels = [f"{n['group']}:{n['tag']}" if n.get("group") else n["tag"] for n in names]
    values = (value.get("value", 0.0) for value in group["metricValues"])
    return dict(zip(labels, values, strict=True))


def statuses(group):
    return {session["name"]: session["status"] for session in group["sessions"]}


MOMENTUM = Parameter("momentum", Float(0.0, 1.0), (Condition("optimizer", ("sgd",)),))
SPACE = Space(
    [
        Parameter("optimizer", Choice(("sgd", "adam"))),
        MOMENTUM,
        Parameter("layers", Int(1, 2)),
        Parameter("units_1", Int(8, 64)),
        Parameter("dropout", Boolean()),
        Parameter("decay", Choice((None, 0.5))),
    ]
)


def test_every_trial_hyperparameter_and_metric_is_there(tmp_path):
    """One search with all that happens: conditional, unused and grown parameters, retries, ..."""
    search = FakeSearch(TensorBoardView(tmp_path / "logs"), space=SPACE)
    plain = {"optimizer": "sgd", "momentum": 0.5, "layers": 2, "units_1": 16}
    plain |= {"dropout": True, "decay": None}
    search.run(0, plain, scores=(0.25,))
    search.run(1, {"optimizer": "adam", "layers": 1, "dropout": False, "decay": 0.5}, scores=(0.5,))

    diverging = search.start(2, plain)
    search.tell(EpochEnded(2, 0, 0, 0, {"loss": float("nan"), "val_loss": float("inf")}))
    search.end(diverging, search.train(diverging, epochs=(1, 1), score=None))

    retried = search.start(3, plain)
    first = search.train(retried, score=None, retry=True)
    search.end(retried, first, search.train(retried, attempt=1, epochs=(0, 1), score=0.75))

    search.run(4, plain, scores=(0.25, 0.75), epochs=0)
    search.tell(SpaceGrown((Parameter("l2", Float(0.0, 1.0)),), 5))
    search.run(5, plain, used={**plain, "l2": 0.125}, scores=(1.0,))
    running = search.start(6, plain)
    search.tell(EpochEnded(running.number, 0, 0, 0, {"loss": 1.0}))

    with tensorboard(tmp_path / "logs", tmp_path / "log.txt") as url:
        rows = groups(url, lambda found: len(found) == 6)
        columns = ask(url, "experiment")["hparamInfos"]

        search.end(running, search.train(running, epochs=(1, 2), score=2.0))
        later = groups(url, lambda found: len(found) == 7)

    assert list(rows) == [f"digits/trial_{number:04d}" for number in range(6)]
    trials = list(rows.values())
    expected = {"optimizer": "sgd", "momentum": "0.5", "layers": 2.0, "units_1": "16"}
    expected |= {"dropout": True, "decay": "None", "l2": "inactive"}
    for number in (0, 2, 3, 4):
        assert trials[number]["hparams"] == expected
    assert trials[5]["hparams"] == {**expected, "l2": "0.125"}
    assert trials[1]["hparams"] == {
        "optimizer": "adam",
        "momentum": "inactive",
        "layers": 1.0,
        "units_1": "inactive",
        "dropout": False,
        "decay": "0.5",
        "l2": "inactive",
    }
    types = {column["name"]: column["type"] for column in columns}
    assert types == {
        **dict.fromkeys(["optimizer", "momentum", "units_1", "decay", "l2"], "DATA_TYPE_STRING"),
        "layers": "DATA_TYPE_FLOAT64",
        "dropout": "DATA_TYPE_BOOL",
    }

    curves = {"train/epoch_loss", "validation/epoch_loss", "train/epoch_learning_rate"}
    assert set(metrics(trials[0])) == {"objective", *curves}
    assert metrics(trials[0])["validation/epoch_loss"] == 2.0
    assert [metrics(trial).get("objective") for trial in trials] == [0.25, 0.5, None, 0.75, 0.5, 1]
    assert metrics(trials[3])["train/epoch_loss"] == 2.0
    assert metrics(trials[2]) == {"train/epoch_loss": "NaN", "validation/epoch_loss": "Infinity"}

    assert statuses(trials[0]) == {"trial_0000": "STATUS_SUCCESS"}
    assert statuses(trials[2]) == {"trial_0002": "STATUS_FAILURE"}
    assert statuses(trials[3]) == {"trial_0003_retry1": "STATUS_SUCCESS"}
    assert statuses(trials[4]) == {
        "trial_0004/execution0": "STATUS_SUCCESS",
        "trial_0004/execution1": "STATUS_SUCCESS",
    }
    assert metrics(later["digits/trial_0006"])["objective"] == 2.0


def test_sessions_meet_the_curves_of_kerass_own_callback(tmp_path):
    """Keras writes below `trial_0000/execution0/`, in `train/` and `validation/`."""
    from kerastune_lite._src.views.tensorboard import event_files

    logs = tmp_path / "logs"
    view = TensorBoardView(tmp_path / "own", extra_hparams_dirs=[logs])
    search = FakeSearch(view, repeats=2)
    search.run(0, {"units": 8, "learning_rate": 0.5}, scores=(0.25, 0.75))
    for execution in range(2):
        for subset in ("train", "validation"):
            directory = logs / f"trial_0000/execution{execution}" / subset
            directory.mkdir()
            file = event_files.EventFile(str(directory))
            file.append(event_files.scalars_event(0, {"epoch_loss": 1.0 + execution}, 1e9))
            file.close()

    with tensorboard(logs, tmp_path / "log.txt") as url:
        rows = groups(url, lambda found: found and len(metrics(*found.values())) == 3)
    assert metrics(rows["digits/trial_0000"]) == {
        "objective": 0.5,
        "train:epoch_loss": 1.5,
        "validation:epoch_loss": 1.5,
    }


WINES = Space([Parameter("alpha", Float(0.0, 1.0)), Parameter("zeta", Float(0.0, 1.0))])


def curve_of(url, run, tag):
    points = get(url, f"scalars/scalars?run={run}&tag={tag}") or []
    return [(step, value) for _, step, value in points]


@pytest.mark.parametrize(("module", "loader"), [("tensorboard.main", "false"), (OURS, "auto")])
def test_several_projects_are_renewed_below_one_logdir(tmp_path, monkeypatch, module, loader):
    """Rungs in one, folds in the other; each with a `_search` that is written with each trial."""
    from kerastune_lite._src.views.tensorboard import search_run

    for name in ("PAUSE", "SHARE", "WORTH"):
        monkeypatch.setattr(search_run, name, 0)
    digits = FakeSearch(TensorBoardView(tmp_path / "logs/digits"))
    rungs = digits.start(0, {"units": 8, "learning_rate": 0.5})
    first = digits.train(rungs, epochs=(0, 1), score=4.0, curve=[4.0])
    paused = dataclasses.replace(rungs, status=TrialStatus.PAUSED, executions=(first,))
    paused = dataclasses.replace(paused, score=4.0, loss=4.0)
    digits.tell(TrialPaused(paused))
    for number in (1, 2):  # of fewer trials than three there is no fan
        trial = digits.start(number, {"units": 8, "learning_rate": 0.5})
        digits.end(trial, digits.train(trial, epochs=(0, 3), score=5.0, curve=[7.0, 6.0, 5.0]))
    view = TensorBoardView(tmp_path / "logs/wines")
    wines = FakeSearch(view, space=WINES, repeats=2, project="wines")
    for number in range(12):
        values = {"alpha": (number * 5 % 12) / 12, "zeta": number / 12}
        wines.run(number, values, scores=(values["zeta"], values["zeta"] + 1.0))

    fan = "digits/_search", "search/val_loss/median"
    with tensorboard(tmp_path / "logs", tmp_path / "log.txt", module, loader) as url:
        groups(url, lambda found: len(found) == 14)
        wait_for(lambda: curve_of(url, *fan) == [(0, 7.0)])
        digits.tell(TrialResumed(dataclasses.replace(paused, status=TrialStatus.RUNNING)))
        digits.end(rungs, digits.train(rungs, epochs=(1, 3), score=2.0, curve=[0, 3.0, 2.0]))
        rows = groups(url, lambda found: len(found) == 15)
        wait_for(lambda: len(curve_of(url, *fan)) > 1)
        assert curve_of(url, *fan) == [(0, 7.0), (1, 6.0), (2, 5.0)]
        trained = curve_of(url, "digits/trial_0000", "validation/epoch_loss")
        assert trained == [(0, 4.0), (1, 3.0), (2, 2.0)]
        (category,) = get(url, "custom_scalars/layout")["category"]
        text = get(url, "text/text?run=digits/_search&tag=ranking")[-1]
        image = get(url, "images/images?run=wines/_search&tag=importances&sample=0")[-1]
        columns = [column["name"] for column in ask(url, "experiment")["hparamInfos"]]

    assert len(category["chart"]) == 2  # both projects have the same objective
    assert "3 trials: 3 completed." in text["text"]
    assert image["step"] == 12
    assert rows["digits/trial_0000"]["hparams"] == {"units": 8.0, "learning_rate": 0.5}
    assert rows["wines/trial_0003"]["hparams"] == {"alpha": 0.25, "zeta": 0.25}
    assert len(rows["wines/trial_0003"]["sessions"]) == 2
    assert metrics(rows["wines/trial_0003"])["objective"] == 0.75
    # By name, and those first that differ between trials; ours puts the important ones first.
    of_wines = ["zeta", "alpha"] if module == OURS else ["alpha", "zeta"]
    assert columns == [*of_wines, "learning_rate", "units"]
