"""The sections that every report has, each None where nothing of it was measured. Pure."""

from collections.abc import Callable, Iterator, Sequence

from loadtest.report import curves, timelines, words
from loadtest.report.html import Html, element
from loadtest.report.tables import (
    TIMES,
    Cell,
    beside,
    facts,
    folded,
    mark_of,
    milliseconds,
    section,
    table,
    value,
)
from loadtest.results import FIGURES, JoinStep, Media, Quantiles, Report


def thresholds(report: Report) -> Html | None:
    rows: list[Sequence[Cell]] = []
    for result in report.thresholds:
        figure = FIGURES.get(result.figure)
        said = words.figure(figure, result.value) if figure else str(result.value)
        about = element("small", figure.about) if figure else None
        asked = element("span", element("code", result.text), about)
        rows.append((asked, value(result.value, said), mark_of(result.passed)))
    heads = ("Threshold", "It was", "So it is")
    return section("thresholds", "Thresholds", table("What had to hold", heads, rows))


def joining(report: Report, earlier: Report | None) -> Html | None:
    joins = report.joins
    rows = [
        (curves.STEPS[step], words.count(each.n), *milliseconds(each))
        for step in JoinStep
        if (each := joins.steps_ms.get(step)) is not None and each.n
    ]
    plot = curves.joining(report, earlier)
    said = f"{words.count(joins.succeeded)} of {words.several(joins.attempted, 'join')} came about."
    return section(
        "joining",
        "Joining",
        element(
            "p",
            f"{said} Times count from the moment somebody wants to join; each step includes those before it. "
            "First packet and picture are of those who found somebody there.",
        ),
        beside(plot.figure() if plot else None, table("Time until each step", TIMES, rows)),
    )


def media(report: Report, earlier: Report | None) -> Html | None:
    both = (("Audio", report.audio), ("Video", report.video))
    kinds = [(name, each) for name, each in both if each.expected]
    if not kinds:
        return None
    plot = curves.latency(report, earlier)
    times: list[tuple[str, Quantiles]] = []
    for name, each in kinds:
        times += [
            (f"{name} latency", each.latency_ms),
            (f"{name} jitter", each.jitter_ms),
            (f"{name}, longest silence", each.gap_ms),
            (f"{name}, sent late", each.late_ms),
        ]
    rows = [(name, words.count(each.n), *milliseconds(each)) for name, each in times if each.n]
    columns = zip(*(_counts(each) for _, each in kinds), strict=True)
    counted = [(cells[0][0], *(said for _, said in cells)) for cells in columns]
    return section(
        "media",
        "Sound and picture",
        element(
            "p",
            "Latency is one way, from the sender through the server to the receiver. Jitter and the longest "
            "silence are of each track. Sent late is how late the load tester itself was, against its own "
            "pace.",
        ),
        beside(plot.figure() if plot else None, table("Times", TIMES, rows)),
        folded(
            "What was counted", table("In the measured window", ("", *(name for name, _ in kinds)), counted)
        ),
    )


def _counts(each: Media) -> list[tuple[str, Cell]]:
    per_hour = None if each.freezes_per_hour is None else words.number(each.freezes_per_hour)
    return [
        ("Tracks received", words.count(each.tracks)),
        ("Packets received", words.count(each.packets)),
        ("Packets expected", words.count(each.expected)),
        ("Never came, after repair", f"{words.count(each.lost)} ({words.share(each.loss)})"),
        ("Came only when asked for again", words.count(each.mended)),
        ("Lost on the way, before repair", words.share(each.loss_before_repair)),
        ("Came twice", words.count(each.duplicates)),
        ("Out of order", words.count(each.reordered)),
        ("Received", words.megabytes(each.bytes / 1e6)),
        ("Frames, key frames among them", f"{words.count(each.frames)}, {words.count(each.key_frames)}"),
        ("Freezes", f"{words.count(each.freezes)}, together {words.ms(each.freeze_ms)}"),
        ("Freezes of a track in an hour", per_hour or words.NOT_MEASURED),
        ("Longest silence of any track", words.ms(each.longest_gap_ms)),
        ("Packets sent to the server", words.count(each.sent_packets)),
        ("Asked for again by the server (NACK)", words.count(each.nacks)),
        ("Sent again", words.count(each.retransmitted)),
        ("Pictures asked for by the server (PLI)", words.count(each.plis)),
    ]


