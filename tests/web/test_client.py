"""client.js: what it says to the server, and what it makes of the answers. The server is `fake_room.js`."""

from typing import Any

import pytest

from tests.web.browser import Site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def run(site: Site, script: str) -> Any:
    """Run JavaScript in a page with the client; what it returns."""
    page = await site.open_client()
    result = await page.evaluate(f"async () => {{ {script} }}")
    assert site.complaints == []
    return result


async def test_it_joins_in_json_and_introduces_itself(site: Site) -> None:
    socket, join = await run(
        site,
        """await made().join();
        const [{ url, protocol }] = fakeRoom.sockets;
        return [{ url, protocol }, fakeRoom.requests("join")[0]];""",
    )
    assert socket["url"].startswith("ws://127.0.0.1:")
    assert socket["url"].endswith("/v1/signal")
    assert socket["protocol"] == "teleconsult.v1.json"
    assert join["ticket"] == "t1"
    assert join["client"]["name"] == "teleconsult-web"


async def test_one_offer_publishes_all_there_is_and_subscribes_to_all_there_is(site: Site) -> None:
    offers, published, tracks = await run(
        site,
        """fakeRoom.enter("d", "doctor", "Els");
        const client = made();
        const one = client.publish(drawn(), "camera");
        const other = client.publish(hummed(), "microphone", { muted: true });
        await client.join();
        await Promise.all([one.ready, other.ready]);
        return [offers().map((offer) => offer.tracks), [one.id, other.id],
                all("track").map(({ track }) => track.id)];""",
    )
    assert offers == [
        {
            "0": {"publish": {"source": "camera", "muted": False, "encryption": "none"}},
            "1": {"publish": {"source": "microphone", "muted": True, "encryption": "none"}},
            "2": {"subscribe": "d-mic"},
            "3": {"subscribe": "d-cam"},
        }
    ]
    assert published == ["own-camera", "own-microphone"]
    assert tracks == ["d-mic", "d-cam"]


async def test_media_arrives_in_one_stream_for_each_participant(site: Site) -> None:
    kinds, state = await run(
        site,
        """fakeRoom.enter("d", "doctor", "Els");
        const client = made();
        await client.join();
        const video = document.createElement("video");
        video.srcObject = client.participants[0].stream;
        await video.play();
        await until(() => video.videoWidth > 0 && client.mediaState === "connected");
        return [client.participants[0].stream.getTracks().map(({ kind }) => kind).sort(), client.state];""",
    )
    assert kinds == ["audio", "video"]
    assert state == "connected"


async def test_nothing_is_offered_before_admission(site: Site) -> None:
    before, after = await run(
        site,
        """fakeRoom.self.admitted = false;
        const client = made();
        const camera = client.publish(drawn(), "camera");
        await client.join();
        await client.relay(null, "ping", new Uint8Array());   // a round trip later
        const before = offers().length;
        fakeRoom.admit("me");
        await camera.ready;
        return [before, offers().length];""",
    )
    assert (before, after) == (0, 1)


async def test_a_track_that_comes_while_an_offer_is_made_is_left_to_the_next(site: Site) -> None:
    offers = await run(
        site,
        """const client = made();
        client.publish(drawn(), "camera");
        const create = RTCPeerConnection.prototype.setLocalDescription;
        RTCPeerConnection.prototype.setLocalDescription = async function (...args) {
          await create.apply(this, args);
          if (fakeRoom.others.size === 0) fakeRoom.enter("d", "doctor", "Els");
        };
        await client.join();
        await until(() => offers().length === 2);
        return offers().map((offer) => Object.keys(offer.tracks));""",
    )
    assert offers == [["0"], ["0", "1", "2"]]


async def test_sections_of_those_who_left_carry_those_who_come(site: Site) -> None:
    mids = await run(
        site,
        """fakeRoom.enter("a", "doctor", "A");
        const client = made();
        await client.join();
        await until(() => ways() === "recvonly,recvonly");
        fakeRoom.leave("a");
        await until(() => ways() === "inactive,inactive");
        fakeRoom.enter("b", "guest", "B");
        await until(() => offers().at(-1).tracks["0"]);
        return [offers().at(-1).tracks, client.peerConnection.getTransceivers().length];""",
    )
    assert mids == [{"0": {"subscribe": "b-mic"}, "1": {"subscribe": "b-cam"}}, 2]


