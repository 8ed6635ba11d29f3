"""What asks the program to end, Ctrl-C or another signal: heard from its beginning to its end."""

import asyncio
import atexit
import os
import signal
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

ENDING = {
    signal.SIGINT: "It was stopped by Ctrl-C",
    signal.SIGTERM: "It was told to stop",
    signal.SIGHUP: "It was stopped by a hang-up",
}


class Signals:
    """Until somebody says `keep` or `call`, a signal is a KeyboardInterrupt."""

    def __init__(self) -> None:
        self._heard: list[signal.Signals] = []
        self._do: Callable[[], object] = _interrupt
        self._told: Callable[[], object] = lambda: None
        self._kept = False

    @classmethod
    def of_this_program(cls) -> "Signals":
        """To be asked for once, in the main thread. A hang-up that is ignored (`nohup`) stays so."""
        signals = cls()
        for number in ENDING:
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, signals.hear)
        atexit.register(_ignore)
        return signals

    @property
    def why(self) -> str:
        """Of the first, the beginning of a sentence."""
        return ENDING[self._heard[0]] if self._heard else ENDING[signal.SIGINT]

    def hear(self, number: int, _: FrameType | None = None) -> None:
        if number == signal.SIGHUP:
            _leave_the_terminal()
        self._heard.append(signal.Signals(number))
        self._do()

    def keep(self) -> None:
        """They do nothing any more, until somebody says `call`."""
        self._do = self._note

    def call(self, told: Callable[[], object]) -> None:
        """From now on the running loop calls this for each; soon, if one was kept."""
        loop = asyncio.get_running_loop()
        self._told = told
        self._do = lambda: loop.call_soon_threadsafe(lambda: self._told())
        if self._kept:
            self._kept = False
            self._do()

    def _note(self) -> None:
        self._kept = True


def _interrupt() -> None:
    raise KeyboardInterrupt


def _ignore() -> None:
    """Python gives up its handlers before it has quite ended; the exit status is told by then."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def _leave_the_terminal() -> None:
    """If it is gone: whatever was written to it would fail from now on, and end the test."""
    for stream in (sys.__stdout__, sys.__stderr__):
        with suppress(OSError, ValueError, AttributeError):
            number = stream.fileno()  # type: ignore[union-attr]
            if stat.S_ISCHR(os.fstat(number).st_mode) and not os.isatty(number):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, number)
                os.close(nowhere)
