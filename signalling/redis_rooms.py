"""`RoomStore` in Redis, for a service of several nodes. Values are MessagePack; every key has a life time.

Keys, all behind `redis_connection.PREFIX`:

| key | value | written by |
|---|---|---|
| `format` | the version of all this | each node when it starts |
| `ticket:<jti>` | "1" | who used a ticket up |
| `lease:<room>` | [node, url, epoch] | the room's owner |
| `epoch:<room>` | the highest epoch given | who takes a room |
| `place:<room>` | [node, url] | who issued the first ticket |
| `room:<room>` | `RoomRecord` | the room's owner |
| `session:<hash>` | `SessionRecord` | the session's node |
| `nodes` | set of node ids | each node |
| `node:<node>` | `NodeRecord` | each node |
| `revoked:<id>` | "1" | who revokes |
| `pulse` | "1", while any node is heard of | each node |
| `settling` | "1", for a while after a silence | who breaks the silence |

An epoch is the milliseconds of Redis' clock, or one more than the last: so it rises even if Redis forgot
everything. After a silence of all nodes (Redis was stopped, paused or emptied) leases may have run out whose
owners are alive; until they had their turn, no room is given to anybody else.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import msgpack

from signalling.consents import Consent, ConsentId, ConsentKind
from signalling.errors import Fenced, StoreSettling
from signalling.media import ParticipantId, RoomId
from signalling.redis_connection import FORMAT, FORMAT_LIFE_S, PREFIX, RedisConnection, Script
from signalling.session import SessionId, TokenHash
from signalling.store import (
    Lease,
    MemberRecord,
    NodeId,
    NodeRecord,
    Place,
    Renewal,
    RoomRecord,
    RunningRecording,
    SessionRecord,
)
from signalling.views import ConsentState, Role, RoomEncryption, RoomState

SILENCE_S = 2.5
"""When no node was heard of for so long, Redis was away. Nodes speak every second, and lease for 4 s: so a
silence is noticed before a lease can have run out in it.
"""
SETTLING_S = 2.5
EPOCH_LIFE_S = 86_400.0
_AT_ONCE = 500
"""Leases prolonged by one script: it must not keep Redis from others for long."""

# Lua. Redis answers a false with nil; numbers are cut to integers, which is why epochs come as text.
_EPOCH = """
local function new_epoch(key, life)
  local t = redis.call('TIME')
  local epoch = math.max(tonumber(redis.call('GET', key) or 0) + 1, t[1] * 1000 + math.floor(t[2] / 1000))
  redis.call('SET', key, string.format('%.0f', epoch), 'PX', life)
  return epoch
end
-- The lease as it is written and as a table; nothing if there is none, or what is there cannot be read.
local function lease_at(key)
  local held = redis.call('GET', key)
  if not held then return end
  local read, lease = pcall(cmsgpack.unpack, held)
  if read and type(lease) == 'table' and type(lease[3]) == 'number' then return held, lease end
end
-- Whether the lease of that epoch is the newest there was, and whether it is held now. A higher one than
-- Redis knows of was given by a server that died before its replicas heard.
local function newest(key, epochs, epoch)
  local held, lease = lease_at(key)
  if held then return lease[3] <= tonumber(epoch), lease[3] == tonumber(epoch) end
  local last = redis.call('GET', epochs)
  return not last or tonumber(last) <= tonumber(epoch), false
end
"""

_PULSE = """
local function pulse(beat, settling, silence, grace)
  if not redis.call('SET', beat, '1', 'PX', silence, 'GET') then
    redis.call('SET', settling, '1', 'PX', grace)
  end
end
"""

_BEAT = Script(
    _PULSE
    + """