async def test_a_preferred_codec_goes_first_and_the_others_stay(site: Site) -> None:
    first, all_there = await run(
        site,
        """const client = made();
        client.publish(drawn(), "camera", { codec: "h264" });
        await client.join();
        await until(() => offers().length === 1);
        const { sdp } = offers()[0];
        const formats = /m=video \\S+ \\S+ (.*)/.exec(sdp)[1].split(" ");
        return [new RegExp(`rtpmap:${formats[0]} (\\\\w+)`).exec(sdp)[1], sdp.includes("VP8/90000")];""",
    )
    assert first == "H264"
    assert all_there


async def test_a_section_refused_for_good_is_withdrawn_and_the_rest_goes_on(site: Site) -> None:
    refused, wishes, problems = await run(
        site,
        """const client = made();
        const camera = client.publish(drawn(), "camera");
        await client.join();
        await camera.ready;
        fakeRoom.replies.offer = [{ code: "unsupported-codec" }];
        const screen = client.publish(drawn(), "screen");
        const refused = await screen.ready.catch((error) => error.code);
        await until(() => offers().length === 3);
        return [refused, offers()[2].tracks, all("problem")];""",
    )
    assert refused == "unsupported-codec"
    assert list(wishes) == ["0"]
    assert problems == [{"type": "problem", "code": "unsupported-codec", "source": "screen"}]


async def test_a_cut_socket_is_resumed_after_the_last_event_seen(site: Site) -> None:
    states, resume, same, left = await run(
        site,
        """fakeRoom.enter("d", "doctor", "Els");
        const client = made();
        client.publish(drawn(), "camera");
        await client.join();
        await until(() => client.mediaState === "connected");
        const before = client.peerConnection;
        fakeRoom.tell({ type: "track-muted", id: "d-cam", muted: true });
        fakeRoom.current.end(1006);
        fakeRoom.current = null;
        fakeRoom.leave("d");                                   // missed by the client, replayed by the server
        await until(() => client.state === "connected" && fakeRoom.requests("resume").length === 1);
        await until(() => client.participants.length === 0);
        return [all("state").map(({ state }) => state),
                fakeRoom.requests("resume")[0], before === client.peerConnection,
                all("participant-left").map(({ id }) => id)];""",
    )
    assert states == ["connecting", "connected", "reconnecting", "connected"]
    assert (resume["resume_token"], resume["last_seq"]) == ("r", 1)
    assert same
    assert left == ["d"]


async def test_an_offer_whose_answer_was_lost_is_made_again_after_the_resume(site: Site) -> None:
    offers = await run(
        site,
        """const client = made();
        fakeRoom.replies.offer = [{ close: 1006 }];
        const camera = client.publish(drawn(), "camera");
        await client.join();
        await camera.ready;
        return fakeRoom.received.map(({ type }) => type);""",
    )
    assert offers == ["join", "offer", "resume", "offer"]


async def test_a_session_that_cannot_be_resumed_is_joined_afresh_with_all_its_tracks(site: Site) -> None:
    why, types, published = await run(
        site,
        """const client = made();
        const camera = client.publish(drawn(), "camera");
        await client.join();
        await camera.ready;
        fakeRoom.replies.resume = [{ code: "resume-expired" }];
        fakeRoom.current.end(1006);
        await until(() => fakeRoom.requests("join").length === 2 && client.state === "connected");
        await until(() => offers().length === 2);
        return [tickets, fakeRoom.requests("join").map(({ ticket }) => ticket),
                Object.values(offers()[1].tracks)];""",
    )
    assert why == ["join", "rejoin"]
    assert types == ["t1", "t2"]
    assert published == [{"publish": {"source": "camera", "muted": False, "encryption": "none"}}]


async def test_a_draining_node_sends_the_client_to_the_next(site: Site) -> None:
    assert await run(
        site,
        """const client = made();
        await client.join();
        fakeRoom.current.end(4503);
        await until(() => fakeRoom.requests("join").length === 2 && client.state === "connected");
        return [tickets, fakeRoom.requests("resume").length];""",
    ) == [["join", "rejoin"], 0]


