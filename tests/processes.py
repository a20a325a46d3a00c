"""For tests that start processes."""

import multiprocessing
import os
import sys


def environment(**others):
    """This process's environment but for what libraries have set in it, and `others`.

    jax sets how much TensorFlow says; processes that are started make up their own mind.
    """
    own = {name: v for name, v in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return {**own, **others}


class Forked:
    """A process that runs `code`, forked from one that has loaded Keras, which takes seconds.

    Args:
        code: what `python -c` would be given.
        arguments: its `sys.argv[1:]`.
        stderr: whether what it says on standard error is wanted with the rest.

    Attributes:
        stdout: a text file with what it says.
    """

    def __init__(self, code, *arguments, stderr=False):
        method = multiprocessing.get_context("forkserver")
        method.set_forkserver_preload(["kerastune_lite._src.keras.trainer", "keras"])
        self._receiver, sender = method.Pipe(duplex=False)
        self.stdout = os.fdopen(self._receiver.fileno(), closefd=False)
        given = code, [str(argument) for argument in arguments], sender, stderr
        self._process = method.Process(target=_run, args=given)
        self._process.start()
        sender.close()

    @property
    def returncode(self):
        return self._process.exitcode

    def kill(self):
        self._process.kill()

    def read(self):
        """The rest of what it says, when it has ended."""
        text = self.stdout.read()
        self.stdout.close()
        self._receiver.close()
        self._process.join()
        return text


def printed_by(script, *arguments):
    """What a script of Python prints, as `Forked`; it must not fail."""
    code = f"""
import runpy, sys
sys.argv[0] = {str(script)!r}
sys.path.insert(0, {str(script.parent)!r})
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    process = Forked(code, *arguments)
    printed = process.read()
    assert process.returncode == 0, "standard error has its traceback"
    return printed


def _run(code, arguments, output, stderr):
    for descriptor in (1, 2) if stderr else (1,):
        os.dup2(output.fileno(), descriptor)
    output.close()
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
