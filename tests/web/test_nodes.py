"""`TeleconsultClient` between nodes: it finds the room again when its node died, and follows it elsewhere."""

from typing import Any

import pytest

from tests.web.browser import Site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

# In a call with a doctor who is seen and heard; `home` is the socket to the first node.
IN_CALL = """
    fakeRoom.enter("d", "doctor", "Els");
    const client = made(OPTIONS);
    const camera = client.publish(drawn(), "camera");
    await client.join();
    const arrives = async (kind) => {
      const report = await client.peerConnection.getStats();
      return [...report.values()].some((entry) => entry.type === "inbound-rtp" && entry.kind === kind &&
        (kind === "video" ? entry.framesDecoded : entry.packetsReceived) > 0);
    };
    while (!(await arrives("video")) || !(await arrives("audio"))) await sleep(20);
    const home = fakeRoom.current;
    const old = client.peerConnection;
    const there = "ws://127.0.0.1:9/v1/signal";
    const at = "@127.0.0.1:9";
    const drain = async () => {
      fakeRoom.tell({ type: "moved", url: there, ticket: "next" });
      await until(() => fakeRoom.current !== home);
    };
    const connected = () => client.state === "connected" && client.mediaState === "connected";
    const sources = (stream) => stream.getTracks().map(({ kind }) => kind).sort().join();
    const states = () => all("state").map(({ state }) => state);
"""


async def run(site: Site, script: str) -> Any:
    page = await site.open_client()
    return await page.evaluate(f"async () => {{ {script} }}")


async def in_call(site: Site, script: str, options: str = "{}") -> Any:
    return await run(site, IN_CALL.replace("OPTIONS", options) + script)


# --- A node is lost ---

TICKETS = """{ getTicket: async (why) => {
    tickets.push(why);
    return { ticket: `t${tickets.length}`, url: window.goTo?.() ?? "/v1/signal" };
} }"""


async def test_a_room_whose_node_died_is_joined_where_new_tickets_name_it(site: Site) -> None:
    states, moved, tickets, joins, after_s = await in_call(
        site,
        """window.goTo = () => tickets.length < 4 ? "/v1/signal" : there;
        fakeRoom.dead.add(location.host);
        const lost = performance.now();
        home.end(1006);
        await until(() => fakeRoom.inside.has(fakeRoom.current) && fakeRoom.current !== home && connected());
        const afterS = (performance.now() - lost) / 1000;
        await sleep(700);
        const joins = fakeRoom.requests("join").map(({ ticket, host }) => [ticket, host]);
        return [states(), all("moved").map(({ url }) => url), tickets, joins.at(-1), afterS];""",
        TICKETS,
    )
    assert states == ["connecting", "connected", "reconnecting", "connected"]
    assert moved == ["ws://127.0.0.1:9/v1/signal"]
    assert tickets == ["join", "rejoin", "rejoin", "rejoin"]
    assert joins == ["t4", "127.0.0.1:9"]
    assert after_s < 8


async def test_media_of_the_others_comes_back_from_the_next_node(site: Site) -> None:
    assert await in_call(
        site,
        """window.goTo = () => there;
        fakeRoom.dead.add(location.host);
        home.end(1006);
        await until(() => client.peerConnection !== old && connected());
        while (!(await arrives("video")) || !(await arrives("audio"))) await sleep(20);
        const goodbyes = fakeRoom.requests("leave").length;
        return [old.connectionState, sources(client.participants[0].stream), goodbyes];""",
        TICKETS,
    ) == ["closed", "audio,video", 0]


async def test_tickets_that_name_the_lost_node_are_thrown_away_and_it_goes_on_resuming(site: Site) -> None:
    joins, resumed, same = await in_call(
        site,
        """fakeRoom.refuseConnections = true;
        home.end(1006);
        await until(() => tickets.length === 3);
        fakeRoom.refuseConnections = false;
        await until(() => client.state === "connected");
        const asked = tickets.length;
        await sleep(1300);
        return [fakeRoom.requests("join").length, fakeRoom.requests("resume").length > 0,
                client.peerConnection === old && tickets.length === asked];""",
        TICKETS,
    )
    assert (joins, resumed, same) == (1, True, True)


