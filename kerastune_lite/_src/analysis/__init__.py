"""Analysis of a search: pure functions of its space and history.

    unit_cube.py comparable_losses.py    trials as numbers in [0, 1]; losses of trials of different
                                         lengths made comparable
    fanova.py importances.py             the variance of a tree by columns and pairs of them; the
                                         forest and its quality
    certainty.py curves.py heldout.py    the noise of the best score; quantiles by epoch; held-out
                                         scores
    ensembling.py                        which models are averaged, and how much each counts
    comparing.py                         searches side by side
    study.py                             a search as an Optuna study

scikit-learn and Optuna are imported only where they are needed.
"""
