"""The search space: domains, conditions, the `hp` object, and reading a space from `build(hp)`.

asked.py                           what a function asks an `hp` for, to use its result again
attributes.py kerastuner_json.py   what scripts for KerasTuner read of `hp.space`; its JSON
"""
