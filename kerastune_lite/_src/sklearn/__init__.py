"""scikit-learn's side: Keras models as estimators, and searches with cross-validation.

wrapper.py wrappers.py    scikeras's wrapper with its bugs fixed; the two estimators
builders.py estimator_parameters.py    what `model=` may be; which parameters are read
encoders.py encoded_arguments.py       labels, and arguments that contain labels
saving.py conversion.py prediction.py seeding.py estimator_data.py
tuner_search_cv.py cv_project.py       a `BaseSearchCV` with our search loop; its project
candidates.py distributions.py         what varies
folds.py fold.py fold_stack.py         the job: one execution per fold, one by one or side by side
assignment.py rows.py                  what a search asks of an estimator; `cv_results_`
cross_validated.py                     a trial of `SklearnTuner`
compat.py from_scikeras.py              all that is not public and that we lean on
"""
