"""KerasTuner's official guides, with the calls they make, on small arrays."""

import os
from pathlib import Path

import numpy as np
import pytest

import kerastune_lite as kt
from kerastune_lite._src.util.errors import FatalRuntimeError
from tests.keras.models import keras

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(48, 6, 6, 1)).astype("float32")
LABELS = (X.mean(axis=(1, 2, 3)) > 0.5).astype("int32")
Y = keras.utils.to_categorical(LABELS, 2)
X_TRAIN, Y_TRAIN, X_VAL, Y_VAL = X[:32], Y[:32], X[32:], Y[32:]
VALIDATION = (X_VAL, Y_VAL)


def classifier(units, rate=1e-3, activation="relu", dropout=False):
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten()]
    layers.append(keras.layers.Dense(units, activation=activation))
    if dropout:
        layers.append(keras.layers.Dropout(0.25))
    model = keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def build_model(hp):
    return classifier(
        units=hp.Int("units", min_value=2, max_value=8, step=2),
        activation=hp.Choice("activation", ["relu", "tanh"]),
        dropout=hp.Boolean("dropout"),
        rate=hp.Float("lr", min_value=1e-4, max_value=1e-2, sampling="log"),
    )


# ---------------------------------------------------------------------- getting started


@pytest.mark.slow
def test_a_model_tuned_by_a_function(tmp_path):
    assert isinstance(build_model(kt.HyperParameters()), keras.Model)
    tuner = kt.RandomSearch(
        hypermodel=build_model,
        objective="val_accuracy",
        max_trials=2,
        executions_per_trial=2,
        overwrite=True,
        directory=tmp_path,
        project_name="helloworld",
    )
    tuner.search_space_summary()
    tuner.search(X_TRAIN, Y_TRAIN, epochs=1, validation_data=VALIDATION, verbose=0)
    best_model = tuner.get_best_models(num_models=2)[0]
    best_model.summary(print_fn=lambda *args, **kwargs: None)
    tuner.results_summary()
    assert (tmp_path / "helloworld").is_dir()

    best_hps = tuner.get_best_hyperparameters(5)
    model = build_model(best_hps[0])
    model.fit(x=X, y=Y, epochs=1, verbose=0)
    assert [len(trial.executions) for trial in tuner.trials] == [2, 2]


class MyHyperModel(kt.HyperModel):
    def build(self, hp):
        return build_model(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, shuffle=hp.Boolean("shuffle"), **kwargs)


def test_training_tuned_by_a_hypermodel(tmp_path):
    tuner = kt.RandomSearch(
        MyHyperModel(),
        objective="val_accuracy",
        max_trials=3,
        overwrite=True,
        directory=tmp_path,
        project_name="tune_hypermodel",
    )
    tuner.search(X_TRAIN, Y_TRAIN, epochs=2, validation_data=VALIDATION, verbose=0)
    assert "shuffle" in tuner.oracle.get_space().space.names
    hypermodel = MyHyperModel()
    best_hp = tuner.get_best_hyperparameters()[0]
    model = hypermodel.build(best_hp)
    history = hypermodel.fit(best_hp, model, X, Y, epochs=1, verbose=0)
    assert set(history.history) == {"accuracy", "loss"}


def test_preprocessing_tuned(tmp_path):
    class Preprocessing(kt.HyperModel):
        def build(self, hp):
            image_height = X.shape[1]
            inputs = keras.Input((image_height, 6, 1))
            outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(inputs))
            model = keras.Model(inputs, outputs)
            model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
            return model

        def fit(self, hp, model, x, y, validation_data=None, **kwargs):
            if hp.Boolean("normalize"):
                x = keras.layers.Normalization()(x)
            return model.fit(x, y, validation_data=validation_data, **kwargs)

    tuner = kt.RandomSearch(
        Preprocessing(), "val_accuracy", max_trials=3, overwrite=True, directory=tmp_path,
        project_name="tune_preprocessing",
    )  # fmt: skip
    tuner.search(X_TRAIN, Y_TRAIN, epochs=1, validation_data=VALIDATION, verbose=0)
    assert [trial.values for trial in tuner.trials] in (
        [{"normalize": True}, {"normalize": False}],
        [{"normalize": False}, {"normalize": True}],
    )


def test_a_metric_of_the_users_own_as_objective(tmp_path):
    def build_regressor(hp):
        model = keras.Sequential(
            [
                keras.Input((3,)),
                keras.layers.Dense(units=hp.Int("units", 2, 8, 2), activation="relu"),
                keras.layers.Dense(units=1),
            ]
        )
        model.compile(
            optimizer="adam",
            loss="mean_squared_error",
            metrics=[keras.metrics.MeanAbsoluteError(name="custom_metric")],
        )
        return model

    tuner = kt.RandomSearch(
        hypermodel=build_regressor,
        objective=kt.Objective("val_custom_metric", direction="min"),
        max_trials=2,
        overwrite=True,
        directory=tmp_path,
        project_name="custom_metrics",
    )
    x, y = RNG.random((20, 3)), RNG.random((20, 1))
    tuner.search(x=x, y=y, validation_data=(x, y), epochs=1, verbose=0)
    tuner.results_summary()
    assert tuner.oracle.get_best_trials(1)[0].score == min(t.score for t in tuner.trials)


