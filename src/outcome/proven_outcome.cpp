#include <bearerd/outcome/proven_outcome.hpp>

#include <bearerd/graphql/arguments.hpp>
#include <bearerd/json/scan.hpp>

#include <bitset>
#include <optional>
#include <span>

namespace bearerd::outcome {
namespace {

constexpr std::uint16_t request_timeout = 408;
constexpr std::uint16_t client_closed = 499; // nginx
constexpr std::uint16_t first_redirect = 300;
constexpr std::uint16_t first_client_error = 400;
constexpr std::uint16_t first_server_error = 500;

/// Reads answers one after the other. Every function consumes the current value.
class OutcomeReader {
public:
    /// `wanted`: the field of `data` that has_wanted() reports.
    OutcomeReader(std::uint16_t status, std::string_view body, std::string_view wanted) noexcept
        : scan_{body}, wanted_{wanted}, status_{status} {}

    /// Returns what the whole body proves.
    Executed read() {
        if (scan_.peek() == json::Kind::array) {
            batch_ = true;
            for (scan_.enter_array(); scan_.next_element(); ++answers_)
                note(read_answer());
        } else {
            answers_ = 1;
            note(read_answer());
        }
        return scan_.finish() ? all_.value_or(Executed::unknown) : Executed::unknown;
    }

    [[nodiscard]] bool batch() const noexcept { return batch_; }

    /// Whether `data` has a value for the wanted field.
    [[nodiscard]] bool has_wanted() const noexcept { return has_wanted_; }

    [[nodiscard]] std::size_t answers() const noexcept { return answers_; }

private:
    /// The contents of one answer.
    struct Answer {
        bool doubled = false;
        bool has_data = false;
        bool data_readable = true; ///< null or an object
        bool data_null = false;
        std::size_t fields = 0;
        std::size_t nulls = 0;
        bool has_errors = false;
        bool request_errors = true; ///< each error is a GraphQL error without a path
    };

    void note(Executed one) noexcept {
        if (!all_ || *all_ == one)
            all_ = one;
        else if (*all_ == Executed::unknown || one == Executed::unknown)
            all_ = Executed::unknown;
        else
            all_ = Executed::answered;
    }

    Executed read_answer() {
        if (scan_.peek() != json::Kind::object) {
            scan_.skip();
            return Executed::unknown;
        }
        Answer answer;
        bool has_errors_key = false;
        json::String key;
        for (scan_.enter_object(); scan_.next_member(key);) {
            if (key.is("data")) {
                answer.doubled = answer.doubled || answer.has_data;
                answer.has_data = true;
                read_data(answer);
            } else if (key.is("errors")) {
                answer.doubled = answer.doubled || has_errors_key;
                has_errors_key = true;
                read_errors(answer);
            } else {
                scan_.skip();
            }
        }
        return proof(answer);
    }

    [[nodiscard]] Executed proof(const Answer& answer) const noexcept {
        if (answer.doubled || !answer.data_readable)
            return Executed::unknown;
        if (!answer.has_data) {
            const bool no = answer.has_errors && answer.request_errors && tells_of_execution(status_);
            return no ? Executed::no : Executed::unknown;
        }
        if (answer.data_null || answer.nulls != 0)
            return tells_of_execution(status_) ? Executed::answered : Executed::unknown;
        return answer.fields != 0 ? Executed::yes : Executed::unknown;
    }

    void read_data(Answer& answer) {
        if (scan_.peek() != json::Kind::object) {
            answer.data_null = scan_.peek() == json::Kind::null;
            answer.data_readable = answer.data_null;
            scan_.skip();
            return;
        }
        json::String key;
        for (scan_.enter_object(); scan_.next_member(key);) {
            const bool null = scan_.peek() == json::Kind::null;
            ++answer.fields;
            has_wanted_ = has_wanted_ || (!null && key.is(wanted_));
            answer.nulls += null ? 1U : 0U;
            scan_.skip();
        }
    }

    void read_errors(Answer& answer) {
        if (scan_.peek() != json::Kind::array) {
            answer.request_errors = false;
            scan_.skip();
            return;
        }
        for (scan_.enter_array(); scan_.next_element();) {
            answer.has_errors = true;
            answer.request_errors = read_error() && answer.request_errors;
        }
    }

    /// Whether it is a GraphQL error (with a message), and about the request as a whole (without a path).
    bool read_error() {
        if (scan_.peek() != json::Kind::object) {
            scan_.skip();
            return false;
        }
        bool has_message = false;
        bool has_path = false;
        json::String key;
        for (scan_.enter_object(); scan_.next_member(key);) {
            has_message = has_message || (key.is("message") && scan_.peek() == json::Kind::string);
            has_path = has_path || (key.is("path") && scan_.peek() != json::Kind::null);
            scan_.skip();
        }
        return has_message && !has_path;
    }

    json::Scan scan_;
    std::string_view wanted_;
    std::uint16_t status_;
    bool has_wanted_ = false;
    std::optional<Executed> all_;
    bool batch_ = false;
    std::size_t answers_ = 0;
};

/// Finds the values of root fields in a body that OutcomeReader has found valid: each answer is an object
/// with one `data`.
class ValueFinder {
public:
    explicit ValueFinder(std::span<const graphql::RootField> fields) noexcept : fields_{fields} {}

