#pragma once

#include <bearerd/base/secret.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/fleet/keys.hpp>
#include <bearerd/proxy/forwarder.hpp>
#include <bearerd/reconcile/reconciler.hpp>
#include <bearerd/transaction/identifier.hpp>
#include <bearerd/upstream/pool.hpp>
#include <bearerd/upstream/tls.hpp>

#include <memory>
#include <optional>
#include <string>

namespace bearerd::app {

/// What is built once from one set of settings and shared by all threads. A reload makes another one;
/// requests in flight keep the old one alive.
struct ConfigSnapshot {
    /// Throws upstream::TlsFileError if a TLS file can't be used, and std::runtime_error for other reasons.
    /// `secret`: of the local guard's HMACs. `fleet_keys`: asked if transactions are shared, which takes 30
    /// ms if it holds keys of other settings and no key file is named.
    ConfigSnapshot(std::shared_ptr<const config::Settings> from, const Secret& secret,
                   fleet::KeyRing& fleet_keys);

    std::shared_ptr<const config::Settings> settings;
    std::unique_ptr<upstream::TlsContext> tls; ///< nullptr for an http:// upstream on loopback
    /// Where logins go, if that is another server than the upstream's.
    std::optional<config::Upstream> login;
    std::unique_ptr<upstream::TlsContext> login_tls; ///< likewise
    proxy::ForwardPlan plan;
    reconcile::LookupPlan lookup_plan;
    std::unique_ptr<const transaction::Identifier> identifier; ///< none: no rule replays repeats
    /// Names transactions for the other replicas (contract 12). None: there is no fleet, or nothing to guard.
    std::shared_ptr<const transaction::Identifier> shared_identifier;
    std::string claim_prefix; ///< of the names of transactions in the fleet's store
};

/// Logs which changes between two sets of settings require a restart.
void warn_of_what_stays(const config::Settings& before, const config::Settings& after);

/// The store of a fleet is not changed while the process runs: logs if it would be, and takes the former
/// settings over.
void keep_fleet(const config::Fleet& before, config::Fleet& after);

} // namespace bearerd::app