@pytest.mark.parametrize(
    ("close", "code"),
    [
        (4400, "bad-message"),
        (4403, "not-allowed"),
        (4404, "no-such-room"),
        (4409, "replaced"),
        (4410, "room-ended"),
    ],
)
async def test_a_close_code_that_means_the_end_ends_it(site: Site, close: int, code: str) -> None:
    ended, tickets = await run(
        site,
        f"""const client = made();
        await client.join();
        fakeRoom.current.end({close});
        await until(() => client.state === "ended");
        return [happened.findLast(({{ type }}) => type === "state").code, tickets.length];""",
    )
    assert (ended, tickets) == (code, 1)


async def test_a_refused_ticket_is_replaced_once(site: Site) -> None:
    outcome, tickets = await run(
        site,
        """fakeRoom.replies.join = [{ code: "ticket-refused" }, { close: 4401 }];
        const client = made();
        return [await client.join().catch((error) => error.code), tickets.length];""",
    )
    assert (outcome, tickets) == ("ticket-refused", 2)


async def test_a_room_on_another_node_is_joined_there_with_the_same_ticket(site: Site) -> None:
    urls, tickets = await run(
        site,
        """fakeRoom.replies.join = [{ code: "moved", url: "ws://127.0.0.1:9/v1/signal" }];
        await made().join();
        const joins = fakeRoom.requests("join");
        return [fakeRoom.sockets.map(({ url }) => url), joins.map(({ ticket }) => ticket)];""",
    )
    assert urls[1] == "ws://127.0.0.1:9/v1/signal"
    assert tickets == ["t1", "t1"]


async def test_a_moved_room_is_connected_anew_before_the_old_connection_goes(site: Site) -> None:
    order = await run(
        site,
        """const client = made();
        const camera = client.publish(drawn(), "camera");
        await client.join();
        await until(() => client.mediaState === "connected");
        const old = client.peerConnection;
        fakeRoom.tell({ type: "moved", url: "/v1/signal", ticket: "next" });
        await until(() => client.peerConnection !== old);
        const connected = client.peerConnection.connectionState;
        await until(() => old.connectionState === "closed");
        return [connected, fakeRoom.requests("join")[1].ticket, fakeRoom.planes.length, client.state];""",
    )
    assert order == ["connected", "next", 2, "connected"]


async def test_a_connection_given_up_by_the_server_is_replaced_within_the_session(site: Site) -> None:
    assert await run(
        site,
        """fakeRoom.enter("d", "doctor", "Els");
        const client = made();
        const camera = client.publish(drawn(), "camera");
        await client.join();
        await until(() => client.mediaState === "connected");
        const old = client.peerConnection;
        const lost = { uplink: "lost", downlink: "lost", transport: "closed" };
        fakeRoom.tell({ type: "quality", participant: "me", ...lost });
        await until(() => client.peerConnection !== old && client.mediaState === "connected");
        return [old.connectionState, fakeRoom.requests("join").length, offers().at(-1).tracks,
                client.participants[0].stream.getTracks().length];""",
    ) == [
        "closed",
        1,
        {
            "0": {"publish": {"source": "camera", "muted": False, "encryption": "none"}},
            "1": {"subscribe": "d-mic"},
            "2": {"subscribe": "d-cam"},
        },
        2,
    ]


async def test_an_ice_restart_changes_the_credentials_and_nothing_else(site: Site) -> None:
    ufrags, sections = await run(
        site,
        """const client = made();
        const camera = client.publish(drawn(), "camera");
        await client.join();
        await until(() => client.mediaState === "connected");
        client.restartIce();
        await until(() => offers().length === 2);
        const sdps = offers().map(({ sdp }) => sdp);
        const ufrags = sdps.map((sdp) => /ice-ufrag:(\\S+)/.exec(sdp)[1]);
        return [ufrags, sdps.map((sdp) => sdp.match(/^m=/gm).length)];""",
    )
    assert ufrags[0] != ufrags[1]
    assert sections == [1, 1]


async def test_a_network_that_comes_back_is_used_at_once(site: Site) -> None:
    assert (
        await run(
            site,
            """const client = made();
        const camera = client.publish(drawn(), "camera");
        await client.join();
        await camera.ready;
        dispatchEvent(new Event("online"));
        await until(() => offers().length === 2 && fakeRoom.requests("stats").length === 1);
        return client.state;""",
        )
        == "connected"
    )