async def test_no_ticket_is_asked_for_when_the_session_is_resumed_at_once(site: Site) -> None:
    assert await in_call(
        site,
        """home.end(1006);
        await until(() => fakeRoom.requests("resume").length === 1 && client.state === "connected");
        await sleep(1300);
        return tickets;""",
        TICKETS,
    ) == ["join"]


async def test_a_ticket_office_that_fails_or_is_silent_is_asked_again(site: Site) -> None:
    assert await in_call(
        site,
        """const answers = [() => Promise.reject(new Error("down")), () => new Promise(() => {})];
        fakeRoom.hurry(4);
        answer = async () => (answers.shift() ?? (async () => ({ ticket: "t9", url: there })))();
        fakeRoom.dead.add(location.host);
        home.end(1006);
        await until(() => client.peerConnection !== old && connected());
        return [client.state, fakeRoom.requests("join").at(-1).ticket];""",
        "{ getTicket: (window.answer = async () => ({ ticket: 't1', url: '/v1/signal' }), () => answer()) }",
    ) == ["connected", "t9"]


async def test_a_session_resumed_while_another_node_is_tried_is_kept(site: Site) -> None:
    assert await in_call(
        site,
        """window.goTo = () => there;
        fakeRoom.refuseConnections = true;
        home.end(1006);
        await until(() => tickets.length === 2);
        fakeRoom.refuseConnections = false;
        fakeRoom.replies.join = [{ code: "try-again" }, { code: "try-again" }];
        client.dispatchEvent.call(window, new Event("online"));
        await until(() => client.state === "connected");
        await sleep(300);
        return [client.peerConnection === old, fakeRoom.inside.size, all("moved").length];""",
        TICKETS,
    ) == [True, 2, 0]


async def test_a_resume_that_is_told_of_a_move_takes_a_new_ticket(site: Site) -> None:
    tickets, hosts = await in_call(
        site,
        """window.goTo = () => there;
        fakeRoom.replies.resume = [{ code: "moved", url: there }];
        home.end(1006);
        await until(() => client.peerConnection !== old && connected());
        return [tickets, fakeRoom.requests("join").map(({ host }) => host)];""",
        TICKETS,
    )
    assert tickets == ["join", "rejoin"]
    assert hosts[1] == "127.0.0.1:9"


async def test_a_room_that_has_ended_elsewhere_has_ended(site: Site) -> None:
    assert await in_call(
        site,
        """window.goTo = () => there;
        fakeRoom.replies.join = [{ code: "room-ended" }];
        fakeRoom.dead.add(location.host);
        home.end(1006);
        await until(() => client.state === "ended");
        const asked = tickets.length;
        await sleep(700);
        return [all("state").at(-1).code, tickets.length - asked];""",
        TICKETS,
    ) == ["room-ended", 0]


async def test_who_leaves_while_a_lost_node_is_looked_for_stops_looking(site: Site) -> None:
    assert (
        await in_call(
            site,
            """fakeRoom.dead.add(location.host);
        home.end(1006);
        await until(() => tickets.length === 2);
        await client.leave();
        await sleep(1000);
        return tickets.length;""",
            TICKETS,
        )
        == 2
    )


async def test_the_search_is_brisk_for_six_seconds_and_then_slows_down(site: Site) -> None:
    assert await run(
        site,
        """const { searchPauseMs } = await import("/web/client/search.js");
        return [0, 1000, 5900, 6000, 20000].map((elapsed) => [0, 0.5, 1].map((chance) =>
          Math.round(searchPauseMs(elapsed, chance))));""",
    ) == [
        [800, 1000, 1200],
        [400, 500, 600],
        [400, 500, 600],
        [1200, 1500, 1800],
        [4000, 5000, 6000],
    ]


# --- A node is drained ---


async def test_a_move_is_over_when_everything_arrives_from_the_next_node(site: Site) -> None:
    before, between, after, states = await in_call(
        site,
        """fakeRoom.withheld.add("d-cam" + at);
        const stream = client.participants[0].stream;
        const look = () => [client.state, client.peerConnection === old, old.connectionState,
          all("track").length, all("track-ended").length, sources(stream)];
        await drain();
        await until(() => all("track").length === 3); // the sound has changed over
        await sleep(600);
        const before = look();
        await fakeRoom.release("d-cam" + at);
        await until(() => client.state === "connected");
        const between = look();
        await until(() => old.connectionState === "closed" && !fakeRoom.inside.has(home));
        return [before, between, [...look(), client.participants[0].stream === stream], states()];""",
    )
    assert before == ["moving", True, "connected", 3, 1, "audio,video"]
    assert between == ["connected", False, "connected", 4, 2, "audio,video"]
    assert after == ["connected", False, "closed", 4, 2, "audio,video", True]
    assert states == ["connecting", "connected", "moving", "connected"]


