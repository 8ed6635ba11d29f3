"""The real command line, whose Python can be stopped: `python -m tests.e2e.stallable_server serve …`.

SIGUSR1 stops it for TELECONSULT_TEST_STALL_S (2 s unless set): the event loop's thread sleeps in C *holding
the GIL*, so that no thread of the process runs a line of Python. What goes on all the same is the data plane.
"""

import ctypes
import os
import signal
from types import FrameType

_STALL_VARIABLE = "TELECONSULT_TEST_STALL_S"


def stall(_signal: int, _frame: FrameType | None) -> None:
    # PyDLL, unlike CDLL, keeps the GIL during the call; poll(2) of nothing is a sleep of milliseconds.
    ctypes.PyDLL(None).poll(None, 0, round(_stall_s * 1000))


_stall_s = float(os.environ.pop(_STALL_VARIABLE, "2"))

if __name__ == "__main__":
    from media_server.cli import main

    signal.signal(signal.SIGUSR1, stall)
    main()
