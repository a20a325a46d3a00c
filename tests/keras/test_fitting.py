"""The arguments of search(): what model.fit takes, and what is refused before the first trial."""

import functools
import inspect

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.core.objective import DefaultObjective
from kerastune_lite._src.keras import fit_arguments
from kerastune_lite._src.keras.fit_arguments import FitArguments
from kerastune_lite._src.util.errors import FatalTypeError, FatalValueError
from kerastune_lite.hyperparameters import HyperParameters
from tests.keras.models import FEATURES, VAL_LOSS, data, keras, linear

X, Y = data(24)
VALIDATION = data(8, seed=1)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        rows = slice(8 * index, 8 * index + 8)
        return X[rows], Y[rows]


def dataset(x=X, y=Y):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((x, y)).batch(8)


def endless():
    while True:
        yield X[:8], Y[:8]


def three():
    for start in (0, 8, 16):
        yield X[start : start + 8], Y[start : start + 8]


def two_inputs(wrap):
    def build(hp):
        inputs = {name: keras.Input((FEATURES,), name=name) for name in ("a", "b")}
        merged = keras.layers.Add()(list(inputs.values()))
        model = keras.Model(wrap(inputs), keras.layers.Dense(1)(merged))
        model.compile("sgd", "mse", run_eagerly=True)
        return model

    return build


def one_input(hp):
    return linear(hp.Float("learning_rate", 0.01, 0.1))


def search(tmp_path, *args, build=one_input, max_trials=2, **kwargs):
    tuner = kt.RandomSearch(build, "val_loss", max_trials, seed=1, directory=tmp_path)
    tuner.search(*args, verbose=0, **kwargs)
    return tuner


KINDS = {
    "arrays": ((X, Y), {"validation_split": 0.25}),
    "validation_data": ((X, Y), {"validation_data": VALIDATION}),
    "by name": ((), {"x": X, "y": Y, "validation_data": VALIDATION}),
    "positional": ((X, Y, 8, 2), {"validation_data": VALIDATION}),
    "no batch size": ((X, Y, None, 2), {"validation_data": VALIDATION}),
    "weights": (
        (X, Y),
        {
            "sample_weight": np.linspace(0, 1, 24),
            "validation_data": (*VALIDATION, np.linspace(0, 1, 8)),
        },
    ),
    "class weights": (
        (X, np.float32(Y > 0)),
        {"class_weight": {0: 1.0, 1: 5.0}, "validation_split": 0.25},
    ),
    "tf.data": ((dataset(),), {"validation_data": dataset(*VALIDATION)}),
    "PyDataset": ((Batches(),), {"validation_data": Batches()}),
    "generator": (lambda: ((endless(),), {"steps_per_epoch": 2, "validation_data": VALIDATION})),
    "function": ((three,), {"validation_data": three, "epochs": 1}),
    "function by name": ((), {"x": functools.partial(dataset, X, Y), "validation_data": dataset}),
}


# A generator that ends is announced by Keras at the end of every epoch.
@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_data_of_every_kind(tmp_path, kind):
    given = KINDS[kind]
    args, kwargs = given() if callable(given) else given
    tuner = search(tmp_path, *args, **kwargs)
    assert [trial.failure for trial in tuner.trials] == [None] * 2
    assert np.isfinite(tuner.get_best_trials()[0].score)


@pytest.mark.parametrize("wrap", [dict, lambda inputs: list(inputs.values())])
def test_dicts_and_lists_of_inputs(tmp_path, wrap):
    inputs, validation = ({"a": x, "b": x} for x in (X, VALIDATION[0]))
    tuner = search(
        tmp_path, wrap(inputs), Y, validation_data=(wrap(validation), VALIDATION[1]),
        build=two_inputs(wrap), max_trials=1,
    )  # fmt: skip
    assert tuner.trials[0].message is None