async def test_neither_the_picture_stops_nor_is_a_voice_doubled_while_it_moves(site: Site) -> None:
    seen, most, times = await in_call(
        site,
        """const video = document.body.appendChild(document.createElement("video"));
        const seen = [];
        for (const type of ["emptied", "ended", "pause"]) video.addEventListener(type, () => seen.push(type));
        const { stream } = client.participants[0];
        video.srcObject = stream;
        await video.play();
        let most = 0;
        client.on("track-ended", () => {
          most = Math.max(most, stream.getAudioTracks().length, stream.getVideoTracks().length);
        });
        const times = [];
        const painted = () => new Promise((resolve) => video.requestVideoFrameCallback(resolve));
        await painted();
        await drain();
        await until(() => client.peerConnection !== old);
        for (let frame = 0; frame < 3; frame++) {
          await painted();
          times.push(video.currentTime);
        }
        await until(() => old.connectionState === "closed");
        for (let frame = 0; frame < 3; frame++) {
          await painted();
          times.push(video.currentTime);
        }
        return [seen, most, times];""",
    )
    assert seen == []
    assert most == 1
    assert times == sorted(times)


async def test_a_track_is_told_of_before_the_one_in_whose_place_it_comes_is_gone(site: Site) -> None:
    order, ids = await in_call(
        site,
        """happened.length = 0;
        await drain();
        await until(() => old.connectionState === "closed");
        const order = happened.map(({ type, track, trackId }) => [type, track?.id ?? trackId]);
        return [order.filter(([, id]) => id?.startsWith("d-cam")),
                [...client.participants[0].tracks.keys()]];""",
    )
    assert order == [["track", "d-cam@127.0.0.1:9"], ["track-ended", "d-cam"]]
    assert ids == ["d-mic@127.0.0.1:9", "d-cam@127.0.0.1:9"]


async def test_an_old_node_that_closes_ends_the_wait_for_what_is_missing(site: Site) -> None:
    tickets, states, moved, tracks = await in_call(
        site,
        """fakeRoom.withheld.add("d-cam" + at);
        await drain();
        await until(() => all("track").length === 3);
        home.end(4503);
        await until(() => client.peerConnection !== old && connected());
        await until(() => old.connectionState === "closed");
        return [tickets, states(), all("moved").length, sources(client.participants[0].stream)];""",
    )
    assert tickets == ["join"]
    assert states == ["connecting", "connected", "moving", "connected"]
    assert moved == 1
    assert tracks == "audio,video"


async def test_what_is_muted_is_not_waited_for(site: Site) -> None:
    assert await in_call(
        site,
        """fakeRoom.withheld.add("d-cam" + at);
        fakeRoom.others.get("d").tracks[1].muted = true;
        fakeRoom.tell({ type: "track-muted", id: "d-cam", muted: true });
        await drain();
        await until(() => client.state === "connected");
        return [all("moved").length, sources(client.participants[0].stream)];""",
    ) == [1, "audio,video"]


async def test_what_came_from_a_node_that_fails_comes_from_the_old_one_again(site: Site) -> None:
    seen = await in_call(
        site,
        """fakeRoom.withheld.add("d-cam" + at);
        const stream = client.participants[0].stream;
        const before = stream.getAudioTracks()[0];
        await drain();
        await until(() => stream.getAudioTracks()[0] !== before);
        fakeRoom.current.end(4404);
        await until(() => client.state === "connected");
        return [client.peerConnection === old, stream.getAudioTracks()[0] === before, sources(stream),
                fakeRoom.inside.has(home), all("moved").length];""",
    )
    assert seen == [True, True, "audio,video", True, 0]


async def test_a_move_that_failed_is_made_up_for_when_the_old_node_closes(site: Site) -> None:
    states, tickets = await in_call(
        site,
        """fakeRoom.dead.add("127.0.0.1:9");
        fakeRoom.tell({ type: "moved", url: there, ticket: "next" });
        await until(() => states().at(-2) === "moving" && client.state === "connected");
        fakeRoom.dead.clear();
        window.goTo = () => there;
        home.end(4503);
        await until(() => client.peerConnection !== old && connected());
        return [states(), tickets];""",
        TICKETS,
    )
    assert states == ["connecting", "connected", "moving", "connected", "reconnecting", "connected"]
    assert tickets == ["join", "rejoin"]


