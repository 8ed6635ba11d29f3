"""What a reader should know first: what was tested, how it went, the figures that matter. Pure."""

from collections.abc import Iterator

from loadtest.report import words
from loadtest.report.html import Html, element
from loadtest.report.tables import box, tile
from loadtest.results import (
    FIGURES,
    CutKind,
    Dimension,
    JoinStep,
    Options,
    Report,
    ScenarioName,
    ThresholdResult,
)


def title(options: Options) -> str:
    """What was tested, as a headline."""
    calls = words.several(options.calls, "call")
    match options.scenario:
        case _ if options.find_capacity:
            return f"How many {_searched(options)} the server holds"
        case ScenarioName.CONSULTATIONS:
            return words.several(options.calls, "consultation at a time", "consultations at a time")
        case ScenarioName.GROUP:
            return f"{words.several(options.calls, 'group')} of {options.participants}"
        case ScenarioName.FANOUT:
            receivers = words.several(options.participants - 1, "receiver")
            return f"{words.several(options.calls, 'sender')}, each to {receivers}"
        case ScenarioName.CHURN:
            return f"{calls}, with people coming and going"
        case ScenarioName.WAITING_ROOM:
            doctors = words.several(options.doctors, "doctor")
            return f"{words.several(options.calls, 'patient')} waiting for {doctors}"
        case ScenarioName.RECONNECT:
            return f"{calls} whose connections are cut"
        case ScenarioName.SOAK:
            return f"{calls} for {words.seconds(options.duration_s)}"


def _searched(options: Options) -> str:
    kinds = {
        ScenarioName.GROUP: f"groups of {options.participants}",
        ScenarioName.FANOUT: "receivers of one sender",
    }
    return kinds.get(options.scenario, "consultations")


def verdict(report: Report) -> Html:
    """Passed, failed or stopped, with the lines that failed."""
    failing = [describe(result) for result in report.thresholds if not result.passed]
    asked = len(report.thresholds)
    lines: list[Html] = []
    if not report.joins.succeeded:
        state, said = "bad", "Failed: nobody could join"
    elif report.partial:
        state, said = "bad", "Not finished: what was measured until then is here"
    elif failing:
        state = "bad"
        which = f"{len(failing)} of {words.several(asked, 'threshold')}"
        said = f"Failed: {which} {_was(len(failing))} not met"
    elif asked:
        which = "the threshold was" if asked == 1 else f"all {asked} thresholds were"
        state, said = "good", f"Passed: {which} met"
    else:
        state, said = "plain", "Finished; no thresholds were set to judge it by"
    if report.partial and report.partial_reason:
        lines.append(element("p", report.partial_reason))
    if report.capacity is not None:
        lines.append(element("p", capacity_sentence(report)))
    if failing:
        lines.append(element("ul", *(element("li", line) for line in failing)))
    return element("div", element("p", said), *lines, class_=f"verdict {state}")


def describe(result: ThresholdResult) -> str:
    """One line for people."""
    if result.value is None:
        return f"{result.text}: not measured"
    shown = f"{result.value:.4g}{result.unit and ' '}{result.unit}"
    if "%" in result.text or FIGURES[result.figure].dimension is Dimension.SHARE:
        shown = f"{100 * result.value:.4g} %"
    return f"{result.text}: it was {shown}"


def capacity_sentence(report: Report) -> str:
    capacity, options = report.capacity, report.options
    if capacity is None:
        return ""
    what = {ScenarioName.GROUP: "group", ScenarioName.FANOUT: "receiver"}.get(options.scenario, "call")
    if capacity.most is None and capacity.limited_by is None:
        return "The search was stopped before it knew of any number that can be held."
    if capacity.most is None:
        fewest = min((step.calls for step in capacity.steps), default=1)
        limit = "; the load tester itself was the limit" if capacity.limited_by == "client" else ""
        return f"Not even {words.several(fewest, what)} could be held within the thresholds{limit}."
    held = f"{words.several(capacity.most, what)} {_was(capacity.most)} held within the thresholds"
    match capacity.limited_by:
        case "client":
            return f"At least {held}; then the load tester itself was the limit, not the server."
        case None:
            return f"{held}; then the search was stopped."
        case "asked":
            return f"{held}; more were not asked for (--most)."
        case _:
            return f"{held}, and no more."


def warnings(report: Report) -> Html | None:
    """What makes the figures say less than they seem to."""
    lines = []
    if report.options.impairment is not None:
        lines.append(f"The network was made bad on purpose: {report.options.impairment}.")
    if report.client is not None and report.client.warning:
        lines.append(report.client.warning)
    if any(server.same_host for server in report.servers):
        lines.append(
            "The load tester ran on the server's own machine: each took processor time from the other, and "
            "no network was between them."
        )
    doubt = server_doubt(report)
    if doubt is not None:
        lines.append(doubt)
    if report.partial and not report.measured_s:
        lines.append("It was stopped before the measured window began: there are no figures of media.")
    return box("warning", "Bear in mind", lines)


