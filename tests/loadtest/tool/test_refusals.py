"""What is refused before a test begins: options that say nothing, or say what cannot be."""

import errno
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from loadtest.person import Answer, Person
from loadtest.results import Options, ScenarioName, TicketSource
from loadtest.tool.entrances import Command
from loadtest.tool.errors import CannotTest, TicketFailed, WrongUsage
from loadtest.tool.limits import check_room
from loadtest.tool.preflight import check_server
from loadtest.tool.scenarios.consultation_desk import ConsultationDesk
from loadtest.tool.scenarios.waiting_room import DeskFailed
from loadtest.tool.server_watch import ServerWatch
from loadtest.tool.thresholds import check_told
from media_server.loadtest_cli import mint_from
from tests.loadtest.tool.test_cli import QUICK, loadtest, told
from tests.server_process import ServerProcess


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("consultations --churn 5", "--churn: is of churn and soak, not of consultations"),
        ("consultations --doctors 9", "--doctors: is of waiting-room, not of consultations"),
        ("churn --cut-every 3", "--cut-every: is of reconnect, not of churn"),
        ("group --talk 9", "--talk: is of waiting-room, not of group"),
        ("waiting-room --test-logins --warm-up 2", "--warm-up: is not of waiting-room"),
        ("waiting-room --test-logins --recording", "--recording: is not of waiting-room"),
        ("consultations --most 5", "--most: is of --find-capacity"),
        ("consultations --find-capacity --calls 5 --most 1", "--most 1: the search begins with more, the 5"),
        ("fanout --find-capacity --participants 5 --most 3", "the 5 of --participants"),
        ("fanout --find-capacity --calls 5", "looks for receivers; give --participants"),
        ("consultations --duration 1e30", "--duration: give 0.1 to 86400 seconds"),
        ("consultations --duration nan", "--duration: give 0.1 to 86400 seconds"),
        ("consultations --ramp 1e-9", "--ramp: give 0.01 to 10000 a second"),
        ("churn --churn 1e9", "--churn: give 0.001 to 1000 a second"),
        ("consultations --seed -1", "--seed: give 0 to 4294967295"),
        ("consultations --bots 1000", "--bots: give 0 to 20"),
        (f"consultations --calls 1{'0' * 400}", "--calls: give 1 to 1000000"),
        ("consultations --calls 1000000", "are more than one load tester holds (1280000)"),
        ("group --participants 33", "at most 32 fit into one group, or 64 with --no-video or --no-audio"),
        ("group --participants 65 --no-video", "at most 32 fit into one group"),
        ("waiting-room --test-logins --threshold join.p95<=1s", "does not measure join.p95"),
        ("waiting-room --test-logins --threshold join.first_key_frame.p50<=1s", "not measure join.first_key"),
        ("consultations --metrics http://h:1 --metrics http://h:2", "at most one for each --server"),
        ("consultations --compare /dev/zero", "--compare /dev/zero: it is no file"),
        ("consultations --bots 2 --media /tmp", "--media /tmp: it is a folder"),
        ("consultations --impair loss=5%,", "--impair has an empty part: give loss, burst"),
        ("consultations --ticket-command x{foo}", "{foo} is not filled in, only {room}, {role}, {name}"),
    ],
)
def test_what_makes_no_sense_is_one_sentence_and_status_2(words: str, sentence: str) -> None:
    assert sentence in told(loadtest(*words.split(), "--quiet"), 2)


def test_what_is_larger_than_any_report_is_not_read(tmp_path: Path) -> None:
    large = tmp_path / "report.json"
    with large.open("wb") as file:
        file.truncate(64_000_001)
    assert "too large for a report.json" in told(loadtest("consultations", "--compare", str(large)), 2)


def test_a_file_for_a_folder_of_keys_and_no_folder_are_told_apart_from_one_without_keys(
    server: ServerProcess, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    words = ("consultations", "--server", server.origin, "--quiet", "--ticket-keys")
    nowhere = tmp_path / "nowhere"
    assert f"{file} is no folder" in told(loadtest(*words, str(file)), 2)
    assert f"there is no folder {nowhere}" in told(loadtest(*words, str(nowhere)), 2)


def test_another_test_is_said_to_be_one_before_any_change(server: ServerProcess, tmp_path: Path) -> None:
    words = ("--server", server.origin, *QUICK, "--quiet")
    loadtest("consultations", *words, "--out", str(tmp_path))
    result = loadtest("group", *words, "--participants", "3", "--compare", str(tmp_path / "report.json"))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    others = [line for line in lines if line.startswith("another test")]
    assert "another test   Scenario: consultations, now group" in others
    changes = [number for number, line in enumerate(lines) if line.startswith(("worse ", "better "))]
    assert lines.index(others[-1]) < min(changes, default=len(lines))


def asked(scenario: ScenarioName, **given: object) -> Options:
    fields = {"scenario": scenario, "servers": ("http://localhost:1",), "tickets": TicketSource.KEYS, **given}
    return Options.model_validate(fields)


@pytest.mark.parametrize("sent", [{}, {"video": False}, {"audio": False}])
def test_as_many_as_fit_into_a_group_are_not_refused(sent: dict[str, bool]) -> None:
    most = 64 if sent else 32
    check_room(asked(ScenarioName.GROUP, participants=most, **sent))
    check_room(asked(ScenarioName.FANOUT, participants=most + 1, **sent))
    with pytest.raises(WrongUsage, match="at most 32 fit into one group"):
        check_room(asked(ScenarioName.GROUP, participants=most + 1, **sent))


@pytest.mark.parametrize("threshold", ["leaks<=0", "server.packet<=9us", "server.lag<=9ms"])
def test_what_only_metrics_tell_takes_the_metrics_of_every_server(threshold: str) -> None:
    check_told([threshold, "server.cpu<=1", "loss<=1%"], ["both", "metrics"])
    for tells in (["proc"], [None], ["both", "proc"]):
        with pytest.raises(WrongUsage, match="give them with --metrics"):
            check_told([threshold], tells)


def test_what_a_process_shows_takes_a_process_or_metrics() -> None:
    check_told(["server.cpu<=1"], ["proc"])
    with pytest.raises(WrongUsage, match=r"server\.cpu is known from the server's metrics"):
        check_told(["server.cpu<=1"], [None])


# Metrics


@pytest_asyncio.fixture
async def somebody_else() -> AsyncIterator[BaseTestServer]:
    async def metrics(request: web.Request) -> web.Response:
        return web.Response(text="node_load1 0.5\n")

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics)])
    async with TestServer(app) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/metrics", "these are not the metrics of a Teleconsult server."),
        ("/elsewhere", "it answers http 404, and no metrics."),
    ],
)
async def test_metrics_that_are_none_are_refused(
    somebody_else: BaseTestServer, path: str, sentence: str
) -> None:
    typed = str(somebody_else.make_url(path))
    async with aiohttp.ClientSession() as http:
        with pytest.raises(CannotTest) as refused:
            await ServerWatch(http, "http://127.0.0.1:1", typed).find()
    assert str(refused.value) == f"--metrics {typed}: {sentence}"