def test_weights_reach_the_score(tmp_path):
    last = np.float32([0] * 7 + [1])
    tuner = search(tmp_path, X, Y, validation_data=(*VALIDATION, last), max_trials=1)
    model = tuner.get_best_models()[0]
    expected = model.evaluate(*VALIDATION, sample_weight=last, verbose=0)
    assert tuner.get_best_trials()[0].score == pytest.approx(expected, rel=1e-6)
    assert expected != pytest.approx(model.evaluate(*VALIDATION, verbose=0), rel=1e-3)


class Recorder:
    """Stands in for a HyperModel of the library's and notes what its `fit` is called with."""

    def __init__(self, build):
        self._build = build
        self.calls = []
        outer = self

        class Noting(keras.Sequential):
            def fit(self, *args, **kwargs):
                outer.calls.append((len(args), kwargs.get("batch_size"), kwargs.get("epochs")))
                return super().fit(*args, **kwargs)

        self._kind = Noting

    def __call__(self, hp):
        model = self._kind([keras.Input((FEATURES,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        self._build(hp)
        return model


def test_batch_size_and_epochs_reach_fit(tmp_path):
    def declare(hp):
        hp.Choice("batch_size", [2, 4])
        hp.Int("epochs", 1, 3)

    build = Recorder(declare)
    tuner = search(tmp_path, X, Y, None, validation_split=0.25, build=build, max_trials=4)
    values = [(2, t.values["batch_size"], t.values["epochs"]) for t in tuner.trials]
    assert build.calls == values
    for trial in tuner.trials:
        assert len(tuner.history(trial)[0]["loss"]) == trial.values["epochs"]


def test_conditional_fit_hyperparameters_reach_fit_while_they_are_active(tmp_path):
    def declare(hp):
        hp.Boolean("small")
        with hp.conditional_scope("small", [True]):
            hp.Fixed("batch_size", 3)

    build = Recorder(declare)
    tuner = search(tmp_path, X, Y, validation_split=0.25, build=build, max_trials=2)
    expected = [(2, 3 if trial.values["small"] else None, None) for trial in tuner.trials]
    assert sorted(map(str, build.calls)) == sorted(map(str, expected))
    assert {"batch_size" in trial.values for trial in tuner.trials} == {True, False}


def test_what_the_builder_does_not_ask_for_this_time_is_not_passed_on(tmp_path):
    def declare(hp):
        if hp.Boolean("small"):
            hp.Fixed("batch_size", 3)

    build = Recorder(declare)
    tuner = search(tmp_path, X, Y, validation_split=0.25, build=build, max_trials=2)
    for trial, call in zip(tuner.trials, build.calls, strict=True):
        assert call == (2, 3 if trial.values["small"] else None, None)
        assert ("batch_size" in trial.values) == trial.values["small"]


def test_parameters_declared_outside_the_builder_are_passed_on(tmp_path):
    hp = HyperParameters()
    hp.Fixed("batch_size", 5)
    build = Recorder(lambda hp: None)
    tuner = kt.RandomSearch(build, "loss", 1, hyperparameters=hp, directory=tmp_path)
    tuner.search(X, Y, verbose=0)
    assert build.calls == [(2, 5, None)]
    assert tuner.trials[0].values == {"batch_size": 5}


# ---------------------------------------------------------------------- refused


def space(**values):
    hp = HyperParameters()
    for name, value in values.items():
        hp.Fixed(name, value)
    return hp.space


def check(*args, objective=VAL_LOSS, overridden=False, declared=None, **kwargs):
    FitArguments(args, kwargs, overridden).check(declared or space(), objective)


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((X, Y, 8), {}), ((X, Y), {"batch_size": 8}), ((), {"x": X, "batch_size": 8})],
)
def test_what_was_given_counts_and_that_is_said_once(caplog, args, kwargs):
    fit = FitArguments(args, {**kwargs, "validation_split": 0.5}, False)
    fit.check(space(batch_size=4), VAL_LOSS)
    hp = HyperParameters()
    hp.Fixed("batch_size", 4)
    for _ in range(2):
        assert fit.for_execution(hp)[1]["batch_size"] == 8
    (message,) = warnings_of(caplog)
    assert "'batch_size' has no effect on model.fit(): search() received batch_size=8" in message


@pytest.mark.parametrize("x", [dataset(), Batches(), endless()])
def test_batches_have_their_size(caplog, x):
    fit = FitArguments((x,), {"validation_data": VALIDATION, "steps_per_epoch": 2}, False)
    fit.check(space(batch_size=4), VAL_LOSS)
    assert "batch_size" not in fit.for_execution(HyperParameters(space(batch_size=4)))[1]
    (message,) = warnings_of(caplog)
    assert "comes in batches already" in message


def test_a_scheduler_decides_the_epochs(caplog):
    fit = FitArguments((X, Y), {"validation_split": 0.5}, False)
    hp = HyperParameters()
    hp.Int("epochs", 4, 9)
    fit.check(hp.space, VAL_LOSS, scheduled=True)
    assert fit.for_execution(hp, end_epoch=2)[1]["epochs"] == 2
    (message,) = warnings_of(caplog)
    assert "'epochs' has no effect on model.fit(): the search decides" in message


def test_in_a_run_trial_nothing_needs_saying(caplog):
    fit = FitArguments((X, Y), {"validation_split": 0.5, "epochs": 3}, False, in_run_trial=True)
    fit.check(space(epochs=4), VAL_LOSS)
    hp = HyperParameters()
    hp.Fixed("epochs", 4)
    assert fit.for_execution(hp)[1]["epochs"] == 3
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "given"), [("epochs", {"epochs": 2}), ("batch_size", {"batch_size": 6})]
)
def test_a_search_whose_builder_asks_for_what_is_given(tmp_path, caplog, name, given):
    def build(hp):
        if hp.Boolean("odd"):
            hp.Int(name, 3, 4)
        return linear()

    tuner = kt.RandomSearch(build, "val_loss", 3, directory=tmp_path, seed=1)
    tuner.search(X, Y, **{"epochs": 1, **given}, validation_split=0.5, verbose=0)
    assert [trial.epochs for trial in tuner.trials] == [given.get("epochs", 1)] * 3
    assert any(name in trial.values for trial in tuner.trials)
    assert len([m for m in warnings_of(caplog) if "has no effect" in m]) == 1


