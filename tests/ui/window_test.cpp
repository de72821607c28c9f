// A real window, driven by keys and mouse; what came of it is asked of the instrument, not of the picture.
#include "ui/driven_window.h"

#include "instrument/instrument.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <GLFW/glfw3.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <thread>

using namespace lowleg;
using test::DrivenWindow;
using test::need_display;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Phase = instrument::JobState::Phase;
using SignalKind = instrument::TestSignal::Kind;

namespace {

DrivenWindow::Options on_bench(const char* circuit)
{
    DrivenWindow::Options options;
    options.place = {true, circuit};
    return options;
}

bool is_playing(const instrument::Snapshot& s) { return s.live.number > 15; }

}  // namespace

TEST_CASE("it opens into the virtual bench, playing, and says so", "[window]")
{
    need_display();
    DrivenWindow window;
    REQUIRE(window.wait_until(is_playing));
    CHECK(window.shows("VIRTUAL BENCH"));
    CHECK(window.shows("cross-coupled"));
    // −20 dBFS between the legs of a 1:1 output that is not loaded by much: half of it on each, in antiphase.
    const auto& live = window.now().live;
    CHECK_THAT(live.rms[3].value(), WithinAbs(-20.1, 0.5));
    CHECK_THAT(live.rms[0].value() - live.rms[3].value(), WithinAbs(-6.02, 0.1));
    CHECK(live.correlation < -0.999);
    CHECK(window.shows("in antiphase"));
    CHECK(live.is_triggered);
    // Always in view.
    for (const auto* item : {"Round trip", "Xruns", "Voided", "Callback", "Rate"}) CHECK(window.shows(item));
}

TEST_CASE("the legs move as the bench's switch is clicked", "[window]")
{
    need_display();
    DrivenWindow window{on_bench("transformer")};
    REQUIRE(window.wait_until(is_playing));
    const double before = window.now().live.rms[0].value();
    window.click("grounded");
    REQUIRE(window.wait_until([](const auto& s) { return s.live.rms[1].value() < -80.0; }));
    // A floating winding: all of it on pin 2.
    REQUIRE(window.wait_until([&](const auto& s) { return std::abs(s.live.rms[0].value() - before - 5.94) < 0.1; }));
    CHECK(window.now().stream.bench_switch == SwitchState::grounded);
}

TEST_CASE("one key identifies, step by step, and the verdict is the instrument's", "[window]")
{
    need_display();
    DrivenWindow window{on_bench("transformer")};
    REQUIRE(window.wait_until(is_playing));
    window.press(GLFW_KEY_I);
    // The evidence fills in while it goes on.
    REQUIRE(window.wait_until([](const auto& s) { return s.job.phase == Phase::running && s.job.taken.size() == 1 && s.job.so_far; }));
    CHECK(window.wait_for_text("So far:"));
    REQUIRE(window.wait_for_end());
    const auto& result = window.now().job.identification;
    REQUIRE(result);
    CHECK(result->verdict.id() == "transformer");
    CHECK(result->quality.voided == 0);
    CHECK(window.shows("transformer, floating"));
    CHECK(window.shows("Pin 2 rose 5.94 ± 0.01 dB when pin 3 was grounded"));
    CHECK(window.shows("[plot] cable: ground-pin-3"));
    CHECK(window.now().stream.round_trip);
    // Bars of the probability.
    CHECK(window.widget("transformer, floating").kind == ui::Widget::Kind::bar);
    // And it plays on as before.
    CHECK(window.wait_until([](const auto& s) { return s.stream.is_open && s.live.rms[3].value() > -25.0; }));
}

TEST_CASE("Esc ends a measurement and silences the output", "[window]")
{
    need_display();
    DrivenWindow window{on_bench("inverter")};
    REQUIRE(window.wait_until(is_playing));
    window.click("Start  F5");
    REQUIRE(window.wait_until([](const auto& s) { return s.job.phase == Phase::running && s.job.taken.size() == 1; }));
    window.press(GLFW_KEY_ESCAPE);
    REQUIRE(window.wait_for_end());
    REQUIRE(window.now().job.error);
    CHECK(window.now().job.error->kind == ErrorKind::interrupted);
    CHECK(window.wait_until([](const auto& s) { return s.stream.signal.kind == SignalKind::silence && s.live.rms[0].value() < -90.0; }));
    CHECK(window.shows("Ended before there was a result"));
    // And begins anew.
    window.press(GLFW_KEY_F5);
    REQUIRE(window.wait_for_end());
    REQUIRE(window.now().job.identification);
    CHECK(window.now().job.identification->verdict.id() == "inverter");
}

