"""Ctrl-C in the loop, on doubles."""

import signal

import pytest

from kerastune_lite._src.core import events as ev
from kerastune_lite._src.core.events import StopReason
from kerastune_lite._src.core.trial import TrialStatus
from tests.doubles import MemoryStore, RecordingView, SimulatedRunner, job_of, make_search
from tests.search.test_search import SPACE, square, values

pytestmark = pytest.mark.usefixtures("heard")


class TestCtrlC:
    def interrupt(self):
        # In this thread, so that it is heard before the next line.
        signal.raise_signal(signal.SIGINT)

    def test_ends_the_search_and_leaves_the_trial_to_be_run_again(self, tmp_path):
        def train(hp, report, segment):
            if segment.trial.number == 2:
                self.interrupt()
            return square(hp, report, segment)

        store, view = MemoryStore(), RecordingView()
        store.events.append(ev.SpaceGrown(tuple(SPACE), None))
        search = make_search(
            job_of(train), tmp_path, space=SPACE, store=store, views=[view], max_trials=5
        )
        assert search.run("p", {}) is StopReason.INTERRUPTED
        (end,) = view.of(ev.SearchEnded)
        assert end.message == "interrupted; call search() again to continue"
        statuses = [t.status for t in store.load().trials]
        assert statuses == [TrialStatus.COMPLETED] * 2 + [TrialStatus.RUNNING]
        again = make_search(
            job_of(square), tmp_path, store=store, project=store.load(), max_trials=5
        )
        whole = make_search(job_of(square), tmp_path, space=SPACE, max_trials=5)
        again.run("p", {})
        whole.run("p", {})
        assert values(again.history) == values(whole.history)

    def test_does_not_cut_a_write_in_two(self, tmp_path):
        outer = self

        class Interrupted(MemoryStore):
            written = 0

            def record(self, events):
                if any(isinstance(e, ev.EpochEnded) for e in events):
                    outer.interrupt()
                super().record(events)
                self.written += 1

        def train(hp, report, segment):
            report({"loss": 1.0})
            raise AssertionError("the interrupt came after the write")

        store = Interrupted()
        search = make_search(job_of(train), tmp_path, space=SPACE, store=store)
        assert search.run("p", {}) is StopReason.INTERRUPTED
        assert [e for e in store.events if isinstance(e, ev.EpochEnded)]

    def test_swallowed_by_the_users_code_it_still_ends_the_search(self, tmp_path):
        def train(hp, report, segment):
            try:
                self.interrupt()
            except BaseException as error:
                raise ValueError("wrapped") from error
            return 0.0

        search = make_search(job_of(train), tmp_path, space=SPACE, max_trials=5)
        assert search.run("p", {}) is StopReason.INTERRUPTED
        assert [t.status for t in search.history] == [TrialStatus.RUNNING]

    def test_second_one_quits_at_once(self, tmp_path):
        outer = self

        class Slow(MemoryStore):
            def record(self, events):
                if any(isinstance(e, ev.SearchEnded) for e in events):
                    outer.interrupt()
                    raise AssertionError("unreachable")
                super().record(events)

        def train(hp, report, segment):
            self.interrupt()
            return 0.0

        search = make_search(job_of(train), tmp_path, space=SPACE, store=Slow())
        with pytest.raises(KeyboardInterrupt):
            search.run("p", {})

    def test_a_second_one_while_workers_end_still_closes_the_views(self, tmp_path):
        class Closing(SimulatedRunner):
            def close(self):
                raise KeyboardInterrupt

        view = RecordingView()
        search = make_search(
            job_of(square), tmp_path, space=SPACE, runner=Closing(), views=[view], max_trials=1
        )
        with pytest.raises(KeyboardInterrupt):
            search.run("p", {})
        assert len(view.of(ev.SearchEnded)) == view.closed == 1

    def test_handler_is_given_back(self, tmp_path):
        before = signal.getsignal(signal.SIGINT)
        make_search(job_of(square), tmp_path, space=SPACE, max_trials=1).run("p", {})
        assert signal.getsignal(signal.SIGINT) is before
