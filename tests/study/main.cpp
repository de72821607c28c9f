// lowleg_study: how often the verdict is right, on random units that it was not made from.
#include "study.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

using namespace lowleg;
using namespace lowleg::study;

namespace {

constexpr const char* usage = R"(lowleg_study: judges random units, and prints how often the verdicts are right.
  --units N       so many (10000)
  --reference N   so many more with the reference set-up (a fifth of --units)
  --seed N        another population (1)
  --family NAME   of one family only: transformer … ground-sensing, no-signal, odd
  --jobs N        threads (all processors)
  --unit N        one unit in full: netlist, set-up, verdict, evidence, fits
  --list FILE     every unit in a line of this file, beside the tables
)";

struct Arguments {
    StudyOptions options;
    std::uint64_t units{10'000};
    std::optional<std::uint64_t> reference;
    std::optional<std::uint64_t> unit;
    std::string list;
    std::uint64_t jobs{std::max(1U, std::thread::hardware_concurrency())};
};

bool parse(int argc, char** argv, Arguments& a)
{
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (i + 1 == argc) return false;
        const std::string_view value = argv[++i];
        if (name == "--family") {
            const auto found = std::find_if(all_families.begin(), all_families.end(), [&](Family f) { return name_of(f) == value; });
            if (found == all_families.end()) return false;
            a.options.family = *found;
            continue;
        }
        if (name == "--list") {
            a.list = value;
            continue;
        }
        std::uint64_t number = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (error != std::errc{} || end != value.data() + value.size()) return false;
        if (name == "--units") a.units = number;
        else if (name == "--reference") a.reference = number;
        else if (name == "--seed") a.options.seed = number;
        else if (name == "--unit") a.unit = number;
        else if (name == "--jobs") a.jobs = std::max<std::uint64_t>(number, 1);
        else return false;
    }
    return true;
}

}  // namespace

int main(int argc, char** argv)
try {
    Arguments a;
    if (!parse(argc, argv, a)) {
        std::fputs(usage, stderr);
        return 2;
    }
    if (a.unit) {
        std::fputs(report(a.options, *a.unit, study_signal()).c_str(), stdout);
        return 0;
    }
    const auto units = judge_units(a.options, 0, a.units, a.jobs, true);
    const auto reference = judge_units(a.options, first_reference_unit, a.reference.value_or(a.units / 5), a.jobs, true);
    if (!a.list.empty()) {
        std::ofstream file{a.list};
        for (const auto* some : {&units, &reference})
            for (const auto& unit : *some) file << line(unit);
        if (!file.flush()) throw std::runtime_error{"cannot write " + a.list + ": name a file in a folder that can be written to"};
    }
    std::fputs(tables(units, reference).c_str(), stdout);
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "lowleg_study: %s\n", e.what());
    return 1;
}
