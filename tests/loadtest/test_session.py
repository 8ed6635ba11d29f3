import asyncio
from itertools import repeat

import pytest

from loadtest import session as session_module
from loadtest.errors import (
    ClientError,
    ConnectionLost,
    Elsewhere,
    Interrupted,
    NoSuchRoom,
    Refused,
    Replaced,
    RoomMoved,
    ServerViolation,
    TicketRefused,
)
from loadtest.events import Cut, Event, Resumed, TrackMuted
from loadtest.session import Session
from loadtest.tickets import Ticket
from loadtest.wire import Encoding
from tests.loadtest.fake_server import APass, FakeServer, a_joined_state, a_server, moved_to, refused


class Heard:
    """Collects events and lets a test wait for a number of them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.over = asyncio.Event()
        self._more = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._more.set()

    async def until(self, count: int) -> list[Event]:
        async with asyncio.timeout(5):
            while len(self.events) < count:
                self._more.clear()
                await self._more.wait()
        return self.events


async def an_open_session(server: FakeServer, heard: Heard, encoding: Encoding = Encoding.JSON) -> Session:
    session = Session(server.url, "ticket", encoding, heard, heard.over.set)
    await session.open()
    session.start()
    return session


@pytest.mark.parametrize("encoding", list(Encoding))
async def test_join_comes_first_and_requests_count_up(encoding: Encoding) -> None:
    async with a_server() as server:
        session = await an_open_session(server, Heard(), encoding)
        await session.request("mute", track="t", muted=True)
        await session.close()
    join, mute = server.requests
    assert (join["type"], join["ticket"]) == ("join", "ticket")
    assert mute == {"type": "mute", "id": join["id"] + 1, "track": "t", "muted": True}


@pytest.mark.parametrize(("code", "error"), [(4401, TicketRefused), (4404, NoSuchRoom)])
async def test_a_refused_join_raises_what_the_close_code_says(code: int, error: type[Exception]) -> None:
    async with a_server() as server:
        server.answers["join"] = refused("no")
        server.close_after["join"] = code
        session = Session(server.url, "ticket", Encoding.JSON, Heard())
        with pytest.raises(error):
            await session.open()


async def test_a_refused_request_raises_its_code_and_the_session_goes_on() -> None:
    async with a_server() as server:
        server.answers["offer"] = refused("not-admitted")
        session = await an_open_session(server, Heard())
        with pytest.raises(Refused) as refusal:
            await session.request("offer")
        assert refusal.value.code == "not-admitted"
        await session.request("stats")
        await session.close()


async def test_a_closed_session_refuses_further_requests_with_the_reason() -> None:
    async with a_server() as server:
        session = await an_open_session(server, Heard())
        server.close_after["mute"] = 4409
        await session.request("mute")
        with pytest.raises((Replaced, Interrupted)):
            await session.request("mute")
        with pytest.raises(Replaced):
            await session.request("mute")
        assert isinstance(session.over, Replaced)
        await session.close()


async def test_a_cut_session_resumes_and_hears_each_event_once() -> None:
    heard = Heard()
    async with a_server() as server:
        session = await an_open_session(server, heard)
        await server.event("track-muted", id="a", muted=True)
        await heard.until(1)
        await session.cut()
        await heard.until(3)
        server._seq = 0  # the server repeats what it is not sure of
        await server.event("track-muted", id="a", muted=True)
        await server.event("track-muted", id="b", muted=True)
        await heard.until(4)
        await session.request("stats")  # goes over the new WebSocket
        await session.close()
    assert heard.events == [TrackMuted("a", True), Cut(), Resumed(), TrackMuted("b", True)]  # type: ignore[arg-type]
    resume = next(message for message in server.requests if message["type"] == "resume")
    assert (resume["resume_token"], resume["last_seq"]) == ("r", 1)


async def test_a_request_under_way_during_a_cut_is_interrupted() -> None:
    async with a_server() as server:
        session = await an_open_session(server, Heard())
        cut = asyncio.Event()

        def swallowed(_: object) -> dict[str, object]:
            cut.set()
            return {"id": 0}

        server.answers["admit"] = swallowed
        request = asyncio.create_task(session.request("admit"))
        await cut.wait()
        await session.cut()
        with pytest.raises(Interrupted):
            await request
        await session.close()


async def test_a_session_that_cannot_resume_is_lost() -> None:
    heard = Heard()
    async with a_server() as server:
        server.answers["join"] = lambda _: a_joined_state(resume_window_s=0.2)
        session = await an_open_session(server, heard)
        server.answers["resume"] = refused("resume-expired")
        await session.cut()
        await heard.until(1)
        with pytest.raises((Refused, ConnectionLost)):
            await session.request("stats")
        assert isinstance(session.over, ClientError)
        await session.close()


async def test_an_event_without_seq_is_the_servers_violation() -> None:
    async with a_server() as server:
        session = await an_open_session(server, Heard())
        server.answers["mute"] = lambda _: {"type": "room-opened"}
        with pytest.raises((ServerViolation, Interrupted)):
            await session.request("mute")
        await session.close()
    assert isinstance(session.over, ServerViolation)


async def test_closing_twice_is_fine() -> None:
    async with a_server() as server:
        session = await an_open_session(server, Heard())
        await session.close()
        await session.close()


# Several nodes (protocol §4)


class Tickets:
    """Gives these tickets one after the other, and the last one for ever."""

    def __init__(self, *urls: str) -> None:
        self._urls = list(urls)
        self.given = 0
        self.all_given = asyncio.Event()

    async def __call__(self) -> Ticket:
        self.given += 1
        url = self._urls.pop(0) if len(self._urls) > 1 else self._urls[0]
        if len(self._urls) == 1:
            self.all_given.set()
        if not url:
            raise OSError("no tickets now")
        return APass(url)


async def a_session_that_looks(server: FakeServer, heard: Heard, tickets: Tickets) -> Session:
    session = Session(server.url, "ticket", Encoding.JSON, heard, heard.over.set, renew=tickets)
    await session.open()
    session.start()
    return session


async def test_a_room_on_another_node_is_joined_there_with_the_same_ticket() -> None:
    async with a_server() as asked, a_server() as other:
        asked.answers["join"] = moved_to(other.url)
        asked.close_after["join"] = 1000
        session = await an_open_session(asked, Heard())
        await session.request("stats")
        await session.close()
    assert [message["ticket"] for message in asked.requests + other.requests[:1]] == ["ticket", "ticket"]
    assert session.url == other.url


async def test_nodes_that_send_us_round_and_round_are_believed_three_times() -> None:
    async with a_server() as server:
        server.answers["join"] = moved_to(server.url)
        with pytest.raises(RoomMoved):
            await Session(server.url, "ticket", Encoding.JSON, Heard()).open()
    assert len(server.requests) == 4


async def test_a_lost_nodes_room_is_found_elsewhere_though_tickets_name_the_lost_one_at_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_module, "LOOK_AFTER_S", 0.0)
    monkeypatch.setattr(session_module, "pauses", lambda *_: repeat(0.01))
    heard = Heard()
    async with a_server() as server:
        tickets = Tickets(server.url, "", server.url, "ws://other/v1/signal")
        session = await a_session_that_looks(server, heard, tickets)
        await server.die()
        await asyncio.wait_for(heard.over.wait(), 5)
        await session.close()
    assert isinstance(session.over, Elsewhere)
    assert session.over.ticket == APass("ws://other/v1/signal")
    assert tickets.given == 4
    assert heard.events == [Cut()]


async def test_a_node_that_comes_back_is_resumed_while_tickets_name_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_module, "LOOK_AFTER_S", 0.0)
    heard = Heard()
    async with a_server() as server:
        tickets = Tickets("", server.url)
        session = await a_session_that_looks(server, heard, tickets)
        server.answers["resume"] = lambda message: (
            a_joined_state() if tickets.all_given.is_set() else refused("try-again")(message)
        )
        await session.cut()
        await heard.until(2)
        await session.request("stats")
        assert session.connected
        await session.close()
    assert heard.events == [Cut(), Resumed()]


async def test_a_short_cut_costs_no_ticket() -> None:
    heard = Heard()
    async with a_server() as server:
        tickets = Tickets("ws://other/v1/signal")
        session = await a_session_that_looks(server, heard, tickets)
        await session.cut()
        await heard.until(2)
        await session.close()
    assert heard.events == [Cut(), Resumed()]
    assert tickets.given == 0


async def test_a_resume_where_the_room_no_longer_is_ends_the_session_with_that() -> None:
    heard = Heard()
    async with a_server() as server:
        session = await an_open_session(server, heard)
        server.answers["resume"] = moved_to("ws://other/v1/signal")
        await session.cut()
        await asyncio.wait_for(heard.over.wait(), 5)
        await session.close()
    assert isinstance(session.over, RoomMoved)
    assert session.over.url == "ws://other/v1/signal"