async def test_mute_is_told_and_takes_effect_at_once(site: Site) -> None:
    assert await run(
        site,
        """const client = made();
        const track = hummed();
        const microphone = client.publish(track, "microphone");
        await client.join();
        await microphone.ready;
        const told = microphone.setMuted(true);
        const silent = !track.enabled;
        await told;
        return [silent, fakeRoom.requests("mute")[0]];""",
    ) == [True, {"type": "mute", "id": 3, "track": "own-microphone", "muted": True}]


async def test_relayed_bytes_travel_as_base64url(site: Site) -> None:
    sent, received = await run(
        site,
        """const client = made();
        await client.join();
        await client.relay("d", "e2ee-key", new Uint8Array([251, 255, 0]));
        fakeRoom.tell({ type: "relay", from: "d", kind: "chat", body: "-_8A" });
        return [fakeRoom.requests("relay")[0].body, [...all("relay")[0].body]];""",
    )
    assert sent == "-_8A"
    assert received == [251, 255, 0]


async def test_statistics_are_told_to_the_page_and_to_the_server(site: Site) -> None:
    summary, told = await run(
        site,
        """fakeRoom.enter("d", "doctor", "Els");
        const client = made({ statsIntervalMs: 100 });
        client.publish(drawn(), "camera");
        await client.join();
        await until(() => all("stats").some(({ rating }) => rating === "good"));
        await until(() => fakeRoom.requests("stats").length > 0);
        return [all("stats").at(-1), fakeRoom.requests("stats")[0]];""",
    )
    assert set(summary["uplink"]) == {"rtt_ms", "loss", "jitter_ms", "bitrate_bps", "freezes"}
    assert summary["protocol"] in (None, "udp")
    assert set(told) == {"type", "id", "uplink", "downlink"}


async def test_who_leaves_says_so_and_can_come_back(site: Site) -> None:
    assert await run(
        site,
        """const client = made();
        await client.join();
        await client.leave();
        const left = fakeRoom.requests("leave").length;
        await client.join();
        return [left, client.state, fakeRoom.requests("join").length];""",
    ) == [1, "connected", 2]


async def test_without_auto_subscribe_only_what_was_asked_for_is_received(site: Site) -> None:
    assert await run(
        site,
        """fakeRoom.enter("d", "doctor", "Els");
        const client = made({ autoSubscribe: false });
        await client.join();
        client.subscribe("d-mic");
        await until(() => offers().length === 1);
        return offers()[0].tracks;""",
    ) == {"0": {"subscribe": "d-mic"}}


@pytest.mark.parametrize("entering", ["join", "resume"])
async def test_who_leaves_while_entering_leaves_nobody_behind(site: Site, entering: str) -> None:
    cut = "fakeRoom.current.end(1006); fakeRoom.inside.clear();" if entering == "resume" else ""
    joined = "await outcome;" if entering == "resume" else ""
    outcome, inside, state = await run(
        site,
        f"""const client = made();
        if ("{entering}" === "join") fakeRoom.delayMs = 60;
        const outcome = client.join().then(() => "joined", ({{ code }}) => code);
        {joined}
        fakeRoom.delayMs = 60;
        {cut}
        await until(() => fakeRoom.requests("{entering}").length === 1);
        await client.leave();
        await until(() => fakeRoom.sockets.every(({{ readyState }}) => readyState === 3));
        return [await outcome, fakeRoom.inside.size, client.state];""",
    )
    assert (outcome, inside, state) == ("left" if entering == "join" else "joined", 0, "ended")


async def test_a_visit_after_a_hasty_leave_is_not_ended_by_the_first(site: Site) -> None:
    assert await run(
        site,
        """const client = made();
        fakeRoom.delayMs = 30;
        const first = client.join().catch(({ code }) => code);
        await until(() => fakeRoom.requests("join").length === 1);
        void client.leave();
        await client.join();
        return [await first, client.state, fakeRoom.inside.size];""",
    ) == ["left", "connected", 1]


async def test_after_the_end_nothing_of_the_visit_is_left(site: Site) -> None:
    assert await run(
        site,
        """fakeRoom.enter("d", "doctor", "Els");
        const client = made();
        await client.join();
        await until(() => client.mediaState === "connected");
        await client.leave();
        return [client.self, client.participants, client.room, client.mediaState, client.peerConnection];""",
    ) == [None, [], None, None, None]


