// Any words as a command line: each line of the input is one. What would measure, play, write or start a program is not run.
#include "cli/run.h"
#include "fuzz/one_sentence.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace lowleg;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::vector<std::string> words;
    std::istringstream lines{std::string{reinterpret_cast<const char*>(data), size}};
    for (std::string line; std::getline(lines, line);) words.push_back(line);
    // These take a device, time, or a place to write to; with --help they tell of themselves.
    constexpr std::array long_ones{std::string_view{"devices"}, std::string_view{"identify"}, std::string_view{"measure"}, std::string_view{"cmrr"}, std::string_view{"calibrate"},
                                   std::string_view{"stimulus"}, std::string_view{"serve"}, std::string_view{"spread"}, std::string_view{"switch"}, std::string_view{"set"}, std::string_view{"audio-host"}};
    const bool takes_long = std::ranges::any_of(words, [&](const std::string& word) { return std::ranges::find(long_ones, word) != long_ones.end(); });
    // An option that nobody knows: all the words are read, and then refused.
    if (takes_long) words.emplace_back(size % 2 == 0 ? "--help" : "--no-such-option");
    std::istringstream in;
    std::ostringstream out, err;
    const int status = cli::run(words, {.in = in, .out = out, .err = err, .style = {}});
    fuzz::demand(status >= 0 && status <= 4, "a status that is none");
    if (status == 0) return 0;
    const auto said = err.str();
    fuzz::demand(said.starts_with("lowleg: ") && said.ends_with('\n'), "an error without its line");
    fuzz::demand_sentence(said.substr(0, said.size() - 1));
    fuzz::demand(out.str().empty() || status == 3, "a result beside an error");
    return 0;
}
