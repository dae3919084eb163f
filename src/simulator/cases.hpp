#pragma once

#include "executor.hpp"
#include "faults.hpp"

#include <array>
#include <span>

namespace bearerd::sim {

/// What one root field asked for, and how that ended: all that identifies a case.
struct Seen {
    enum class Ending {
        executed,     ///< Or answered, for a query.
        refused,      ///< With a sentence of its own.
        validation,   ///< With sentences for one field only.
        unauthorized, ///< Whatever it was.
        other,        ///< For instance with more than one fault, which shows no case.
    };

    std::string root; ///< Empty for `unauthorized`.
    Ending ending = Ending::other;
    std::string detail;   ///< Of `executed`: its kind. Of `validation`: the input's name without its path.
    std::string sentence; ///< Of `refused` and `validation`.
};

/// A case of the accreditation, and what identifies it.
struct Case {
    std::string_view id;
    std::string_view title;
    std::string_view root;
    Seen::Ending ending;
    std::string_view detail;
    std::string_view sentence; ///< Empty: any.
};

/// The one list, in the order of the API's own, from which come the report, its check against the guide, and
/// the names that the tests must have.
std::span<const Case> accreditation_cases();

/// From a root field and its outcome, whatever came before.
Seen observe(const PlannedField& field, const Outcome& outcome);

/// "executed", "refused: …", for people.
std::string ending_in_words(const Seen& seen);

/// The fault that keeps an answer from arriving in its documented shape, though the operation was executed;
/// empty if none does.
std::string_view spoiler(const std::vector<Fault>& faults);

/// Which cases were exercised, how often, and how each ended.
class CaseTally {
public:
    void note(const Seen& seen, std::string_view spoilt_by = {});

    /// [{id, title, times, as_expected, last}], every case of the list.
    [[nodiscard]] Json json() const;

    void clear() { counts_.clear(); }

private:
    struct Count {
        std::uint64_t times = 0;
        std::uint64_t as_expected = 0; ///< Answered in the documented shape.
        std::string last;
    };

    std::map<std::string_view, Count> counts_;
};

} // namespace bearerd::sim
