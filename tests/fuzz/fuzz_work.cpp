// Reading a request or an answer takes work in proportion to its size (contract 4), whatever is repeated in
// it. Input: what comes before, a zero byte, what is repeated up to 256 KiB, a zero byte, what comes after.
#include <bearerd/graphql/arguments.hpp>
#include <bearerd/graphql/operation.hpp>
#include <bearerd/graphql/verdict.hpp>
#include <bearerd/http/coding.hpp>
#include <bearerd/http/stream_start.hpp>
#include <bearerd/outcome/proven_outcome.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

using namespace bearerd::graphql;

namespace {

constexpr std::size_t size_of_text = 256UL * 1024;
constexpr std::int64_t for_the_rest_ns = 50'000'000;
#ifdef BEARERD_SANITIZED
constexpr std::int64_t for_each_byte_ns = 16'000;
#else
constexpr std::int64_t for_each_byte_ns = 2'000;
#endif

const std::array<KeyRule, 2> rules{{{"redeem", "ref"}, {"reverse", "ref"}}};

/// Of this thread, in nanoseconds: how busy the machine is otherwise does not count.
std::int64_t processor_time() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

std::string long_text(std::string_view input) {
    std::vector<std::string_view> parts;
    for (std::size_t end = 0; end != std::string_view::npos;) {
        end = input.find('\0');
        parts.push_back(input.substr(0, end));
        if (end != std::string_view::npos)
            input.remove_prefix(end + 1);
    }
    const std::size_t size_of_part = size_of_text / std::max<std::size_t>(parts.size() / 2, 1);
    std::string text;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const bool repeated = i % 2 != 0 && !parts[i].empty();
        for (std::size_t times = repeated ? size_of_part / parts[i].size() : 1; times != 0; --times)
            text += parts[i];
    }
    return text;
}

/// Stands for the one that the daemon has: what is asked here is how much is read, not by what.
std::string short_digest(std::string_view part) {
    return std::to_string(std::hash<std::string_view>{}(part));
}

void read_request(const RequestView& request) {
    const Operation operation = classify(request, "loginUser");
    static_cast<void>(mutation_fields(request, rules, {&short_digest, {}}));
    static_cast<void>(document_hash(request));
    static_cast<void>(
        bearerd::outcome::proven_outcome(200, R"({"data":{"redeem":{"id":1}}})", request, operation));
}

void read_answer(std::string_view text) {
    const RejectionRules rejection{{"Unauthorized"}, {"UNAUTHENTICATED"}, {401}};
    const RequestView request{false, "", "application/json", R"({"query":"mutation{redeem{id}}"})"};
    for (const std::uint16_t status : std::array<std::uint16_t, 2>{200, 401})
        static_cast<void>(judge(status, text, OperationKind::mutation, rejection));
    static_cast<void>(shows_data(200, text));
    static_cast<void>(hides_nothing("text/html", text));
    static_cast<void>(bearerd::outcome::proven_outcome(200, text, request, classify(request, "loginUser")));
    std::string scratch;
    for (const std::string_view coding : {"gzip", "deflate"})
        static_cast<void>(bearerd::http::decoded_for_inspection(coding, text, scratch));
    for (const std::string_view type :
         {"text/event-stream", "multipart/mixed; boundary=b", "application/jsonl"})
        static_cast<void>(bearerd::http::stream_start(type, text));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text = long_text({reinterpret_cast<const char*>(data), size});
    const auto within = [&text](const char* what, auto work) {
        const std::int64_t begin = processor_time();
        work();
        const std::int64_t took = processor_time() - begin;
        if (took > for_the_rest_ns + for_each_byte_ns * static_cast<std::int64_t>(text.size())) {
            std::fprintf(stderr, "%s: %lld ns for %zu bytes\n", what, static_cast<long long>(took),
                         text.size());
            std::abort();
        }
    };
    for (const char* type : {"application/json", "application/graphql", "multipart/form-data; boundary=b",
                             "application/x-www-form-urlencoded"})
        within(type, [&] { read_request({false, "", type, text}); });
    within("the URL", [&] { read_request({true, text, "", ""}); });
    within("the content type", [&] { read_request({false, "", text, R"({"query":"{a}"})"}); });
    within("the answer", [&] { read_answer(text); });
    return 0;
}
