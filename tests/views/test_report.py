"""The report: what it must hold, that nothing in it runs or loads, and that it always comes out."""

import dataclasses
import html.parser
import os
import re

import numpy as np
import pytest

from kerastune_lite._src.views.report.page import page, write_report
from kerastune_lite._src.views.report.searched import Remembered, Searched
from kerastune_lite._src.views.report.svg import Frame, escaped, ticks
from kerastune_lite.hyperparameters import Choice, Condition, Float, Parameter, Space
from tests.analysis.trials import LOSS, completed, cube, failed, sampled
from tests.views.streams import rejected

EVIL = '<script>alert("x")</script>'
SPACE = Space(
    [
        Parameter("rate", Float(1e-5, 1e-1, sampling="log")),
        Parameter("optimizer", Choice(("sgd", "adam"))),
        Parameter("momentum", Float(0.0, 0.9), (Condition("optimizer", ("sgd",)),)),
    ]
)


def loss(values):
    return abs(np.log10(values["rate"]) + 3) + values.get("momentum", 0.5)


def searched(trials, curves=None, space=SPACE, **more):
    settings = {"seed": 11, "oracle": {"type": "Random"}, "fit": {"epochs": 3}}
    known = {"settings": settings, "versions": {"keras": "3.12.0"}, **more}
    return Searched("digits", "/runs/digits", trials, space, LOSS, curves or {}, **known)


def curves_of(trials):
    return {t.number: [{"val_loss": [t.loss + 1, t.loss]}] for t in trials if t.loss is not None}


def some(count=40):
    found = sampled(SPACE, loss, count)
    return [*found, failed(count, found[0].values, SPACE, "ValueError: units must be even")]


class Checker(html.parser.HTMLParser):
    """Whether elements are closed in order, and which there are."""

    EMPTY = ("meta", "rect", "line", "circle", "path")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in self.EMPTY or (tag in ("circle", "path") and not self.closed()):
            self.open.append(tag)

    def closed(self):
        return self.get_starttag_text().endswith("/>")

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def test_all_that_belongs_into_it():
    trials = some()
    best = min(trials[:-1], key=lambda t: t.loss)
    found = Checker(page(searched(trials, curves_of(trials))))
    for said in (
        "41 trials (40 completed, 1 failed); by val_loss (min)",
        f"Trial {best.number} is the best, with val_loss",
        "It was trained once",
        "Float 1e-05..0.1 log",
        "optimizer is sgd",
        "epochs=3",
        "of the differences between trials it has not seen",
        "ValueError: units must be even",
        "kt.open_project('/runs/digits')",
        repr(dict(best.values)),
        "with seed=11 proposes the same trials again",
        "keras 3.12.0",
    ):
        assert said in found.words
    assert found.tags.count("svg") == 3


def test_weights_that_are_kept_are_loaded():
    trial = completed(0, {"x0": 0.5}, cube(1), 0.4, 0.3)
    first, second = trial.executions
    kept = dataclasses.replace(second, weights="checkpoints/w.h5")
    text = page(searched([dataclasses.replace(trial, executions=(first, kept))]))
    folder = os.path.join("/runs/digits", "checkpoints/w.h5")
    assert f"model.load_weights({folder!r})" in Checker(text).words
    unbuilt = dataclasses.replace(kept, build_config={"input_shape": [1]})
    text = page(searched([dataclasses.replace(trial, executions=(first, unbuilt))]))
    assert "load_weights" not in text


def test_the_noise_is_told():
    rng = np.random.default_rng(0)
    trials = [completed(n, {"x0": n / 9}, cube(1), *rng.normal(0.5, 0.1, 3)) for n in range(9)]
    found = Checker(page(searched(trials, space=cube(1))))
    assert "over 3 trainings (mean ± standard deviation)" in found.words
    assert "within the noise of it" in found.words
    assert "±" in found.words