async def test_a_browser_without_webrtc_is_told_so(site: Site) -> None:
    assert await run(
        site,
        """delete window.RTCPeerConnection;
        const client = made();
        const code = await client.join().catch((error) => error.code);
        return [code, all("state").map(({ state, code }) => [state, code]), tickets.length];""",
    ) == ["unsupported-browser", [["connecting", None], ["ended", "unsupported-browser"]], 0]


async def test_own_tracks_fall_silent_and_are_heard_again(site: Site) -> None:
    silent = await run(
        site,
        """const client = made();
        const camera = client.publish(drawn(), "camera");
        await client.join();
        await camera.ready;
        const seen = [client.self.track("camera")?.source, client.self.silent.size];
        fakeRoom.tell({ type: "track-silent", id: "own-camera" });
        seen.push(client.self.silent.size);
        fakeRoom.tell({ type: "track-silent", id: "own-camera", silent: false });
        seen.push(client.self.silent.size);
        fakeRoom.tell({ type: "track-silent", id: "own-camera" });
        await camera.setMuted(true);
        seen.push(client.self.silent.size, client.self.track("camera").muted);
        fakeRoom.tell({ type: "track-silent", id: "own-camera" });
        fakeRoom.self.tracks = [{ ...client.self.track("camera"), silent: false }];
        fakeRoom.log = [];
        fakeRoom.current.end(1006);
        await until(() => fakeRoom.requests("resume").length === 1 && client.state === "connected");
        seen.push(client.self.silent.size);
        camera.unpublish();
        return [...seen, client.self.tracks.size];""",
    )
    assert silent == ["camera", 0, 1, 0, 0, True, 0, 0]


async def test_the_joined_state_says_who_is_silent(site: Site) -> None:
    assert await run(
        site,
        """fakeRoom.enter("d", "doctor", "Els");
        fakeRoom.others.get("d").tracks[0].silent = true;
        const client = made();
        await client.join();
        return [...client.participants[0].silent];""",
    ) == ["d-mic"]


async def test_what_was_muted_while_the_socket_was_gone_is_told_after_it(site: Site) -> None:
    assert await run(
        site,
        """const client = made();
        const camera = client.publish(drawn(), "camera");
        await client.join();
        await camera.ready;
        fakeRoom.self.tracks = [{ ...client.self.track("camera") }];
        fakeRoom.refuseConnections = true;
        fakeRoom.current.end(1006);
        await until(() => client.state === "reconnecting");
        await camera.setMuted(true);
        fakeRoom.refuseConnections = false;
        await until(() => client.state === "connected" && fakeRoom.requests("mute").length === 1);
        const { track, muted } = fakeRoom.requests("mute")[0];
        return [track, muted];""",
    ) == ["own-camera", True]


async def test_a_ticket_that_never_comes_does_not_hold_the_visit(site: Site) -> None:
    given_up, left = await run(
        site,
        """const never = () => new Promise(() => {});
        const outcome = (client) => client.join().catch(({ code }) => code);
        const givenUp = await outcome(made({ getTicket: never, joinPatienceMs: 50 }));
        const left = outcome(made({ getTicket: never }));
        await client.leave();
        return [givenUp, await left];""",
    )
    assert (given_up, left) == ("unreachable", "left")


async def test_a_move_to_where_no_media_flows_is_not_made(site: Site) -> None:
    assert await run(
        site,
        """const client = made();
        client.publish(drawn(), "camera");
        await client.join();
        await until(() => client.mediaState === "connected");
        const old = client.peerConnection;
        const home = fakeRoom.current;
        fakeRoom.walled = true;
        fakeRoom.hurry(20);
        fakeRoom.tell({ type: "moved", url: "/v1/signal", ticket: "next" });
        await until(() => fakeRoom.requests("join").length === 2 && !fakeRoom.inside.has(fakeRoom.current));
        return [client.peerConnection === old, fakeRoom.inside.has(home), client.mediaState];""",
    ) == [True, True, "connected"]


