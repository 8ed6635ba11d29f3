"""What ended by the clock is written down as ended, by one node at a time."""

import asyncio
from collections.abc import Callable

import pytest

from auth import SessionRefusal
from media_server.languages import Language
from media_server.records import exclusively
from media_server.sessions import Housekeeping
from tests.media_server.people.builders import PEETERS
from tests.media_server.people.test_doctors import imported
from tests.media_server.sessions.builders import Lodge


def housekeeping(lodge: Lodge) -> Housekeeping:
    return Housekeeping(lodge.engine, lodge.store, lodge.house.doctors)


def test_lapsed_doctors_go_off_duty_and_ended_sessions_are_forgotten(lodge: Lodge) -> None:
    (peeters,) = imported(lodge.house, PEETERS | {"registry_verified_at": "2025-06-16"})
    lodge.house.doctors.go_on_duty(peeters.id, [Language.NL])
    begun = lodge.a_page()
    assert housekeeping(lodge).once()
    assert lodge.house.doctors.get(peeters.id).on_duty_since_us is not None
    assert lodge.refusal(begun.cookie) is None
    lodge.pass_s(2 * 24 * 3600)
    assert housekeeping(lodge).once()
    assert lodge.house.doctors.get(peeters.id).on_duty_since_us is None
    lodge.pass_s(-2 * 24 * 3600)
    assert lodge.refusal(begun.cookie) is SessionRefusal.UNKNOWN
    assert lodge.notes(peeters.id) == [("duty.on", None), ("duty.off", "registry-lapsed")]


def test_while_another_node_does_it_nobody_else_does(lodge: Lodge) -> None:
    with exclusively(lodge.engine, "housekeeping") as ours:
        assert ours
        assert not housekeeping(lodge).once()
    assert housekeeping(lodge).once()


async def test_it_goes_on_until_cancelled(lodge: Lodge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media_server.sessions.housekeeping.EVERY_S", 0.0)
    loop, done, times = asyncio.get_running_loop(), asyncio.Event(), []
    once: Callable[[], bool] = (keeper := housekeeping(lodge)).once

    def counted() -> bool:
        times.append(once())
        if len(times) == 3:
            loop.call_soon_threadsafe(done.set)
        return True

    monkeypatch.setattr(keeper, "once", counted)
    task = asyncio.create_task(keeper.run())
    await done.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert times[:3] == [True] * 3