    /// Whether `data` has a value for each of the fields.
    bool find_all(std::string_view body) {
        json::Scan scan{body};
        if (scan.peek() == json::Kind::array) {
            std::size_t element = 0;
            for (scan.enter_array(); scan.next_element(); ++element)
                read_answer(scan, element);
        } else {
            read_answer(scan, 0);
        }
        return found_.count() == fields_.size();
    }

private:
    void read_answer(json::Scan& scan, std::size_t element) {
        json::String key;
        for (scan.enter_object(); scan.next_member(key);) {
            if (key.is("data"))
                read_data(scan, element);
            else
                scan.skip();
        }
    }

    void read_data(json::Scan& scan, std::size_t element) {
        json::String key;
        for (scan.enter_object(); scan.next_member(key);) {
            if (scan.peek() != json::Kind::null)
                note(key, element);
            scan.skip();
        }
    }

    void note(const json::String& key, std::size_t element) {
        for (std::size_t i = 0; i < fields_.size(); ++i)
            if (fields_[i].element == element && key.is(fields_[i].response_name))
                found_.set(i);
    }

    std::span<const graphql::RootField> fields_;
    std::bitset<graphql::max_root_fields> found_;
};

/// Looks for what shows that something was executed, and for the root fields that were not.
class TraceFinder {
public:
    /// `fields`: those that must be null, or named by an error, one by one; empty if the request has only
    /// one.
    TraceFinder(std::string_view body, std::span<const graphql::RootField> fields) noexcept
        : scan_{body}, fields_{fields} {}

    /// Whether nothing shows an execution, and each of the fields is null or named. The answer is sound.
    bool nothing() {
        if (scan_.peek() == json::Kind::array) {
            for (scan_.enter_array(); scan_.next_element(); ++element_)
                read_answer();
        } else {
            read_answer();
        }
        return scan_.finish() && !found_ && refused_.count() == fields_.size();
    }

private:
    void read_answer() {
        bool has_data = false;
        json::String key;
        for (scan_.enter_object(); scan_.next_member(key);) {
            if (key.is("data")) {
                has_data = true;
                read_data();
            } else if (key.is("errors") && scan_.peek() == json::Kind::array) {
                for (scan_.enter_array(); scan_.next_element();)
                    read_error();
            } else {
                scan_.skip();
            }
        }
        found_ = found_ || !has_data;
    }

    void read_data() {
        if (scan_.peek() != json::Kind::object) {
            found_ = found_ || scan_.peek() != json::Kind::null;
            scan_.skip();
            return;
        }
        json::String key;
        for (scan_.enter_object(); scan_.next_member(key);) {
            found_ = found_ || scan_.peek() != json::Kind::null;
            note(key);
            scan_.skip();
        }
    }

    void read_error() {
        if (scan_.peek() != json::Kind::object) {
            found_ = true;
            scan_.skip();
            return;
        }
        json::String key;
        for (scan_.enter_object(); scan_.next_member(key);) {
            if (key.is("path") && scan_.peek() == json::Kind::array)
                read_path();
            else
                scan_.skip();
        }
    }

    /// Of length one, it names a root field that was refused; a longer one goes below a field that ran.
    void read_path() {
        json::String first;
        bool is_name = false;
        std::size_t length = 0;
        for (scan_.enter_array(); scan_.next_element(); ++length) {
            is_name = length == 0 && scan_.peek() == json::Kind::string;
            if (!is_name)
                scan_.skip();
            else if (!scan_.string(first))
                return;
        }
        found_ = found_ || length > 1;
        if (is_name)
            note(first);
    }

    void note(const json::String& name) {
        for (std::size_t i = 0; i < fields_.size(); ++i)
            if (fields_[i].element == element_ && name.is(fields_[i].response_name))
                refused_.set(i);
    }

    json::Scan scan_;
    std::span<const graphql::RootField> fields_;
    std::bitset<graphql::max_root_fields> refused_;
    std::size_t element_ = 0;
    bool found_ = false;
};

} // namespace

bool tells_of_execution(std::uint16_t status) noexcept {
    const bool redirect = status >= first_redirect && status < first_client_error;
    return status < first_server_error && !redirect && status != request_timeout && status != client_closed;
}

bool ran_nothing(std::uint16_t status, std::string_view body, const graphql::RequestView& request,
                 const graphql::Operation& operation) {
    if (!tells_of_execution(status))
        return false;
    if (!operation.sole_field.empty())
        return TraceFinder{body, {}}.nothing();
    const auto fields = mutation_fields(request, {});
    return fields && TraceFinder{body, *fields}.nothing();
}

Executed proven_outcome(std::uint16_t status, std::string_view body, const graphql::RequestView& request,
                        const graphql::Operation& operation) {
    OutcomeReader reader{status, body, operation.sole_field};
    const Executed outcome = reader.read();
    const bool readable = operation.count != 0;
    if (reader.batch()) {
        if (readable && (!operation.batch || reader.answers() != operation.count))
            return Executed::unknown;
    } else if (operation.batch && outcome != Executed::no) { // one error may refuse a whole batch
        return Executed::unknown;
    }
    if (outcome != Executed::yes)
        return outcome;
    if (!operation.sole_field.empty()) // the usual case; the request need not be read again
        return reader.has_wanted() ? Executed::yes : Executed::unknown;
    // If it is uncertain what would run: a server that follows the specification omits no field.
    const auto fields = mutation_fields(request, {});
    return !fields || ValueFinder{*fields}.find_all(body) ? Executed::yes : Executed::unknown;
}

} // namespace bearerd::outcome
