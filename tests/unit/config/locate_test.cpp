#include <bearerd/config/parse.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <unistd.h>

namespace bearerd::config {
namespace {

class FaultAtKey : public testing::Test {
protected:
    FaultAtKey() : path_{testing::TempDir() + "bearerd-locate-" + std::to_string(::getpid())} {
        std::ofstream{path_} << "upstream:\n  url: x\n  tls: {ca_file: here}\nthreads: 1\n";
    }

    FaultAtKey(const FaultAtKey&) = delete;
    FaultAtKey& operator=(const FaultAtKey&) = delete;

    ~FaultAtKey() override { ::unlink(path_.c_str()); }

    [[nodiscard]] std::string text(const std::string& key) const {
        return format_error("f", error_at_key(path_, key, "is wrong"));
    }

    std::string path_;
};

TEST_F(FaultAtKey, StandsWhereTheValueOrTheNearestPartOfItsWayIs) {
    EXPECT_EQ(text("threads"), "f:4:10: threads: is wrong");
    EXPECT_EQ(text("upstream.tls.ca_file"), "f:3:18: upstream.tls.ca_file: is wrong");
    EXPECT_EQ(text("upstream.tls.client_key_file"), "f:3:8: upstream.tls.client_key_file: is wrong");
}

TEST_F(FaultAtKey, StandsAtTheBeginOfAFileWithoutTheKey) {
    EXPECT_EQ(text("token_store.directory"), "f:1:1: token_store.directory: is wrong");
}

TEST_F(FaultAtKey, HasNoPositionInAFileThatCanNotBeRead) {
    EXPECT_EQ(format_error("f", error_at_key("/nonexistent/file", "threads", "is wrong")),
              "f: threads: is wrong");
}

TEST(StateDirectory, IsTheTokenStoresWhereTheFileNamesNone) {
    const std::map<std::string, std::string> variables{
        {"STATE_DIRECTORY", "/var/lib/bearerd:/var/lib/other"}};
    Environment environment = Environment::system();
    environment.environment = [&variables](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional{found->second};
    };
    const std::string minimal =
        "upstream: {url: \"https://a.example/\"}\ncredentials: {username: u, password: p}\n";
    const auto directory_of = [&](const std::string& more) {
        const auto parsed = parse(minimal + more, environment);
        return std::get<ValidConfig>(parsed).settings.token_store.directory;
    };
    EXPECT_EQ(directory_of(""), "/var/lib/bearerd");
    EXPECT_EQ(directory_of("token_store: {directory: /elsewhere}\n"), "/elsewhere");
    EXPECT_EQ(directory_of("token_store: {directory: \"\"}\n"), "") << "memory only stays possible";
}

} // namespace
} // namespace bearerd::config