def test_nothing_runs_and_nothing_is_loaded():
    trials = some()
    text = page(searched(trials, curves_of(trials)))
    assert not {"script", "link", "img", "iframe", "object"} & set(Checker(text).tags)
    assert "default-src 'none'" in text
    assert not re.search(r"https?://|url\(|@import|\bon\w+=", text)
    assert len(text) < 200_000


def test_the_users_texts_stay_texts():
    space = Space([Parameter(EVIL, Choice((EVIL, "b"))), Parameter("x", Float(0.0, 1.0))])
    objective = dataclasses.replace(LOSS, name=EVIL)
    trials = [
        completed(n, {EVIL: EVIL if n % 2 else "b", "x": n / 20}, space, n / 20 + n % 2)
        for n in range(20)
    ]
    trials.append(failed(20, trials[0].values, space, f"ValueError: {EVIL}\x1b[31m"))
    text = page(
        Searched(
            EVIL,
            EVIL,
            trials,
            space,
            objective,
            {n: [{EVIL: [1.0, 2.0]}] for n in range(20)},
            {"oracle": EVIL, "seed": 1},
            {EVIL: EVIL},
        )
    )
    assert "script" not in Checker(text).tags
    assert EVIL in Checker(text).words
    assert "\x1b" not in text
    assert escaped("a\"'<&\x00") == "a&quot;&#x27;&lt;&amp; "


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        ([], "No trial has been completed."),
        ([failed(0, {}, Space())], "1 trial"),
        ([completed(0, {"x0": 0.5}, cube(1), 0.0)], "at least 10 completed trials"),
        (
            [completed(n, {"x0": n / 20}, cube(1), 0.25) for n in range(20)],
            "have the same val_loss",
        ),
        (
            [completed(0, {}, Space(), 1e300), completed(1, {}, Space(), -1e300)],
            "Trial 1 is the best",
        ),
    ],
    ids=["nothing", "only failures", "one", "all the same", "huge"],
)
def test_it_comes_out_whatever_happened(trials, said):
    found = Checker(page(searched(trials, curves_of(trials), space=Space(), settings={})))
    assert said in found.words


def test_of_many_curves_some_are_drawn(tmp_path):
    trials = sampled(cube(2), lambda v: v["x0"], 300)
    curves = {t.number: [{"val_loss": (t.loss + 1 / np.arange(1, 500)).tolist()}] for t in trials}
    write_report(tmp_path / "report.html", searched(trials, curves, space=cube(2)))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.count('class="curve"') == 200
    assert "200 of 300 curves are drawn" in Checker(text).words
    assert len(text) < 600_000


def test_ticks_are_round():
    assert ticks(0.0, 1.0) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(-3.0, 40.0) == pytest.approx([0, 10, 20, 30, 40])
    assert ticks(2.0, 2.0) == [2.0]


def test_a_line_is_interrupted_where_nothing_was_measured():
    frame = Frame((0.0, 3.0), (0.0, 1.0), "x", "y")
    path = frame.path([0, 1, 2, 3], [0.0, float("nan"), 0.5, 9.0])
    assert re.findall("[ML]", path) == ["M", "M", "L"]
    assert path.endswith(f"{frame.across(3):.1f} {frame.down(1.0):.1f}")  # at the edge


def test_rejected_trials_stand_by_themselves():
    text = page(searched([failed(0, {}, SPACE), rejected(1), rejected(2)]))
    assert "<h2>Failures</h2>" in text
    after = text.split("<h2>Trials rejected (max_model_size, constraints, FailedTrialError)</h2>")[
        1
    ]
    assert "too large" in after
    assert "1, 2" in after


def test_former_projects_and_how_much_of_them_was_used():
    trials = [dataclasses.replace(trial, origin="former") for trial in some(5)[:2]]
    trials += some(5)[2:]
    remembered = (Remembered("last_year", 50, 48), Remembered("<b>", 7, 7))
    said = Checker(page(searched(trials, remembered=remembered))).words
    assert "2 trials here began with one of their best points" in said
    assert "last_year 50 48 <b> 7 7" in said
    assert "former" not in Checker(page(searched(some(5)))).words
