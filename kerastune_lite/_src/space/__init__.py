"""The search space: domains, conditions, the `hp` object, and reading a space from `build(hp)`.

attributes.py kerastuner_json.py   what scripts for KerasTuner read of `hp.space`; its JSON
"""
