"""A report in a few lines of text. Pure."""

from loadtest.report import server_doubt, words
from loadtest.results import FIGURES, Fidelity, JoinStep, Media, Quantiles, Report, ScenarioName


def summary(report: Report) -> list[str]:
    """What most people look for first; what was not measured is left out."""
    joins = report.joins
    lines = [f"{'joins':14} {joins.succeeded} of {joins.attempted}"]
    first = joins.steps_ms.get(JoinStep.FIRST_PACKET)
    if first is not None:
        lines[0] += f", to the first packet {_times(first)}"
    if report.options.impairment is not None:
        lines.append(f"{'bad network':14} {report.options.impairment}, on purpose")
    for kind, media in (("audio", report.audio), ("video", report.video)):
        if media.expected:
            lines.append(f"{kind:14} {_media(media)}")
    if report.playing.share is not None:
        lines.append(f"{'all playing':14} {report.playing.share:.1%} of {report.playing.participants}")
    for cut, cuts in report.cuts.items():
        lines.append(
            f"{cut + ' cuts':14} {cuts.resumed} of {cuts.made} resumed, silence {_times(cuts.gap_ms)}"
        )
    if report.waiting_room is not None:
        waiting = report.waiting_room
        lines.append(
            f"{'waiting room':14} {waiting.claimed} of {waiting.asked} called in, "
            f"known after {_times(waiting.called_ms)}"
        )
    if report.fidelity is not None:
        lines.append(f"{'bots':14} {_seen(report.fidelity, report)}")
    for trend in report.trends:
        if trend.grew:
            lines.append(f"{'growing':14} {trend.figure}: {trend.before:g} to {trend.after:g} {trend.unit}")
    server, client = report.server, report.client
    if server is not None and server.cpu is not None:
        each = f", {server.us_per_packet:.1f} µs a packet" if server.us_per_packet is not None else ""
        memory = f", {server.memory_mb:.0f} MB" if server.memory_mb is not None else ""
        lines.append(f"{'server':14} {server.cpu:.2f} cores{each}{memory}")
    doubt = server_doubt(report)
    if doubt is not None:
        lines.append(f"{'server figures':14} {doubt}")
    if client is not None:
        warning = f". {client.warning}" if client.warning else ""
        lines.append(f"{'load tester':14} {client.cpu:.2f} cores{warning}")
    if report.capacity is not None:
        lines.append(f"{'capacity':14} {_capacity(report)}")
    lines += [f"{'failures':14} {failure.kind}: {failure.count}" for failure in report.failures]
    return lines


def _media(media: Media) -> str:
    loss = f"{media.loss:.2%} lost" if media.loss is not None else "nothing came"
    repaired = f" after repair of {media.mended}" if media.mended else ""
    return f"{media.packets} packets, {loss}{repaired}, latency {_times(media.latency_ms)}"


def _seen(seen: Fidelity, report: Report) -> str:
    worst = {"psnr.p95": "PSNR", "ssim.p95": "SSIM", "lip_sync.p95": "lip sync"}
    parts = [
        f"{name} p95 {words.figure(FIGURES[figure], value)}"
        for figure, name in worst.items()
        if (value := FIGURES[figure].read(report)) is not None
    ]
    if seen.freezes_per_hour is not None:
        parts.append(f"{seen.freezes_per_hour:.3g} freezes an hour")
    return ", ".join(parts) or "nothing was seen"


def _times(quantiles: Quantiles) -> str:
    if quantiles.p50 is None or quantiles.p95 is None or quantiles.p99 is None:
        return "not measured"
    return f"p50 {quantiles.p50:.3g}, p95 {quantiles.p95:.3g}, p99 {quantiles.p99:.3g} ms"


def _capacity(report: Report) -> str:
    capacity = report.capacity
    if capacity is None:
        return "not looked for"
    what = {ScenarioName.GROUP: "group", ScenarioName.FANOUT: "receiver"}.get(report.options.scenario, "call")
    limits = {
        None: " (then the search was stopped)",
        "client": " (the load tester was the limit)",
        "asked": " (no more were asked for)",
    }
    none = (
        "none is known to hold"
        if capacity.limited_by is None
        else "not even the fewest were within the thresholds"
    )
    most = none if capacity.most is None else words.several(capacity.most, what)
    return most + limits.get(capacity.limited_by, "")
