"""The house rules that no other tool sees: who may touch what, and that the papers agree with the code.

Which way imports point is import-linter's to check (pyproject.toml), types are mypy's, style is ruff's.
"""

import ast
import importlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HOUSE = Path(__file__).resolve().parent.parent
PACKAGES = ("media_server", "signalling", "sfu", "auth", "loadtest")
DTLS = HOUSE / "sfu" / "dtls.py"
# The native traffic client is part of the data plane's module; the load tester meets it in this file alone.
TRAFFIC = HOUSE / "loadtest" / "traffic" / "native.py"
WEB = HOUSE / "media_server" / "web"


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (HOUSE / package).rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(HOUSE))


def imports(path: Path) -> Iterator[tuple[int, str, str | None]]:
    """(line, module, name or None) of every import in a file; ours are all absolute."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{named(path)}:{node.lineno}: write imports in full"
            yield from ((node.lineno, node.module or "", alias.name) for alias in node.names)


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def pyproject() -> dict[str, Any]:
    return tomllib.loads((HOUSE / "pyproject.toml").read_text())


# --- Who may touch what ---


def test_only_sfu_and_the_traffic_client_import_the_native_module() -> None:
    intruders = [
        f"{named(path)}:{line}"
        for path in sources(*(package for package in PACKAGES if package != "sfu"))
        if path != TRAFFIC
        for line, module, name in imports(path)
        if module.startswith("sfu._") or (module == "sfu" and name is not None and private(name))
    ]
    assert intruders == []


def test_private_names_of_aiortc_and_aioice_are_touched_in_one_file_only() -> None:
    found: list[str] = []
    for path in sources(*PACKAGES):
        theirs = [entry for entry in imports(path) if entry[1].split(".")[0] in {"aiortc", "aioice"}]
        if path == DTLS or not theirs:
            continue
        found += [
            f"{named(path)}:{line} {name}" for line, _, name in theirs if name is not None and private(name)
        ]
        # Which object is aiortc's cannot be told from the text, so a file importing aiortc touches only the
        # private attributes of its own object.
        found += [
            f"{named(path)}:{node.lineno} .{node.attr}"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute)
            and private(node.attr)
            and not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"})
        ]
    assert found == []


def test_packages_import_each_other_by_their_public_face() -> None:
    through_the_window = [
        f"{named(path)}:{line} {module}"
        for package in PACKAGES
        for path in sources(package)
        if path != TRAFFIC
        for line, module, _ in imports(path)
        if module.split(".")[0] in PACKAGES and module.split(".")[0] != package and "." in module
    ]
    assert through_the_window == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_it_is_and_has_all_it_promises(package: str) -> None:
    face = importlib.import_module(package)
    promised = list(getattr(face, "__all__", []))
    assert face.__doc__, f"{package}/__init__.py starts with what the package is, and knows nothing of"
    assert len(promised) == len(set(promised))
    assert [name for name in promised if not hasattr(face, name)] == []


def test_every_file_starts_with_what_it_is() -> None:
    assert [
        named(path) for path in sources(*PACKAGES) if not ast.get_docstring(ast.parse(path.read_text()))
    ] == []


def test_the_pages_load_nothing_from_elsewhere() -> None:
    """Who consults which doctor is nobody else's business: no font, script or picture of a third party."""
    loading = re.compile(r"""(?:src|href|import|from|url|fetch|@import)\b[\s=("']*(?:https?:)?//[\w.-]+""")
    pages = [
        path for path in WEB.rglob("*") if path.suffix in {".html", ".js", ".css", ".svg", ".webmanifest"}
    ]
    assert pages
    assert [named(path) for path in pages if loading.search(path.read_text())] == []


# --- The papers agree with the code ---


