#include "service_unit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace bearerd::app {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::StartsWith;

ServiceUnit unit_of(std::string_view full_name, std::string_view text) {
    return std::get<ServiceUnit>(read_unit(full_name, text));
}

TEST(ServiceName, IsThatOfAUnitOfOneService) {
    EXPECT_EQ(service_name("bearerd"), "bearerd.service");
    EXPECT_EQ(service_name("bearerd.service"), "bearerd.service");
    EXPECT_EQ(service_name("bearerd@shop"), "bearerd@shop.service");
    for (const char* const wrong :
         {"", ".service", "bearerd@", "@shop", "--all", "a b", "a/b", "a;b", "a\nb"})
        EXPECT_EQ(service_name(wrong), std::nullopt) << wrong;
}

TEST(ServiceUnitText, GivesUserCredentialsPathsAndConfiguration) {
    const ServiceUnit unit = unit_of("bearerd@shop.service", R"(# /lib/systemd/system/bearerd@.service
[Unit]
ConditionPathExists=/etc/bearerd/%i.yaml
Environment=NOT=HERE
[Service]
Type=notify
ExecStart=/usr/bin/bearerd run --config /etc/bearerd/%i.yaml
ExecReload=/bin/sh -c 'kill -HUP $MAINPID'
; a comment
  LoadCredential = password:/etc/bearerd/%i.password
DynamicUser=yes
StateDirectory=bearerd-%i
RuntimeDirectory=bearerd-%i
WatchdogSec=30s
ReadOnlyPaths=/a \
    /b

# /etc/systemd/system/bearerd@shop.service.d/own.conf
[Service]
LoadCredential=
LoadCredential=password:/srv/100%%
[Install]
User=nobody
)");
    EXPECT_EQ(unit.config_file, "/etc/bearerd/shop.yaml");
    EXPECT_THAT(unit.properties,
                ElementsAre("LoadCredential=password:/etc/bearerd/shop.password", "DynamicUser=yes",
                            "StateDirectory=bearerd-shop", "ReadOnlyPaths=/a  /b",
                            "LoadCredential=", "LoadCredential=password:/srv/100%", "User=bearerd"));
}

TEST(ServiceUnitText, IsWhatOurUnitsSay) {
    for (const std::string name : {"bearerd", "bearerd@shop"}) {
        std::ifstream file{BEARERD_SOURCE_DIR "/systemd/" +
                           std::string{name == "bearerd" ? "bearerd" : "bearerd@"} + ".service"};
        const std::string text{std::istreambuf_iterator<char>{file}, {}};
        const ServiceUnit unit = unit_of(name + ".service", text);
        const std::string account = name == "bearerd" ? "" : "shop.";
        EXPECT_EQ(unit.config_file,
                  "/etc/bearerd/" + std::string{account.empty() ? "bearerd." : account} + "yaml");
        EXPECT_THAT(unit.properties,
                    AllOf(Contains("LoadCredential=password:/etc/bearerd/" + account + "password"),
                          Contains("DynamicUser=yes"), Contains("User=bearerd"), Contains("ProtectHome=yes"),
                          Not(Contains(StartsWith("RuntimeDirectory=")))));
    }
}

TEST(ServiceUnitText, TellsOfWhatOnlySystemdCanWorkOut) {
    const auto read = read_unit("bearerd.service", "[Service]\nBindPaths=%t/x\n");
    ASSERT_TRUE(std::holds_alternative<std::string>(read));
    EXPECT_THAT(std::get<std::string>(read), StartsWith("BindPaths=%t/x has a specifier"));
}

TEST(ServiceUnitText, KeepsTheUserThatItNames) {
    EXPECT_THAT(unit_of("bearerd.service", "[Service]\nDynamicUser=yes\nUser=till\n").properties,
                ElementsAre("DynamicUser=yes", "User=till"));
    EXPECT_TRUE(
        unit_of("bearerd.service", "[Service]\nExecStart=/usr/bin/bearerd -c /a\n").properties.empty());
}

TEST(SystemdRun, HasEachPropertyAndTheCommandBehindThem) {
    EXPECT_THAT(systemd_run({"", {"DynamicUser=yes", "Environment=A=b c"}}, "/usr/bin/bearerd",
                            {"check", "--config", "/f"}),
                ElementsAre("systemd-run", "--quiet", "--wait", "--pipe", "--collect", "-p",
                            "DynamicUser=yes", "-p", "Environment=A=b c", "--", "/usr/bin/bearerd", "check",
                            "--config", "/f"));
}

} // namespace
} // namespace bearerd::app