class HyperRegressor(kt.HyperModel):
    def build(self, hp):
        model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(hp.Int("units", 2, 8, 2), activation="relu")]
        )
        model.add(keras.layers.Dense(units=1))
        model.compile(optimizer="adam", loss="mean_squared_error")
        return model

    def fit(self, hp, model, x, y, validation_data, **kwargs):
        model.fit(x, y, **kwargs)
        x_val, y_val = validation_data
        return float(np.mean(np.abs(model.predict(x_val, verbose=0) - y_val)))


@pytest.mark.parametrize("kind", [float, dict])
def test_a_result_evaluated_by_hand(tmp_path, kind):
    class Returning(HyperRegressor):
        def fit(self, *args, **kwargs):
            error = super().fit(*args, **kwargs)
            return error if kind is float else {"metric_a": -error, "metric_b": error}

    objective = None if kind is float else kt.Objective("metric_a", "max")
    tuner = kt.RandomSearch(
        hypermodel=Returning(), objective=objective, max_trials=2, overwrite=True,
        directory=tmp_path, project_name="custom_eval",
    )  # fmt: skip
    x, y = RNG.random((20, 3)), RNG.random((20, 1))
    tuner.search(x=x, y=y, validation_data=(x, y), verbose=0)
    tuner.results_summary()
    scores = [trial.score for trial in tuner.trials]
    assert tuner.get_best_trials()[0].score == (min if kind is float else max)(scores)


def keras_code(units, optimizer, saving_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units)])
    model.add(keras.layers.Dense(units=1))
    model.compile(optimizer=optimizer, loss="mean_squared_error")
    x, y = RNG.random((20, 3)), RNG.random((20, 1))
    model.fit(x=x, y=y, epochs=1, verbose=0)
    model.save(saving_path)
    return float(np.mean(np.abs(model.predict(x, verbose=0) - y)))


# Between Keras and TensorFlow, when the user's code saves a whole model.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_black_box_code_tuned_by_run_trial(tmp_path):
    class MyTuner(kt.RandomSearch):
        def run_trial(self, trial, **kwargs):
            hp = trial.hyperparameters
            return keras_code(
                units=hp.Int("units", 4, 8, 2),
                optimizer=hp.Choice("optimizer", ["adam", "sgd"]),
                saving_path=os.path.join(tmp_path, f"{trial.trial_id}.keras"),
            )

    tuner = MyTuner(max_trials=3, overwrite=True, directory=tmp_path, project_name="keep_code")
    tuner.search(verbose=0)
    best_hp = tuner.get_best_hyperparameters()[0]
    assert keras_code(**best_hp.values, saving_path=os.path.join(tmp_path, "best.keras")) > 0
    assert len(list(tmp_path.glob("0*.keras"))) == 3


