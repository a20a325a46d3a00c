"""What to try: random, quasi-random, exhaustive, Bayesian and evolutionary search.

Each oracle is a function of the history.
"""
