"""Which medicines the service does not prescribe: the addictive ones, and those needing intensive follow-up.

The rules are data, `atc_rules.json`, with a version that every decision carries. A prefix blocks all codes
that begin with it, an exception within it allows again, and of all that match the longest one counts. There
is no way round a block: what cannot be prescribed can be referred.

The data names groups one by one, because N05B and N05C as a whole would keep hydroxyzine (N05BB), buspirone
(N05BE), melatonin (N05CH) and valerian (N05CM09) out as well. All cough opioids are in, dextromethorphan
(R05DA09) too, and all of N06B, so caffeine: a deployer who decides otherwise writes an exception. The
reasons are statements of policy, not advice about a patient.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from media_server.languages import Language
from media_server.outcome.atc import CHEMICAL_GROUP, CODE, SUBSTANCE, is_known, normal
from media_server.outcome.errors import BadRules

BUILT_IN: Final = "atc_rules.json"

_Prefix = Annotated[str, Field(pattern=rf"^{CODE.pattern}$")]
_ReasonKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
_Group = Annotated[str, Field(pattern=r"^[0-9]{2}$")]


class Kind(Enum):
    """Why the rules keep a medicine out."""

    ADDICTIVE = "addictive"
    FOLLOW_UP = "follow_up"


class Verdict(Enum):
    ALLOWED = "allowed"
    BLOCKED = "blocked"
    UNKNOWN_CODE = "unknown-code"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules of one version say of a code. `kind` and `reason_key` are there when it is blocked."""

    verdict: Verdict
    rule_version: str
    kind: Kind | None = None
    reason_key: str | None = None


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _Rule(_Model):
    prefix: _Prefix
    kind: Kind
    reason_key: _ReasonKey
    exceptions: Annotated[tuple[_Prefix, ...], Field(alias="except")] = ()


class _File(_Model):
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,31}$")]
    groups: dict[Annotated[str, Field(pattern=r"^[A-Z]$")], frozenset[_Group]]
    rules: Annotated[tuple[_Rule, ...], Field(alias="list")]
    reasons: dict[_ReasonKey, dict[Language, Annotated[str, Field(min_length=1, max_length=300)]]]


class AtcRules:
    """One version of the rules. Pure: the same code gets the same decision for ever."""

    def __init__(
        self,
        version: str,
        groups: Mapping[str, frozenset[str]],
        prefixes: Mapping[str, Decision],
        reasons: Mapping[str, Mapping[Language, str]],
    ) -> None:
        """Made by `parse`. `prefixes` holds exceptions too, as allowed."""
        self.version = version
        self._groups = groups
        self._prefixes = prefixes
        self._reasons = reasons

    @staticmethod
    def parse(data: bytes) -> "AtcRules":
        """Raises BadRules, naming the field or the prefix that is at fault."""
        try:
            file = _File.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise BadRules(f"{'.'.join(map(str, first['loc'])) or 'rules'}: {first['msg']}") from None
        _check_reasons(file)
        groups = MappingProxyType(file.groups)
        return AtcRules(file.version, groups, _prefixes(file), MappingProxyType(file.reasons))

    @staticmethod
    def built_in() -> "AtcRules":
        """The rules that come with this release; read once."""
        return _built_in()

    def decide(self, atc: str) -> Decision:
        """What the rules say of a code of the fourth or fifth level; coarser ones name no medicine.

        A group of which only a part is blocked is unknown: the doctor is asked for the substance.
        """
        code = normal(atc)
        if code is None or len(code) < CHEMICAL_GROUP or not is_known(code, self._groups):
            return self._unknown()
        matching = (
            prefix for length in range(len(code), 0, -1) if (prefix := code[:length]) in self._prefixes
        )
        decision = next((self._prefixes[prefix] for prefix in matching), self._allowed())
        if decision.verdict is Verdict.ALLOWED and len(code) < SUBSTANCE and self._blocks_within(code):
            return self._unknown()
        return decision

    def reason(self, decision: Decision, language: Language) -> str | None:
        """Why it is blocked, in a sentence for doctor and patient; None for what is not blocked."""
        return None if decision.reason_key is None else self._reasons[decision.reason_key][language]

    def reasons(self, key: str) -> Mapping[Language, str]:
        """The sentence of a reason, in every language."""
        return self._reasons[key]

    def _blocks_within(self, group: str) -> bool:
        return any(
            prefix.startswith(group) and decision.verdict is Verdict.BLOCKED
            for prefix, decision in self._prefixes.items()
        )

    def _allowed(self) -> Decision:
        return Decision(Verdict.ALLOWED, self.version)

    def _unknown(self) -> Decision:
        return Decision(Verdict.UNKNOWN_CODE, self.version)


@cache
def _built_in() -> AtcRules:
    return AtcRules.parse(files("media_server.outcome").joinpath(BUILT_IN).read_bytes())


def _check_reasons(file: _File) -> None:
    used = {rule.reason_key for rule in file.rules}
    for key in sorted(used - file.reasons.keys()):
        raise BadRules(f"reasons: {key} is missing")
    for key in sorted(file.reasons.keys() - used):
        raise BadRules(f"reasons: {key} is used by no rule")
    for key, texts in file.reasons.items():
        if missing := sorted(language.value for language in Language if language not in texts):
            raise BadRules(f"reasons.{key}: no text in {', '.join(missing)}")


def _prefixes(file: _File) -> Mapping[str, Decision]:
    found: dict[str, Decision] = {}
    for rule in file.rules:
        blocked = Decision(Verdict.BLOCKED, file.version, rule.kind, rule.reason_key)
        decisions = {rule.prefix: blocked}
        for exception in rule.exceptions:
            if not exception.startswith(rule.prefix) or exception == rule.prefix:
                raise BadRules(f"list: {exception} is no part of {rule.prefix}, so no exception to it")
            decisions[exception] = Decision(Verdict.ALLOWED, file.version)
        for prefix, decision in decisions.items():
            if not is_known(prefix, file.groups):
                raise BadRules(f"list: {prefix} is in no group that there is")
            if prefix in found:
                raise BadRules(f"list: {prefix} is named twice")
            found[prefix] = decision
    return MappingProxyType(found)
