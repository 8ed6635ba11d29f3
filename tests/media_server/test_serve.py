"""`teleconsult serve` as an operator meets it: a real process, its ports, its log, its end."""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from loadtest.film import DOCTOR, PATIENT, STANDARD, Format, film
from tests.server_process import ServerProcess, dying_with_parent, running_server

SERVE = (sys.executable, "-m", "media_server.cli", "serve")


def log_lines(server: ServerProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log().splitlines()]


async def fails(**settings: str) -> tuple[int | None, str]:
    """Exit status and standard error of a `serve` that cannot start."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TELECONSULT_")}
    settings = {"HTTP_PORT": "0", "METRICS_PORT": "0", "MEDIA_PORT": "0", "WORKERS": "1"} | settings
    process = await asyncio.create_subprocess_exec(
        *SERVE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=dying_with_parent(),
        env=environment | {f"TELECONSULT_{name}": value for name, value in settings.items()},
    )
    out, err = await process.communicate()
    assert out == b""
    return process.returncode, err.decode()


async def test_it_starts_answers_and_ends_with_0_when_told_to_stop(tmp_path: Path) -> None:
    async with running_server({"WORKERS": "1"}, beneath=tmp_path) as server, aiohttp.ClientSession() as http:
        async with http.get(f"{server.origin}/healthz") as response:
            assert (response.status, (await response.json())["status"]) == (200, "ok")
        metrics = await server.metrics()
        assert metrics["teleconsult_ready"] == 1
        assert metrics["teleconsult_transports"] == 0
        assert any(name.startswith("teleconsult_event_loop_lag_seconds") for name in metrics)
        async with http.get(f"{server.origin}/metrics") as response:
            assert response.status == 404, "metrics are on their own port"
        assert await server.stop() == 0
        assert [line["event"] for line in log_lines(server)][-1] == "server.stopped"


async def test_a_client_is_told_that_the_node_drains(tmp_path: Path) -> None:
    async with running_server({"WORKERS": "1"}, beneath=tmp_path) as server, aiohttp.ClientSession() as http:
        ticket = await server.ticket("doctor", name="Annelies Verstraete")
        async with http.ws_connect(ticket.url, protocols=("teleconsult.v1.json",)) as ws:
            await ws.send_json({"type": "join", "id": 1, "ticket": ticket.ticket, "client": {}})
            joined = await ws.receive_json(timeout=10)
            assert joined["type"] == "ok"
            assert joined["room"]["policy"] == "belgium"
            server.process.send_signal(signal.SIGTERM)
            while not ws.closed:
                await ws.receive(timeout=10)
            assert ws.close_code == 4503
        assert await server.stop() == 0
        assert "Annelies" not in server.log()
        assert ticket.ticket not in server.log()


async def test_tickets_of_the_command_line_open_the_server_of_the_same_folder(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    settings = {"WORKERS": "1", "DATA_DIR": data}
    async with running_server(settings, beneath=tmp_path) as server, aiohttp.ClientSession() as http:
        environment = os.environ | {"TELECONSULT_DATA_DIR": data}

        async def command(*words: str) -> str:
            process = await asyncio.create_subprocess_exec(
                *SERVE[:-1], *words, env=environment, stdout=asyncio.subprocess.PIPE
            )
            out, _ = await process.communicate()
            assert process.returncode == 0
            return out.decode().strip()

        async def close_code(ticket: str) -> int | None:
            async with http.ws_connect(server.signal_url, protocols=("teleconsult.v1.json",)) as ws:
                await ws.send_json({"type": "join", "id": 1, "ticket": ticket, "client": {}})
                reply = await ws.receive_json(timeout=10)
                if reply["type"] == "ok":
                    return None
                await ws.receive(timeout=10)
                return ws.close_code

        a_ticket = ("ticket", "--room", "r", "--role", "doctor", "--name", "A")
        first = await command(*a_ticket)
        await command("keys", "rotate")  # behind the running server's back
        second = await command(*a_ticket)
        assert await close_code(second) is None
        assert await close_code(first) is None
        assert await close_code(first) == 4401, "used"
        assert await close_code(second[:-8] + "AAAAAAAA") == 4401, "forged"


async def test_with_the_walk_in_entrance_it_says_where_to_go(tmp_path: Path) -> None:
    ports = {f"TELECONSULT_{name}_PORT": "0" for name in ("HTTP", "METRICS", "MEDIA")}
    process = await asyncio.create_subprocess_exec(
        *SERVE,
        "--walk-in",
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=dying_with_parent(),
        env=os.environ | ports | {"TELECONSULT_DATA_DIR": str(tmp_path), "TELECONSULT_WORKERS": "1"},
    )
    try:
        assert process.stdout is not None
        pages = dict([(await process.stdout.readline()).decode().split() for _ in range(2)])
        assert set(pages) == {"patient", "doctor"}
        async with aiohttp.ClientSession() as http:
            for url in pages.values():
                async with http.get(url) as response:
                    assert (response.status, response.content_type) == (200, "text/html")
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_the_demo_plays_for_as_long_as_it_is_told_and_ends_with_0(tmp_path: Path) -> None:
    small = Format(width=160, height=120, frames_per_s=10, duration_s=1, bit_rate=60_000)
    for look in (DOCTOR, PATIENT):  # quicker made than the real ones; it takes what is there
        name = (
            f"{look.name}-{STANDARD.width}x{STANDARD.height}-{STANDARD.frames_per_s}-{STANDARD.duration_s}s"
        )
        film(tmp_path / "demo", look, small).rename(tmp_path / "demo" / f"{name}.mkv")
    ports = {f"TELECONSULT_{name}_PORT": "0" for name in ("HTTP", "METRICS", "MEDIA")}
    process = await asyncio.create_subprocess_exec(
        *SERVE[:-1],
        "demo",
        "--seconds",
        "1",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | ports | {"TELECONSULT_DATA_DIR": str(tmp_path), "TELECONSULT_WORKERS": "1"},
        preexec_fn=dying_with_parent(),
    )
    _, log = await process.communicate()
    said = [line["event"] for line in map(json.loads, log.splitlines())]
    assert said.index("demo.playing") < said.index("demo.ended") < said.index("server.stopped")
    assert process.returncode == 0


@pytest.mark.parametrize("name", ["HTTP_PORT", "METRICS_PORT"])
async def test_a_port_in_use_is_named(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, said = await fails(**{name: port, "DATA_DIR": str(tmp_path)})
    assert (status, said) == (1, f"teleconsult: {name}: port {port} is in use by another program\n")


async def test_another_servers_media_port_is_not_shared(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        status, said = await fails(MEDIA_PORT=port, MEDIA_HOST="127.0.0.1", DATA_DIR=str(tmp_path))
    assert status == 1
    assert said.startswith(f"teleconsult: MEDIA_PORT: port {port} is in use")


async def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    pem = tmp_path / "x.pem"
    pem.write_text("no certificate")
    status, said = await fails(TLS_CERTIFICATE=str(pem), TLS_KEY=str(pem), DATA_DIR=str(tmp_path))
    assert status == 1
    assert said.startswith("teleconsult: TLS_CERTIFICATE, TLS_KEY: not a readable certificate")
