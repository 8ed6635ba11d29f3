"""Who may do what: one table of role by action.

The protocol's words (`signalling/PROTOCOL.md`). A right says what a role may ask for at all; the rest
(being admitted, owning the track) is room rules and belongs to signalling. Deny is the default: what is not
in the table is not allowed.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class Role(Enum):
    PATIENT = "patient"
    DOCTOR = "doctor"
    GUEST = "guest"  # interpreter, relative, colleague


class Action(Enum):
    PUBLISH = "publish"  # camera and microphone
    SHARE_SCREEN = "share-screen"
    SUBSCRIBE = "subscribe"
    RELAY = "relay"  # chat and key exchange, opaque to the server
    ENTER_UNASKED = "enter-unasked"  # without somebody's `admit`
    ADMIT = "admit"
    REMOVE = "remove"
    RECORD = "record"  # ask for it; consent and policy decide
    END = "end"


_EVERYBODY = frozenset({Action.PUBLISH, Action.SUBSCRIBE, Action.RELAY})

# A patient shows a photo or a result on the screen as often as a doctor does; a guest has nothing of their
# own to show.
_TABLE: Mapping[Role, frozenset[Action]] = MappingProxyType(
    {
        Role.PATIENT: _EVERYBODY | {Action.SHARE_SCREEN},
        Role.DOCTOR: frozenset(Action),
        Role.GUEST: _EVERYBODY,
    }
)


def may(role: Role, action: Action) -> bool:
    """Whether the role has the right to ask for the action."""
    return action in _TABLE[role]


def grants(role: Role) -> tuple[str, ...]:
    """The role's rights by their wire names, in alphabetical order: what its ticket carries."""
    return tuple(sorted(action.value for action in _TABLE[role]))
