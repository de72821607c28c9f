// Whether a device is fit to measure with: on scripted devices of which everything is known.
#include "procedure/device_check.h"

#include "support/scripted_backend.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace lowleg;
using lowleg::testing::Injection;
using lowleg::testing::LoopDevice;
using lowleg::testing::ScriptedBackend;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

Result<procedure::Measurement> checked(const LoopDevice::Settings& loop, std::vector<Injection> injections = {}, const std::function<bool()>& should_stop = {})
{
    ScriptedBackend::Script script;
    script.device = LoopDevice{loop};
    script.injections = std::move(injections);
    auto engine = engine::Engine::open(std::make_unique<ScriptedBackend>(std::move(script)), {}, 24'000);
    REQUIRE(engine);
    procedure::DeviceCheckOptions options;
    options.device = "scripted";
    return procedure::check_device(*engine.value(), options, {}, should_stop);
}

double figure(const procedure::Measurement& m, const std::string& id)
{
    const auto found = std::ranges::find(m.figures, id, &procedure::Figure::id);
    return found == m.figures.end() ? std::nan("") : found->value;
}

}  // namespace

TEST_CASE("a good device is fit, and what is told of it is so", "[procedure][device_check]")
{
    const auto result = checked({.delay = 1000, .noise_rms = 1e-5F});
    if (!result) FAIL(result.error().message);
    const auto& m = result.value();
    CHECK(m.finding == "fit");
    // 2,048 frames wait in the scripted device, and 1,000 more.
    CHECK_THAT(figure(m, "round_trip_ms"), WithinAbs(3048.0 / 48.0, 1e-3));
    // White from 0 to 24 kHz, of which 19,980 Hz count; over 3.5 s the rms is known to 0.4 %, three times that.
    const double told = 20.0 * std::log10(std::sqrt(2.0) * 1e-5 * std::sqrt(19'980.0 / 24'000.0));
    CHECK_THAT(figure(m, "input1_noise_dbfs"), WithinAbs(told, 0.1));
    CHECK_THAT(figure(m, "input2_noise_dbfs"), WithinAbs(told, 0.1));
    CHECK_THAT(figure(m, "clock_ppm"), WithinAbs(0.0, 0.01));
    CHECK(figure(m, "voided") == 0.0);
    CHECK(m.quality.periods == 21);
    CHECK(std::isnan(figure(m, "callback_load_worst_percent")));  // this one runs free of a clock
}

TEST_CASE("what breaks is counted, not refused", "[procedure][device_check]")
{
    std::vector<Injection> flags;
    // The scripted device runs ahead until 262,144 frames wait.
    for (std::uint32_t i = 0; i < 10; ++i) flags.push_back({.kind = Injection::Kind::flag, .frame = 320'000 + 30'000 * i, .play = 0});
    const auto result = checked({}, flags);
    if (!result) FAIL(result.error().message);
    CHECK(figure(result.value(), "xruns") == 10.0);
    CHECK(figure(result.value(), "voided") >= 8.0);
    CHECK(result.value().finding == "unfit");
    CHECK_THAT(result.value().says.front(), ContainsSubstring("% of the periods were void") && ContainsSubstring("larger buffer"));
}

TEST_CASE("a device that hears nothing of itself, or gives nothing, is told", "[procedure][device_check]")
{
    const auto deaf = checked({.gain = {{{0.0F, 0.0F}, {0.0F, 0.0F}}}});
    if (!deaf) FAIL(deaf.error().message);
    CHECK(deaf.value().finding == "fit");
    CHECK(std::isnan(figure(deaf.value(), "round_trip_ms")));
    CHECK_THAT(deaf.value().notes.front(), ContainsSubstring("wire it to input 1"));
    const auto dead = checked({.gain = {{{0.0F, 0.0F}, {0.0F, 0.0F}}}, .noise_rms = 0.0F});
    if (!dead) FAIL(dead.error().message);
    CHECK(dead.value().finding == "unfit");
    CHECK_THAT(dead.value().says.front(), ContainsSubstring("exact zeros"));
    const auto stopped = checked({}, {}, [] { return true; });
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().kind == ErrorKind::interrupted);
}
