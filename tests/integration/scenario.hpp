#pragma once

#include "support/certificates.hpp"
#include "support/daemon.hpp"
#include "support/scripted_upstream.hpp"
#include "support/simulator.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace bearerd::test {

inline constexpr std::string_view some_query = R"({"query":"{ Cards { data { balance } } }"})";
inline constexpr std::string_view some_mutation = R"({"query":"mutation { createReversal(id: 7) { id } }"})";
inline constexpr std::string_view some_data = R"({"data":{"answer":42}})";

/// Tokens of the scripted upstreams: long enough to search for, and obviously fake.
inline constexpr std::string_view first_token = "opaque-first-token-0001";
inline constexpr std::string_view second_token = "opaque-second-token-0002";

/// So that a token may be revoked right after its login.
inline constexpr std::string_view never_fresh = "auth: {fresh_for: 0s}";

/// Faults of the simulator: the next mutation is executed, or not, and its connection closes without an
/// answer.
inline constexpr const char* lost_answer = R"({"kind":"close_after","operations":"mutation","next":1})";
inline constexpr const char* lost_request = R"({"kind":"close_before","operations":"mutation","next":1})";

/// The answer of an upstream that always says the same.
[[nodiscard]] std::string plain_answer(const UpstreamRequest& request);

/// Returns whether `there` became true before the tests' deadline.
[[nodiscard]] bool wait_until(const std::function<bool()>& there);

/// A scripted upstream with a valid certificate, and bearerd in front of it. At the end, the daemon's output
/// must contain no token.
class Scene {
public:
    using Answer = std::function<std::string(const UpstreamRequest&)>;

    explicit Scene(Script script, std::string_view config = "");
    /// Logins return `first_token`; this answers everything else.
    explicit Scene(Answer answer, std::string_view config = "");
    Scene(const Scene&) = delete;
    Scene& operator=(const Scene&) = delete;
    ~Scene();

private:
    CertificateAuthority authority_;

public:
    ScriptedUpstream upstream;
    Daemon daemon;
};

/// Expects one of bearerd's own errors, complete: status, headers, and exactly the body of contract 4.
void expect_own_error(const HttpResponse& response, int status, std::string_view code,
                      std::string_view executed);

} // namespace bearerd::test
