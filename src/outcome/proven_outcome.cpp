#include <bearerd/outcome/proven_outcome.hpp>

#include <bearerd/graphql/arguments.hpp>
#include <bearerd/json/scan.hpp>

#include <algorithm>
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
        batch_ = json::for_each_answer(scan_, [this](std::size_t) { note(read_answer()); });
        return scan_.finish() ? all_.value_or(Executed::unknown) : Executed::unknown;
    }

    /// Returns the number of answers in a batch; nullopt if it is none.
    [[nodiscard]] std::optional<std::size_t> batch() const noexcept { return batch_; }

    /// Whether `data` has a value for the wanted field.
    [[nodiscard]] bool has_wanted() const noexcept { return has_wanted_; }

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
        Answer answer;
        bool has_errors_key = false;
        const bool object = json::for_each_member(scan_, [&](const json::String& key) {
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
        });
        return object ? proof(answer) : Executed::unknown;
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
        answer.data_null = scan_.peek() == json::Kind::null;
        const bool object = json::for_each_member(scan_, [this, &answer](const json::String& key) {
            const bool null = scan_.peek() == json::Kind::null;
            ++answer.fields;
            has_wanted_ = has_wanted_ || (!null && key.is(wanted_));
            answer.nulls += null ? 1U : 0U;
            scan_.skip();
        });
        answer.data_readable = object || answer.data_null;
    }

    void read_errors(Answer& answer) {
        const bool array = json::for_each_element(scan_, [this, &answer] {
            answer.has_errors = true;
            answer.request_errors = read_error() && answer.request_errors;
        });
        answer.request_errors = array && answer.request_errors;
    }

    /// Whether it is a GraphQL error (with a message), and about the request as a whole (without a path).
    bool read_error() {
        bool has_message = false;
        bool has_path = false;
        json::for_each_member(scan_, [&](const json::String& key) {
            has_message = has_message || (key.is("message") && scan_.peek() == json::Kind::string);
            has_path = has_path || (key.is("path") && scan_.peek() != json::Kind::null);
            scan_.skip();
        });
        return has_message && !has_path;
    }

    json::Scan scan_;
    std::string_view wanted_;
    std::uint16_t status_;
    bool has_wanted_ = false;
    std::optional<Executed> all_;
    std::optional<std::size_t> batch_;
};

/// The root fields of a request, each of which may be found.
class FieldSet {
public:
    explicit FieldSet(std::span<const graphql::RootField> fields) noexcept : fields_{fields} {}

    /// Returns whether it is one of the fields.
    bool note(const json::String& response_name, std::size_t element) {
        bool is_one = false;
        for (std::size_t i = 0; i < fields_.size(); ++i)
            if (fields_[i].element == element && response_name.is(fields_[i].response_name)) {
                found_.set(i);
                is_one = true;
            }
        return is_one;
    }

    /// Whether any of the fields belongs to the element.
    [[nodiscard]] bool has_any_of(std::size_t element) const {
        return std::ranges::any_of(fields_,
                                   [element](const auto& field) { return field.element == element; });
    }

    /// Notes all fields of the element.
    void note_all(std::size_t element) {
        for (std::size_t i = 0; i < fields_.size(); ++i)
            if (fields_[i].element == element)
                found_.set(i);
    }

    [[nodiscard]] bool all_found() const noexcept { return found_.count() == fields_.size(); }

private:
    std::span<const graphql::RootField> fields_;
    std::bitset<graphql::max_root_fields> found_;
};

/// Whether `data` has a value for each of the fields, in a body that OutcomeReader has found valid: each
/// answer is an object with one `data`.
bool has_values(std::string_view body, std::span<const graphql::RootField> fields) {
    json::Scan scan{body};
    FieldSet found{fields};
    json::for_each_answer(scan, [&](std::size_t element) {
        json::for_each_member(scan, [&](const json::String& key) {
            if (!key.is("data")) {
                scan.skip();
                return;
            }
            json::for_each_member(scan, [&](const json::String& name) {
                if (scan.peek() != json::Kind::null)
                    found.note(name, element);
                scan.skip();
            });
        });
    });
    return found.all_found();
}

