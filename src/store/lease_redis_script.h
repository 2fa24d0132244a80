/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Redis runs, in one piece each time.
 *
 * KEYS: the nodes, the beginning, the count of sessions, the revoked keys, then one for each meter.
 *   nodes: hash, node -> "session:joined:seen", times in ms of Redis's clock
 *   beginning: when these data began: missing in an empty Redis
 *   meter: hash
 *     l, g           limit, and the generation of the keys that say so
 *     w              when somebody's need was not met
 *     n<node>        "session:spent:room:held"
 *     b<n>:<node>    spent in the bucket number n, of 5 s
 *
 * JOIN   ARGV: node, grace in ms, oldest revoked key in ms -> {session, nodes, revoked keys}
 * LEAVE  ARGV: node, session
 * EXCHANGE ARGV: node, session, life in ms, grace in ms, channel, number of fields of a meter, then
 * for each meter: name, windowed (1 or 0), generation, limit, spent, room, held, recent,
 * need_least, need_all, want. -> {} where the session is not known (any more), else {nodes alive,
 * ms left of the grace, {{spent, room, elsewhere, elsewhere spent, limit, exhausted} for each
 * meter}}.
 *
 * Numbers are doubles there: exact up to 2^53, LEASE_REDIS_MOST.
 */
#ifndef SLUICE_STORE_LEASE_REDIS_SCRIPT_H
#define SLUICE_STORE_LEASE_REDIS_SCRIPT_H

#define LEASE_REDIS_MOST (INT64_C(1) << 53)
#define LEASE_REDIS_FIELDS 11

#define LEASE_REDIS_CLOCK                                                                          \
    "local time = redis.call('TIME')\n"                                                            \
    "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"                                    \
    "local function whole(number) return string.format('%.0f', number) end\n"

#define LEASE_REDIS_JOIN                                                                           \
    LEASE_REDIS_CLOCK                                                                              \
    "redis.call('SET', KEYS[2], whole(now), 'NX')\n"                                               \
    "local session = redis.call('INCR', KEYS[3])\n"                                                \
    "local stamp = whole(session) .. ':' .. whole(now) .. ':' .. whole(now)\n"                     \
    "redis.call('HSET', KEYS[1], ARGV[1], stamp)\n"                                                \
    "redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', whole(now - ARGV[3]))\n"                      \
    "return {session, redis.call('HLEN', KEYS[1]), redis.call('ZRANGE', KEYS[4], 0, 9999)}\n"

#define LEASE_REDIS_LEAVE                                                                          \
    "local known = redis.call('HGET', KEYS[1], ARGV[1])\n"                                         \
    "if known and string.match(known, '^(%d+):') == ARGV[2] then\n"                                \
    "  redis.call('HDEL', KEYS[1], ARGV[1])\n"                                                     \
    "end\n"                                                                                        \
    "return 1\n"

#define LEASE_REDIS_REVOKE                                                                         \
    LEASE_REDIS_CLOCK                                                                              \
    "if redis.call('ZADD', KEYS[4], 'NX', whole(now), ARGV[2]) == 1 then\n"                        \
    "  redis.call('PUBLISH', ARGV[1], 'revoked ' .. ARGV[2])\n"                                    \
    "end\n"                                                                                        \
    "return 1\n"

/* Who is alive: nodes seen within the life, with the session and when that began. */
#define LEASE_REDIS_NODES                                                                          \
    "local me, life, grace = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])\n"                      \
    "local session, joined, listed, live = {}, {}, {}, 0\n"                                        \
    "local known = redis.call('HGETALL', KEYS[1])\n"                                               \
    "for i = 1, #known, 2 do\n"                                                                    \
    "  local s, j, seen = string.match(known[i + 1], '^(%d+):(%d+):(%d+)$')\n"                     \
    "  listed[known[i]] = true\n"                                                                  \
    "  if s and math.abs(now - seen) <= life then\n"                                               \
    "    session[known[i]], joined[known[i]] = s, tonumber(j)\n"                                   \
    "    live = live + 1\n"                                                                        \
    "  elseif not s or now - seen > 3600000 then\n"                                                \
    "    redis.call('HDEL', KEYS[1], known[i])\n"                                                  \
    "  end\n"                                                                                      \
    "end\n"                                                                                        \
    "local began = tonumber(redis.call('GET', KEYS[2]) or '')\n"                                   \
    "if session[me] ~= ARGV[2] or not began then return {} end\n"                                  \
    "redis.call('HSET', KEYS[1], me, ARGV[2] .. ':' .. whole(joined[me]) .. ':' .. whole(now))\n"  \
    "local left = began + grace - now\n"                                                           \
    "if left < 0 or left > grace then left = 0 end\n"                                              \
    "local bucket = math.floor(now / 5000)\n"

/* A meter as it is kept: what others have and had, what this node has. Whose session is over, or
 * who is dead, has no room: of the minute it counts as spent, now. Who has left told what it spent.
 */
