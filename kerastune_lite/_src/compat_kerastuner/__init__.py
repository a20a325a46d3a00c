"""KerasTuner's remaining names, for scripts that were written for it (docs/migrating.md).

The rest of the house knows nothing of them: only the tuner, the command line and the public modules
import from here.
"""
