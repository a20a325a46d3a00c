import pytest

from kerastune_lite._src.analysis.heldout import Evaluation, Evaluations
from tests.analysis.trials import ACCURACY, LOSS


def table(*rows, objective=ACCURACY):
    return Evaluations(objective, tuple(Evaluation(*row) for row in rows))


def test_it_is_a_sequence_of_rows():
    found = table((7, 0.95, 0.90), (3, 0.94, 0.93))
    assert len(found) == 2
    assert found[0].trial == 7
    assert [row.difference for row in found] == pytest.approx([-0.05, -0.01])
    assert [row.trial for row in found[1:]] == [3]


def test_as_a_table():
    assert str(table((7, 0.95, 0.951), (3, 0.94, 0.93))).splitlines() == [
        "val_accuracy: validation and held-out scores of the best 2",
        "  trial   validation   held-out   difference",
        "      7       0.9500     0.9510      +0.0010",
        "      3       0.9400     0.9300      -0.0100",
        "Trial 7 is the best on held-out data, too.",
    ]


def test_another_winner():
    text = " ".join(table((7, 0.95, 0.90), (3, 0.90, 0.91), (4, 0.85, 0.905)).notes())
    assert "On held-out data trial 3 is the best, and trial 7 is 3. of 3" in text


@pytest.mark.parametrize(("objective", "sign"), [(ACCURACY, 1), (LOSS, -1)], ids=["max", "min"])
def test_scores_that_hold_on_validation_data_only(objective, sign):

    def notes(*rows):
        rows = [(number, sign * own, sign * other) for number, own, other in rows]
        return " ".join(table(*rows, objective=objective).notes())

    said = "All held-out scores are worse than on validation data, by 0.05"
    assert said in notes((0, 0.95, 0.90), (1, 0.94, 0.89))
    assert "worse than on validation" not in notes((0, 0.95, 0.945), (1, 0.80, 0.79))
    assert "worse than on validation" not in notes((0, 0.95, 0.90), (1, 0.94, 0.96))


def test_a_single_trial():
    assert "by 0.05 on average: expect" in str(table((0, 0.95, 0.90)))
    assert table((0, 0.95, 0.96)).notes() == []
