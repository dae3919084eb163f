#pragma once

#include <string_view>

/// The scripts by which the replicas of a fleet claim and settle transactions (contract 12). Each names one
/// key, whose value is a hash: `state` (in_flight, executed, unknown, or no: freed by its owner), `owner`,
/// `lease` (its end, in milliseconds of the store's clock), `fingerprint`, `request`, `at`, `found`, and
/// `freed`: former owners that have freed the key, the last one first.
namespace bearerd::transaction {

/// Claims a key, or renews its lease. ARGV: owner, lease in ms, window in ms, fingerprint, request id, time,
/// and an owner whose outcome is unknown to us, or "". Returns {"ours"}; {"freed"}: this owner has freed the
/// key before, so that the command comes late; {"lost"}: the store does not know what became of that owner;
/// or the state, owner, fingerprint, request id, time and what was found, and "1" if that owner has freed the
/// key.
inline constexpr std::string_view claim_script = R"lua(
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local c = redis.call('HMGET', KEYS[1], 'state', 'owner', 'freed', 'lease',
                     'fingerprint', 'request', 'at', 'found')
local state, owner, freed = c[1], c[2], c[3] or ''
local lease = string.format('%.0f', now + ARGV[2])
local mine = owner == ARGV[1]
if mine and state == 'no' then
  return {'freed'}
end
if mine and state == 'in_flight' then
  redis.call('HSET', KEYS[1], 'lease', lease)
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {'ours'}
end
if state == 'no' then
  freed = string.sub(owner .. ' ' .. freed, 1, 500)
end
local known_freed = ARGV[7] ~= '' and string.find(freed, ARGV[7] .. ' ', 1, true) ~= nil
if not state or state == 'no' then
  if ARGV[7] ~= '' and not known_freed then
    return {'lost'}
  end
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'state', 'in_flight', 'owner', ARGV[1], 'lease', lease, 'fingerprint', ARGV[4],
             'request', ARGV[5], 'at', ARGV[6], 'found', '', 'freed', freed)
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {'ours'}
end
if state == 'in_flight' and tonumber(c[4]) <= now then
  state = 'unknown'
end
return {state, owner, c[5], c[6], c[7], c[8], known_freed and '1' or ''}
)lua";

/// Settles a claim. ARGV: owner, state (executed, unknown or no), window in ms, fingerprint, request id,
/// time, what was found. A claim that the store has lost is made; one of another owner stays, unless that has
/// freed it; what was executed stays so. Returns 1 if the key tells of this owner, otherwise 0.
inline constexpr std::string_view settle_script = R"lua(
local c = redis.call('HMGET', KEYS[1], 'state', 'owner', 'freed')
local state, owner, freed = c[1], c[2], c[3] or ''
if state and owner ~= ARGV[1] then
  if state ~= 'no' or ARGV[2] == 'no' then
    return 0
  end
  freed = string.sub(owner .. ' ' .. freed, 1, 500)
end
if owner == ARGV[1] and (state == 'executed' or state == 'no') and ARGV[2] ~= 'executed' then
  return 1
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'owner', ARGV[1], 'lease', '0', 'fingerprint', ARGV[4],
           'request', ARGV[5], 'at', ARGV[6], 'found', ARGV[7], 'freed', freed)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
)lua";

} // namespace bearerd::transaction