def test_batches_made_by_a_function_keep_their_size(tmp_path, caplog):
    def build(hp):
        hp.Choice("batch_size", [2, 4])
        return linear()

    search(tmp_path, dataset, validation_data=VALIDATION, build=build)
    assert "comes in batches already" in warnings_of(caplog)[0]


@pytest.mark.parametrize(
    ("args", "kwargs", "advice"),
    [
        ((three(),), {"validation_data": VALIDATION}, "x=make_generator"),
        ((X, Y), {"validation_data": three()}, "validation_data=make_generator"),
        ((X, Y), {"validation_data": three()}, "validation_steps= if it never ends"),
    ],
)
def test_a_generator_lasts_for_one_trial(args, kwargs, advice):
    with pytest.raises(FatalValueError, match="used up by the first trial") as caught:
        check(*args, **kwargs)
    assert advice in str(caught.value)


def test_a_validation_metric_needs_validation_data():
    for kwargs in ({}, {"validation_split": 0.0}, {"validation_data": None}):
        with pytest.raises(FatalValueError, match="'val_loss' is measured on validation data"):
            check(X, Y, **kwargs)
    check(X, Y, objective=kt.Objective("loss", "min"))
    check(X, Y, objective=kt.Objective("my_metric", "min"))


@pytest.mark.parametrize("x", [dataset(), Batches()])
def test_batches_cannot_be_split(x):
    with pytest.raises(FatalValueError, match=r"validation_split=0\.5. Pass validation_data"):
        check(x, validation_split=0.5)


