"""`WaitingQueue` in Redis, for all nodes of a service.

Keys, all behind `redis_connection.PREFIX`; what waits is found again by its id, so a script that claims
touches `waiting:…` keys that it learns of on the way: they are in the same slot as all others.

| key | value |
|---|---|
| `waiting:<id>` | [language, priority, score] of who waits or is claimed |
| `queue:<language>` | sorted set of ids by score: the lowest is the next |
| `claim:<claimer>` | the id that is claimed, until the claim runs out |
| `claims` | hash of claimers and ids, also of claims that ran out and are not given back yet |
| `waiting-order` | the last number drawn, for those who came without a time |

A score is since when somebody waits, in Unix milliseconds, less a large step for each priority.
"""

from collections.abc import Collection

import msgpack

from signalling.redis_connection import PREFIX, RedisConnection, Script
from signalling.waiting import ClaimerId, Waiting, WaitingId

# Within the 53 bits that a score has: priorities to 1000 above milliseconds of the next two centuries.
_STEP = 2**43
_KEPT_MS = 7 * 86_400_000

_COMMON = """
local prefix = ARGV[1]
local function wait_again(id)
  local waiting = redis.call('GET', prefix .. 'waiting:' .. id)
  if not waiting then return end
  local fields = cmsgpack.unpack(waiting)
  redis.call('ZADD', prefix .. 'queue:' .. fields[1], string.format('%.0f', fields[3]), id)
end
local function end_claim(claimer)
  redis.call('DEL', prefix .. 'claim:' .. claimer)
  redis.call('HDEL', prefix .. 'claims', claimer)
end
local function give_back_expired()
  local claims = redis.call('HGETALL', prefix .. 'claims')
  for i = 1, #claims, 2 do
    if redis.call('EXISTS', prefix .. 'claim:' .. claims[i]) == 0 then
      wait_again(claims[i + 1])
      end_claim(claims[i])
    end
  end
end
"""

_PUSH = Script(
    _COMMON
    + """
local id, language, priority, ttl, step, kept = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]
local since, mine, queue = tonumber(ARGV[8]), prefix .. 'waiting:' .. id, prefix .. 'queue:' .. language
local before = redis.call('GET', mine)
if before then
  local fields = cmsgpack.unpack(before)
  if fields[2] == priority then return redis.call('PEXPIRE', mine, ttl) end
  since = fields[3] + fields[2] * step
elseif not since then
  local t = redis.call('TIME')
  local counter = prefix .. 'waiting-order'
  since = math.max(tonumber(redis.call('GET', counter) or 0) + 1, t[1] * 1000 + math.floor(t[2] / 1000))
  redis.call('SET', counter, string.format('%.0f', since), 'PX', kept)
end
redis.call('SET', mine, cmsgpack.pack({language, priority, since - priority * step}), 'PX', ttl)
if not before or redis.call('ZSCORE', queue, id) then wait_again(id) end  -- else it is claimed
redis.call('PEXPIRE', queue, kept)
"""
)

_POSITION = Script(
    _COMMON
    + """
give_back_expired()
local waiting = redis.call('GET', prefix .. 'waiting:' .. ARGV[2])
if not waiting then return false end
local queue = prefix .. 'queue:' .. cmsgpack.unpack(waiting)[1]
local rank = redis.call('ZRANK', queue, ARGV[2])
if not rank then return false end
local ahead = 0
for _, id in ipairs(redis.call('ZRANGE', queue, 0, rank)) do  -- who gave up waiting is in it until claimed
  ahead = ahead + redis.call('EXISTS', prefix .. 'waiting:' .. id)
end
return ahead
"""
)

