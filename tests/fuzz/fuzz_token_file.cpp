// Whatever is in the store's directory, reading it never throws; what is read could have been written.
#include <bearerd/auth/store_record.hpp>
#include <bearerd/auth/token_seal.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bearerd::auth;
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const bearerd::Secret key{std::string(32, 'k')};
    if (unseal({"token", "https://a", "till"}, KeySource::key_file, key, bytes))
        std::abort(); // nobody sealed it
    static_cast<void>(salt_of(bytes, KeySource::password));
    if (const auto record = decode_token_record(bytes)) {
        if (encode(*record).reveal() != bytes)
            std::abort();
        static_cast<void>(elapsed(record->received, {1, 1, record->received.boot_id}));
    }
    if (const auto record = decode_login_record(bytes); record && encode(*record).reveal() != bytes)
        std::abort();
    return 0;
}
