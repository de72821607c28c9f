// Random gear that is connected and switched as it should be: no wrong move may be seen in it.
#include "setup.h"
#include "study.h"

#include "procedure/switch_check.h"
#include "procedure/wrong_moves.h"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace lowleg;
using namespace lowleg::study;
using procedure::WrongMove;

TEST_CASE("no random unit that is connected as it should be raises an alarm", "[study][wrong]")
{
    constexpr std::uint64_t units = 600;
    constexpr std::uint64_t seed = 4;
    const auto signal = study_signal();
    for (std::uint64_t number = 0; number < units; ++number) {
        auto setup = draw_setup(seed, number, number % 2 == 1, false);
        auto unit = draw_unit(seed, number, {}, setup.real);
        setup = draw_setup(seed, number, number % 2 == 1, unit.truth.pin3_hot);
        const auto readings = read(unit, setup, signal, seed, number);
        if (!readings) continue;  // counted by the study
        if (const auto moved = procedure::check_switch(readings.value().states, setup.told); !moved) {
            INFO("unit " << number << ": " << unit.kind << "\n" << describe(setup));
            FAIL_CHECK(moved.error().message);
        }
        const auto found = procedure::find_wrong_move(readings.value().states, setup.told);
        if (!found) continue;
        INFO("unit " << number << ": " << unit.kind << "\n" << describe(setup) << "\n" << found->says);
        CHECK_FALSE(found->spoils);
        // What gives nothing is said to, and so is a pin 2 that is on nothing in the gear itself.
        const bool is_silent = unit.truth.is_silent;
        const bool is_pin2_free = unit.truth.pin3_hot && found->move == WrongMove::pin2_not_connected;
        CHECK((is_silent || is_pin2_free));
    }
}