TEST_CASE("the rejection of an input is measured by mouse, its curve grows, and the number is the instrument's", "[window]")
{
    need_display();
    DrivenWindow window;
    window.click("CMRR");
    window.choose("Receiver", "receiver-resistors-1pct");
    window.click("Start  F5");
    REQUIRE(window.wait_until([](const auto& s) { return s.job.cmrr_so_far && !s.job.cmrr_so_far->empty() && !s.job.cmrr_so_far->front().leg3; }));
    CHECK(window.shows("CMRR curve"));
    REQUIRE(window.wait_for_end());
    const auto& result = window.now().job.cmrr;
    REQUIRE(result);
    const auto alone = instrument::Instrument{instrument::Settings{}}.cmrr_bench("receiver-resistors-1pct", procedure::CmrrMethod::tied, false);
    REQUIRE(alone);
    REQUIRE(result->at_1khz().iec);
    CHECK_THAT(result->at_1khz().iec->db, WithinAbs(alone.value().at_1khz().iec->db, 0.1));
    CHECK(window.shows("IEC 60268-3"));
}

TEST_CASE("other measurements and calibrations are chosen by keys and mouse", "[window]")
{
    need_display();
    DrivenWindow window{on_bench("unbalanced")};
    window.press(GLFW_KEY_3);
    window.press(GLFW_KEY_PAGE_DOWN);
    CHECK(window.widget("Measurement").value == "Response");
    window.choose("Measurement", "Level");
    window.press(GLFW_KEY_F5);
    REQUIRE(window.wait_for_end());
    REQUIRE(window.now().job.measurement);
    CHECK(window.now().job.measurement->kind == "level");
    window.press(GLFW_KEY_4);
    window.click("pair");
    window.press(GLFW_KEY_F5);
    REQUIRE(window.wait_for_end());
    REQUIRE(window.now().job.measurement);
    CHECK(window.now().job.job.kind == instrument::JobKind::calibrate);
    CHECK(window.widget("Copy as text").is_enabled);
}

TEST_CASE("a window that stands still for five seconds costs no period", "[window]")
{
    need_display();
    DrivenWindow window{on_bench("cross-coupled")};
    REQUIRE(window.wait_until(is_playing));
    window.press(GLFW_KEY_I);
    REQUIRE(window.wait_until([](const auto& s) { return s.job.phase == Phase::running; }));
    const auto before = window.now().live.number;
    std::this_thread::sleep_for(std::chrono::seconds{5});
    REQUIRE(window.wait_for_end());
    CHECK(window.now().live.number > before + 20);  // pictures were made without anybody who looked
    REQUIRE(window.now().job.identification);
    CHECK(window.now().job.identification->quality.voided == 0);
    CHECK(window.now().stream.counters.dropped == 0);
    CHECK(window.now().job.identification->verdict.id() == "cross-coupled");
}

TEST_CASE("plots are zoomed, moved and read off by mouse and keys", "[window]")
{
    need_display();
    DrivenWindow window;
    REQUIRE(window.wait_until(is_playing));
    const auto plot = window.widget("spectrum").rect;
    window.click_at(plot.centre());
    CHECK(window.shows("cursor of spectrum"));
    window.press(GLFW_KEY_C);
    CHECK_FALSE(window.shows("cursor of spectrum"));
    window.press(GLFW_KEY_PERIOD);
    REQUIRE(window.shows("cursor of spectrum"));
    const auto first = window.widget("cursor of spectrum").value;
    window.press(GLFW_KEY_PERIOD, false, true);
    CHECK(window.widget("cursor of spectrum").value != first);
    window.wheel(plot.centre(), 3.0F);
    window.drag(plot.centre(), {plot.centre().x + 60.0F, plot.centre().y + 20.0F});
    window.click_at(plot.centre(), 2);
    CHECK_FALSE(window.shows("cursor of spectrum"));
    // Freeze, overlays, harmonics.
    window.press(GLFW_KEY_F);
    CHECK(window.shows("FROZEN"));
    window.press(GLFW_KEY_F);
    window.type("Overlay name", "first");
    window.click("Keep");
    CHECK(window.shows("[button] first: chosen"));
    for (int i = 0; i < 10; ++i) window.press(GLFW_KEY_O);
    CHECK(window.shows("8 overlays are kept already"));
    window.press(GLFW_KEY_F1);
    CHECK(window.shows("Keys and mouse"));
    window.press(GLFW_KEY_F1);
}

