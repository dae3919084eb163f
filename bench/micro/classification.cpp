#include <bearerd/graphql/document_cache.hpp>
#include <bearerd/graphql/operation.hpp>

#include <benchmark/benchmark.h>

#include <string>

namespace {

using namespace bearerd::graphql;

constexpr std::string_view balance =
    R"({"operationName":"CardBalance","query":"query CardBalance($number: String!, $pin: String!, $last: Int) )"
    R"({ Cards(number: $number, pin: $pin) { id number status currency balance { amount updatedAt } )"
    R"(expiresAt issuer { id name } transactions(last: $last) { id type amount createdAt } } }",)"
    R"("variables":{"number":"6006491286999929112","pin":"8431","last":4}})";

constexpr std::string_view redemption =
    R"({"query":"mutation { createBalanceAdjustment(currency:\"GBP\", value:-1000, merchant_id:26, )"
    R"(unit_epos_reference:\"till-7\", card_reference:\"6301190019990640662\", )"
    R"(merchant_transaction_reference:\"7f3a9c\") { id value } }"})";

void classify_one(benchmark::State& state, std::string_view body, DocumentCache* cache) {
    const RequestView request{false, {}, "application/json", body};
    for (auto _ : state)
        benchmark::DoNotOptimize(classify(request, "loginUser", cache));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * body.size()));
}

void a_query(benchmark::State& state) {
    classify_one(state, balance, nullptr);
}

void a_query_seen_before(benchmark::State& state) {
    DocumentCache cache;
    classify_one(state, balance, &cache);
}

void a_mutation_with_literals(benchmark::State& state) {
    DocumentCache cache;
    classify_one(state, redemption, &cache);
}

void a_batch_of_20(benchmark::State& state) {
    std::string batch{"["};
    for (int i = 0; i < 20; ++i)
        batch.append(i == 0 ? "" : ",").append(balance);
    batch.append("]");
    DocumentCache cache;
    classify_one(state, batch, &cache);
}

BENCHMARK(a_query)->Name("classify/a_query");
BENCHMARK(a_query_seen_before)->Name("classify/a_query_seen_before");
BENCHMARK(a_mutation_with_literals)->Name("classify/a_mutation_with_literals");
BENCHMARK(a_batch_of_20)->Name("classify/a_batch_of_20");

} // namespace
