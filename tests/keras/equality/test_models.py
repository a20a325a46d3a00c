"""Models that Keras does not make by itself, or that are trained in a way of their own."""

import numpy as np
import pytest

from tests.keras.equality.cases import (
    OWN,
    PATHS,
    SHARED,
    Dispatcher,
    arguments,
    by_fit,
    check_own,
    check_plain,
    check_same,
    check_same_history,
    check_shared,
    classes,
    dispatched,
    keras,
    made,
    mlp,
    no_programs,
    numbers,
    rare_is_slow,
    sgd,
)

L = keras.layers
SPARSE = "sparse_categorical_crossentropy"


class Net(keras.Model):
    """A model that is written as a class."""

    def __init__(self, units=8, **others):
        super().__init__(**others)
        self.hidden = L.Dense(units, activation="relu")
        self.normalized = L.BatchNormalization()
        self.dropped = L.Dropout(0.3)
        self.last = L.Dense(3, activation="softmax")

    def call(self, inputs, training=None):
        hidden = self.normalized(self.hidden(inputs), training=training)
        return self.last(self.dropped(hidden, training=training))


class WithoutTraining(keras.Model):
    """Its call() has no argument `training`."""

    def __init__(self):
        super().__init__()
        self.last = L.Dense(3, activation="softmax")

    def call(self, inputs):
        return self.last(inputs)


class Auxiliary(Net):
    """Has a layer that is used in training only."""

    def __init__(self):
        super().__init__()
        self.helper = L.Dense(3)

    def call(self, inputs, training=False):
        outputs = super().call(inputs, training=training)
        return outputs + 0.1 * keras.ops.tanh(self.helper(inputs)) if training else outputs


class OwnStep(Net):
    """Logs what it likes."""

    def train_step(self, data):
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
        )
        return {"zebra": loss, "ape": tf.reduce_mean(y_pred), "count": tf.shape(x)[0]}


class OwnStepWithKnownNames(OwnStep):
    """Logs what Keras would log."""

    def train_step(self, data):
        logs = super().train_step(data)
        x, y = data
        self._loss_tracker.update_state(logs["zebra"])
        for metric in self.metrics:
            if metric.name != "loss":
                metric.update_state(y, self(x))
        return self.get_metrics_result()


class OwnTestStep(Net):
    def test_step(self, data):
        x, y = data
        y_pred = self(x, training=False)
        return {"loss": self.compute_loss(x=x, y=y, y_pred=y_pred), "b": y_pred[0, 0], "a": y[0]}


class OwnLoss(Net):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        return loss + 0.1 * keras.ops.mean(y_pred**2)


class OwnMetrics(Net):
    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        return {**logs, "confidence": keras.ops.max(y_pred)}


class OwnTrackers(Net):
    """Keeps a metric of its own, as Keras's guide shows it."""

    def __init__(self):
        super().__init__()
        self.tracker = keras.metrics.Mean(name="tracked")

    @property
    def metrics(self):
        return [self.tracker]

    def train_step(self, data):
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            loss = keras.ops.mean(
                keras.losses.sparse_categorical_crossentropy(y, self(x, training=True))
            )
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply(gradients, self.trainable_weights)
        self.tracker.update_state(loss)
        return {"tracked": self.tracker.result()}

    def test_step(self, data):
        x, y = data
        loss = keras.losses.sparse_categorical_crossentropy(y, self(x, training=False))
        self.tracker.update_state(keras.ops.mean(loss))
        return {"tracked": self.tracker.result()}


SUBCLASSED = (
    *(Net, WithoutTraining, OwnStep, OwnStepWithKnownNames, OwnTestStep),
    *(OwnLoss, OwnMetrics, OwnTrackers),
)


# Built by a call before `fit`, or by `fit`; the slow part of the suite has the other way of each.
COMMON_WAYS = {Net: (False, True), OwnStep: (True,), OwnTrackers: (True,)}
SUBCLASSES = [
    pytest.param(
        kind,
        built,
        id=f"{kind.__name__}{' built' * built}",
        marks=() if built in COMMON_WAYS.get(kind, (False,)) else pytest.mark.slow,
    )
    for kind in SUBCLASSED
    for built in (False, True)
]


@pytest.mark.parametrize(("kind", "built"), SUBCLASSES)
def test_subclassed_models(kind, built):
    def build(variant):
        model = kind()
        metrics = None if kind in (OwnStep, OwnTrackers) else ["accuracy"]
        model.compile(sgd(variant), loss=SPARSE, metrics=metrics)
        if built:
            model(np.zeros((1, 6), "float32"))
        return model

    check_own(build, arguments(), fastest=OWN if kind in (Net, WithoutTraining) else SHARED)


@pytest.mark.filterwarnings("ignore:.build.*was called on layer 'auxiliary")
def test_layers_that_are_used_in_training_only():
    def build(variant):
        model = Auxiliary()
        model.compile(sgd(variant), loss=SPARSE)
        return model

    check_own(build, arguments())


class Reconstructing(Net):
    """Its steps know what samples without targets come in."""

    def train_step(self, data):
        import tensorflow as tf

        x, factor = (data[0], 1.0) if isinstance(data, tuple) else (data, 2.0)
        with tf.GradientTape() as tape:
            loss = factor * keras.ops.mean((self(x, training=True) - x[:, :3]) ** 2)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply(gradients, self.trainable_weights)
        return {"loss": loss}

    def test_step(self, data):
        return {"loss": 2.0 if isinstance(data, tuple) else 1.0}


