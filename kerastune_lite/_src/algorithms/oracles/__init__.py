"""Oracles propose values: random, quasi-random, grid, Bayesian and evolutionary search."""
