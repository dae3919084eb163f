#include "audit.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace bearerd::ledger {
namespace {

/// How many executions a view allows.
struct Allowed {
    std::size_t least;
    std::size_t most;
};

Allowed allowed_by(View view, bool valid) {
    switch (view) {
    case View::acknowledged:
    case View::found:
        return {1, 1};
    case View::nulled:
        return {valid ? 1U : 0U, valid ? 1U : 0U};
    case View::refused:
    case View::unauthorized:
    case View::not_executed:
    case View::left:
        return {0, 0};
    case View::upstream_status:
    case View::unknown:
    case View::unanswered:
    case View::wrong:
        return {0, 1};
    }
    return {0, 0};
}

class Audit {
public:
    Audit(const Executions& executions, const std::vector<Outage>& outages, const Promises& promises)
        : executions_{executions}, outages_{outages}, promises_{promises} {}

    void judge(const Record& record) {
        const std::size_t executed = take_executions(record);
        if (record.view == View::wrong)
            complain(record, record.problem, executed);
        if (record.ended - record.began > promises_.answer_time)
            complain(record, "took longer than every time limit together", executed);
        if (record.mutation)
            judge_mutation(record, executed);
        if (record.view == View::unanswered)
            judge_unanswered(record, executed);
        const bool answered = record.view == View::acknowledged || record.view == View::nulled ||
                              (!record.valid && record.view == View::refused);
        if (promises_.all_answered_by_upstream && !answered)
            complain(record, "has not got the upstream's answer", executed);
        if (!record.mutation) {
            ++queries_;
            queries_answered_ += answered ? 1U : 0U;
        }
    }

    std::vector<std::string> finish() {
        for (const auto& [reference, executed] : executions_)
            violations_.push_back(reference + ": executed " + std::to_string(executed) +
                                  " times, but nobody sent it");
        if (promises_.unknown_most && unknown_ > *promises_.unknown_most)
            violations_.push_back(std::to_string(unknown_) + " outcomes are unknown, but only " +
                                  std::to_string(*promises_.unknown_most) + " requests were raced");
        const auto unanswered = static_cast<double>(found_ + not_found_);
        if (static_cast<double>(found_) < promises_.found * unanswered)
            violations_.push_back("only " + std::to_string(found_) + " of " +
                                  std::to_string(found_ + not_found_) +
                                  " mutations were found that were executed without an answer");
        if (static_cast<double>(queries_answered_ + promises_.queries_excused) <
            promises_.queries_answered * static_cast<double>(queries_))
            violations_.push_back("only " + std::to_string(queries_answered_) + " of " +
                                  std::to_string(queries_) + " queries were answered");
        return std::move(violations_);
    }

private:
    std::size_t take_executions(const Record& record) {
        const auto found = record.mutation ? executions_.find(record.reference) : executions_.end();
        if (found == executions_.end())
            return 0;
        const std::size_t executed = found->second;
        executions_.erase(found);
        return executed;
    }

    void judge_mutation(const Record& record, std::size_t executed) {
        const Allowed allowed = allowed_by(record.view, record.valid);
        if (executed > 1)
            complain(record, "executed more than once", executed);
        else if (executed < allowed.least || executed > allowed.most)
            complain(record, "the client got another outcome", executed);
        if (!record.valid && executed != 0)
            complain(record, "executed though it is not valid", executed);
        found_ += record.view == View::found ? 1U : 0U;
        not_found_ += record.view == View::unknown && executed != 0 ? 1U : 0U;
        if (record.view == View::unknown) {
            ++unknown_;
            if (promises_.unknown_was_not_executed && executed != 0)
                complain(record, "unknown, though the upstream executed and answered it", executed);
        }
        if (!record.answer_id.empty() && !answer_ids_.emplace(record.answer_id, record.reference).second)
            complain(record, "got the answer that " + answer_ids_[record.answer_id] + " got", executed);
    }

    void judge_unanswered(const Record& record, std::size_t executed) {
        bool killed = false;
        bool terminated = false;
        for (const Outage& outage : outages_)
            if (record.began <= outage.end && record.ended >= outage.begin)
                (outage.killed ? killed : terminated) = true;
        if (!killed && !terminated)
            complain(record, "unanswered, though bearerd was up", executed);
        else if (!killed && executed != 0)
            complain(record, "executed, and SIGTERM left it without an answer", executed);
    }

    void complain(const Record& record, const std::string& what, std::size_t executed) {
        violations_.push_back(
            record.reference + ": " + what + " (told: " + std::string{name_of(record.view)} +
            (record.code.empty() ? "" : " " + record.code) + ", executed: " + std::to_string(executed) + ")");
    }

    Executions executions_; ///< what no record has claimed yet
    const std::vector<Outage>& outages_;
    const Promises& promises_;
    std::map<std::string, std::string> answer_ids_;
    std::size_t unknown_ = 0;
    std::size_t found_ = 0;
    std::size_t not_found_ = 0; ///< though it was executed
    std::size_t queries_ = 0;
    std::size_t queries_answered_ = 0;
    std::vector<std::string> violations_;
};

} // namespace

std::string_view name_of(View view) {
    static constexpr std::array<std::string_view, 11> names{
        "acknowledged", "refused", "unauthorized", "nulled", "upstream-status", "not-executed", "unknown",
        "found",        "left",    "unanswered",   "wrong"};
    return names[static_cast<std::size_t>(view)];
}

std::vector<std::string> audit(const std::vector<Record>& records, const Executions& executions,
                               const std::vector<Outage>& outages, const Promises& promises) {
    Audit audit{executions, outages, promises};
    for (const Record& record : records)
        audit.judge(record);
    return audit.finish();
}

} // namespace bearerd::ledger