@pytest.mark.parametrize("kind", ["arrays", "a dataset", "a dataset of tuples"])
def test_samples_without_targets(kind):
    def build(variant):
        model = Reconstructing()
        model.compile(sgd(variant))
        return model

    x, _ = classes()
    if kind == "arrays":
        check_own(build, arguments(x=x[20:], y=None, validation_data=(x[:20], None)))
        return

    def of(variant):
        import tensorflow as tf

        slices = tf.data.Dataset.from_tensor_slices((x,) if "tuples" in kind else x)
        whole = slices.batch(20)
        return {"x": whole, "epochs": 2, "verbose": 0, "validation_data": whole, "shuffle": False}

    if kind == "a dataset":
        check_own(build, of)
    else:
        check_plain(build, of, "tuples of one")


def test_a_train_step_of_one_object():
    def build(variant):
        model = mlp()(variant)
        step = model.train_step
        model.train_step = lambda data: {**step(data), "more": keras.ops.sum(data[0])}
        return model

    check_own(build, arguments(), "train_step")


class Odd(Net):
    """Its step logs something that is no tensor."""

    def train_step(self, data):
        return {**super().train_step(data), "text": 1.5}


def test_a_train_step_that_logs_python_numbers():
    def build(variant):
        model = Odd()
        model.compile(sgd(variant), loss=SPARSE)
        return model

    with no_programs():
        outcome = dispatched(build, arguments())
    check_same(outcome, by_fit(build, arguments()))


def test_a_functional_model_of_a_class_of_the_users_own():
    def build(variant):
        inputs = keras.Input((6,))
        model = OwnLoss.__bases__[0].__bases__[0](inputs, L.Dense(3, "softmax")(inputs))
        mine = type("Mine", (keras.Model,), {})(inputs, model.outputs[0])
        mine.compile(sgd(variant), loss=SPARSE)
        return mine

    check_shared(build, arguments())


COMPILED = {
    "run_eagerly": "run_eagerly",
    "jit_compile": "jit_compile",
    "steps_per_execution": "steps_per_execution",
}


@pytest.mark.parametrize("name", rare_is_slow(COMPILED, ["run_eagerly", "steps_per_execution"]))
def test_what_is_left_to_fit(name):
    value = 4 if name == "steps_per_execution" else True
    check_plain(mlp(**{name: value}), arguments(), name)


def test_a_fit_of_the_models_own_is_left_alone():
    class Own(Net):
        def fit(self, *args, **kwargs):
            self.called = True
            return super().fit(*args, **kwargs)

    def build(variant):
        model = Own()
        model.compile(sgd(variant), loss=SPARSE)
        return model

    model = made(build)
    with Dispatcher().in_place_of_fit(model, 0, False) as taken:
        history = model.fit(**arguments()(0))
    assert model.called
    assert [each.path for each in taken] == ["model.fit"]
    check_same_history(history, by_fit(build, arguments()).history, 0, 0)


@pytest.mark.parametrize(
    "policy", rare_is_slow(["mixed_float16", "mixed_bfloat16", "float64"], ["mixed_float16"])
)
def test_other_dtypes(policy):
    def build(variant):
        # `clear_session` forgets the policy.
        keras.config.set_dtype_policy(policy)
        return mlp()(variant)

    try:
        if policy == "float64":
            check_own(build, arguments(), relative=1e-6)
        else:
            # So short numbers are compared in the history only.
            null = ("kernel", "bias")
            check_own(build, arguments(), null=null, relative=6e-2)
    finally:
        keras.config.set_dtype_policy("float32")


def test_double_precision_everywhere():
    keras.config.set_floatx("float64")
    try:
        with no_programs():
            for variant in (0, 1):
                outcome = dispatched(mlp(), arguments(), variant)
                assert outcome.path == "shared trace"
            check_same(outcome, by_fit(mlp(), arguments(), variant), relative=1e-9)
    finally:
        keras.config.set_floatx("float32")


def test_in_place_of_fit_each_call_is_counted():
    model, right = made(mlp()), made(mlp())
    given = arguments()(0)
    with no_programs(), Dispatcher().in_place_of_fit(model, 0, True) as taken:
        first, second = model.fit(**given), model.fit(**given)
    assert [each.path for each in taken] == ["NumPy", "NumPy"]
    assert "fit" not in vars(model)
    for history in (first, second):
        check_same_history(history, right.fit(**given))


def test_a_model_that_is_not_compiled():
    def build(variant):
        return keras.Sequential([keras.Input((6,)), L.Dense(1)])

    with pytest.raises(ValueError, match="compile"):
        dispatched(build, arguments(numbers()))


def test_a_stateful_model_starts_from_where_it_is():
    """Weights that were set, or trained, before."""

    def build(variant):
        model = mlp()(variant)
        model.set_weights([0.5 * w + 0.01 for w in model.get_weights()])
        return model

    check_shared(build, arguments(classes(60)))


def test_the_model_predicts_and_evaluates_as_after_fit():
    build, fit = mlp(), arguments()
    x, y = classes()

    def results(model):
        return model.evaluate(x, y, verbose=0), model.predict(x, verbose=0)

    measured, predicted = results(by_fit(build, fit).model)
    for path in PATHS:
        with no_programs():
            mine = results(dispatched(build, fit, fastest=path).model)
        np.testing.assert_allclose(mine[0], measured, 0, 1e-5, err_msg=path)
        np.testing.assert_allclose(mine[1], predicted, 1e-4, 1e-5, err_msg=path)