def test_metrics_where_nobody_is_are_refused_by_the_command(server: ServerProcess) -> None:
    words = ("consultations", "--server", server.origin, *QUICK, "--quiet")
    refused = told(loadtest(*words, "--metrics", "http://127.0.0.1:9"), 1)
    assert "--metrics http://127.0.0.1:9/metrics: it cannot be reached: connection refused." in refused


def test_a_server_here_without_metrics_is_said_to_be_its_process_only(server: ServerProcess) -> None:
    words = ("consultations", "--server", server.origin, *QUICK, "--quiet")
    assert "server figures The server's figures are of its process only" in loadtest(*words).stdout
    whole = loadtest(*words, "--metrics", server.metrics_url).stdout
    assert "server figures" not in whole
    assert "µs a packet" in whole


def test_a_soak_without_metrics_does_not_pass_for_want_of_leaks(server: ServerProcess) -> None:
    words = ("soak", "--server", server.origin, *QUICK, "--quiet", "--threshold", "leaks<=0")
    assert "leaks is known from the server's metrics; give them with --metrics" in told(loadtest(*words), 2)


async def test_a_server_that_speaks_no_tls_is_told_apart_from_one_with_another_certificate(
    somebody_else: BaseTestServer,
) -> None:
    origin = f"https://127.0.0.1:{somebody_else.port}"
    async with aiohttp.ClientSession() as http:
        with pytest.raises(CannotTest, match="it does not speak TLS; http:// perhaps"):
            await check_server(http, origin)


# The command for tickets


async def failing(program: str) -> TicketFailed:
    command = Command(f'{sys.executable} -c "{program}"', "http://127.0.0.1:1")
    with pytest.raises(TicketFailed) as failed:
        await command.ticket("room", "doctor")
    return failed.value


async def test_the_last_line_of_a_command_that_failed_is_shown() -> None:
    failed = await failing("import sys; sys.exit('one\\nno \\x1b[31msuch host')")
    assert str(failed) == "the command ended with 1"
    assert failed.aside == " On standard error it wrote: no [31msuch host"


@pytest.mark.parametrize("said", ["eyJhbGciOiJFZERTQSJ9.eyJyb29tIjoieCJ9.c2ln", "Password: x", "x " * 300])
async def test_what_may_be_a_secret_or_has_no_end_is_not_shown(said: str) -> None:
    failed = await failing(f"import sys; sys.exit('{said}')")
    assert "bytes on standard error: run it by hand to see them." in failed.aside
    assert said not in failed.aside


async def test_a_command_that_is_not_there_is_told_in_words() -> None:
    with pytest.raises(TicketFailed, match=r"^the command does not start: no such file or directory$"):
        await Command("/nowhere/at/all {room}", "http://127.0.0.1:1").ticket("room", "doctor")


def test_braces_that_a_shell_or_a_template_is_to_read_are_let_through() -> None:
    for command in ("sh -c 'echo ${room_of} {room}'", "docker inspect --format {{.Name}}", "awk '{ print }'"):
        Command(command, "http://127.0.0.1:1")


# Of which setting it comes


class UsedUp:
    async def post(self, path: str, body: object = None) -> Answer:
        return Answer(429, {"code": "fair-use"}, b"", {})


async def test_a_month_that_is_used_up_names_the_servers_setting() -> None:
    desk = ConsultationDesk([], [cast(Person, UsedUp())])
    with pytest.raises(DeskFailed, match=r"^http 429 fair-use \(the server's setting FAIR_USE_PER_MONTH\)$"):
        await desk.finish(0, "room")


def test_keys_that_may_not_be_read_are_not_said_to_be_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def may_not(path: Path) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "listdir", may_not)
    with pytest.raises(ValueError, match=r"cannot be read$"):
        mint_from(tmp_path)
