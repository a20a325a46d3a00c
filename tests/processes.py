"""For tests that start processes."""

import multiprocessing
import os
import subprocess
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
        method = _with_keras()
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


class ForkedWorker:
    """A worker of a search, forked from a process that has loaded Keras, which takes seconds.

    It has what a search uses of `subprocess.Popen`, whose arguments it takes.
    """

    def __init__(self, command, *, stderr, env, **others):
        method = _with_keras()
        (given, stdin), (stdout, taken) = (method.Pipe(duplex=False) for _ in range(2))
        arguments = command[-1], given, taken, stderr.name, os.getcwd(), env
        self._process = method.Process(target=_work, args=arguments, daemon=True)
        self._process.start()
        self.pid = self._process.pid
        self.stdin = os.fdopen(os.dup(stdin.fileno()), "wb", 0)
        self.stdout = os.fdopen(os.dup(stdout.fileno()), "rb", 0)
        for end in (given, stdin, stdout, taken):
            end.close()

    def poll(self):
        self._process.join(0)
        return self._process.exitcode

    def wait(self, timeout=None):
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a worker", timeout)
        return self._process.exitcode

    def kill(self):
        self._process.kill()


class Forking:
    """Takes the place of the module `subprocess` where workers are started."""

    Popen, PIPE, TimeoutExpired = ForkedWorker, subprocess.PIPE, subprocess.TimeoutExpired


def _work(code, given, taken, errors, folder, environment):
    os.setpgid(0, 0)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for place, descriptor in enumerate((given.fileno(), taken.fileno())):
        os.dup2(descriptor, place)
    os.dup2(os.open(errors, os.O_WRONLY | os.O_APPEND), 2)
    for end in (given, taken):
        end.close()
    exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})


def _with_keras():
    method = multiprocessing.get_context("forkserver")
    method.set_forkserver_preload(["kerastune_lite._src.keras.trainer", "keras"])
    return method


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