async def test_a_node_that_closes_while_the_room_moves_is_left_for_the_new_one(site: Site) -> None:
    assert await run(
        site,
        """const client = made();
        client.publish(drawn(), "camera");
        await client.join();
        await until(() => client.mediaState === "connected");
        const home = fakeRoom.current;
        const old = client.peerConnection;
        fakeRoom.tell({ type: "moved", url: "/v1/signal", ticket: "next" });
        await until(() => fakeRoom.current !== home);
        home.end(4503);
        await until(() => client.peerConnection !== old && client.mediaState === "connected");
        await sleep(50);
        return [tickets, fakeRoom.requests("join").map(({ ticket }) => ticket), client.state];""",
    ) == [["join"], ["t1", "next"], "connected"]


async def test_a_new_node_that_is_lost_at_once_is_not_moved_to(site: Site) -> None:
    assert await run(
        site,
        """const client = made();
        client.publish(drawn(), "camera");
        await client.join();
        await until(() => client.mediaState === "connected");
        const home = fakeRoom.current;
        fakeRoom.walled = true;
        fakeRoom.tell({ type: "moved", url: "/v1/signal", ticket: "next" });
        await until(() => fakeRoom.current !== home);
        fakeRoom.current.end(4404);
        home.end(4503);
        await until(() => tickets.length === 2 && client.state === "connected");
        return [tickets, fakeRoom.requests("join").map(({ ticket }) => ticket)];""",
    ) == [["join", "rejoin"], ["t1", "next", "t2"]]


async def test_a_connection_that_fails_is_replaced_once(site: Site) -> None:
    assert await run(
        site,
        """const client = made();
        client.publish(drawn(), "camera");
        await client.join();
        await until(() => client.mediaState === "connected");
        const old = client.peerConnection;
        Object.defineProperty(old, "connectionState", { value: "failed" });
        old.dispatchEvent(new Event("connectionstatechange"));
        old.dispatchEvent(new Event("iceconnectionstatechange"));
        await until(() => client.peerConnection !== old && client.mediaState === "connected");
        await sleep(400);
        return [fakeRoom.planes.length, client.state];""",
    ) == [2, "connected"]


async def test_media_that_never_gets_through_ends_the_visit_soon(site: Site) -> None:
    code, planes = await run(
        site,
        """fakeRoom.walled = true;
        fakeRoom.hurry(20);
        const client = made();
        client.publish(drawn(), "camera");
        await client.join();
        await until(() => client.state === "ended");
        return [all("state").at(-1).code, fakeRoom.planes.length];""",
    )
    assert code == "media-failed"
    assert planes == 2


async def test_a_section_used_again_takes_the_limits_and_codec_of_what_it_sends_now(site: Site) -> None:
    rates, first, sections = await run(
        site,
        """const client = made();
        const limits = { maxBitrate: 2500000, degradationPreference: "maintain-resolution" };
        const screen = client.publish(drawn(), "screen", { ...limits, codec: "h264" });
        await client.join();
        await screen.ready;
        const [{ sender }] = client.peerConnection.getTransceivers();
        const look = () => {
          const { encodings, degradationPreference } = sender.getParameters();
          return [encodings[0].maxBitrate, degradationPreference];
        };
        await until(() => look()[1] === "maintain-resolution");
        const before = look();
        screen.unpublish();
        await until(() => ways() === "inactive");
        const camera = client.publish(drawn(), "camera", { maxBitrate: 600000 });
        await until(() => ways() === "sendonly" && look()[0] === 600000);
        const { sdp } = offers().at(-1);
        const formats = /m=video \\S+ \\S+ (.*)/.exec(sdp)[1].split(" ");
        return [[before, look()], new RegExp(`rtpmap:${formats[0]} (\\\\w+)`).exec(sdp)[1],
                client.peerConnection.getTransceivers().length];""",
    )
    assert rates == [[2_500_000, "maintain-resolution"], [600_000, None]]
    assert first == "VP8"
    assert sections == 1