def test_a_wish_to_shuffle_is_left_to_keras():
    for x, given, expected in (
        (X, {}, None),
        (Batches(), {}, None),
        (dataset(), {}, False),
        (endless(), {}, False),
        (dataset(), {"shuffle": True}, True),
    ):
        _, made = FitArguments((x,), given, False).for_execution(HyperParameters())
        assert made.get("shuffle") is expected


def test_data_is_needed():
    for args in ((), (None,)):
        with pytest.raises(FatalValueError, match="Received no `x`"):
            check(*args, validation_data=VALIDATION)


def test_model_fit_needs_an_objective():
    with pytest.raises(FatalValueError, match="Received: objective=None"):
        check(X, Y, objective=DefaultObjective())


@pytest.mark.parametrize(
    ("args", "kwargs", "reason"),
    [
        ((X, Y), {"epoch": 3}, r"unexpected keyword argument 'epoch'\. Did you mean `epochs`\?"),
        ((X, Y), {"trial_time_out": 3}, "Did you mean `trial_timeout`"),
        ((X, Y), {"n_jobs": 3}, "write workers=4"),
        ((X, Y), {"something_else": 3}, r"'something_else'\.$"),
        ((X,), {"x": X}, "multiple values for argument 'x'"),
        (tuple(range(30)), {}, "too many positional arguments"),
    ],
)
def test_other_arguments_than_those_of_fit(args, kwargs, reason):
    with pytest.raises(FatalTypeError, match=rf"takes the arguments of model.fit\(\): .*{reason}"):
        check(*args, **kwargs)


def test_the_arguments_of_search_are_known_by_name():
    parameters = inspect.signature(kt.Tuner.search).parameters.values()
    own = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    assert sorted(fit_arguments._OF_SEARCH) == sorted(own)


@pytest.mark.parametrize(
    ("args", "name"), [((X, Y, 8, 2, 0), "verbose"), ((X, Y, 8, 2, 0, []), "verbose")]
)
def test_verbose_and_callbacks_go_by_name(args, name):
    with pytest.raises(FatalTypeError, match=f"takes `{name}` by name only"):
        check(*args, validation_split=0.5)


def test_an_overridden_fit_gets_what_it_is_given():
    arguments = FitArguments((1, three), {"anything": 2}, overridden=True)
    arguments.check(space(batch_size=4), VAL_LOSS)
    hp = HyperParameters(space(batch_size=4))
    hp.get("batch_size")
    assert arguments.for_execution(hp) == ((1, three), {"anything": 2})


# ---------------------------------------------------------------------- made up for an execution


def test_an_end_epoch_wins_over_all_else():
    hp = HyperParameters()
    for args, kwargs in (((X, Y, None, 9), {}), ((X, Y), {"epochs": 3}), ((X, Y), {})):
        _, made = FitArguments(args, kwargs, False).for_execution(hp, end_epoch=4)
        assert made["epochs"] == 4
    hp.Fixed("epochs", 7)
    _, made = FitArguments((X, Y), {}, False).for_execution(hp, end_epoch=4)
    assert made["epochs"] == 4


def test_default_epochs_give_way():
    for kwargs, expected in (({}, 5), ({"epochs": 2}, 2)):
        arguments = FitArguments((X, Y), kwargs, False, in_run_trial=True)
        arguments.default_epochs(5)
        hp = HyperParameters()
        hp.Fixed("epochs", 9)
        assert arguments.for_execution(hp)[1]["epochs"] == expected


def test_fresh_data_for_each_execution():
    arguments = FitArguments((three,), {"validation_data": three}, False)
    (first,), kwargs = arguments.for_execution(HyperParameters())
    (second,), _ = arguments.for_execution(HyperParameters())
    assert len(list(first)) == len(list(second)) == len(list(kwargs["validation_data"])) == 3
