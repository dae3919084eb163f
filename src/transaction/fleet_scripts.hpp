#pragma once

#include <string_view>

/// The scripts by which the replicas of a fleet claim and settle transactions (contract 12). Each names one
/// key, whose value is a hash: `state` (in_flight, executed, unknown, or no: freed by its owner), `owner`,
/// `lease` (its end, in milliseconds of the store's clock), `fingerprint`, `request`, `at`, `found`, `freed`:
/// owners that have freed the key, the last one first; and `doubt`: other owners that have sent the
/// transaction too, without a claim, and have not freed it. Both lists have a space after each owner.
namespace bearerd::transaction {

/// Claims a key, or renews its lease. ARGV: owner, lease in ms, window in ms, fingerprint, request id, time,
/// an owner whose outcome is unknown to us, or "", and "sent" if this owner has forwarded the request: then
/// another owner's key does not get free before this one has freed it too. Returns {"ours"}; {"freed"}: this
/// owner has freed the key before, so that the command comes late; {"lost"}: the store does not know what
/// became of that other owner; or the state, owner, fingerprint, request id, time and what was found, and "1"
/// if that other owner has freed the key.
inline constexpr std::string_view claim_script = R"lua(
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local c = redis.call('HMGET', KEYS[1], 'state', 'owner', 'freed', 'doubt', 'lease',
                     'fingerprint', 'request', 'at', 'found')
local state, owner, freed, doubt = c[1], c[2], c[3] or '', c[4] or ''
local function holds(list, who)
  return string.find(' ' .. list, ' ' .. who .. ' ', 1, true) ~= nil
end
local lease = string.format('%.0f', now + ARGV[2])
local mine = owner == ARGV[1]
if (mine and state == 'no') or holds(freed, ARGV[1]) then
  return {'freed'}
end
if mine and state == 'in_flight' then
  redis.call('HSET', KEYS[1], 'lease', lease)
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {'ours'}
end
if state == 'no' then
  freed = string.sub(owner .. ' ' .. freed, 1, 4000)
end
local known_freed = ARGV[7] ~= '' and holds(freed, ARGV[7])
if not state or state == 'no' then
  if ARGV[7] ~= '' and not known_freed then
    return {'lost'}
  end
  redis.call('HSET', KEYS[1], 'state', 'in_flight', 'owner', ARGV[1], 'lease', lease, 'fingerprint', ARGV[4],
             'request', ARGV[5], 'at', ARGV[6], 'found', '', 'freed', freed, 'doubt', '')
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {'ours'}
end
if ARGV[8] ~= '' and not mine and state ~= 'executed' then
  if not holds(doubt, ARGV[1]) then
    redis.call('HSET', KEYS[1], 'doubt', doubt .. ARGV[1] .. ' ')
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
if state == 'in_flight' and tonumber(c[5]) <= now then
  state = 'unknown'
end
return {state, owner, c[6], c[7], c[8], c[9], known_freed and '1' or ''}
)lua";

/// Settles a claim. ARGV: owner, state (executed, unknown or no), window in ms, fingerprint, request id,
/// time, what was found. A claim that the store has lost is made. What was executed stays so, whoever did it,
/// and is written over everything else. What is unknown is added to what another owner has claimed; a key
/// that another owner has, or that more than one owner has sent, is not free before each of them has freed
/// it. Always returns 1. What becomes of a key; "unknown" and "no" of an owner that has freed it change
/// nothing:
///
/// | state, owner                  | executed  | unknown   | no                                          |
/// | ----------------------------- | --------- | --------- | ------------------------------------------- |
/// | none                          | written   | written   | written                                     |
/// | no, mine                      | written   | unchanged | unchanged                                   |
/// | no, another's                 | written 1 | written 1 | freed 2                                     |
/// | in_flight or unknown, mine    | written   | written   | written, or the first doubt's owner's 3     |
/// | in_flight or unknown, other's | written   | doubt 4   | freed 2                                     |
/// | executed, mine                | written   | unchanged | unchanged                                   |
/// | executed, another's           | unchanged | unchanged | freed 2                                     |
///
/// 1: and the former owner is in `freed`. 2: this owner is in `freed`, and in `doubt` no more; nothing else.
/// 3: its state is unknown, and this owner is in `freed`. 4: this owner is in `doubt`.
inline constexpr std::string_view settle_script = R"lua(
local c = redis.call('HMGET', KEYS[1], 'state', 'owner', 'freed', 'doubt')
local state, owner, freed, doubt = c[1], c[2], c[3] or '', c[4] or ''
local function find(list, who)
  return string.find(' ' .. list, ' ' .. who .. ' ', 1, true)
end
local function first_in(list, who)
  return string.sub(who .. ' ' .. list, 1, 4000)
end
local mine = owner == ARGV[1]
local verdict = ARGV[2] -- each field is written, whichever the key has had
if state == 'executed' and not mine and verdict ~= 'no' then
  return 1
end
if verdict ~= 'executed' and ((mine and (state == 'executed' or state == 'no')) or find(freed, ARGV[1])) then
  return 1
end
if verdict == 'no' and state and not mine then
  local from, to = find(doubt, ARGV[1])
  if from then
    doubt = string.sub(doubt, 1, from - 1) .. string.sub(doubt, to)
  end
  redis.call('HSET', KEYS[1], 'freed', first_in(freed, ARGV[1]), 'doubt', doubt)
  return 1
end
if verdict == 'no' and doubt ~= '' then
  local gap = string.find(doubt, ' ', 1, true)
  redis.call('HSET', KEYS[1], 'state', 'unknown', 'owner', string.sub(doubt, 1, gap - 1), 'lease', '0',
             'fingerprint', '', 'request', '', 'at', '0', 'found', '', 'freed', first_in(freed, ARGV[1]),
             'doubt', string.sub(doubt, gap + 1))
  return 1
end
if verdict == 'unknown' and state and state ~= 'no' and not mine then
  if not find(doubt, ARGV[1]) then
    redis.call('HSET', KEYS[1], 'doubt', doubt .. ARGV[1] .. ' ')
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return 1
end
if state == 'no' and not mine then
  freed = first_in(freed, owner)
end
redis.call('HSET', KEYS[1], 'state', verdict, 'owner', ARGV[1], 'lease', '0', 'fingerprint', ARGV[4],
           'request', ARGV[5], 'at', ARGV[6], 'found', ARGV[7], 'freed', freed,
           'doubt', verdict == 'unknown' and doubt or '')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
)lua";

} // namespace bearerd::transaction