async def test_a_recording_is_asked_for_and_consent_is_ones_own(site: Site) -> None:
    state, sent = await run(
        site,
        """fakeRoom.recordable();
        fakeRoom.enter("d", "doctor", "Els");
        const client = made();
        await client.join();
        await client.consent("recording", "granted", "text-7");
        const state = await client.recording("start");
        await client.consent("recording", "withdrawn");
        await client.recording("stop");
        const sent = fakeRoom.received.filter(({ type }) => ["recording", "consent"].includes(type));
        return [state, sent.map(({ id, ...message }) => message)];""",
    )
    assert state == "starting"
    assert sent == [
        {"type": "consent", "kind": "recording", "state": "granted", "text_version": "text-7"},
        {"type": "recording", "action": "start"},
        {"type": "consent", "kind": "recording", "state": "withdrawn"},
        {"type": "recording", "action": "stop"},
    ]


async def test_the_room_tells_how_far_a_recording_is_and_who_agreed(site: Site) -> None:
    seen = await run(
        site,
        """fakeRoom.recordable(["record"]);
        fakeRoom.enter("d", "doctor", "Els");
        const client = made();
        await client.join();
        const look = () => {
          const { state, since, by, granted, declined, available, reason } = client.room.recording;
          return [state, since !== null, by, granted.join(), declined.join(), available, reason];
        };
        const seen = [client.self.grants, look()];
        const acts = [
          ["consent", "d", "granted"], ["ask", "d"], ["consent", "me", "granted"],
          ["recording", "on", "slow-disk"], ["recording", "on", "resumed"],
          ["consent", "d", "withdrawn"], ["recording", "off"], ["ask", "d"],
        ];
        for (const [act, ...how] of acts) {
          fakeRoom[act](...how);
          seen.push(look());
        }
        return seen;""",
    )
    assert seen == [
        ["record"],
        ["off", False, None, "", "", True, None],
        ["off", False, None, "d", "", True, None],
        ["starting", False, "d", "d", "", True, "asked"],
        ["on", True, "d", "d,me", "", True, None],
        ["on", True, "d", "d,me", "", True, "slow-disk"],
        ["on", True, "d", "d,me", "", True, "resumed"],
        ["off", False, None, "me", "d", True, "consent-withdrawn"],
        ["off", False, None, "me", "d", True, None],
        ["starting", False, "d", "me", "", True, "asked"],
    ]


async def test_what_stopped_a_recording_is_known_until_it_begins_again(site: Site) -> None:
    assert await run(
        site,
        """const { afterRecording, recordingOf } = await import("/web/client/recording.js");
        const on = recordingOf({ state: "on", since: 7, by: "d", granted: ["d"], available: true });
        const stopping = afterRecording(on, { state: "stopping", reason: "consent-withdrawn" });
        const off = afterRecording(stopping, { state: "off", reason: null });
        const again = afterRecording(off, { state: "on", since: 9 });
        return [stopping.since, off.since, off.by, off.reason, again.reason];""",
    ) == [7, None, None, "consent-withdrawn", None]


async def test_a_consent_event_without_a_name_is_ones_own(site: Site) -> None:
    assert await run(
        site,
        """fakeRoom.recordable();
        const client = made();
        await client.join();
        fakeRoom.tell({ type: "consent", kind: "recording", state: "granted" });
        fakeRoom.tell({ type: "consent", kind: "report", state: "withdrawn" });
        const granted = client.room.recording.granted;
        fakeRoom.tell({ type: "consent", kind: "recording", state: "expired" });
        return [granted, client.room.recording.granted, client.room.recording.declined];""",
    ) == [["me"], [], []]


async def test_what_a_newer_joined_state_leaves_out_of_a_recording_stays_known(site: Site) -> None:
    assert await run(
        site,
        """fakeRoom.recordable();
        const client = made();
        await client.join();
        fakeRoom.recording("on", null, { since: 5, by: "d" });
        fakeRoom.recording("on", "slow-disk", { since: 5 });
        fakeRoom.log = [];
        fakeRoom.current.end(1006);
        await until(() => fakeRoom.requests("resume").length === 1 && client.state === "connected");
        const { state, since, by, reason } = client.room.recording;
        return [state, since, by, reason];""",
    ) == ["on", 5, "d", "slow-disk"]


async def test_a_server_that_knows_no_recordings_has_none(site: Site) -> None:
    assert await run(
        site,
        """delete fakeRoom.room.recording;
        const client = made();
        await client.join();
        return client.room.recording;""",
    ) == {
        "state": "off",
        "since": None,
        "by": None,
        "granted": [],
        "declined": [],
        "available": False,
        "reason": None,
    }
