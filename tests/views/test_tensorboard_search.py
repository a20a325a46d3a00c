"""The run `_search`, as it stands in its file."""

import dataclasses
import io
import json

import numpy as np
import pytest

from kerastune_lite._src.core.events import SearchEnded, StopReason, TrialPaused, TrialResumed
from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Trial, TrialStatus
from kerastune_lite._src.views.tensorboard import picture, search_run
from kerastune_lite._src.views.tensorboard.ranking import ranking
from kerastune_lite._src.views.tensorboard.tensorboard_view import TensorBoardView
from kerastune_lite.hyperparameters import Float, Parameter, Space
from tests.views.fake_search import FakeSearch, events_of

OF = "search/val_loss"
PLAIN = {"units": 8, "learning_rate": 0.5}


def run_of(directory):
    """{tag: [(step, value), ...]} of the one file, and how many events forget what was before."""
    assert len(list((directory / "_search").iterdir())) == 1
    found, starts = {}, 0
    for event in events_of(directory / "_search"):
        starts += event.HasField("session_log")
        for value in event.summary.value:
            content = value.tensor.string_val or value.tensor.float_val[0]
            found.setdefault(value.tag, []).append((event.step, content))
    return found, starts


def text_of(directory):
    (step, (markdown,)) = run_of(directory)[0]["ranking"][-1]
    return step, markdown.decode()


def run(search, number, score, curve=None, **more):
    trial = search.start(number, PLAIN)
    curve = [score + 1, score] if curve is None else curve
    done = search.train(trial, score=score, epochs=(0, len(curve)), curve=curve, **more)
    return search.end(trial, done)


def test_the_fan_the_lines_and_the_ranking_of_a_search(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path))
    for number, score in enumerate([3.0, 1.0, 2.0]):
        run(search, number, score, [score + 2, score + 1, score][: 2 + (number == 1)])
    failed = search.start(3, PLAIN)
    search.end(failed, search.train(failed, score=None, message="ValueError: a | b"))
    search.stop()
    found, starts = run_of(tmp_path)
    assert found[f"{OF}/objective"] == [(0, 3.0), (1, 1.0), (2, 2.0)]
    assert found[f"{OF}/best_so_far"] == [(0, 3.0), (1, 1.0), (2, 1.0)]
    assert found[f"{OF}/median"] == [(0, 4.0), (1, 3.0)]  # only one came further
    assert found[f"{OF}/10_percent"] == [(0, pytest.approx(3.2)), (1, pytest.approx(2.2))]
    assert found[f"{OF}/90_percent"][0] == (0, pytest.approx(4.8))
    assert starts == 1
    step, markdown = text_of(tmp_path)
    assert step == 4
    assert "4 trials: 3 completed, 1 failed." in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert [row.split(" | ")[1:3] for row in rows[2:]] == [
        ["1", "1.000"],
        ["2", "2.000"],
        ["0", "3.000"],
    ]
    assert "- ValueError: a &#124; b (trial 3)" in markdown


def test_the_layout_is_one_that_custom_scalars_can_read(tmp_path):
    from tensorboard.plugins.custom_scalar import layout_pb2

    search = FakeSearch(TensorBoardView(tmp_path))
    search.run(0, PLAIN, epochs=0)
    search.stop()

    def charts():
        ((_, (content,)),) = run_of(tmp_path)[0]["custom_scalars__config__"]
        return layout_pb2.Layout.FromString(content).category[0].chart

    assert [chart.WhichOneof("content") for chart in charts()] == ["multiline"]
    for number in (1, 2, 3):
        run(search, number, 0.5)
    search.stop()
    margin, multiline = charts()
    (series,) = margin.margin.series
    tags = run_of(tmp_path)[0]
    assert {series.lower, series.value, series.upper} < set(tags)
    assert [tag.strip("^$") for tag in multiline.multiline.tag] == [
        f"{OF}/objective",
        f"{OF}/best_so_far",
    ]


def test_a_resumed_search_goes_on_with_it(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path))
    run(search, 0, 3.0)
    run(search, 1, 1.0)  # killed
    search = FakeSearch(TensorBoardView(tmp_path), trials=search.trials)
    run(search, 2, 2.0)
    search.stop()
    found, starts = run_of(tmp_path)
    assert found[f"{OF}/best_so_far"] == [(0, 3.0), (1, 1.0), (2, 1.0)]
    assert found[f"{OF}/median"] == [(0, 3.0), (1, 2.0)]
    assert text_of(tmp_path)[0] == 3
    assert starts == 1


def test_a_search_with_nothing_left_to_do_mends_what_a_killed_one_left(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path))
    for number in range(3):
        run(search, number, 1.0)
    assert text_of(tmp_path)[0] == 1
    FakeSearch(TensorBoardView(tmp_path), trials=search.trials).stop()
    assert text_of(tmp_path)[0] == 3


def test_repeats_count_as_one_curve_and_retries_as_none(tmp_path):
    search = FakeSearch(TensorBoardView(tmp_path), repeats=2)
    for number in range(3):
        trial = search.start(number, PLAIN)
        search.train(trial, 0, score=None, retry=True, curve=[100.0, 100.0])
        first = search.train(trial, 0, attempt=1, score=1.0, curve=[3.0, 1.0])
        second = search.train(trial, 1, score=2.0, curve=[5.0, 2.0])
        search.end(trial, first, second)
    search.stop()
    found, _ = run_of(tmp_path)
    assert found[f"{OF}/median"] == [(0, 4.0), (1, 1.5)]
    assert found[f"{OF}/90_percent"] == [(0, 4.0), (1, 1.5)]
    assert found[f"{OF}/objective"] == [(0, 1.5), (1, 1.5), (2, 1.5)]


