#include "scenario.hpp"

#include "support/secrets.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <thread>

namespace bearerd::test {

Scene::Scene(Script script, std::string_view config)
    : upstream{authority_.issue(), std::move(script)},
      daemon{{.upstream_url = upstream.url(), .ca_pem = authority_.pem(), .config = std::string{config}}} {}

Scene::Scene(Answer answer, std::string_view config)
    : Scene{serve_with(std::string{first_token}, std::move(answer)), config} {}

Scene::~Scene() {
    expect_no_secrets(daemon.output(), {std::string{first_token}, std::string{second_token}},
                      "bearerd's output");
}

std::string plain_answer(const UpstreamRequest& /*request*/) {
    return http_answer(some_data);
}

bool wait_until(const std::function<bool()>& there) {
    const Deadline deadline;
    while (!there()) {
        if (deadline.passed())
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return true;
}

void expect_own_error(const HttpResponse& response, int status, std::string_view code,
                      std::string_view executed) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.header("Content-Type"), "application/json");
    const auto request_id = response.header("X-Request-Id").value_or("");
    EXPECT_NE(request_id, "");
    const auto body = nlohmann::json::parse(response.body, nullptr, false);
    ASSERT_TRUE(body.is_object() && body.contains("errors") && body.at("errors").size() == 1)
        << response.body;
    const auto sentence = body.at("errors").at(0).value("message", "");
    EXPECT_GT(sentence.size(), 20U) << response.body;
    const nlohmann::json expected{
        {"errors",
         {{{"message", sentence},
           {"customer_facing", false},
           {"extensions",
            {{"code", code}, {"executed", executed}, {"request_id", request_id}, {"source", "bearerd"}}}}}}};
    EXPECT_EQ(body, expected);
}

} // namespace bearerd::test