pulse(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
return redis.call('PTTL', KEYS[2])
"""
)

_ACQUIRE = Script(
    _EPOCH
    + _PULSE
    + """
local held, owner = lease_at(KEYS[1])
if held then
  if owner[1] == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
  return held
end
pulse(KEYS[3], KEYS[4], ARGV[5], ARGV[6])
if redis.call('EXISTS', KEYS[4]) == 1 then return false end
local lease = cmsgpack.pack({ARGV[1], ARGV[2], new_epoch(KEYS[2], ARGV[4])})
redis.call('SET', KEYS[1], lease, 'PX', ARGV[3])
return lease
"""
)

_RENEW = Script(
    _EPOCH
    + """
local answers = {}
for i = 1, #KEYS, 2 do
  local lease, epochs = KEYS[i], KEYS[i + 1]
  local node, url, epoch = unpack(cmsgpack.unpack(ARGV[2 + (i + 1) / 2]))
  local mine, held = newest(lease, epochs, epoch)
  if not mine then
    answers[#answers + 1] = 'lost'
  else
    redis.call('SET', epochs, string.format('%.0f', epoch), 'PX', ARGV[2])
    redis.call('SET', lease, cmsgpack.pack({node, url, epoch}), 'PX', ARGV[1])
    answers[#answers + 1] = held and 'kept' or 'restored'
  end
end
return answers
"""
)

_HAND_OVER = Script(
    _EPOCH
    + """
if not newest(KEYS[1], KEYS[2], ARGV[1]) then return false end
local lease = cmsgpack.pack({ARGV[2], ARGV[3], new_epoch(KEYS[2], ARGV[5])})
redis.call('SET', KEYS[1], lease, 'PX', ARGV[4])
redis.call('SET', KEYS[3], ARGV[6], 'PX', ARGV[7])
return lease
"""
)

_RELEASE = Script(
    _EPOCH
    + """
local held, lease = lease_at(KEYS[1])
if not held or lease[3] ~= tonumber(ARGV[1]) then return 0 end
-- Its epoch is used up, so that what its holder may still have to say is refused.
redis.call('SET', KEYS[2], string.format('%.0f', tonumber(ARGV[1]) + 1), 'PX', ARGV[2])
return redis.call('DEL', KEYS[1])
"""
)

_PLACE = Script(
    _EPOCH
    + """
local held, lease = lease_at(KEYS[1])
if held then return cmsgpack.pack({lease[1], lease[2]}) end
local before = redis.call('GET', KEYS[2])
if before then
  local node = cmsgpack.unpack(before)[1]
  for i = 4, #ARGV do if ARGV[i] == node then return before end end
end
local place = cmsgpack.pack({ARGV[1], ARGV[2]})
redis.call('SET', KEYS[2], place, 'PX', ARGV[3])
return place
"""
)

_SAVE = Script(
    _EPOCH
    + """
if not newest(KEYS[1], KEYS[2], ARGV[1]) then return 0 end
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
return 1
"""
)

_DELETE = Script(
    _EPOCH
    + """
if not newest(KEYS[1], KEYS[2], ARGV[1]) then return 0 end
redis.call('DEL', KEYS[3])
return 1
"""
)

_ANNOUNCE = Script(
    _PULSE
    + """
pulse(KEYS[3], KEYS[4], ARGV[4], ARGV[5])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
redis.call('EXPIRE', KEYS[2], 86400)
redis.call('SET', KEYS[5], ARGV[6], 'EX', ARGV[7], 'NX')
redis.call('EXPIRE', KEYS[5], ARGV[7])
"""
)


class RedisRooms:
    """Implements `RoomStore`."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def until_settled(self) -> None:
        """Wait until new rooms may be opened, which after a silence is in SETTLING_S. Raises
        StoreUnavailable.
        """
        while (wait_ms := await self._beat()) > 0:  # noqa: ASYNC110  Redis tells nobody
            await asyncio.sleep(min(wait_ms / 1000, SILENCE_S / 4))

    async def _beat(self) -> int:
        """Be heard; for how many milliseconds nothing may be opened yet."""
        keys = ("pulse", "settling")
        left_ms: int = await self._redis.run(_BEAT, keys, _ms(SILENCE_S), _ms(SETTLING_S))
        return left_ms

    # Tickets

    async def claim(self, jti: str, ttl_s: float) -> bool:
        return bool(await self._set(f"ticket:{jti}", "1", ttl_s, "NX"))

    # Ownership

    async def acquire(self, room: RoomId, node: NodeId, url: str, ttl_s: float) -> Lease:
        keys = (*_lease_keys(room), "pulse", "settling")
        life, silence, grace = _ms(EPOCH_LIFE_S), _ms(SILENCE_S), _ms(SETTLING_S)
        lease = await self._redis.run(_ACQUIRE, keys, node, url, _ms(ttl_s), life, silence, grace)
        if lease is None:
            raise StoreSettling
        return _lease(room, lease)

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> list[Renewal]:
        renewals: list[Renewal] = []
        for start in range(0, len(leases), _AT_ONCE):
            some = leases[start : start + _AT_ONCE]
            keys = [key for lease in some for key in _lease_keys(lease.room)]
            held = [_pack([lease.node, lease.url, lease.epoch]) for lease in some]
            answers = await self._redis.run(_RENEW, keys, _ms(ttl_s), _ms(EPOCH_LIFE_S), *held)
            renewals += [Renewal(answer.decode()) for answer in answers]
        return renewals

    async def hand_over(
        self, lease: Lease, to: Place, ttl_s: float, record: RoomRecord, record_s: float
    ) -> Lease:
        keys = (*_lease_keys(lease.room), f"room:{lease.room}")
        about = (lease.epoch, to.node, to.url, _ms(ttl_s), _ms(EPOCH_LIFE_S))
        given = await self._redis.run(_HAND_OVER, keys, *about, _pack_room(record), _ms(record_s))
        if given is None:
            raise Fenced
        return _lease(lease.room, given)

    async def release(self, lease: Lease) -> bool:
        keys = _lease_keys(lease.room)
        return bool(await self._redis.run(_RELEASE, keys, lease.epoch, _ms(EPOCH_LIFE_S)))

    async def owner(self, room: RoomId) -> Lease | None:
        lease = await self._get(f"lease:{room}")
        return None if lease is None else _lease(room, lease)

    async def place(self, room: RoomId, here: Place, among: Collection[NodeId], ttl_s: float) -> Place:
        keys = (f"lease:{room}", f"place:{room}")
        node, url = _unpack(
            await self._redis.run(_PLACE, keys, here.node, here.url, _ms(ttl_s), *sorted(among))
        )
        return Place(NodeId(node), url)

    # Rooms

    async def save_room(self, lease: Lease, record: RoomRecord, ttl_s: float) -> None:
        keys = (*_lease_keys(lease.room), f"room:{lease.room}")
        if not await self._redis.run(_SAVE, keys, lease.epoch, _pack_room(record), _ms(ttl_s)):
            raise Fenced

    async def load_room(self, room: RoomId) -> RoomRecord | None:
        value = await self._get(f"room:{room}")
        return None if value is None else _unpack_room(value)

    async def delete_room(self, lease: Lease) -> None:
        if not await self._redis.run(_DELETE, (*_lease_keys(lease.room), f"room:{lease.room}"), lease.epoch):
            raise Fenced

    # Sessions

    async def save_session(self, record: SessionRecord, ttl_s: float) -> None:
        value = _pack([record.session, record.room, record.participant, record.node])
        await self._set(f"session:{record.token}", value, ttl_s)

    async def find_session(self, token: TokenHash) -> SessionRecord | None:
        value = await self._get(f"session:{token}")
        if value is None:
            return None
        session, room, participant, node = _unpack(value)
        return SessionRecord(
            token, SessionId(session), RoomId(room), ParticipantId(participant), NodeId(node)
        )

    async def drop_session(self, token: TokenHash) -> None:
        await self._redis.call("DEL", f"{PREFIX}session:{token}")

    # Nodes

    async def announce(self, record: NodeRecord, ttl_s: float) -> None:
        value = _pack([record.node, record.url, record.participants, record.draining, record.full])
        keys = (f"node:{record.node}", "nodes", "pulse", "settling", "format")
        await self._redis.run(
            _ANNOUNCE,
            keys,
            value,
            _ms(ttl_s),
            record.node,
            _ms(SILENCE_S),
            _ms(SETTLING_S),
            FORMAT,
            FORMAT_LIFE_S,
        )

    async def withdraw(self, node: NodeId) -> None:
        await self._redis.call("DEL", f"{PREFIX}node:{node}")

    async def nodes(self) -> tuple[NodeRecord, ...]:
        names = sorted(await self._redis.call("SMEMBERS", f"{PREFIX}nodes"))
        if not names:
            return ()
        values = await self._redis.call("MGET", *(f"{PREFIX}node:".encode() + name for name in names))
        gone = [name for name, value in zip(names, values, strict=True) if value is None]
        if gone:
            await self._redis.call("SREM", f"{PREFIX}nodes", *gone)
        return tuple(_node(value) for value in values if value is not None)

    # Revocations

    async def revoke(self, subject: str, ttl_s: float) -> None:
        await self._set(f"revoked:{subject}", "1", ttl_s)

    async def revoked(self, subject: str) -> bool:
        return await self._get(f"revoked:{subject}") is not None

    async def _get(self, key: str) -> bytes | None:
        value: bytes | None = await self._redis.call("GET", PREFIX + key)
        return value

    async def _set(self, key: str, value: "str | bytes", ttl_s: float, *options: str) -> Any:
        return await self._redis.call("SET", PREFIX + key, value, "PX", _ms(ttl_s), *options)


def _lease_keys(room: RoomId) -> tuple[str, str]:
    return f"lease:{room}", f"epoch:{room}"


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed


def _unpack(value: bytes) -> Any:
    return msgpack.unpackb(value)


def _lease(room: RoomId, value: bytes) -> Lease:
    node, url, epoch = _unpack(value)
    return Lease(room, NodeId(node), url, int(epoch))


def _node(value: bytes) -> NodeRecord:
    node, url, participants, draining, full = _unpack(value)
    return NodeRecord(NodeId(node), url, participants, draining, full)


def _pack_room(record: RoomRecord) -> bytes:
    return _pack(
        {
            "room": record.room,
            "state": record.state.value,
            "encryption": record.encryption.value,
            "policy": record.policy,
            "members": [[m.participant, m.role.value, m.admitted] for m in record.members],
            "admitted": sorted(record.admitted),
            "removed": sorted(record.removed),
            "consents": [
                [c.id, c.hash, c.participant, c.kind.value, c.state.value, c.at_us, c.text_version]
                for c in record.consents
            ],
            "recording": record.recording
            and [record.recording.by, record.recording.name, record.recording.until],
        }
    )


def _unpack_room(value: bytes) -> RoomRecord:
    fields = _unpack(value)
    return RoomRecord(
        RoomId(fields["room"]),
        RoomState(fields["state"]),
        RoomEncryption(fields["encryption"]),
        fields["policy"],
        tuple(MemberRecord(ParticipantId(id_), Role(role), ok) for id_, role, ok in fields["members"]),
        frozenset(map(ParticipantId, fields["admitted"])),
        frozenset(map(ParticipantId, fields["removed"])),
        tuple(
            Consent(
                ConsentId(id_),
                hash_,
                ParticipantId(who),
                ConsentKind(kind),
                ConsentState(state),
                at_us,
                version,
            )
            for id_, hash_, who, kind, state, at_us, version in fields["consents"]
        ),
        fields["recording"] and RunningRecording(*fields["recording"]),
    )
