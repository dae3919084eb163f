#pragma once

#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace bearerd::admin::test {

/// A page of metrics, read by the rules of Prometheus' text format 0.0.4 and no code of ours.
struct Exposition {
    std::map<std::string, double> series;     ///< by name with labels, as written
    std::map<std::string, std::string> types; ///< of each family
    std::vector<std::string> faults;          ///< against the format
};

/// A histogram's series belong to the family without their suffix.
inline std::string family_of(const Exposition& page, const std::string& name) {
    for (const char* suffix : {"_bucket", "_sum", "_count"}) {
        const std::string ending{suffix};
        if (name.size() > ending.size() && name.ends_with(ending)) {
            const std::string base = name.substr(0, name.size() - ending.size());
            if (const auto at = page.types.find(base); at != page.types.end() && at->second == "histogram")
                return base;
        }
    }
    return name;
}

inline Exposition read_exposition(const std::string& text) {
    static const std::regex comment{R"(# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+))"};
    static const std::regex sample{
        R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*",?)+\})? (\S+))re"};
    Exposition page;
    std::set<std::string> helped;
    std::set<std::string> closed; // families whose samples have ended: all of one stand together
    std::string family;
    if (!text.ends_with('\n'))
        page.faults.emplace_back("no newline at the end");
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        std::smatch match;
        if (std::regex_match(line, match, comment)) {
            const bool first = match[1] == "HELP" ? helped.insert(match[2]).second
                                                  : page.types.emplace(match[2], match[3]).second;
            if (!first)
                page.faults.push_back("twice: " + line);
            if (match[2] != family)
                closed.insert(family);
            family = match[2];
            if (closed.contains(family))
                page.faults.push_back("again: " + line);
            continue;
        }
        if (!std::regex_match(line, match, sample)) {
            page.faults.push_back("malformed: " + line);
            continue;
        }
        if (family_of(page, match[1]) != family)
            page.faults.push_back("not under its own HELP and TYPE: " + line);
        if (!page.series.emplace(match[1].str() + match[2].str(), std::stod(match[5].str())).second)
            page.faults.push_back("a series twice: " + line);
    }
    return page;
}

} // namespace bearerd::admin::test
