"""Where and how a segment is run.

    job.py         the interface of the code that trains: `Job.run(segments, emit)`
    guard.py       turns exceptions of the user's code into reports
    returned.py    reads what `fit` or `run_trial` returned
    runner.py      the interface of a runner
    inline.py      segments run in the process and thread of the search
    processes.py   in worker processes; worker.py: their program; frames.py: the messages between.
                   shares.py: what each may use; shipping.py: how the job gets there
    lost.py        what both report of segments whose worker has ended
    ray_runner.py  in workers on a Ray cluster; ray_actor.py: what runs in them; moved_files.py:
                   states, weights and logs if they do not see the project's folder

A runner's `wait` calls `emit` in the thread of the search for each epoch, and passes its result, a
`Decision`, to the training. So a scheduler can stop a trial wherever it is trained.
"""
