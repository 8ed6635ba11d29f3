"""The typed face of the data plane (`sfu/_dataplane.pyi`) says what the built one has, no more, no less."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfu import _dataplane

FACE = ast.parse(Path(_dataplane.__file__).with_name("_dataplane.pyi").read_text())
CLASSES = {node.name: node for node in FACE.body if isinstance(node, ast.ClassDef)}
TYPED_DICTS = {
    name for name, node in CLASSES.items() if any(ast.unparse(base) == "TypedDict" for base in node.bases)
}
# What pyo3 shows for a default that is not a plain literal.
UNTOLD = ...


def members(name: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in CLASSES[name].body if isinstance(node, ast.FunctionDef)}


def keys(name: str) -> list[str]:
    return [
        node.target.id
        for node in CLASSES[name].body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]


def stated(function: ast.FunctionDef) -> dict[str, Any]:
    """Parameters with their defaults, as the face has them, without self; `inspect.Parameter.empty`: none."""
    arguments, empty = function.args, inspect.Parameter.empty
    positional = arguments.args[1:]
    defaults: list[Any] = [empty] * (len(positional) - len(arguments.defaults))
    defaults += [ast.literal_eval(default) for default in arguments.defaults]
    result = dict(zip((argument.arg for argument in positional), defaults, strict=True))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        result[argument.arg] = empty if default is None else ast.literal_eval(default)
    return result


def built(function: object) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    return {each.name: each.default for each in parameters if each.name not in {"self", "cls"}}


@pytest.fixture(scope="module")
def plane() -> Iterator[_dataplane.DataPlane]:
    plane = _dataplane.DataPlane(bind="127.0.0.1")
    yield plane
    plane.close()


def test_the_same_classes_are_there() -> None:
    public = {name for name in vars(_dataplane) if not name.startswith("_")}
    assert public == set(CLASSES) - TYPED_DICTS


@pytest.mark.parametrize("name", sorted(set(CLASSES) - TYPED_DICTS))
def test_a_class_has_the_same_members_and_bases(name: str) -> None:
    runtime = getattr(_dataplane, name)
    assert {member for member in vars(runtime) if not member.startswith("_")} == set(members(name)) - {
        "__init__"
    }
    assert {base.__name__ for base in runtime.__bases__} - {"object"} == {
        ast.unparse(b) for b in CLASSES[name].bases
    }


@pytest.mark.parametrize(
    ("owner", "name"),
    [(owner, name) for owner in ("DataPlane", "TrafficEngine") for name in sorted(members(owner))],
)
def test_a_call_takes_the_same_parameters(owner: str, name: str) -> None:
    declared = members(owner)[name]
    if any(ast.unparse(decorator) == "property" for decorator in declared.decorator_list):
        return
    class_ = getattr(_dataplane, owner)
    runtime = class_ if name == "__init__" else getattr(class_, name)
    on_paper, in_fact = stated(declared), built(runtime)
    assert list(on_paper) == list(in_fact)
    assert [
        (parameter, default, in_fact[parameter])
        for parameter, default in on_paper.items()
        if in_fact[parameter] not in (UNTOLD, default)
    ] == []


def test_statistics_carry_the_same_figures(plane: _dataplane.DataPlane) -> None:
    assert set(plane.stats()) == set(keys("PlaneStats"))
    sender = plane.open_transport("sender", "p" * 24)
    viewer = plane.open_transport("viewer", "q" * 24)
    track = plane.publish(sender, mid="0", kind="audio", codec="opus", clock_rate=48_000, payload_type=111)
    subscription = plane.subscribe(
        viewer, track, mid="0", payload_type=96, rtx_payload_type=None, ssrc=1, rtx_ssrc=None, cname="c"
    )
    assert set(plane.transport_stats(sender)) == set(keys("TransportStats"))
    assert set(plane.track_stats(track)) == set(keys("TrackStats"))
    assert set(plane.subscription_stats(subscription)) == set(keys("SubscriptionStats"))


def test_the_load_testers_statistics_carry_the_same_figures() -> None:
    engine = _dataplane.TrafficEngine()
    try:
        assert set(engine.stats()) == set(keys("TrafficStats"))
        peer = engine.open(
            host="127.0.0.1",
            port=9,
            local_ufrag="local",
            local_pwd="p" * 24,
            remote_ufrag="remote",
            remote_pwd="q" * 24,
        )
        engine.publish_audio(peer, mid="0", ssrc=1, payload_type=111)
        engine.subscribe(peer, ssrc=2, kind="audio", codec="opus")
        figures = engine.figures(peer)
        assert set(figures) == set(keys("TrafficFigures"))
        assert set(figures["sent"][0]) == set(keys("TrafficSent"))
        assert set(figures["received"][0]) == set(keys("TrafficReceived"))
    finally:
        engine.close()
