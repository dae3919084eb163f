#include <bearerd/http/trace.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bearerd::http {
namespace {

constexpr std::string_view id = "4bf92f3577b34da6a3ce929d0e0e4736";

std::string_view trace_id_in(const std::vector<Field>& list) {
    return trace_id(Fields{list});
}

TEST(TraceId, IsTakenFromAValidTraceparent) {
    for (const std::string_view value : {
             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
             "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", // later versions
             "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
             "fe-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what=ever",
         })
        EXPECT_EQ(trace_id_in({{FieldId::unknown, "TraceParent", value}}), id) << value;
}

TEST(TraceId, IsShownWholeIfItIsAllDecimalDigits) {
    EXPECT_EQ(trace_id_in({{FieldId::unknown, "traceparent",
                            "00-63011900199906406626301190019990-00f067aa0ba902b7-01"}}),
              "63011900199906406626301190019990");
}

TEST(TraceId, IsNoneIfTheTraceparentIsInvalid) {
    for (const std::string_view value : {
             "",
             "-",
             "00",
             "00-",                                                           // cut off
             "00-4bf92f3577b34da6a3ce929d0e0e4736",                           //
             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",          //
             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",        //
             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",      // more than version 00 has
             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",  //
             "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01what",   // no dash
             "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-012",      //
             "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",       // no such version
             "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",       //
             "00-00000000000000000000000000000000-00f067aa0ba902b7-01",       // all zero
             "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",       //
             "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",       // upper case
             "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",        // a digit is missing
             "00-4bf92f3577b34da6a3ce929d0e0e47360-00f067aa0ba902b7-01",      // one too many
             "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",       //
             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-01",        //
             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",       //
             "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",       //
             "00-card=6301190019990640662-and-more-00f067aa0ba902b7-01",      //
             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01,00-4b", // two in one
         })
        EXPECT_EQ(trace_id_in({{FieldId::unknown, "traceparent", value}}), "") << value;
}

TEST(TraceId, IsNoneWithoutTheFieldOrWithTwoOfThem) {
    constexpr std::string_view valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    EXPECT_EQ(trace_id_in({}), "");
    EXPECT_EQ(trace_id_in({{FieldId::host, "Host", "localhost"}, {FieldId::unknown, "tracestate", valid}}),
              "");
    EXPECT_EQ(
        trace_id_in({{FieldId::unknown, "traceparent", valid}, {FieldId::unknown, "traceparent", valid}}),
        "");
}

} // namespace
} // namespace bearerd::http
