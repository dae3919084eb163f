// Whatever a journal's file contains, reading it never throws and misses no complete line. What is read can
// be written and read again, and an index of it adds up. Each line is tried as it is, and after a correct
// sum, which no fuzzer would find.
#include <bearerd/journal/journal_index.hpp>

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace bearerd::journal;

namespace {

void require(bool claim) {
    if (!claim)
        std::abort();
}

std::uint64_t number_of(const Record& record) {
    return std::visit([](const auto& each) { return each.number; }, record);
}

void read(std::string_view bytes) {
    JournalIndex all{JournalIndex::Keep::all};
    JournalIndex unresolved{JournalIndex::Keep::unresolved};
    std::size_t records = 0;
    const Damage damage = read_records(bytes, [&](Record record) {
        ++records;
        all.take(record);
        unresolved.take(record);
        std::size_t again = 0;
        const Damage none = read_records(encode(record), [&](const Record& copy) {
            ++again;
            require(copy.index() == record.index() && number_of(copy) == number_of(record));
        });
        require(none == Damage{});
        require(again == 1);
    });
    require(records + damage.records <= bytes.size());
    require(damage.torn_bytes <= bytes.size());
    std::size_t open = 0;
    std::size_t in_flight = 0;
    for (const auto& [number, entry] : all.entries()) {
        require(number < all.next_number());
        open += entry.unresolved() ? 1 : 0;
        in_flight += all.in_flight(entry) ? 1 : 0;
    }
    require(in_flight == all.count_in_flight());
    require(in_flight <= open);
    for (const auto& [number, entry] : unresolved.entries())
        require(entry.unresolved());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    read(input);
    std::string summed;
    for (std::size_t at = 0; at < input.size();) {
        const std::size_t end = std::min(input.find('\n', at), input.size());
        const std::string_view line = input.substr(at, end - at);
        char sum[10];
        std::snprintf(sum, sizeof sum, "%08lx ",
                      ::crc32_z(0, reinterpret_cast<const Bytef*>(line.data()), line.size()));
        summed.append(sum).append(line).append("\n");
        at = end + 1;
    }
    read(summed);
    return 0;
}
