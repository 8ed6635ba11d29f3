"""Settings: from file and environment, checked before anything starts, and named when wrong."""

from pathlib import Path
from typing import Any

import pytest

from media_server.errors import BadSettings, RefusedSettings
from media_server.recording.identity import Identity
from media_server.records import open_records
from media_server.settings import Policy, Settings, effective, load, unknown_variables

SECRET = "redis://:hunter2@cache:6379/0"
RECIPIENT = "age1xntrzz7uenrlj9dul3tymy3gzy25jjkedxj90p04ss5cwamq8ycs46htff"


def a_file(folder: Path, text: str) -> Path:
    path = folder / "teleconsult.toml"
    path.write_text(text)
    return path


def env(**values: str) -> dict[str, str]:
    return {f"TELECONSULT_{name}": value for name, value in values.items()}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_file_and_environment_it_runs_on_loopback_and_records_nothing() -> None:
    settings = load(environment={})
    assert (settings.http_host, settings.http_port, settings.metrics_host) == ("127.0.0.1", 8080, "127.0.0.1")
    assert settings.policy is Policy.BELGIUM
    assert settings.walk_in is False


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(tmp_path: Path) -> None:
    path = a_file(tmp_path, 'http_port = 1111\nmedia_port = 2222\nnode_id = "file"\n')
    settings = load(path, environment=env(MEDIA_PORT="3333", NODE_ID="env"), node_id="command-line")
    assert (settings.http_port, settings.media_port, settings.node_id) == (1111, 3333, "command-line")


def test_names_in_the_file_may_be_in_capitals(tmp_path: Path) -> None:
    assert load(a_file(tmp_path, "HTTP_PORT = 1111"), environment={}).http_port == 1111


def test_the_file_is_found_by_variable_then_in_the_working_folder(tmp_path: Path) -> None:
    a_file(tmp_path, "http_port = 1111")
    other = tmp_path / "other.toml"
    other.write_text("http_port = 2222")
    assert load(environment={}).http_port == 1111
    assert load(environment=env(CONFIG=str(other))).http_port == 2222


def test_an_empty_variable_sets_nothing() -> None:
    assert load(environment=env(HTTP_PORT="", REDIS_URL="")).http_port == 8080


def test_lists_have_commas_in_the_environment_and_arrays_in_the_file(tmp_path: Path) -> None:
    path = a_file(tmp_path, 'allowed_origins = ["https://A.example", "https://b.example:8443/"]')
    settings = load(path, environment=env(ANNOUNCED_ADDRESSES="203.0.113.1, 2001:db8::1,"))
    assert settings.announced_addresses == ("203.0.113.1", "2001:db8::1")
    assert settings.allowed_origins == ("https://a.example", "https://b.example:8443")


def test_ice_servers_come_as_tables_or_as_json(tmp_path: Path) -> None:
    table = '[[ice_servers]]\nurls = ["turn:turn.example:3478"]\nusername = "u"\ncredential = "hunter2"\n'
    from_file = load(a_file(tmp_path, table), environment={})
    json = '[{"urls": ["turn:turn.example:3478"], "username": "u", "credential": "hunter2"}]'
    assert load(environment=env(ICE_SERVERS=json, CONFIG="")).ice_servers == from_file.ice_servers
    credential = from_file.ice_servers[0].credential
    assert credential is not None
    assert credential.get_secret_value() == "hunter2"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "eighty"),
        ("HTTP_PORT", "70000"),
        ("MEDIA_PORT", "-1"),
        ("WORKERS", "0"),
        ("POLICY", "anything-goes"),
        ("NODE_ID", "a b"),
        ("ANNOUNCED_ADDRESSES", "203.0.113.1,my-host"),
        ("MEDIA_HOST", "localhost"),
        ("PUBLIC_URL", "call.example"),
        ("PUBLIC_URL", "https://call.example/path"),
        ("ALLOWED_ORIGINS", "https://user@call.example"),
        ("LOG_LEVEL", "loud"),
        ("WALK_IN", "perhaps"),
        ("RESUME_WINDOW_S", "0"),
        ("RECORDING_CUSTODIANS", "age1nobody"),
        ("RECORDING_CUSTODIANS", f"{RECIPIENT},ssh-ed25519 AAAA"),
        ("RECORDING_SEGMENT_S", "0.1"),
        ("RECORDING_SEGMENT_S", "11"),
        ("RECORDING_SEGMENT_S", "nan"),
        ("PURGE_AFTER_S", "-1"),
        ("PURGE_AFTER_S", "2592001"),
        ("PURGE_AFTER_S", "nan"),
        ("MAX_RECORDINGS", "0"),
        ("ICE_SERVERS", "not json"),
        ("ICE_SERVERS", '[{"urls": ["http://x"]}]'),
    ],
)
def test_a_value_that_cannot_be_read_is_named(name: str, value: str) -> None:
    with pytest.raises(BadSettings) as refused:
        load(environment=env(**{name: value}))
    assert name in str(refused.value)


