// Whatever answers a login, judging it never throws; a token is accepted only with status 200 and unchanged.
// Input: two bytes of status, one byte of the token's length, token, body.
#include <bearerd/auth/login_codec.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bearerd::auth;
    if (size < 3)
        return 0;
    const auto* text = reinterpret_cast<const char*>(data);
    const std::size_t length = std::min<std::size_t>(data[2], size - 3);
    const std::string_view value{text + 3, length};
    bearerd::http::ResponseHead head;
    head.status = static_cast<std::uint16_t>(data[0] << 8 | data[1]);
    head.fields.list.push_back({bearerd::http::FieldId::unknown, "X-Authorization", value});
    head.fields.list.push_back({bearerd::http::FieldId::retry_after, "Retry-After", value});
    head.fields.list.push_back({bearerd::http::FieldId::date, "Date", value});
    const bearerd::Secret password{value};
    const auto outcome = judge_login(read_login_head(head, {"X-Authorization"}),
                                     {text + 3 + length, size - 3 - length}, password);
    const bool accepted = outcome.kind == LoginOutcome::Kind::accepted;
    if (accepted != !outcome.token.empty() || (accepted && head.status != 200))
        std::abort();
    return 0;
}
