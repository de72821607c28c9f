// A short form of scripts/study: fixed units, of which none may be called wrongly at 0.9 or more.
#include "study.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <thread>

using namespace lowleg;
using namespace lowleg::study;

TEST_CASE("no random unit is called wrongly with confidence", "[study]")
{
    constexpr std::size_t units = 300;
    const auto judged = judge_units({.seed = 2, .family = {}}, 0, units, std::max(1U, std::thread::hardware_concurrency()), false);
    std::size_t decided = 0;
    for (const auto& j : judged) {
        INFO("unit " << j.number << ": " << j.unit.kind << "\n" << describe(j.setup) << "\nsaid " << j.said << " " << j.probability);
        CHECK_FALSE(j.trouble);
        CHECK_FALSE(j.is_confidently_wrong());
        decided += !j.trouble && j.is_decided() ? 1 : 0;
    }
    // A judge that says nothing is never wrong. Four units of ten have states that tell their kind beyond doubt.
    CHECK(decided >= units * 4 / 10);
}

TEST_CASE("a unit depends on its seed and number alone", "[study]")
{
    const auto a = draw_unit(1, 17, {}, Fixture{});
    const auto b = draw_unit(1, 17, {}, Fixture{});
    CHECK(a.netlist == b.netlist);
    CHECK(a.netlist != draw_unit(2, 17, {}, Fixture{}).netlist);
    CHECK(a.netlist != draw_unit(1, 18, {}, Fixture{}).netlist);
}