async def test_a_node_that_has_passed_the_room_on_is_not_the_end_of_the_way(site: Site) -> None:
    assert await in_call(
        site,
        """fakeRoom.replies.join = [{ code: "moved", url: "ws://127.0.0.1:10/v1/signal" }];
        await drain();
        await until(() => client.peerConnection !== old && connected());
        const joins = fakeRoom.requests("join").map(({ ticket }) => ticket);
        return [all("moved").map(({ url }) => url), joins];""",
    ) == [["ws://127.0.0.1:10/v1/signal"], ["t1", "next", "next"]]


async def test_nobody_leaves_or_comes_for_having_moved_earlier_or_later(site: Site) -> None:
    others, news, streams = await in_call(
        site,
        """fakeRoom.enter("g", "guest", "Marek");
        await until(() => client.participants.length === 2);
        const streams = new Map(client.participants.map(({ id, stream }) => [id, stream]));
        happened.length = 0;
        fakeRoom.late.add("g");
        fakeRoom.withheld.add("d-cam" + at);
        await drain();
        // The doctor is done with the old node.
        fakeRoom.tell({ type: "participant-left", id: "d", reason: "left" }, home);
        const others = [client.participants.map(({ id }) => id).sort()];
        await fakeRoom.release("d-cam" + at);
        await sleep(500);
        others.push(client.state);
        fakeRoom.arrive("g", fakeRoom.current);
        await until(() => client.state === "connected");
        await until(() => old.connectionState === "closed");
        others.push(client.participants.map(({ id }) => id).sort());
        const news = happened.filter(({ type }) => type.startsWith("participant-")).length;
        return [others, news, client.participants.every(({ id, stream }) => streams.get(id) === stream)];""",
    )
    assert others == [["d", "g"], "moving", ["d", "g"]]
    assert news == 0
    assert streams is True


async def test_who_leaves_both_nodes_has_left(site: Site) -> None:
    assert await in_call(
        site,
        """fakeRoom.enter("g", "guest", "Marek");
        fakeRoom.withheld.add("d-cam" + at);
        await drain();
        const left = { type: "participant-left", id: "g", reason: "left" };
        for (const socket of [fakeRoom.current, home]) fakeRoom.tell(left, socket);
        await until(() => all("participant-left").length > 0);
        return [all("participant-left").map(({ id }) => id), client.participants.map(({ id }) => id)];""",
    ) == [["g"], ["d"]]


async def test_what_is_said_on_either_node_is_heard_and_muting_is_told_to_both(site: Site) -> None:
    heard, mutes, relayed = await in_call(
        site,
        """fakeRoom.withheld.add("d-cam" + at);
        await drain();
        await until(() => offers().some(({ host }) => host === "127.0.0.1:9"));
        await until(() => all("track").length === 3);
        for (const socket of [home, fakeRoom.current]) {
          fakeRoom.tell({ type: "relay", from: "d", kind: "chat", body: "aGk" }, socket);
        }
        await camera.setMuted(true);
        fakeRoom.others.delete("d");
        fakeRoom.tell({ type: "participant-left", id: "d", reason: "left" }, home);
        await client.relay("d", "chat", new Uint8Array([1]));
        return [all("relay").length, fakeRoom.requests("mute").map(({ host, muted }) => muted),
                fakeRoom.requests("relay").map(({ host }) => host)];""",
    )
    assert heard == 2
    assert mutes == [True, True]
    assert relayed == ["127.0.0.1:9"]


async def test_what_decides_is_said_to_the_next_node_and_a_no_to_both(site: Site) -> None:
    ends, noes = await in_call(
        site,
        """fakeRoom.withheld.add("d-cam" + at);
        await drain();
        await until(() => fakeRoom.requests("join").some(({ host }) => host === "127.0.0.1:9"));
        await until(() => client.state === "moving");
        await client.consent("recording", "withdrawn");
        await client.admit("d");
        const name = ({ host }) => host === location.host ? "old" : "new";
        const hosts = (type) => fakeRoom.requests(type).map(name);
        return [hosts("admit"), hosts("consent").sort()];""",
    )
    assert ends == ["new"]
    assert noes == ["new", "old"]


