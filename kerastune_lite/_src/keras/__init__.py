"""How a Keras model is trained. Nothing outside this room imports Keras.

    training_spec.py                 everything that training needs, as one value
    training_job.py trainer.py       the job of a search; one execution from `build` to its record
    side_by_side.py                  executions, or folds, that are trained together
    hypermodel.py building.py        the user's builder; the models that it builds, checked
    strategies.py                    distribution strategies, in whose scope models are made
    fit_arguments.py data_checks.py  the arguments of `fit`; data that `fit` certainly refuses
    tuned_data.py data_cache.py      data that depends on hyperparameters, and is kept
    callbacks.py scored.py           what reports epochs; the epoch whose weights are kept
    combining.py ensembling.py       several models as one; which models
    archives.py                      files of estimators
    weights.py build_configs.py      weights on disk; models that their builder leaves unbuilt
    resuming.py callback_state.py state_files.py    trainings that are resumed
    midway.py live_models.py         states during a training; models of paused trials, in memory
    own_attributes.py                what the user's classes keep besides variables
    dataset_graphs.py process_settings.py    what other processes need: datasets, global settings
    metric_directions.py not_finite.py automatic_names.py determinism.py session.py loading.py
    compat/     the private parts of Keras and TensorFlow that we use, each with a probe
    fast/       the same training in less time
    applications/    hypermodels for images, under KerasTuner's names

Importing this room does not load Keras; its modules do when a model is first built.
"""
