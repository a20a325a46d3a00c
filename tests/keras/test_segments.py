"""A trial that trains in segments ends as one that trains in one go."""

import numpy as np
import pytest

from kerastune_lite._src.core.objective import Objective
from kerastune_lite._src.core.trial import Segment, Trial
from kerastune_lite._src.keras.hypermodel import HyperModel, get_hypermodel, overrides_fit
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.store.checkpoints import weights_name
from kerastune_lite._src.util.errors import FatalRuntimeError, FatalValueError, StoreError
from kerastune_lite.hyperparameters import HyperParameters
from kerastune_lite.schedulers import Decision

keras = load_keras()

from kerastune_lite._src.keras.building import ModelFactory  # noqa: E402
from kerastune_lite._src.keras.fast.dispatcher import ARRAYS, OWN, PLAIN, SHARED, Dispatcher  # noqa: E402
from kerastune_lite._src.keras.fit_arguments import FitArguments  # noqa: E402
from kerastune_lite._src.keras.trainer import Trainer  # noqa: E402
from kerastune_lite._src.keras.training_spec import TrainingSpec  # noqa: E402
from kerastune_lite._src.keras.weights import load_weights  # noqa: E402

# Between Keras and TensorFlow, about their own conversions to NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

EPOCHS = 4

rng = np.random.default_rng(0)
X = rng.normal(size=(70, 6)).astype("float32")
Y = (X[:, 0] + 0.3 * rng.normal(size=70) > 0).astype("int64")


def build(hp):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="relu", use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


class OwnFit(HyperModel):
    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=16, **kwargs)


class Run:
    """Trains segments of one trial in a folder; what was reported is in `epochs`."""

    def __init__(self, folder, dispatcher, hypermodel=None, callbacks=None, **fit):
        self.epochs = {}
        self.hypermodel = hypermodel or get_hypermodel(build)
        given = {"epochs": EPOCHS, "validation_split": 0.3, **fit}
        self.dispatcher = dispatcher
        self.spec = TrainingSpec(
            models=ModelFactory(self.hypermodel),
            objective=Objective("val_loss", "min"),
            fit=FitArguments((X, Y), given, overrides_fit(self.hypermodel)),
            callbacks=callbacks,
            folder=folder,
        )

    def emit(self, event):
        assert event.epoch not in self.epochs
        self.epochs[event.epoch] = dict(event.metrics)
        return Decision.CONTINUE

    def segment(self, start=0, end=None):
        segment = Segment(
            Trial(0, {}),
            start_epoch=start,
            end_epoch=end,
            seed=7,
            resume_from=f"state_{start}" if start else None,
            keep_state=f"state_{end}" if end else None,
        )
        return self.trainer(segment).train(segment.trial, 0)

    def trainer(self, segment):
        return Trainer(self.spec, segment, HyperParameters(), self.emit, self.dispatcher)


@pytest.fixture(params=[PLAIN, OWN, SHARED, ARRAYS])
def path(request):
    return request.param


@pytest.fixture
def dispatcher(path):
    return Dispatcher(fast=path != PLAIN, fastest=OWN if path == PLAIN else path)


def callbacks():
    return [
        keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5),
    ]


def check_equal(one, other, whole, parts):
    assert sorted(parts.epochs) == list(range(len(whole.epochs)))
    for epoch, metrics in whole.epochs.items():
        assert parts.epochs[epoch] == pytest.approx(metrics, rel=1e-5)
    for name in ("score", "loss"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-5)
    for name in ("best_epoch", "epochs", "path"):
        assert getattr(other, name) == getattr(one, name)
    assert other.metrics == pytest.approx(one.metrics, rel=1e-5)


def weights(folder):
    model = build(None)
    load_weights(model, folder / weights_name(0, 0), None)
    return model.get_weights()


@pytest.mark.parametrize("boundary", range(1, EPOCHS))
def test_two_segments_are_one(tmp_path, dispatcher, path, boundary):
    # Keras shuffles with a global generator, so model.fit goes on in another order.
    shuffle = path != PLAIN
    whole = Run(tmp_path / "whole", dispatcher, callbacks=callbacks(), shuffle=shuffle)
    one = whole.segment().execution
    assert one.path == path
    parts = Run(tmp_path / "parts", dispatcher, callbacks=callbacks(), shuffle=shuffle)
    first = parts.segment(0, boundary).execution
    assert first.epochs == boundary
    other = parts.segment(boundary).execution
    check_equal(one, other, whole, parts)
    for ours, theirs in zip(weights(tmp_path / "whole"), weights(tmp_path / "parts")):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_one_epoch_at_a_time(tmp_path):
    whole = Run(tmp_path / "whole", Dispatcher(), callbacks=callbacks())
    one = whole.segment().execution
    parts = Run(tmp_path / "parts", Dispatcher(), callbacks=callbacks())
    for epoch in range(EPOCHS):
        other = parts.segment(epoch, epoch + 1).execution
    check_equal(one, other, whole, parts)


def test_a_fit_of_ones_own_is_told_where_to_begin_and_to_end(tmp_path):
    whole = Run(tmp_path / "whole", Dispatcher(), OwnFit())
    one = whole.segment().execution
    assert one.path == ARRAYS
    parts = Run(tmp_path / "parts", Dispatcher(), OwnFit())
    parts.segment(0, 2)
    check_equal(one, parts.segment(2).execution, whole, parts)


def test_a_training_that_a_callback_stopped_is_over(tmp_path, dispatcher):
    stop = keras.callbacks.EarlyStopping(patience=0, min_delta=10.0)
    run = Run(tmp_path, dispatcher, callbacks=[stop])
    first = run.segment(0, 3).execution
    assert (first.epochs, first.stopped, first.state) == (2, True, None)
    assert not (tmp_path / "state_3").exists()


def test_one_that_was_not_stopped_says_where_it_can_go_on(tmp_path, dispatcher):
    first = Run(tmp_path, dispatcher).segment(0, 3).execution
    assert (first.epochs, first.stopped, first.state) == (3, False, "state_3")


def test_the_best_epoch_may_be_in_an_earlier_segment(tmp_path):
    class Worse(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = float(epoch)

    run = Run(tmp_path, Dispatcher(), callbacks=[Worse()])
    run.segment(0, 2)
    kept = weights(tmp_path)
    (tmp_path / weights_name(0, 0)).unlink()
    last = run.segment(2).execution
    assert (last.best_epoch, last.score, last.epochs) == (0, 0.0, EPOCHS)
    for one, other in zip(kept, weights(tmp_path)):
        np.testing.assert_array_equal(one, other)


def test_a_later_segment_needs_its_state(tmp_path):
    run = Run(tmp_path, Dispatcher())
    with pytest.raises(FatalRuntimeError, match=r"without `resume_from`"):
        run.trainer(Segment(Trial(0, {}), start_epoch=2)).train(Trial(0, {}), 0)
    with pytest.raises(StoreError, match=r"state_2 cannot be read"):
        run.segment(2)


def test_callbacks_with_a_memory_of_their_own_are_refused(tmp_path):
    class Remembers(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seen = iter([1, 2])

        def __deepcopy__(self, memo):
            return Remembers()

    run = Run(tmp_path, Dispatcher(), callbacks=[Remembers()])
    with pytest.raises(FatalValueError, match="Remembers"):
        run.segment(0, 2)
    assert run.epochs == {}