def test_there_is_one_version() -> None:
    version = pyproject()["project"]["version"]
    crate = tomllib.loads((HOUSE / "sfu/dataplane/Cargo.toml").read_text())
    assert crate["workspace"]["package"]["version"] == version
    assert re.search(rf"^## {re.escape(version)}\b", (HOUSE / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_scripts_look_for_the_rust_that_the_crate_needs() -> None:
    crate = tomllib.loads((HOUSE / "sfu/dataplane/Cargo.toml").read_text())
    floor = crate["workspace"]["package"]["rust-version"]
    assert f"\nrust_floor={floor}\n" in (HOUSE / ".ci/tools.sh").read_text()
    assert f"Rust {floor}" in (HOUSE / "README.md").read_text()


def requirement_names(requirements: list[Any]) -> set[str]:
    names = {re.split(r"[^A-Za-z0-9_-]", entry)[0] for entry in requirements if isinstance(entry, str)}
    return {name.lower().replace("_", "-") for name in names}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-build.lock", "requirements-dev.lock"])
def test_lock_files_pin_by_hash_and_say_nothing_of_where_from(lock: str) -> None:
    text = (HOUSE / lock).read_text()
    pins = re.findall(
        r"^([a-z0-9-]+)==([^ \n]+)[^\n]*\\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE
    )
    assert sum(1 + hashes.count("\n") for _, _, hashes in pins) == len(text.splitlines())


def test_lock_files_hold_every_dependency_and_agree() -> None:
    project = pyproject()
    wanted = {
        "requirements.lock": requirement_names(project["project"]["dependencies"]),
        "requirements-build.lock": requirement_names(project["dependency-groups"]["build"]),
        "requirements-dev.lock": requirement_names(
            project["project"]["dependencies"] + project["dependency-groups"]["dev"]
        ),
    }
    pins = {
        name: set(re.findall(r"^([a-z0-9-]+==[^ \n]+)", (HOUSE / name).read_text(), re.MULTILINE))
        for name in wanted
    }
    for name, requirements in wanted.items():
        assert requirements <= {pin.split("==")[0] for pin in pins[name]}, name
        assert pins[name] <= pins["requirements-dev.lock"], (
            f"make lock: {name} and requirements-dev.lock disagree"
        )


def crates() -> list[dict[str, Any]]:
    manifests = (HOUSE / "sfu/dataplane").rglob("Cargo.toml")
    return [tomllib.loads(path.read_text()) for path in manifests if "target" not in path.parts]


def crate_dependencies() -> set[str]:
    kinds = ("dependencies", "dev-dependencies", "build-dependencies")
    tables = [crate.get(kind, {}) for crate in crates() for kind in kinds]
    ours = {crate["package"]["name"] for crate in crates()}
    return {name for table in tables for name in table} - ours


def test_every_dependency_is_accounted_for() -> None:
    project = pyproject()
    groups = project["dependency-groups"]
    chosen = requirement_names(project["project"]["dependencies"] + groups["build"] + groups["dev"])
    chosen |= crate_dependencies()
    chosen |= set(re.findall(r'"devDependencies": \{\s*"([^"]+)"', (WEB / "package.json").read_text()))
    peer = json.loads((HOUSE / "tests/interop/oidc_provider/package.json").read_text())
    chosen |= set(peer["dependencies"])
    reasons = set(re.findall(r"^\| `([^`]+)`", (HOUSE / "docs/dependencies.md").read_text(), re.MULTILINE))
    assert chosen - reasons == set(), "say in docs/dependencies.md why it is there"


def test_the_readme_names_targets_that_exist_and_ci_runs_its_test_command() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (HOUSE / "Makefile").read_text(), re.MULTILINE))
    named_in_readme = set(re.findall(r"\bmake ([a-z-]+)\b", (HOUSE / "README.md").read_text()))
    assert {"run", "test"} <= named_in_readme <= targets
    assert re.findall(r"^make (\w+)$", (HOUSE / ".ci/run").read_text(), re.MULTILINE) == ["lint", "test"]


def test_links_between_the_papers_lead_somewhere() -> None:
    papers = [
        HOUSE / "README.md",
        HOUSE / "CHANGELOG.md",
        *(HOUSE / "docs").rglob("*.md"),
        *HOUSE.glob("signalling/*.md"),
        WEB / "README.md",
    ]
    dead = [
        f"{named(paper)}: {target}"
        for paper in papers
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", paper.read_text())
        if not (paper.parent / target).exists()
    ]
    assert dead == []