def over_time(report: Report) -> Html | None:
    moments = timelines.moments_of(report.timeline)
    if not moments:
        return None
    plots = timelines.plots_of(report, moments)
    window = "" if report.capacity is not None or not report.measured_s else "The measured window is shaded. "
    media = ("received", "lost", "latency p50", "p95", "p99")
    heads = ("After", "there", "joined", *media, "server", "load tester", "memory")
    rows = [
        (
            words.seconds(round(moment.at_s)),
            words.count(moment.participants),
            words.count(moment.joins),
            words.bits(moment.bits_per_s),
            _or_dash(moment.loss, words.share),
            _or_dash(moment.latency_p50_ms, words.ms),
            _or_dash(moment.latency_p95_ms, words.ms),
            _or_dash(moment.latency_p99_ms, words.ms),
            _or_dash(moment.server_cpu, words.cores),
            words.cores(moment.client_cpu),
            _or_dash(moment.server_memory_mb, words.megabytes),
        )
        for moment in moments
    ]
    return section(
        "time",
        "Over time",
        element("p", f"{window}Point at a plot to read what it was at that moment.", class_="about"),
        beside(*(plot.figure() for plot in plots)),
        folded("The figures behind these plots", table("Over time", heads, rows)),
    )


def _or_dash(raw: float | None, say: Callable[[float], str]) -> str:
    return words.NOTHING if raw is None else say(raw)


def machines(report: Report) -> Html | None:
    return section("machines", "Server and load tester", beside(*_machines(report)))


def _machines(report: Report) -> Iterator[Html | None]:
    server, client = report.server, report.client
    if server is not None:
        us = server.us_per_packet
        sources = {"metrics": "/metrics", "proc": "its process", "both": "/metrics and its process"}
        packets = (_or_unmeasured(number) for number in (server.packets_in, server.packets_out))
        yield facts(
            "All servers together, in the measured window",
            [
                ("CPU, on average", words.cores(server.cpu)),
                ("CPU, in the busiest second", words.cores(server.cpu_max)),
                ("CPU time for each forwarded packet", words.ms(None if us is None else us / 1000)),
                ("Forwarded packets for each second of CPU", _or_unmeasured(server.packets_per_cpu_s)),
                ("Packets received, and sent", ", ".join(packets)),
                ("Memory, the most", words.megabytes(server.memory_mb)),
                ("Threads, the most", _or_unmeasured(server.threads)),
                ("Open files and sockets, the most", _or_unmeasured(server.descriptors)),
                ("Its event loop was late by at most", words.ms(server.loop_lag_ms)),
                ("As told by", sources[server.source]),
            ],
        )
    if client is not None:
        yield facts(
            "The load tester, in the measured window",
            [
                ("CPU, on average", words.cores(client.cpu)),
                ("CPU, in the busiest second", words.cores(client.cpu_max)),
                ("Processors it may use", words.count(client.cpus)),
                ("Memory", words.megabytes(client.memory_mb)),
                ("Was it the limit?", client.warning or "no"),
            ],
        )


def _or_unmeasured(raw: float | None) -> str:
    return words.NOT_MEASURED if raw is None else words.count(raw)


def failures(report: Report) -> Html | None:
    rows = [(each.kind, words.count(each.count)) for each in report.failures]
    return section(
        "failures", "What went wrong", table("Failures by kind, most often first", ("", "times"), rows)
    )