def test_a_misspelt_name_in_the_file_is_refused_with_the_likely_one(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"HTP_PORT: no such setting; did you mean HTTP_PORT\?"):
        load(a_file(tmp_path, "htp_port = 1"), environment={})


def test_a_misspelt_variable_is_only_warned_of() -> None:
    environment = env(HTP_PORT="1", SERVICE_HOST="10.0.0.1", CONFIG="", HTTP_PORT="1111") | {"PATH": "/bin"}
    assert load(environment=environment).http_port == 1111
    assert unknown_variables(environment) == ["TELECONSULT_HTP_PORT", "TELECONSULT_SERVICE_HOST"]


@pytest.mark.parametrize("text", ["http_port = ", "\0"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadSettings, match=r"teleconsult\.toml is not TOML"):
        load(a_file(tmp_path, text), environment={})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml", environment={})


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"REDIS_URL": "http://:hunter2@cache"}, "REDIS_URL: has to begin with redis://"),
        ({"DATABASE_URL": SECRET}, "DATABASE_URL: has to begin with sqlite:///PATH or postgresql://"),
        ({"DATABASE_URL": "sqlite://hunter2"}, "DATABASE_URL: has to begin with"),
        ({"DATABASE_URL": "sqlite:///"}, "DATABASE_URL: has to begin with"),
        ({"DATABASE_URL": "postgresql+asyncpg://u:hunter2@db/records"}, "DATABASE_URL: has to begin with"),
        ({"DATABASE_URL": "postgres://u:hunter2@db/records"}, "DATABASE_URL: has to begin with"),
        ({"HTTP_HOST": "0.0.0.0"}, "HTTP_HOST"),
        ({"HTTP_HOST": "call.example"}, "HTTP_HOST"),
        ({"TLS_KEY": "key.pem"}, "TLS_CERTIFICATE and TLS_KEY"),
        ({"TLS_CERTIFICATE": "cert.pem"}, "TLS_CERTIFICATE and TLS_KEY"),
        ({"PUBLIC_URL": "http://call.example", "BEHIND_TLS_PROXY": "true"}, "PUBLIC_URL"),
        ({"WALK_IN": "true", "HTTP_HOST": "::", "BEHIND_TLS_PROXY": "1"}, "WALK_IN"),
        ({"WALK_IN": "true", "HTTP_HOST": "10.0.0.1", "TLS_KEY": "k", "TLS_CERTIFICATE": "c"}, "WALK_IN"),
        ({"WALK_IN": "true", "BEHIND_TLS_PROXY": "true"}, "WALK_IN"),
        ({"WALK_IN": "true", "PUBLIC_URL": "https://call.example"}, "WALK_IN"),
    ],
    ids=repr,
)
def test_settings_it_must_not_run_with_are_refused(values: dict[str, str], named: str) -> None:
    with pytest.raises(RefusedSettings, match=named) as refused:
        load(environment=env(**values))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "values",
    [
        {"HTTP_HOST": "0.0.0.0", "BEHIND_TLS_PROXY": "true"},
        {"HTTP_HOST": "0.0.0.0", "TLS_KEY": "k", "TLS_CERTIFICATE": "c"},
        {"HTTP_HOST": "::1"},
        {"HTTP_HOST": "127.0.0.9", "WALK_IN": "true"},
        {"HTTP_HOST": "localhost", "WALK_IN": "yes", "PUBLIC_URL": "http://localhost:8080"},
    ],
    ids=repr,
)
def test_settings_that_are_safe_are_taken(values: dict[str, str]) -> None:
    load(environment=env(**values))


