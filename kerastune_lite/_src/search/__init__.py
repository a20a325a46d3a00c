"""The loop: propose, train, record, decide.

    loop.py        has segments trained, and records what comes back
    planner.py     which trials begin and which go on: the oracle's and scheduler's wishes within
          limits
    segments.py    what is left to train of a trial: which repeat, from which state, with which seed
    recorder.py    an event goes into the store first, then to the views
    failures.py    trials that failed or were rejected, and when to give up
    limits.py interrupts.py hooks.py    when a search ends; Ctrl-C; what subclasses override
    settings.py    what may change when a project is reopened
    results.py open_project.py    reading a project, from the tuner or from anywhere
    execution/     where and how a segment is run

A segment, not a trial, is the unit of work: train this execution of this trial from this epoch to
that one, with this seed. At the end of a rung a trial is PAUSED: with a score like a completed one,
and with the state of its training in a file that its execution names, recorded in one transaction,
so there is no moment at which a crash would lose the rung.

Ctrl-C is a signal handler that raises `KeyboardInterrupt` only in training, never in a write.
"""