def test_anything_tuned_by_run_trial(tmp_path):
    class Parabola(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            x = trial.hyperparameters.Float("x", min_value=-1.0, max_value=1.0)
            return x * x + 1

    tuner = Parabola(
        max_trials=20, overwrite=True, directory=tmp_path, project_name="tune_anything"
    )
    tuner.search(verbose=0)
    best = tuner.get_best_hyperparameters()[0]
    assert tuner.get_best_trials()[0].score == best.get("x") ** 2 + 1 == best["x"] ** 2 + 1


# ---------------------------------------------------------------------- custom training loop


class LoopedHyperModel(kt.HyperModel):
    def build(self, hp):
        return keras.Sequential(
            [
                keras.Input((6, 6, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(hp.Int("units", 2, 8, 2), activation="relu"),
                keras.layers.Dense(2),
            ]
        )

    def fit(self, hp, model, x, y, validation_data, callbacks=None, **kwargs):
        import tensorflow as tf

        batch_size = hp.Int("batch_size", 8, 16, step=8, default=8)
        train = tf.data.Dataset.from_tensor_slices((x, y)).batch(batch_size)
        validation = tf.data.Dataset.from_tensor_slices(validation_data).batch(batch_size)
        optimizer = keras.optimizers.Adam(
            hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3)
        )
        loss_fn = keras.losses.CategoricalCrossentropy(from_logits=True)
        epoch_loss = keras.metrics.Mean()

        @tf.function
        def train_step(images, labels):
            with tf.GradientTape() as tape:
                loss = loss_fn(labels, model(images, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

        for callback in callbacks:
            callback.set_model(model)
        best_epoch_loss = float("inf")
        for epoch in range(2):
            for images, labels in train:
                train_step(images, labels)
            for images, labels in validation:
                epoch_loss.update_state(loss_fn(labels, model(images)))
            value = float(epoch_loss.result().numpy())
            for callback in callbacks:
                callback.on_epoch_end(epoch, logs={"my_metric": value})
            epoch_loss.reset_state()
            best_epoch_loss = min(best_epoch_loss, value)
        return best_epoch_loss


def test_a_training_loop_of_the_users_own(tmp_path):
    tuner = kt.RandomSearch(
        objective=kt.Objective("my_metric", "min"),
        max_trials=2,
        hypermodel=LoopedHyperModel(),
        directory=tmp_path,
        project_name="custom_training",
        overwrite=True,
    )
    tuner.search(x=X_TRAIN, y=Y_TRAIN, validation_data=VALIDATION, verbose=0)
    for trial in tuner.trials:
        (curves,) = tuner.history(trial)
        assert trial.score == min(curves["my_metric"])
        assert set(trial.values) == {"units", "batch_size", "learning_rate"}
    best_hps = tuner.get_best_hyperparameters()[0]
    assert best_hps.values["batch_size"] in (8, 16)
    best_model = tuner.get_best_models()[0]
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    assert float(loss(Y_VAL, best_model(X_VAL))) == pytest.approx(
        tuner.get_best_trials()[0].score, rel=0.05
    )


# ---------------------------------------------------------------------- TensorBoard


# The callback of this version of Keras is behind NumPy's.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_training_seen_in_tensorboard(tmp_path):
    logs = tmp_path / "tb_logs"
    tuner = kt.RandomSearch(
        build_model, max_trials=2, overwrite=True, objective="val_accuracy", directory=tmp_path
    )
    tuner.search(
        X_TRAIN,
        Y_TRAIN,
        validation_split=0.2,
        epochs=1,
        callbacks=[keras.callbacks.TensorBoard(str(logs))],
        verbose=0,
    )
    written = {path.relative_to(logs).parts[:2] for path in logs.rglob("events*")}
    runs = {parts for parts in written if parts[-1] == "execution0"}
    assert runs == {(f"trial_{trial.trial_id}", "execution0") for trial in tuner.trials}
    assert list(Path(tuner.project_dir, "tensorboard").rglob("events*"))


# ---------------------------------------------------------------------- tailoring the space


@pytest.mark.parametrize("tune_new_entries", [True, False])
def test_a_few_hyperparameters_tuned_in_a_ready_made_model(tmp_path, tune_new_entries):
    hp = kt.HyperParameters()
    hp.Float("lr", min_value=1e-5, max_value=1e-2, sampling="log")
    tuner = kt.RandomSearch(
        build_model,
        hyperparameters=hp,
        tune_new_entries=tune_new_entries,
        objective="val_accuracy",
        max_trials=2,
        overwrite=True,
        directory=tmp_path,
        project_name="limited",
    )
    tuner.search(X_TRAIN, Y_TRAIN, epochs=1, validation_data=VALIDATION, verbose=0)
    names = ["lr", "units", "activation", "dropout"]
    assert set(tuner.space.names) == set(names if tune_new_entries else names[:1])
    for trial in tuner.trials:
        assert set(trial.values) == set(names)
        if not tune_new_entries:
            assert trial.values["units"] == 2
            assert trial.values["dropout"] is False


def test_no_other_hyperparameters_than_the_given_ones(tmp_path):
    hp = kt.HyperParameters()
    hp.Float("lr", 1e-5, 1e-2, sampling="log")
    arguments = {"tune_new_entries": False, "allow_new_entries": False, "directory": tmp_path}
    with pytest.raises(FatalRuntimeError, match="allow_new_entries=False"):
        kt.RandomSearch(build_model, "val_accuracy", hyperparameters=hp, **arguments)
    tuner = kt.RandomSearch(
        lambda hp: classifier(4, rate=hp.Float("lr", 0, 1)),
        "val_accuracy", max_trials=1, hyperparameters=hp, **arguments,
    )  # fmt: skip
    tuner.search(X_TRAIN, Y_TRAIN, validation_data=VALIDATION, verbose=0)
    assert 1e-5 <= tuner.trials[0].values["lr"] <= 1e-2


def test_a_hyperparameter_fixed_and_the_compilation_overridden(tmp_path):
    hp = kt.HyperParameters()
    hp.Fixed("lr", value=1e-4)
    tuner = kt.RandomSearch(
        build_model,
        hyperparameters=hp,
        optimizer=keras.optimizers.Adam(1e-3),
        loss="mse",
        metrics=["mean_absolute_error"],
        objective="val_mean_absolute_error",
        max_trials=2,
        overwrite=True,
        directory=tmp_path,
        project_name="compile",
    )
    tuner.search(X_TRAIN, Y_TRAIN, epochs=1, validation_data=VALIDATION, verbose=0)
    assert {trial.values["lr"] for trial in tuner.trials} == {1e-4}
    model = tuner.get_best_models()[0]
    assert (model.loss, float(model.optimizer.learning_rate)) == ("mse", pytest.approx(1e-3))
