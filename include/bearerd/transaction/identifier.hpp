#pragma once

#include <bearerd/base/secret.hpp>
#include <bearerd/config/config.hpp>
#include <bearerd/graphql/arguments.hpp>
#include <bearerd/journal/journal_client.hpp>
#include <bearerd/transaction/key_headers.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Transactions: which one a request is (contract 10).
namespace bearerd::transaction {

/// The first half of an HMAC-SHA256.
using Digest = std::array<std::uint8_t, 16>;

/// What a request says about its transactions.
struct Reading {
    /// All root fields of its mutations, with their keys.
    std::vector<graphql::RootField> fields;
    /// One for each field whose rule replays repeats and that has a key, in order: (upstream, user, root
    /// field, key).
    std::vector<Digest> identities;
    /// HMAC of all fields together: names, order and canonical argument values, and whether the request is a
    /// batch.
    Digest fingerprint{};
    /// Identifies the rules that take keys from headers: fingerprints made under other such rules can't be
    /// compared.
    std::uint64_t header_rules = 0;
    /// Whether two of the identities are equal.
    bool doubled = false;
};

/// Reads transactions by the rules of one configuration. Immutable; any thread.
class Identifier final : public journal::FieldReader {
public:
    /// `secret`: the key of the HMACs; digests made with another one can't be compared.
    Identifier(const Secret& secret, const config::Settings& settings);

    /// Returns false if the body certainly holds no guarded mutation. Cheap; allocates nothing.
    [[nodiscard]] bool may_concern(std::string_view body) const noexcept;

    /// Whether the body holds the name of a guarded mutation, wherever it is. An escape can hide one.
    [[nodiscard]] bool names_guarded(std::string_view body) const noexcept;

    /// Returns nullopt if it is uncertain what would run, or if no field is guarded. `header_keys`: see
    /// graphql::FieldOptions.
    [[nodiscard]] std::optional<Reading> read(const graphql::RequestView& request,
                                              std::span<const std::string_view> header_keys = {}) const;

    /// Whether the request may hold a guarded mutation that read() does not recognise: it is uncertain what
    /// would run, or a key can't be read.
    [[nodiscard]] bool may_miss(const graphql::RequestView& request,
                                std::span<const std::string_view> header_keys) const;

    /// Reads the same request with this identifier's secret: returns identities in the same order, the
    /// fingerprint and header_rules, but no fields. `reading`: what another identifier of the same rules has
    /// read of the request.
    [[nodiscard]] Reading read_again(const graphql::RequestView& request, const Reading& reading) const;

    [[nodiscard]] const KeyHeaders& key_headers() const noexcept { return key_headers_; }

    /// Returns the present value of Reading::header_rules.
    [[nodiscard]] std::uint64_t header_rules() const noexcept { return header_rules_; }

    [[nodiscard]] Digest identity(std::string_view field, std::string_view key) const;

    /// Returns the identities of the guarded ones among a journal record's fields; empty if there is none.
    [[nodiscard]] std::vector<Digest> identities(const std::vector<journal::MutationField>& fields) const;

    /// Returns the identities of the key, one for each guarded rule.
    [[nodiscard]] std::vector<Digest> identities_of_key(std::string_view key) const;

    /// Returns the fingerprint in the journal's form, which names the secret and the rules for headers.
    [[nodiscard]] std::string text_of(const Digest& fingerprint) const;
    /// Parses text_of(). Returns nullopt if it is not one, or was made with another secret or other rules for
    /// headers.
    [[nodiscard]] std::optional<Digest> fingerprint_of(std::string_view text) const;

    [[nodiscard]] std::optional<std::vector<graphql::RootField>>
    read_fields(const graphql::RequestView& request, std::span<const std::string_view> header_keys,
                std::string& fingerprint) const override;

private:
    void identify(const graphql::RequestView& request, const std::vector<graphql::RootField>& fields,
                  Reading& reading) const;
    [[nodiscard]] Digest fingerprint(const graphql::RequestView& request,
                                     const std::vector<graphql::RootField>& fields) const;
    [[nodiscard]] bool is_guarded(const graphql::RootField& field) const noexcept;

    Secret secret_;
    std::string secret_name_;
    std::string account_; ///< upstream and user
    std::vector<graphql::KeyRule> rules_;
    std::vector<bool> guarded_;
    KeyHeaders key_headers_;
    std::uint64_t header_rules_ = 0;
};

inline constexpr std::size_t secret_size = 32;

/// Makes a new secret of `secret_size` random bytes. Throws std::runtime_error if there are none.
[[nodiscard]] Secret random_secret();

} // namespace bearerd::transaction