/// An error's path.
struct Path {
    /// Consumes the value, whatever its kind.
    explicit Path(json::Scan& scan) {
        json::for_each_element(scan, [&] {
            begins_with_name = begins_with_name || (length == 0 && scan.peek() == json::Kind::string);
            if (length++ == 0 && begins_with_name)
                scan.string(first);
            else
                scan.skip();
        });
    }

    [[nodiscard]] bool names_root_field() const noexcept { return length == 1 && begins_with_name; }

    std::size_t length = 0; ///< 0: no path
    bool begins_with_name = false;
    json::String first; ///< if it begins with a name
};

/// Looks for what shows that something was executed, and for the root fields that were not.
class TraceFinder {
public:
    /// `fields`: those that must be null, or named by an error, one by one; empty if the request has only
    /// one.
    TraceFinder(std::string_view body, std::span<const graphql::RootField> fields) noexcept
        : scan_{body}, refused_{fields} {}

    /// Whether nothing shows an execution, and each of the fields is null or named. The answer is sound.
    bool nothing() {
        json::for_each_answer(scan_, [this](std::size_t element) { read_answer(element); });
        return scan_.finish() && !found_ && refused_.all_found();
    }

private:
    void read_answer(std::size_t element) {
        bool has_data = false;
        json::for_each_member(scan_, [&](const json::String& key) {
            if (key.is("data")) {
                has_data = true;
                read_data(element);
            } else if (key.is("errors")) {
                json::for_each_element(scan_, [&] { read_error(element); });
            } else {
                scan_.skip();
            }
        });
        found_ = found_ || !has_data;
    }

    void read_data(std::size_t element) {
        const bool null = scan_.peek() == json::Kind::null;
        const bool object = json::for_each_member(scan_, [&](const json::String& key) {
            found_ = found_ || scan_.peek() != json::Kind::null;
            refused_.note(key, element);
            scan_.skip();
        });
        found_ = found_ || !(null || object);
    }

    void read_error(std::size_t element) {
        const bool object = json::for_each_member(scan_, [&](const json::String& key) {
            if (key.is("path"))
                read_path(element);
            else
                scan_.skip();
        });
        found_ = found_ || !object;
    }

    /// Of length one, it names a root field that was refused; a longer one goes below a field that ran.
    void read_path(std::size_t element) {
        const Path path{scan_};
        found_ = found_ || path.length > 1;
        if (path.names_root_field())
            refused_.note(path.first, element);
    }

    json::Scan scan_;
    FieldSet refused_;
    bool found_ = false;
};

} // namespace

bool tells_of_execution(std::uint16_t status) noexcept {
    const bool redirect = status >= first_redirect && status < first_client_error;
    return status < first_server_error && !redirect && status != request_timeout && status != client_closed;
}

bool refuses_each(std::string_view body, std::span<const graphql::RootField> fields) {
    json::Scan scan{body};
    FieldSet refused{fields};
    bool contradicts = fields.empty(); // the request runs something else than was read in it
    json::for_each_answer(scan, [&](std::size_t element) {
        json::for_each_member(scan, [&](const json::String& key) {
            if (!key.is("errors")) {
                scan.skip();
                return;
            }
            json::for_each_element(scan, [&] {
                std::optional<Path> path;
                json::for_each_member(scan, [&](const json::String& member) {
                    if (member.is("path"))
                        path.emplace(scan);
                    else
                        scan.skip();
                });
                if (path && path->names_root_field())
                    contradicts =
                        (!refused.note(path->first, element) && refused.has_any_of(element)) || contradicts;
                else if (!path || path->length == 0)
                    refused.note_all(element);
            });
        });
    });
    return scan.finish() && !contradicts && refused.all_found();
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
        if (readable && (!operation.batch || reader.batch() != operation.count))
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
    return !fields || has_values(body, *fields) ? Executed::yes : Executed::unknown;
}

} // namespace bearerd::outcome
