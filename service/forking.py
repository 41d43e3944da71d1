"""Several processes for one work, forked from this one, which looks after them."""

import os
import signal
from collections.abc import Callable

import structlog

log = structlog.get_logger()

_WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
_PAUSE_SECONDS = 1.0
"""Before a process that died is started again, so that one that cannot start does not spin."""


def run_processes(count: int, work: Callable[[], None]) -> None:
    """Run ``work`` in ``count`` processes until SIGINT or SIGTERM; one that ends meanwhile is started anew.

    Must be called while this process has one thread only.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    children: set[int] = set()
    try:
        while True:
            while len(children) < count:
                children.add(_fork(work, before))
            if signal.sigwaitinfo(_WATCHED).si_signo != signal.SIGCHLD:
                return
            ended = _reap(children)
            if ended:
                log.warning("process.died", count=len(ended), restart_in=_PAUSE_SECONDS)
                found = signal.sigtimedwait((signal.SIGINT, signal.SIGTERM), _PAUSE_SECONDS)
                if found is not None:
                    return
    finally:
        for pid in children:
            os.kill(pid, signal.SIGTERM)
        for pid in children:
            os.waitpid(pid, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _fork(work: Callable[[], None], mask: set[int | signal.Signals]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        work()
        status = 0
    # Nothing may return into the parent's code.
    except Exception as error:
        log.error("process.failed", kind=type(error).__name__)
    finally:
        os._exit(status)


def _reap(children: set[int]) -> list[int]:
    """Take the processes that ended out of ``children``."""
    ended = [pid for pid in children if os.waitpid(pid, os.WNOHANG)[0]]
    children.difference_update(ended)
    return ended