TEST_CASE("settings are typed, and what cannot be is refused with a sentence", "[window]")
{
    need_display();
    DrivenWindow window;
    window.press(GLFW_KEY_5);
    REQUIRE(window.wait_until([](const auto& s) { return s.devices_known; }));
    window.type("rin", "20k");
    CHECK(window.face().remembered().settings.at("rin") == "20k");
    window.type("rin", "lots");
    CHECK(window.shows("cannot be \"lots\": give"));
    CHECK(window.face().remembered().settings.at("rin") == "20k");
    window.type("rin", "");
    CHECK_FALSE(window.face().remembered().settings.contains("rin"));
    window.choose("Circuit", "inverter");
    REQUIRE(window.wait_until([](const auto& s) { return s.stream.place.name == "inverter" && s.stream.is_open; }));
    CHECK(window.face().remembered().place.name == "inverter");
}

TEST_CASE("theme and size change by key, and everything has its room", "[window]")
{
    need_display();
    for (const double scale : {1.0, 2.0}) {
        DrivenWindow::Options options;
        options.scale = scale;
        options.width = static_cast<int>(1280 * scale);
        options.height = static_cast<int>(720 * scale);
        DrivenWindow window{options};
        REQUIRE(window.wait_until(is_playing));
        window.press(GLFW_KEY_T);
        CHECK_FALSE(window.face().is_dark());
        const auto& picture = window.window().picture();
        // Light: the corner of the window is.
        CHECK(picture.rgb.front() > 200);
        // No two things that can be pressed cover each other, and all lie in the window.
        const auto widgets = window.window().toolkit().widgets();
        for (std::size_t i = 0; i < widgets.size(); ++i) {
            if (widgets[i].kind != ui::Widget::Kind::button) continue;
            CAPTURE(widgets[i].label, scale);
            CHECK(widgets[i].rect.max.x <= static_cast<float>(options.width));
            CHECK(widgets[i].rect.max.y <= static_cast<float>(options.height));
            for (std::size_t j = i + 1; j < widgets.size(); ++j) {
                if (widgets[j].kind != ui::Widget::Kind::button) continue;
                const auto& a = widgets[i].rect;
                const auto& b = widgets[j].rect;
                CAPTURE(widgets[j].label);
                CHECK((a.max.x <= b.min.x || b.max.x <= a.min.x || a.max.y <= b.min.y || b.max.y <= a.min.y));
            }
        }
    }
}

TEST_CASE("no two widgets that can be used have the same label", "[window]")
{
    need_display();
    DrivenWindow window;
    REQUIRE(window.wait_until(is_playing));
    for (const int key : {GLFW_KEY_1, GLFW_KEY_2, GLFW_KEY_3, GLFW_KEY_4, GLFW_KEY_5}) {
        window.press(key);
        std::set<std::string> labels;
        for (const auto& widget : window.window().toolkit().widgets()) {
            if (widget.kind == ui::Widget::Kind::text || widget.kind == ui::Widget::Kind::area || widget.kind == ui::Widget::Kind::plot) continue;
            CAPTURE(widget.label);
            CHECK(labels.insert(widget.label).second);
        }
    }
}

TEST_CASE("a device that is not there leaves a window that can be used", "[window]")
{
    need_display();
    DrivenWindow::Options options;
    options.place = {false, "no such device"};
    options.signal.kind = SignalKind::silence;
    DrivenWindow window{options};
    REQUIRE(window.wait_until([](const auto& s) { return !s.stream.trouble.empty(); }));
    window.draw(2);
    window.click("Use the virtual bench");
    REQUIRE(window.wait_until([](const auto& s) { return s.stream.is_open && s.stream.place.is_bench; }));
    CHECK(window.shows("VIRTUAL BENCH"));
}
