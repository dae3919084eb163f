#pragma once

#include <bearerd/base/secret.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/proxy/forwarder.hpp>
#include <bearerd/reconcile/reconciler.hpp>
#include <bearerd/transaction/identifier.hpp>
#include <bearerd/upstream/pool.hpp>
#include <bearerd/upstream/tls.hpp>

#include <memory>
#include <optional>

namespace bearerd::app {

/// What is built once from one set of settings and shared by all threads. A reload makes another one;
/// requests in flight keep the old one alive.
struct ConfigSnapshot {
    /// Throws std::runtime_error with a sentence if a TLS file can't be used.
    /// `secret`: the key of the guard's HMACs.
    ConfigSnapshot(std::shared_ptr<const config::Settings> from, const Secret& secret);

    std::shared_ptr<const config::Settings> settings;
    std::unique_ptr<upstream::TlsContext> tls; ///< nullptr for an http:// upstream on loopback
    /// Where logins go, if that is another server than the upstream's.
    std::optional<config::Upstream> login;
    std::unique_ptr<upstream::TlsContext> login_tls; ///< likewise
    proxy::ForwardPlan plan;
    reconcile::Plan reconcile_plan;
    std::unique_ptr<const transaction::Identifier> identifier; ///< nullptr: no rule replays repeats
};

/// Logs which changes between two sets of settings require a restart.
void warn_of_what_stays(const config::Settings& before, const config::Settings& after);

} // namespace bearerd::app