async def test_what_one_asked_for_oneself_and_how_large_goes_along(site: Site) -> None:
    wanted, preferred = await run(
        site,
        """fakeRoom.enter("d", "doctor", "Els");
        const client = made({ autoSubscribe: false });
        await client.join();
        client.subscribe("d-cam");
        await client.prefer("d-cam", 180);
        await until(() => client.mediaState === "connected");
        const old = client.peerConnection;
        fakeRoom.tell({ type: "moved", url: "ws://127.0.0.1:9/v1/signal", ticket: "next" });
        await until(() => client.peerConnection !== old);
        await until(() => fakeRoom.requests("prefer").length === 2);
        const sizes = fakeRoom.requests("prefer").map((one) => [one.track, one.max_height]);
        return [offers().at(-1).tracks, sizes];""",
    )
    assert list(wanted.values()) == [{"subscribe": "d-cam@127.0.0.1:9"}]
    assert preferred == [["d-cam", 180], ["d-cam@127.0.0.1:9", 180]]


async def test_a_room_that_ends_on_the_next_node_has_ended(site: Site) -> None:
    assert await in_call(
        site,
        """fakeRoom.withheld.add("d-cam" + at);
        await drain();
        await until(() => all("track").length === 3);
        fakeRoom.tell({ type: "room-ended", reason: "ended" });
        await until(() => client.state === "ended");
        return [all("state").at(-1).code, old.connectionState];""",
    ) == ["room-ended", "closed"]


async def test_somebody_who_waits_outside_moves_too(site: Site) -> None:
    assert await run(
        site,
        """fakeRoom.self.admitted = false;
        const client = made();
        await client.join();
        const home = fakeRoom.current;
        fakeRoom.tell({ type: "moved", url: "ws://127.0.0.1:9/v1/signal", ticket: "next" });
        await until(() => all("moved").length === 1);
        await until(() => !fakeRoom.inside.has(home));
        return [client.state, client.self.admitted];""",
    ) == ["connected", False]


async def test_a_node_lost_in_the_middle_of_a_move_is_left_for_the_next(site: Site) -> None:
    states, tickets = await in_call(
        site,
        """fakeRoom.withheld.add("d-cam" + at);
        await drain();
        await until(() => all("track").length === 3);
        fakeRoom.dead.add(location.host);
        home.end(1006);
        await until(() => client.peerConnection !== old && connected());
        await sleep(1300);
        return [client.state, tickets];""",
    )
    assert (states, tickets) == ("connected", ["join"])


# --- What the pages show of it ---


async def test_the_page_says_that_it_moves_and_that_it_has_moved(site: Site) -> None:
    page = await site.open("/patient?auto=1")
    await page.evaluate("fakeRoom.enter('d', 'doctor', 'Dr. Els Peeters')")
    await page.wait_for_function("() => document.querySelector('.tile video')?.videoWidth > 0")
    await page.evaluate(
        """() => {
          fakeRoom.withheld.add("d-cam@127.0.0.1:9");
          fakeRoom.tell({ type: "moved", url: "ws://127.0.0.1:9/v1/signal", ticket: "next" });
        }"""
    )
    banner = page.locator(".banner")
    await banner.get_by_text("The consultation is moving to another server. It goes on meanwhile.").wait_for()
    await page.evaluate("fakeRoom.release('d-cam@127.0.0.1:9')")
    await banner.get_by_text("The consultation now goes on over another server.").wait_for()
    await banner.wait_for(state="hidden")
    assert await page.locator(".tile").count() == 1


async def test_the_page_takes_its_own_place_again_after_its_node_was_lost(site: Site) -> None:
    page = await site.open("/patient?auto=1")
    await page.wait_for_function("() => teleconsult.state === 'connected'")
    assert "reentry" not in await page.evaluate("fakeRoom.asked")
    await page.evaluate(
        """() => {
          fakeRoom.ticketUrl = "ws://127.0.0.1:9/v1/signal";
          fakeRoom.dead.add(location.host);
          fakeRoom.current.end(1006);
        }"""
    )
    await page.get_by_text("The consultation now goes on over another server.").wait_for()
    assert (await page.evaluate("fakeRoom.asked"))["reentry"] == "as-before"
