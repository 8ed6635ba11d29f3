"""The papers of the container agree with each other and with the code. `make image-test` builds the image."""

import fnmatch
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from media_server.settings import Settings
from tests.server_process import running_server

HOUSE = Path(__file__).resolve().parent.parent
DOCKERFILE = (HOUSE / "Dockerfile").read_text()
COMPOSE = (HOUSE / "compose.yaml").read_text()
CADDYFILE = (HOUSE / "deploy/Caddyfile").read_text()
HEALTHCHECK = HOUSE / "deploy/healthcheck.py"
NODES = ("node-1", "node-2", "node-3")


def project() -> dict[str, object]:
    return dict(tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"])


def copied() -> set[str]:
    """What the Dockerfile takes from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    return {name for line in lines for name in line.split()}


def service(name: str) -> str:
    """The text of one service of compose.yaml."""
    found = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", COMPOSE, re.MULTILINE)
    assert found, name
    return found[1]


def settings_in(text: str) -> dict[str, str]:
    return dict(re.findall(r"^ +(TELECONSULT_\w+): (.+)$", text, re.MULTILINE))


# --- The image ---


def test_the_image_gets_every_package_of_the_distribution() -> None:
    maturin = tomllib.loads((HOUSE / "pyproject.toml").read_text())["tool"]["maturin"]
    assert set(maturin["python-packages"]) <= copied()


def test_what_the_image_copies_exists_and_reaches_the_builder() -> None:
    rules = [line for line in (HOUSE / ".dockerignore").read_text().split("\n") if line and line[0] != "#"]
    assert rules[0] == "*", "everything is left out but what is named"
    let_in = [rule[1:] for rule in rules if rule.startswith("!")]
    for name in copied():
        assert (HOUSE / name).exists(), name
        assert any(f"{name}/".startswith(f"{rule}/") for rule in let_in), name


@pytest.mark.parametrize("name", ["data/keys/1.pem", ".venv/bin/python", ".git/config", ".env"])
def test_what_is_nobodys_business_does_not_reach_the_builder(name: str) -> None:
    rules = [line[1:] for line in (HOUSE / ".dockerignore").read_text().split("\n") if line.startswith("!")]
    assert not any(fnmatch.fnmatch(name, rule) or name.startswith(f"{rule}/") for rule in rules)


def test_the_image_and_the_composition_say_our_version() -> None:
    version = project()["version"]
    assert f'org.opencontainers.image.version="{version}"' in DOCKERFILE
    assert f"image: teleconsult:{version}\n" in COMPOSE


def test_where_packages_come_from_is_for_each_machine_to_say() -> None:
    ours = re.compile(r"https?://(?:localhost\b|127\.0\.0\.1\b|call\.example\b|(?:node-\d\.)?\$\{SITE)")
    places = [HOUSE / name for name in ("Dockerfile", ".dockerignore", "compose.yaml", ".ci/image-test")]
    for path in [*places, *(HOUSE / "deploy").iterdir()]:
        addresses = re.findall(r"https?://[^\s\"']+", path.read_text())
        assert [address for address in addresses if not ours.match(address)] == [], path.name


# --- The composition ---


def test_the_composition_sets_what_there_is_to_set() -> None:
    known = {f"TELECONSULT_{name.upper()}" for name in Settings.model_fields}
    assert set(settings_in(COMPOSE)) | set(settings_in(DOCKERFILE)) <= known


def test_the_example_names_every_variable_that_the_composition_asks_for() -> None:
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE))
    named = set(re.findall(r"^(\w+)=", (HOUSE / "deploy/example.env").read_text(), re.MULTILINE))
    assert named == asked


@pytest.mark.parametrize("node", NODES)
def test_a_node_is_reached_where_it_says(node: str) -> None:
    own = settings_in(service(node))
    assert own["TELECONSULT_NODE_ID"] == node
    assert own["TELECONSULT_NODE_URL"] == f"https://{node}.${{SITE}}"
    assert f"{node}.{{$SITE:localhost}}" in CADDYFILE
    route = re.search(r"header_regexp own Host (\S+)", CADDYFILE)
    assert route
    matched = re.match(route[1], f"{node}.call.example:443")
    assert matched
    assert matched[1] == node
    assert f" {node}:8080" in CADDYFILE, "the proxy sends new clients there too"
    port = own["TELECONSULT_MEDIA_PORT"].strip('"')
    assert f'ports: ["{port}:{port}/udp"]' in service(node), "clients are told the port that the node knows"


def test_nodes_share_keys_and_nothing_else() -> None:
    volumes = [set(re.findall(r'"([\w-]+):/', service(node))) for node in NODES]
    assert set.intersection(*volumes) == {"keys"}
    assert all(volume == {"keys", node} for volume, node in zip(volumes, NODES, strict=True))


# --- The health check ---


def asked_for_health(folder: Path, settings: Mapping[str, str]) -> int:
    return subprocess.run(
        [sys.executable, "-I", "-S", HEALTHCHECK],
        env={f"TELECONSULT_{name}": value for name, value in settings.items()},
        cwd=folder,
        stderr=subprocess.DEVNULL,
        timeout=30,
        check=False,
    ).returncode


async def test_the_health_check_finds_a_server_by_environment_or_file(tmp_path: Path) -> None:
    async with running_server(beneath=tmp_path) as server:
        port = str(server.http_port)
        assert asked_for_health(tmp_path, {"HTTP_PORT": port}) == 0
        assert asked_for_health(tmp_path, {"HTTP_PORT": port, "HTTP_HOST": "0.0.0.0"}) == 0
        (tmp_path / "teleconsult.toml").write_text(f"http_port = {port}\n")
        assert asked_for_health(tmp_path, {}) == 0
        assert asked_for_health(tmp_path, {"HTTP_PORT": str(server.ports.metrics)}) == 1
    assert asked_for_health(tmp_path, {}) == 1, "nobody is there any more"
