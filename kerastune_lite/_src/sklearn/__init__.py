"""scikit-learn's side: Keras models as estimators, and searches with cross-validation.

wrapper.py wrappers.py    scikeras's wrapper with what broke in it mended; the two estimators
builders.py estimator_parameters.py    what stands behind `model=`; which parameters are read
encoders.py encoded_arguments.py       labels, and all else that speaks of them
saving.py conversion.py prediction.py seeding.py estimator_data.py
tuner_search_cv.py cv_project.py       a `BaseSearchCV` with a loop of its own; its project
candidates.py distributions.py         what varies
folds.py fold.py fold_stack.py         the job: one execution for each fold, alone or side by side
assignment.py rows.py                  what a search asks of an estimator; `cv_results_`
sklearn_tuner.py                       KerasTuner's tuner of that name
from_scikeras.py                       what is taken from scikeras
"""