@pytest.mark.parametrize("restarted", [False, True])
def test_rungs_are_one_curve_and_paused_trials_are_ranked(tmp_path, restarted):
    search = FakeSearch(TensorBoardView(tmp_path))
    trial = search.start(0, PLAIN)
    first = search.train(trial, epochs=(0, 1), score=5.0, curve=[5.0])
    paused = dataclasses.replace(
        trial, status=TrialStatus.PAUSED, executions=(first,), score=5.0, loss=5.0
    )
    search.tell(TrialPaused(paused))
    if restarted:
        search.stop()
        search = FakeSearch(TensorBoardView(tmp_path), trials=[paused])
    run(search, 1, 6.0, [7.0, 6.5, 6.0])
    run(search, 2, 6.0, [7.0, 6.5, 6.0])
    search.views[0].close()
    assert "3 trials: 2 completed, 1 paused." in text_of(tmp_path)[1]
    search.tell(TrialResumed(dataclasses.replace(paused, status=TrialStatus.RUNNING)))
    search.end(trial, search.train(trial, epochs=(1, 3), score=3.0, curve=[0, 4.0, 3.0]))
    search.stop()
    found, _ = run_of(tmp_path)
    lower = [(0, pytest.approx(5.4)), (1, pytest.approx(4.5)), (2, pytest.approx(3.6))]
    assert found[f"{OF}/10_percent"] == lower
    # Trial 0 ended after the others and still stands before them.
    assert found[f"{OF}/best_so_far"] == [(0, 3.0), (1, 3.0), (2, 3.0)]


# ---------------------------------------------------------------------- when it is written


def test_all_is_written_now_and_then_and_the_lines_at_once(tmp_path):
    now = [0.0]
    run_ = search_run.SearchRun(str(tmp_path), clock=lambda: now[0])
    run_.begin("digits", Objective("val_loss", "min"))
    for number in range(30):
        trial = Trial(number, PLAIN, status=TrialStatus.COMPLETED, score=1.0, loss=1.0 + number)
        run_.show(trial, [])
        now[0] += 1.0
        assert len(run_of(tmp_path)[0][f"{OF}/objective"]) == number + 1
        assert text_of(tmp_path)[0] == 1 + number // 10 * 10
    run_.end()
    assert text_of(tmp_path)[0] == 30


def test_importances_are_a_picture_and_numbers_for_searches_worth_it(tmp_path):
    from PIL import Image

    names = ["much", "little", "none"]
    space = Space([Parameter(name, Float(0.0, 1.0)) for name in names])
    rng = np.random.default_rng(0)
    search = FakeSearch(TensorBoardView(tmp_path), space=space)
    for number in range(30):
        values = dict(zip(names, rng.random(3).tolist()))
        trial = search.start(number, values)
        score = values["much"] + 0.2 * values["little"]
        search.end(trial, search.train(trial, epochs=(0, 0), score=score))
    assert "importances" not in run_of(tmp_path)[0]
    search.tell(SearchEnded(StopReason.INTERRUPTED, "", 1e9))
    assert "importances" not in run_of(tmp_path)[0], "Ctrl-C does not wait for them"
    run(search, 30, 0.5)
    search.stop()
    found, _ = run_of(tmp_path)
    ((step, (numbers,)),) = found["shares"]
    shares = json.loads(numbers)
    assert (step, list(shares)) == (31, names)
    ((_, (width, height, png)),) = found["importances"]
    image = Image.open(io.BytesIO(png))
    assert image.size == (int(width), int(height))
    pixels = np.asarray(image)
    bars = (pixels == (0xF5, 0x7C, 0x00)).all(axis=2).sum(axis=1)
    tops = [picture.MARGIN + picture.ROW * row for row in (1, 2, 3)]
    lengths = [int(bars[top : top + picture.ROW].max()) for top in tops]
    assert lengths[0] > 3 * lengths[1] > 3 * lengths[2]


def test_short_searches_do_not_wait_for_importances(tmp_path, monkeypatch):
    monkeypatch.setattr(search_run, "WORTH", 31.0)  # the trials say that they took a second each
    search = FakeSearch(TensorBoardView(tmp_path))
    rng = np.random.default_rng(0)
    for number in range(30):
        search.run(number, {"units": int(rng.integers(8, 64)), "learning_rate": 0.01}, epochs=0)
    search.stop()
    assert "importances" not in run_of(tmp_path)[0]


def test_its_failure_costs_no_row(tmp_path, monkeypatch, caplog):
    from tests.views.fake_search import sessions_of

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(search_run.SearchRun, "show", broken)
    search = FakeSearch(TensorBoardView(tmp_path))
    run(search, 0, 1.0)
    run(search, 1, 1.0)
    search.stop()
    assert list(sessions_of(tmp_path)) == ["trial_0000", "trial_0001"]
    assert len([record for record in caplog.records if "_search" in record.message]) == 1


# ---------------------------------------------------------------------- its parts


def test_the_ranking_survives_any_text():
    markdown = pytest.importorskip("markdown")
    values = {"a|b": "x|y <b>", "*_c_*": "`d`"}
    trial = Trial(0, values, status=TrialStatus.COMPLETED, score=0.5, loss=0.5)
    text = ranking("my_*project*", Objective("val_loss", "min"), [trial])
    page = markdown.markdown(text, extensions=["markdown.extensions.tables"])
    assert "<td>x|y &lt;b&gt;</td>".replace("|", "&#124;") in page.replace(
        ' style="text-align: right;"', ""
    )
    assert "*_c_*" in page
    assert "`d`" in page
    assert "my_*project*" in page
