"""A real PostgreSQL for tests, of this process and for it alone.

with running_postgresql() as server:
    engine = open_records(server.fresh_database())

As root, who may not run it, it is run as another user. If we are killed, it dies with us.
"""

import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from loadtest.server_process import dying_with_parent

PATIENCE_S = 30.0
USER = "teleconsult"

# Nothing here has to outlive a power cut. Memory shared between its processes is in files of its folder, so
# that nothing of it is left elsewhere when it is killed.
_OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "dynamic_shared_memory_type": "mmap",
    "log_destination": "stderr",
    "log_line_prefix": "",
    "lc_messages": "C",
}


class PostgreSQLServer:
    """Listens on loopback, where it asks for `password`, and on a socket in its folder, where it asks for
    none.
    """

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self.password = secrets.token_hex(16)
        self.log = folder / "log"
        self._folder = folder
        self._user = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """By the socket in its folder."""
        return f"postgresql://{USER}@/{database}?host={self._folder}&port={self.port}"

    def tcp_url(self, database: str, *, user: str = USER, password: str | None = None) -> str:
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Returns when it answers. What it held before is there again."""
        data = self._folder / "data"
        if not data.exists():
            self._make(data)
        options = [f"--{name}={value}" for name, value in _OPTIONS.items()]
        places = [f"--port={self.port}", "--listen_addresses=127.0.0.1"]
        places += [f"--unix_socket_directories={self._folder}"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [_program("postgres"), "-D", str(data), *options, *places],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                preexec_fn=dying_with_parent(),
                **self._user,
            )
        self._until_ready(self._process)
        ((version,),) = self.ask(sql.SQL("SHOW server_version_num"))
        # The others copy by writing all of it to their log, too; before version 15 there was only this way.
        self._copying = sql.SQL("STRATEGY FILE_COPY" if int(version) >= 150_000 else "")

    def stop(self) -> None:
        """At once, as in a crash; connections break. Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_S)
            self._process = None

    def fresh_database(self, template: str = "template0") -> str:
        """The name of a new database, a copy of another, which nobody may be connected to."""
        name = f"records_{secrets.token_hex(6)}"
        self.ask(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} {}").format(
                sql.Identifier(name), sql.Identifier(template), self._copying
            )
        )
        return name

    def drop_database(self, name: str) -> None:
        """Whoever is connected to it is thrown out."""
        self.ask(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def ask(self, query: sql.Composed | sql.SQL, database: str = "postgres") -> list[tuple[Any, ...]]:
        """As its superuser, outside of any transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def _make(self, data: Path) -> None:
        secret = self._folder / "password"
        secret.write_text(self.password)
        os.chmod(secret, 0o600)
        os.chmod(self._folder, 0o700)
        if self._user:
            for path in (self._folder, secret):
                os.chown(path, self._user["user"], self._user["group"])
        command = [_program("initdb"), "-D", str(data), "-U", USER, "--no-sync", "--no-instructions"]
        command += ["--locale=C", "--encoding=UTF8", f"--pwfile={secret}"]
        command += ["--auth-local=trust", "--auth-host=scram-sha-256"]
        made = subprocess.run(command, capture_output=True, cwd=self._folder, check=False, **self._user)
        if made.returncode:
            raise RuntimeError(f"initdb fails: {made.stderr.decode(errors='replace')}")

    def _until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """It says so in its log, which `tail` follows until it ends. Raises RuntimeError."""
        follow = ["tail", "--bytes=+1", "--follow", f"--pid={process.pid}", "--sleep-interval=0.02"]
        with subprocess.Popen([*follow, str(self.log)], stdout=subprocess.PIPE) as tail:
            assert tail.stdout is not None
            said = []
            for line in tail.stdout:
                said.append(line)
                if b"ready to accept connections" in line:
                    tail.kill()
                    return
        raise RuntimeError(f"postgres does not start: {said}")


@contextmanager
def running_postgresql() -> Iterator[PostgreSQLServer]:
    # Socket paths have to be short (108 bytes), so not in pytest's own folders.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    server = PostgreSQLServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _program(name: str) -> str:
    """On PATH, or where Debian keeps what is not meant for everybody's; the newest of several."""
    by_version = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda path: [int(digits) for digits in re.findall(r"\d+", path.parts[-3])],
    )
    found = shutil.which(name) or (str(by_version[-1]) if by_version else None)
    if found is None:
        raise RuntimeError(f"{name} is not here; run: .ci/need postgresql")
    return found


def _unprivileged() -> dict[str, Any]:
    """For subprocess, as whom to run it: ourselves, unless we are root."""
    if os.geteuid() != 0:
        return {}
    names: Sequence[str] = ("postgres", "nobody")
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(known[name] for name in names if name in known)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
