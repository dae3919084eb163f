#include <bearerd/transaction/identifier.hpp>

#include <bearerd/base/ascii.hpp>
#include <bearerd/base/hex.hpp>
#include <bearerd/base/utf8.hpp>
#include <bearerd/crypto/crypto.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace bearerd::transaction {
namespace {

using crypto::append_part;

constexpr std::size_t secret_name_size = 8;

std::string sha256(std::string_view text) {
    const auto digest = crypto::sha256(text);
    return {digest.begin(), digest.end()};
}

Digest mac(const Secret& secret, std::string_view text) {
    const auto whole = crypto::hmac(secret.reveal(), text);
    Digest half{};
    std::copy_n(whole.begin(), half.size(), half.begin());
    return half;
}

std::optional<Digest> from_hex(std::string_view text) {
    Digest digest{};
    if (text.size() != 2 * digest.size())
        return std::nullopt;
    for (std::size_t i = 0; i < digest.size(); ++i) {
        const int byte = hex_byte(text.substr(2 * i));
        if (byte < 0)
            return std::nullopt;
        digest[i] = static_cast<std::uint8_t>(byte);
    }
    return digest;
}

bool is_batch(std::string_view body) noexcept {
    body = without_bom(body);
    const std::size_t first = body.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && body[first] == '[';
}

/// Returns a text for the guarded rules that take their keys from headers, whatever their order: a
/// fingerprint depends on no other rules.
std::string header_rules_text(const std::vector<config::TransactionRule>& rules) {
    std::vector<std::string> texts;
    for (const config::TransactionRule& rule : rules) {
        if (rule.key_header.empty() || rule.repeats != config::Repeats::replay)
            continue;
        std::string& text = texts.emplace_back();
        append_part(text, rule.mutation);
        std::string header = rule.key_header;
        std::ranges::transform(header, header.begin(), to_lower);
        append_part(text, header);
    }
    std::ranges::sort(texts);
    std::string all;
    for (const std::string& text : texts)
        all += text;
    return all;
}

} // namespace

Identifier::Identifier(const Secret& secret, const config::Settings& settings)
    : secret_{secret.clone()},
      account_{crypto::join({settings.upstream.url.text, settings.credentials.user})},
      key_headers_{settings.transactions.rules} {
    for (const config::TransactionRule& rule : settings.transactions.rules) {
        rules_.push_back({rule.mutation, rule.key});
        guarded_.push_back(rule.repeats == config::Repeats::replay);
    }
    const Digest name = mac(secret_, "name" + header_rules_text(settings.transactions.rules));
    secret_name_ = hex(name).substr(0, secret_name_size);
    std::memcpy(&header_rules_, name.data(), sizeof header_rules_);
}

bool Identifier::may_concern(std::string_view body) const noexcept {
    // An escape in the JSON could hide a name.
    if (body.find("\\u") != std::string_view::npos)
        return true;
    return names_guarded(body);
}

bool Identifier::names_guarded(std::string_view body) const noexcept {
    for (std::size_t i = 0; i < rules_.size(); ++i)
        if (guarded_[i] && body.find(rules_[i].field) != std::string_view::npos)
            return true;
    return false;
}

bool Identifier::is_guarded(const graphql::RootField& field) const noexcept {
    return field.rule && guarded_[*field.rule] && !field.key.empty();
}

std::optional<Reading> Identifier::read(const graphql::RequestView& request,
                                        std::span<const std::string_view> header_keys) const {
    auto fields = graphql::mutation_fields(request, rules_, {&sha256, header_keys});
    if (!fields)
        return std::nullopt;
    Reading reading;
    identify(request, *fields, reading);
    if (reading.identities.empty())
        return std::nullopt;
    reading.fields = std::move(*fields);
    return reading;
}

bool Identifier::may_miss(const graphql::RequestView& request,
                          std::span<const std::string_view> header_keys) const {
    const auto fields = graphql::mutation_fields(request, rules_, {nullptr, header_keys});
    return !fields || std::ranges::any_of(*fields, [this](const graphql::RootField& field) {
        return field.rule && guarded_[*field.rule] && field.key.empty();
    });
}

