#include "client.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <zlib.h>

namespace bearerd::ledger {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t at_its_end = std::numeric_limits<std::size_t>::max();

// Of a hundred requests.
constexpr unsigned queries = 25;
constexpr unsigned invalid_mutations = 3;
constexpr unsigned fresh_connections = 20;
constexpr unsigned long_pauses = 5;

std::string document(const std::string& query) {
    return nlohmann::json{{"query", query}}.dump();
}

class Client {
public:
    Client(const ClientPlan& plan, Progress& progress) : plan_{plan}, progress_{progress} {
        dice_.seed(plan.seed * 1'000 + plan.index);
    }

    std::vector<Record> run() {
        for (std::size_t done = 0; done < plan_.mutations && !progress_.given_up();) {
            progress_.wait_while_paused();
            const bool mutation = roll() >= queries;
            send_one(mutation);
            if (mutation) {
                ++done;
                progress_.advance(plan_.index);
            }
            pause(records_.back().view == View::not_executed);
        }
        if (connection_ && unasked_bytes())
            records_.back().view = View::wrong, records_.back().problem = "bytes behind the answer";
        progress_.end(plan_.index);
        return std::move(records_);
    }

private:
    unsigned roll() { return static_cast<unsigned>(dice_() % 100); }

    void send_one(bool mutation) {
        Record record;
        record.mutation = mutation;
        record.valid = !mutation || roll() >= invalid_mutations;
        record.reference = "s" + std::to_string(plan_.seed) + "-c" + std::to_string(plan_.index) + "-" +
                           (mutation ? "m" : "q") + std::to_string(records_.size());
        const std::string card = choose_card();
        const std::string body =
            mutation ? redemption(card, record.reference, record.valid) : balance_check(card);
        if (roll() < fresh_connections)
            connection_.reset();
        record.began = Clock::now(); // before the connection is checked, which shows whether bearerd has gone
        if (connect(record)) {
            record.began = std::max(record.began, connected_);
            exchange(body, card, record);
        }
        record.ended = Clock::now();
        records_.push_back(std::move(record));
    }

    std::string choose_card() {
        constexpr std::uint64_t first = 6301190019990640662ULL;
        return std::to_string(first + dice_() % (static_cast<std::uint64_t>(plan_.cards) + 1));
    }

    /// A refused connection is tried again: nothing has been sent.
    bool connect(Record& record) {
        if (connection_ && unasked_bytes()) {
            connection_.reset();
            record.problem = "bytes that nobody asked for";
            return false;
        }
        for (const test::Deadline deadline; !connection_;) {
            try {
                connected_ =
                    Clock::now(); // before, so that it is no later than an end of bearerd that it races
                connection_.emplace(plan_.port);
            } catch (const std::system_error&) {
                if (deadline.passed() || progress_.given_up()) {
                    record.problem = "no connection";
                    return false;
                }
                std::this_thread::sleep_for(2ms); // nothing tells when it listens again
            }
        }
        return true;
    }

    /// Whether something came after the last answer; forgets a connection that has ended meanwhile.
    bool unasked_bytes() {
        char byte = 0;
        const auto got = ::recv(connection_->socket().descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (got > 0)
            return true;
        if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
            connection_.reset();
        return false;
    }

    void exchange(const std::string& body, const std::string& card, Record& record) {
        const std::string request_id = "id-" + record.reference;
        try {
            connection_->send(
                connection_->format("POST", "/graphql", body,
                                    {{"Content-Type", "application/json"}, {"X-Request-Id", request_id}}));
            const auto response = connection_->read_response(test::Deadline{plan_.answer_time});
            if (!response.complete)
                record.view = View::unanswered;
            else if (response.header("X-Request-Id") != request_id)
                record.problem = "the answer to another request";
            else
                read_answer(response.status, plain_body(response), request_id, card, record);
            if (!response.complete || response.header("Connection") == "close")
                connection_.reset();
            return;
        } catch (const test::TimedOut&) {
            record.problem = "no answer within every time limit together";
        } catch (const test::BadHttp& bad) {
            if (std::string_view{bad.what()}.starts_with("the connection ended"))
                record.view = View::unanswered;
            else
                record.problem = bad.what();
        } catch (const std::system_error&) { // reset
            record.view = View::unanswered;
        }
        connection_.reset();
    }

    /// Longer where nothing works just now, so that an outage doesn't use up all mutations.
    void pause(bool nothing_works) {
        const auto most = static_cast<std::uint64_t>(plan_.mean_pause.count()) * 2 + 1;
        const std::uint64_t factor = roll() < long_pauses ? 5 : 1; // long enough for a connection to get idle
        const std::chrono::microseconds time{dice_() % most * factor};
        std::this_thread::sleep_for(nothing_works ? time + 10ms : time);
    }

    const ClientPlan& plan_;
    Progress& progress_;
    std::mt19937_64 dice_;
    std::optional<test::HttpClient> connection_;
    Clock::time_point connected_{};
    std::vector<Record> records_;
};

} // namespace

std::string balance_check(const std::string& card) {
    return document("{ Cards(card_reference:\"" + card + "\") { data { card_reference balance } } }");
}

std::string redemption(const std::string& card, const std::string& reference, bool valid) {
    return document(
        "mutation Redeem { createBalanceAdjustment(currency:\"" + std::string{valid ? "GBP" : "XXX"} +
        "\", value:-1, merchant_id:26, unit_epos_reference:\"2251799825000010\", card_reference:\"" + card +
        "\", merchant_transaction_reference:\"" + reference +
        "\") { card_reference merchant_transaction_reference value id } }");
}

std::string plain_body(const test::HttpResponse& response) {
    if (response.header("Content-Encoding") != "gzip")
        return response.body;
    constexpr int gzip_window = 16 + MAX_WBITS;
    std::string input = response.body;
    std::string output(64 * 1024, '\0'); // the answers here are short
    z_stream stream{};
    stream.next_in =
        reinterpret_cast<Bytef*>(input.data()); // NOLINT(*-reinterpret-cast): zlib's type of a byte
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(output.data()); // NOLINT(*-reinterpret-cast)
    stream.avail_out = static_cast<uInt>(output.size());
    const bool whole =
        inflateInit2(&stream, gzip_window) == Z_OK && inflate(&stream, Z_FINISH) == Z_STREAM_END;
    output.resize(stream.total_out);
    inflateEnd(&stream);
    return whole ? output : "a broken gzip body";
}

void Progress::advance(std::size_t client) {
    const std::lock_guard lock{mutex_};
    ++of_client_[client];
    ++total_;
    changed_.notify_all();
}

void Progress::end(std::size_t client) {
    const std::lock_guard lock{mutex_};
    of_client_[client] = at_its_end;
    ++ended_;
    changed_.notify_all();
}

void Progress::pause_all() {
    std::unique_lock lock{mutex_};
    paused_ = true;
    changed_.wait(lock, [&] { return waiting_ + ended_ == of_client_.size(); });
}

void Progress::resume() {
    const std::lock_guard lock{mutex_};
    paused_ = false;
    changed_.notify_all();
}

void Progress::wait_while_paused() {
    std::unique_lock lock{mutex_};
    if (!paused_)
        return;
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !paused_ || given_up_; });
    --waiting_;
}

void Progress::give_up() {
    const std::lock_guard lock{mutex_};
    given_up_ = true;
    changed_.notify_all();
}

void Progress::wait_for(std::size_t mutations) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return total_ >= mutations || ended_ == of_client_.size(); });
}

void Progress::wait_for_all_in_flight() {
    std::unique_lock lock{mutex_};
    const std::vector<std::size_t> then = of_client_;
    changed_.wait(lock, [&] {
        return std::equal(
            then.begin(), then.end(), of_client_.begin(),
            [](std::size_t before, std::size_t now) { return now == at_its_end || now > before; });
    });
}

std::vector<Record> run_client(const ClientPlan& plan, Progress& progress) {
    return Client{plan, progress}.run();
}

} // namespace bearerd::ledger