_CLAIM = Script(
    _COMMON
    + """
local claimer, ttl, kept, only, least = ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local function claim(id)
  redis.call('SET', prefix .. 'claim:' .. claimer, id, 'PX', ttl)
  redis.call('HSET', prefix .. 'claims', claimer, id)
  redis.call('PEXPIRE', prefix .. 'claims', kept)
  return {id, redis.call('GET', prefix .. 'waiting:' .. id)}
end
local mine = redis.call('GET', prefix .. 'claim:' .. claimer)
if mine and redis.call('EXISTS', prefix .. 'waiting:' .. mine) == 1 then return claim(mine) end
give_back_expired()
if only ~= '' then
  local waiting = redis.call('GET', prefix .. 'waiting:' .. only)
  if not waiting then return false end
  if redis.call('ZREM', prefix .. 'queue:' .. cmsgpack.unpack(waiting)[1], only) == 0 then return false end
  return claim(only)
end
local best, from, score
for i = 7, #ARGV do
  local queue = prefix .. 'queue:' .. ARGV[i]
  local head = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  while head[1] and redis.call('EXISTS', prefix .. 'waiting:' .. head[1]) == 0 do  -- gave up waiting
    redis.call('ZREM', queue, head[1])
    head = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  end
  -- The head has the highest priority of its language.
  local fits = head[1] and cmsgpack.unpack(redis.call('GET', prefix .. 'waiting:' .. head[1]))[2] >= least
  if fits and (not best or tonumber(head[2]) < score) then
    best, from, score = head[1], queue, tonumber(head[2])
  end
end
if not best then return false end
redis.call('ZREM', from, best)
return claim(best)
"""
)

_END_CLAIM = Script(
    _COMMON
    + """
local id = ARGV[4]
if redis.call('HGET', prefix .. 'claims', ARGV[2]) ~= id then return end
if ARGV[3] == 'finish' then redis.call('DEL', prefix .. 'waiting:' .. id) else wait_again(id) end
end_claim(ARGV[2])
"""
)

_REMOVE = Script(
    _COMMON
    + """
local waiting = redis.call('GET', prefix .. 'waiting:' .. ARGV[2])
if not waiting then return end
redis.call('ZREM', prefix .. 'queue:' .. cmsgpack.unpack(waiting)[1], ARGV[2])
redis.call('DEL', prefix .. 'waiting:' .. ARGV[2])
local claims = redis.call('HGETALL', prefix .. 'claims')
for i = 1, #claims, 2 do if claims[i + 1] == ARGV[2] then end_claim(claims[i]) end end
"""
)

_ANY = ("waiting-order",)
"""A key for a Cluster to find the slot by."""


class RedisWaiting:
    """Implements `WaitingQueue`."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def push(self, waiting: Waiting, ttl_s: float) -> None:
        about = (waiting.id, waiting.language, int(waiting.priority), round(ttl_s * 1000), _STEP, _KEPT_MS)
        since_ms = "" if waiting.since_ms is None else waiting.since_ms
        await self._redis.run(_PUSH, _ANY, PREFIX, *about, since_ms)

    async def position(self, id_: WaitingId) -> int | None:
        place: int | None = await self._redis.run(_POSITION, _ANY, PREFIX, id_)
        return place

    async def claim(
        self,
        claimer: ClaimerId,
        languages: Collection[str],
        ttl_s: float,
        only: WaitingId | None = None,
        least_priority: int = 0,
    ) -> Waiting | None:
        wanted = (round(ttl_s * 1000), _KEPT_MS, only or "", least_priority, *sorted(languages))
        claimed = await self._redis.run(_CLAIM, _ANY, PREFIX, claimer, *wanted)
        if claimed is None:
            return None
        id_, value = claimed
        language, priority, _ = msgpack.unpackb(value)
        return Waiting(WaitingId(id_.decode()), language, int(priority))

    async def give_back(self, claimer: ClaimerId, id_: WaitingId) -> None:
        await self._redis.run(_END_CLAIM, _ANY, PREFIX, claimer, "give back", id_)

    async def finish(self, claimer: ClaimerId, id_: WaitingId) -> None:
        await self._redis.run(_END_CLAIM, _ANY, PREFIX, claimer, "finish", id_)

    async def remove(self, id_: WaitingId) -> None:
        await self._redis.run(_REMOVE, _ANY, PREFIX, id_)
