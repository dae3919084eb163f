#include <bearerd/graphql/verdict.hpp>

#include <benchmark/benchmark.h>

#include <string>

namespace {

using namespace bearerd::graphql;

const RejectionRules& rules() {
    static const RejectionRules toggle{{"Unauthorized"}, {"UNAUTHENTICATED"}, {401}};
    return toggle;
}

void judge_one(benchmark::State& state, std::string_view body) {
    for (auto _ : state)
        benchmark::DoNotOptimize(judge(200, body, OperationKind::query, rules()));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * body.size()));
}

std::string cards(std::size_t count) {
    std::string body = R"({"data":{"Cards":[)";
    for (std::size_t i = 0; i < count; ++i)
        body.append(i == 0 ? "" : ",")
            .append(R"({"id":90817,"number":"6006491286999929112","status":"ACTIVE","currency":"EUR",)")
            .append(R"("balance":{"amount":"37.50","updatedAt":"2024-03-01T09:21:44Z"}})");
    return body + "]}}";
}

void data(benchmark::State& state) {
    judge_one(state, cards(static_cast<std::size_t>(state.range(0))));
}

void rejection(benchmark::State& state) {
    judge_one(state, R"({"errors":[{"message":"Unauthorized","locations":[{"line":2,"column":3}],)"
                     R"("customer_facing":false}]})");
}

void cost_extension(benchmark::State& state) {
    std::string body = cards(4);
    body.pop_back();
    body.append(R"(,"extensions":{"cost":{"actualQueryCost":16,"throttleStatus":)"
                R"({"maximumAvailable":8000,"currentlyAvailable":7986}}}})");
    judge_one(state, body);
}

BENCHMARK(data)->Name("judge/data_of_cards")->Arg(1)->Arg(4)->Arg(400);
BENCHMARK(rejection)->Name("judge/rejection");
BENCHMARK(cost_extension)->Name("judge/data_with_its_cost");

} // namespace