@pytest.mark.parametrize(
    ("values", "origin"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"HTTP_HOST": "::1"}, "http://[::1]:8080"),
        ({"PUBLIC_URL": "https://Call.example/", "BEHIND_TLS_PROXY": "true"}, "https://call.example"),
    ],
    ids=repr,
)
def test_the_origin_is_where_clients_reach_us(values: dict[str, str], origin: str) -> None:
    assert load(environment=env(**values)).origin(8080) == origin


def test_an_unreadable_secret_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as refused:
        load(a_file(tmp_path, '[[ice_servers]]\nurls = "hunter2"\ncredential = 5\n'), environment={})
    assert "hunter2" not in str(refused.value)


def test_custodians_are_taken_once_each_as_they_are_written_canonically(tmp_path: Path) -> None:
    path = a_file(tmp_path, f'recording_custodians = ["{RECIPIENT}", "{RECIPIENT.upper()}"]')
    assert load(path, environment={}).recording_custodians == (RECIPIENT,)


def test_a_secret_key_among_the_custodians_is_refused_and_not_repeated() -> None:
    secret = str(Identity.generate().key)
    with pytest.raises(BadSettings, match="RECORDING_CUSTODIANS: number 2: this is a secret key") as refused:
        load(environment=env(RECORDING_CUSTODIANS=f"{RECIPIENT}, {secret}"))
    assert secret[16:] not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["sqlite:///kept.sqlite", "sqlite:////srv/kept.sqlite", "postgresql://u:p@db/records"]
)
def test_records_are_where_the_url_says(url: str) -> None:
    assert load(environment=env(DATABASE_URL=url)).records_url == url


def test_records_are_in_the_data_folder_unless_a_url_says_where(tmp_path: Path) -> None:
    folder = tmp_path / "50% of?mode=memory#"
    engine = open_records(load(environment=env(DATA_DIR=str(folder))).records_url)
    engine.dispose()
    assert (folder / "records.sqlite").exists()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({}, "POLICY is belgium"),
        ({"RECORDING_CUSTODIANS": RECIPIENT}, "POLICY is belgium"),
        ({"POLICY": "consented-recording"}, "RECORDING_CUSTODIANS"),
    ],
    ids=repr,
)
def test_it_says_why_nothing_is_recorded(values: dict[str, str], named: str) -> None:
    refused = load(environment=env(**values)).recording_refused
    assert refused is not None
    assert named in refused


def test_with_the_policy_and_a_custodian_it_records() -> None:
    settings = load(environment=env(POLICY="consented-recording", RECORDING_CUSTODIANS=RECIPIENT))
    assert settings.recording_refused is None


def test_effective_settings_hide_secrets_and_name_all() -> None:
    values: dict[str, Any] = {"redis_url": SECRET, "database_url": SECRET}
    shown = effective(Settings(**values))
    assert set(shown) == {name.upper() for name in Settings.model_fields}
    assert "hunter2" not in str(shown)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_is_described_in_the_reference(name: str) -> None:
    assert Settings.model_fields[name].description
    reference = Path(__file__).parents[2] / "docs" / "operations.md"
    assert f"`{name.upper()}`" in reference.read_text()