def server_doubt(report: Report) -> str | None:
    """What the server's figures do not say, and what to do about it; None: nothing is missing."""
    server, received = report.server, report.audio.packets + report.video.packets
    if server is None:
        return (
            "The server did not tell what it used (its /metrics could not be read; --metrics says where they "
            "are): its CPU and memory are unknown."
        )
    if server.source == "proc":
        return (
            "The server's figures are of its process only: its /metrics were not found. Give them with "
            "--metrics, such as --metrics http://127.0.0.1:9090 (its METRICS_HOST and METRICS_PORT)."
        )
    if server.packets_out is not None and 2 * server.packets_out < received:
        return (
            "The server's metrics tell of fewer packets than were received from it: --metrics may be another "
            "server's."
        )
    return None


def tiles(report: Report) -> Html:
    """The key figures of this scenario."""
    return element("dl", *_tiles(report), class_="tiles")


def _tiles(report: Report) -> Iterator[Html]:
    if report.capacity is not None:
        most = report.capacity.most
        tried = words.several(len(report.capacity.steps), "window")
        yield tile("Held within the thresholds", words.count(most or 0), f"found in {tried}")
    yield _joins(report)
    yield from _waiting(report)
    yield from _cuts(report)
    if report.playing.share is not None:
        people = words.several(report.playing.participants, "participant")
        state = _state(report, "playing")
        share = words.share(report.playing.share)
        yield tile("Saw and heard everybody", share, f"of {people}, at the end", state)
    yield from _media(report)
    yield from _seen(report)
    yield from _costs(report)


def _joins(report: Report) -> Html:
    joins = report.joins
    first = joins.steps_ms.get(JoinStep.FIRST_PACKET)
    note = f"95 % received media within {words.ms(first.p95)}" if first is not None and first.n else ""
    said = f"{words.count(joins.succeeded)} of {words.count(joins.attempted)}"
    return tile("Joined", said, note, _state(report, "join", "joins"))


def _waiting(report: Report) -> Iterator[Html]:
    waiting = report.waiting_room
    if waiting is None:
        return
    note = f"95 % knew of it within {words.ms(waiting.called_ms.p95)}" if waiting.called_ms.n else ""
    said = f"{words.count(waiting.claimed)} of {words.count(waiting.asked)}"
    yield tile("Patients called in", said, note, _state(report, "waiting"))


def _cuts(report: Report) -> Iterator[Html]:
    names = {CutKind.WEBSOCKET: "Survived signalling cuts", CutKind.NETWORK: "Survived network changes"}
    for kind, cuts in report.cuts.items():
        note = f"95 % were silent for at most {words.ms(cuts.gap_ms.p95)}" if cuts.gap_ms.n else ""
        said = f"{words.count(cuts.resumed)} of {words.count(cuts.made)}"
        yield tile(names[kind], said, note, _state(report, f"cut.{kind}"))


def _media(report: Report) -> Iterator[Html]:
    expected = report.audio.expected + report.video.expected
    if not expected:
        return
    lost = words.share(FIGURES["loss"].read(report))
    state = _state(report, "loss", "audio.loss", "video.loss")
    yield tile("Packets lost", lost, f"of {words.count(expected)}, after repair", state)
    middle, almost_all = (FIGURES[f"latency.{name}"].read(report) for name in ("p50", "p99"))
    state = _state(report, "latency", "audio.latency", "video.latency")
    yield tile(
        "Latency, 99 % within", words.ms(almost_all), f"one way; half within {words.ms(middle)}", state
    )
    if report.video.freezes_per_hour is not None:
        gap = words.ms(FIGURES["gap.max"].read(report))
        said = words.number(report.video.freezes_per_hour)
        state = _state(report, "freezes", "gap")
        yield tile("Freezes an hour", said, f"of each picture; longest silence {gap}", state)


def _seen(report: Report) -> Iterator[Html]:
    """By bots."""
    seen = report.fidelity
    if seen is None:
        return
    psnr, ssim, sound_ms = seen.psnr_db.p95, seen.ssim.p95, seen.lip_sync_ms.p95
    notes = [
        f"PSNR, reached by 95 %; SSIM {words.share(ssim)}" if ssim is not None else "",
        f"sound within {words.ms(sound_ms)}" if sound_ms is not None else "",
        f"{words.number(seen.freezes_per_hour)} freezes an hour" if seen.freezes_per_hour is not None else "",
    ]
    note = "; ".join(each for each in notes if each)
    said = words.figure(FIGURES["psnr.p95"], psnr)
    yield tile("Picture, to bots", said, note, _state(report, "psnr", "ssim", "picture_delay", "lip_sync"))


def _costs(report: Report) -> Iterator[Html]:
    server, client = report.server, report.client
    if server is not None and server.cpu is not None:
        notes = [
            f"{words.number(server.us_per_packet)}{words.THIN}µs a packet" if server.us_per_packet else "",
            words.megabytes(server.memory_mb) if server.memory_mb is not None else "",
        ]
        said = ", ".join(note for note in notes if note)
        yield tile("Server CPU", words.cores(server.cpu), said, _state(report, "server"))
    if client is not None:
        note = "it was the limit" if client.is_limit else f"of {client.cpus} that it may use"
        yield tile("Load tester CPU", words.cores(client.cpu), note, _state(report, "client"))


def _state(report: Report, *names: str) -> str | None:
    """What the thresholds on such figures say; None where there are none."""
    asked = [
        result.passed
        for result in report.thresholds
        if any(result.figure == name or result.figure.startswith(f"{name}.") for name in names)
    ]
    if not asked:
        return None
    return "good" if all(asked) else "bad"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