#define LEASE_REDIS_METER                                                                          \
    "local function read(key, windowed)\n"                                                         \
    "  local kept = redis.call('HGETALL', key)\n"                                                  \
    "  local m = {room = 0, spare = 0, theirs = 0, mine = 0, wanted = 0}\n"                        \
    "  local function spend(node, amount)\n"                                                       \
    "    if windowed and amount > 0 then\n"                                                        \
    "      redis.call('HINCRBY', key, 'b' .. whole(bucket) .. ':' .. node, whole(amount))\n"       \
    "      if node == me then m.mine = m.mine + amount else m.theirs = m.theirs + amount end\n"    \
    "    end\n"                                                                                    \
    "  end\n"                                                                                      \
    "  m.spend = spend\n"                                                                          \
    "  for i = 1, #kept, 2 do\n"                                                                   \
    "    local name, value = kept[i], kept[i + 1]\n"                                               \
    "    local kind, rest = string.sub(name, 1, 1), string.sub(name, 2)\n"                         \
    "    if kind == 'b' then\n"                                                                    \
    "      local n, node = string.match(rest, '^(%d+):(.*)$')\n"                                   \
    "      if not n or math.abs(bucket - n) > 12 then\n"                                           \
    "        redis.call('HDEL', key, name)\n"                                                      \
    "      elseif node == me then m.mine = m.mine + value\n"                                       \
    "      else m.theirs = m.theirs + value end\n"                                                 \
    "    elseif kind == 'n' then\n"                                                                \
    "      local s, spent, room, held = string.match(value, '^(%d+):(%d+):(%d+):(%d+)$')\n"        \
    "      local present = session[rest] and\n"                                                    \
    "          (s == session[rest] or now - joined[rest] <= grace)\n"                              \
    "      if rest == me then\n"                                                                   \
    "        m.spent, m.granted = tonumber(spent), tonumber(room)\n"                               \
    "      elseif present then\n"                                                                  \
    "        m.room = m.room + room\n"                                                             \
    "        if room - held > 0 then m.spare = m.spare + room - held end\n"                        \
    "      elseif not listed[rest] then\n"                                                         \
    "        redis.call('HDEL', key, name)\n"                                                      \
    "      elseif room ~= '0' then\n"                                                              \
    "        spend(rest, tonumber(room))\n"                                                        \
    "        local total = windowed and spent + room or 0\n"                                       \
    "        redis.call('HSET', key, name, '0:' .. whole(total) .. ':0:0')\n"                      \
    "      end\n"                                                                                  \
    "    elseif name == 'l' then m.limit = tonumber(value)\n"                                      \
    "    elseif name == 'g' then m.generation = tonumber(value)\n"                                 \
    "    elseif name == 'w' then m.wanted = tonumber(value) end\n"                                 \
    "  end\n"                                                                                      \
    "  return m\n"                                                                                 \
    "end\n"

/* One ask. A node that tells of less spending than is known has lost its memory: what it had room
 * for may be spent. */
#define LEASE_REDIS_ASK                                                                            \
    "local function ask(key, at)\n"                                                                \
    "  local function told(i) return tonumber(ARGV[at + i]) end\n"                                 \
    "  local windowed = ARGV[at + 1] == '1'\n"                                                     \
    "  local m = read(key, windowed)\n"                                                            \
    "  local spent, room, held = told(4), told(5), told(6)\n"                                      \
    "  if not m.generation or told(2) >= m.generation then\n"                                      \
    "    m.generation, m.limit = told(2), told(3)\n"                                               \
    "    redis.call('HSET', key, 'g', whole(m.generation), 'l', whole(m.limit))\n"                 \
    "  end\n"                                                                                      \
    "  if not m.spent then\n"                                                                      \
    "    m.spend(me, told(7))\n"                                                                   \
    "  elseif spent >= m.spent then\n"                                                             \
    "    m.spend(me, spent - m.spent)\n"                                                           \
    "  else\n"                                                                                     \
    "    m.spend(me, m.granted)\n"                                                                 \
    "    spent = windowed and m.spent + m.granted or m.spent\n"                                    \
    "  end\n"                                                                                      \
    "  local free = m.limit - m.theirs - m.mine - m.room - room\n"                                 \
    "  local least, all, want, given = told(8), told(9), told(10), 0\n"                            \
    "  if left == 0 and free > 0 then\n"                                                           \
    "    if free >= all then\n"                                                                    \
    "      given = all + math.min(want, math.floor((free - all) / (2 * live)))\n"                  \
    "    elseif least > 0 and free >= least then\n"                                                \
    "      given = free\n"                                                                         \
    "    end\n"                                                                                    \
    "  end\n"                                                                                      \
    "  local unmet = least > 0 and given < least\n"                                                \
    "  local exhausted = unmet and left == 0 and m.spare == 0\n"                                   \
    "  if unmet and not exhausted and left == 0 then\n"                                            \
    "    redis.call('HSET', key, 'w', whole(now))\n"                                               \
    "    redis.call('PUBLISH', ARGV[5], 'recall ' .. me .. ' ' .. ARGV[at])\n"                     \
    "  end\n"                                                                                      \
    "  if m.granted and room < m.granted and now - m.wanted < 3000 then\n"                         \
    "    redis.call('PUBLISH', ARGV[5], 'back ' .. me .. ' ' .. ARGV[at])\n"                       \
    "  end\n"                                                                                      \
    "  room = room + given\n"                                                                      \
    "  redis.call('HSET', key, 'n' .. me, session[me] .. ':' .. whole(spent) .. ':' ..\n"          \
    "    whole(room) .. ':' .. whole(held))\n"                                                     \
    "  redis.call('PEXPIRE', key, (room + m.room > 0) and 86400000 or 300000)\n"                   \
    "  local elsewhere = m.room + m.theirs\n"                                                      \
    "  return {spent, room, elsewhere, m.theirs, m.limit, exhausted and 1 or 0}\n"                 \
    "end\n"

#define LEASE_REDIS_EXCHANGE                                                                       \
    LEASE_REDIS_CLOCK LEASE_REDIS_NODES LEASE_REDIS_METER LEASE_REDIS_ASK                          \
        "local fields, answers = tonumber(ARGV[6]), {}\n"                                          \
        "for i = 5, #KEYS do\n"                                                                    \
        "  answers[i - 4] = ask(KEYS[i], 7 + (i - 5) * fields)\n"                                  \
        "end\n"                                                                                    \
        "return {live, left, answers}\n"

#endif
