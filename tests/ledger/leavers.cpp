#include "leavers.hpp"

#include "client.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace bearerd::ledger {
namespace {

/// After a request, with some room: bearerd takes an end within 50 ms for one that belongs to the request.
constexpr auto half_close_window = std::chrono::milliseconds{100};

using namespace std::chrono_literals;

constexpr std::size_t leavers_of_each_kind = 4; // one presses again soon, one later, two never
constexpr std::size_t stayers_of_a_round = 2;

} // namespace

Leavers::Leavers(test::Simulator& simulator, BearerdProcess& bearerd, std::uint64_t seed)
    : simulator_{simulator}, bearerd_{bearerd}, seed_{seed} {}

void Leavers::give_up(Action action) {
    hold(action);
    std::vector<App> leavers;
    for (const Farewell farewell : {Farewell::reset, Farewell::close, Farewell::half_close})
        for (std::size_t i = 0; i < leavers_of_each_kind; ++i) {
            leavers.push_back(send_next(true));
            leavers.back().farewell = farewell;
            leavers.back().presses_again_soon = i == 0;
            leavers.back().presses_again_later = i == 1;
        }
    for (std::size_t i = 0; i < stayers_of_a_round; ++i)
        stayers_.push_back(send_next(true));
    // Not before bearerd has read them, and some time after: an end that comes together with a request is a
    // client that half-closes, and is served.
    for (App& app : leavers)
        app.client.socket().wait_until_read();
    await_turn();
    std::this_thread::sleep_for(half_close_window);
    for (App& app : leavers)
        leave(app);
    for (const App& app : leavers)
        if (app.presses_again_soon)
            stayers_.push_back(send(app.record.reference, true));
    let_go(action);
    for (App& app : leavers)
        finish(app);
    for (App& app : stayers_)
        read(app);
    stayers_.clear();
}

/// After it, no request gets to the upstream, or none whose token is accepted, before let_go().
void Leavers::hold(Action action) {
    switch (action) {
    case Action::leave_at_login:
        // In this order: a login that is not held brings a token that is revoked.
        simulator_.set_faults(R"({"kind":"hold","operations":"login"})");
        simulator_.revoke_tokens();
        stayers_.push_back(send_next(true)); // by whose rejection bearerd gets to know of it
        await_held(1);
        return;
    case Action::leave_at_handshake:
        simulator_.set_faults(R"({"kind":"tls_hold"})");
        end_connections();
        return;
    case Action::leave_at_room:
        simulator_.set_faults(R"({"kind":"hold","operations":"query"})");
        for (std::size_t i = 0; i < leaving_connections; ++i)
            stayers_.push_back(send_next(false));
        await_held(leaving_connections);
        return;
    default:
        std::ofstream{bearerd_.journal_hold_file()}.flush();
        return;
    }
}

void Leavers::let_go(Action action) {
    if (action == Action::leave_at_journal) {
        std::filesystem::remove(bearerd_.journal_hold_file());
        await_journal();
        return;
    }
    simulator_.set_faults("[]");
    simulator_.release();
}

Leavers::App Leavers::send(std::string reference, bool mutation) {
    App app{.record = {},
            .request_id = "id-" + reference + "-" + std::to_string(sent_++),
            .client = test::HttpClient{bearerd_.port()}};
    app.record.reference = std::move(reference);
    app.record.mutation = mutation;
    app.record.began = Clock::now();
    const std::string card{test::card_number};
    app.client.send(app.client.format(
        "POST", "/graphql", mutation ? redemption(card, app.record.reference, true) : balance_check(card),
        {{"Content-Type", "application/json"}, {"X-Request-Id", app.request_id}}));
    return app;
}

Leavers::App Leavers::send_next(bool mutation) {
    return send("s" + std::to_string(seed_) + "-left" + std::to_string(sent_), mutation);
}

void Leavers::leave(App& app) {
    if (app.farewell == Farewell::reset) {
        app.client.socket().reset_and_wait();
        return;
    }
    app.client.socket().shutdown_send_and_wait();
    if (app.farewell == Farewell::close)
        app.client.socket().close();
}

/// Once nothing is held any more.
void Leavers::finish(App& app) {
    if (app.farewell == Farewell::half_close) {
        Record told = app.record;
        const auto response = app.client.read_response();
        read_answer(response.status, plain_body(response), app.request_id, std::string{test::card_number},
                    told);
        if (told.view != View::not_executed)
            violations_.push_back(app.request_id + ": left before its first byte could be sent, and got " +
                                  std::string{name_of(told.view)});
    }
    check_log(app);
    if (app.presses_again_soon)
        return; // it stands among those who stay
    if (app.presses_again_later) {
        stayers_.push_back(send(app.record.reference, true));
        return;
    }
    app.record.view = View::left;
    app.record.ended = app.record.began;
    records_.push_back(std::move(app.record));
}

void Leavers::check_log(const App& app) {
    const auto line = bearerd_.wait_for_line("request_id=" + app.request_id + " ");
    if (!line) {
        violations_.push_back(app.request_id + ": left, and no line in the log gives its outcome");
        return;
    }
    const auto value = [&line](const std::string& key) {
        const auto at = line->find(" " + key + "=");
        return at == std::string::npos
                   ? ""
                   : line->substr(at + key.size() + 2, line->find(' ', at + 1) - at - key.size() - 2);
    };
    ++outcomes_["left: " + value("outcome")];
    if (value("executed") != "no")
        violations_.push_back(
            app.request_id +
            ": left before its first byte could be sent, and the log says executed=" + value("executed"));
}

void Leavers::read(App& app) {
    try {
        const auto response = app.client.read_response();
        if (response.header("X-Request-Id") != app.request_id)
            app.record.problem = "the answer to another request";
        else
            read_answer(response.status, plain_body(response), app.request_id, std::string{test::card_number},
                        app.record);
    } catch (const std::exception& error) { // it stays View::wrong
        app.record.problem = error.what();
    }
    app.record.ended = Clock::now();
    records_.push_back(std::move(app.record));
}

/// Whatever bearerd's one thread had read before has then been taken up: it answers this one after it.
void Leavers::await_turn() {
    static_cast<void>(test::HttpClient{bearerd_.port()}.get("/not-a-path-of-the-api"));
}

/// Those whose handshake is held may stay: bearerd may dial by itself, to keep a connection warm.
void Leavers::end_connections() {
    for (const test::Deadline deadline; !deadline.passed(); std::this_thread::sleep_for(1ms)) {
        simulator_.close_idle_connections();
        const auto stats = simulator_.stats();
        if (stats.at("open_connections") == stats.at("held"))
            return;
    }
    throw std::runtime_error{"the upstream's idle connections do not end"};
}

/// A journal that was held for more than 2 s refuses mutations until its disk has answered.
void Leavers::await_journal() {
    for (const test::Deadline deadline; !deadline.passed(); std::this_thread::sleep_for(1ms)) {
        App app = send_next(true);
        read(app);
        if (records_.back().view != View::not_executed)
            return;
    }
    throw std::runtime_error{"the journal does not work again"};
}

void Leavers::await_held(std::int64_t count) {
    for (const test::Deadline deadline; simulator_.stat("held") < count;) {
        if (deadline.passed())
            throw std::runtime_error{"nothing is held; bearerd said:\n" + bearerd_.output()};
        std::this_thread::sleep_for(1ms);
    }
}

} // namespace bearerd::ledger