Reading Identifier::read_again(const graphql::RequestView& request, const Reading& reading) const {
    Reading again;
    identify(request, reading.fields, again);
    return again;
}

/// Fills in all of `reading` but its fields, and the fingerprint only if there is an identity.
void Identifier::identify(const graphql::RequestView& request, const std::vector<graphql::RootField>& fields,
                          Reading& reading) const {
    for (const graphql::RootField& field : fields) {
        if (!is_guarded(field))
            continue;
        const Digest id = identity(field.name, field.key);
        reading.doubled =
            reading.doubled || std::ranges::find(reading.identities, id) != reading.identities.end();
        reading.identities.push_back(id);
    }
    if (reading.identities.empty())
        return;
    reading.fingerprint = fingerprint(request, fields);
    reading.header_rules = header_rules_;
}

Digest Identifier::fingerprint(const graphql::RequestView& request,
                               const std::vector<graphql::RootField>& fields) const {
    std::string text = is_batch(request.body) ? "batch;" : "single;";
    for (const graphql::RootField& field : fields) {
        append_part(text, field.name);
        // A key from a header is in no argument. For other fields, what is a key depends on the rules.
        const bool by_header = is_guarded(field) && key_headers_.has(*field.rule);
        append_part(text, by_header ? std::string_view{field.key} : std::string_view{});
        append_part(text, std::to_string(field.element));
        append_part(text, field.arguments);
    }
    const Digest digest = mac(secret_, text);
    wipe(text); // card numbers
    return digest;
}

Digest Identifier::identity(std::string_view field, std::string_view key) const {
    std::string text = account_;
    append_part(text, field);
    append_part(text, key);
    return mac(secret_, text);
}

std::vector<Digest> Identifier::identities(const std::vector<journal::MutationField>& fields) const {
    std::vector<Digest> all;
    for (const journal::MutationField& field : fields) {
        const auto rule = std::ranges::find(rules_, field.name, &graphql::KeyRule::field);
        if (rule != rules_.end() && guarded_[static_cast<std::size_t>(rule - rules_.begin())] &&
            !field.key.empty())
            all.push_back(identity(field.name, field.key));
    }
    return all;
}

std::vector<Digest> Identifier::identities_of_key(std::string_view key) const {
    std::vector<Digest> all;
    for (std::size_t i = 0; i < rules_.size(); ++i)
        if (guarded_[i])
            all.push_back(identity(rules_[i].field, key));
    return all;
}

std::string Identifier::text_of(const Digest& fingerprint) const {
    return secret_name_ + "." + hex(fingerprint);
}

std::optional<Digest> Identifier::fingerprint_of(std::string_view text) const {
    const bool ours = text.starts_with(secret_name_) && text.substr(secret_name_.size()).starts_with('.');
    return ours ? from_hex(text.substr(secret_name_.size() + 1)) : std::nullopt;
}

std::optional<std::vector<graphql::RootField>>
Identifier::read_fields(const graphql::RequestView& request, std::span<const std::string_view> header_keys,
                        std::string& fingerprint) const {
    const graphql::FieldOptions without_arguments{nullptr, header_keys};
    if (!may_concern(request.body))
        return graphql::mutation_fields(request, rules_, without_arguments);
    auto reading = read(request, header_keys);
    if (!reading)
        return graphql::mutation_fields(request, rules_, without_arguments);
    fingerprint = text_of(reading->fingerprint);
    return std::move(reading->fields);
}

Secret random_secret() {
    std::string bytes(secret_size, '\0');
    if (!crypto::fill_randomly({reinterpret_cast<unsigned char*>(bytes.data()), bytes.size()}))
        throw std::runtime_error{"no random numbers are available"};
    return Secret{std::move(bytes)};
}

} // namespace bearerd::transaction
