// What of a trace is drawn, and how one moves about in it. No window is needed.
#include "ui/plot.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using namespace lowleg::ui;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

TEST_CASE("a million points are drawn as so many columns, and none of their peaks is lost", "[plot]")
{
    constexpr std::size_t count = 1'000'000;
    std::vector<float> y(count, 0.0F);
    y[123'456] = 5.0F;
    y[777'777] = -7.0F;
    Trace trace;
    trace.y = y;
    const auto columns = decimated(trace, {0.0, count}, false, 500);
    CHECK(columns.size() <= 502);
    CHECK(std::ranges::max(columns, {}, &Column::most).most == 5.0F);
    CHECK(std::ranges::min(columns, {}, &Column::least).least == -7.0F);
    CHECK(std::ranges::is_sorted(columns, {}, &Column::x));
    // Each peak stands where it was, within a column.
    CHECK_THAT(std::ranges::max(columns, {}, &Column::most).x, WithinAbs(123'456.0, count / 500.0));
}

TEST_CASE("few points are drawn as they are, with the next ones on either side", "[plot]")
{
    const std::vector<float> y{1, 2, 3, 4, 5, 6, 7, 8};
    Trace trace;
    trace.y = y;
    trace.x_begin = 100.0;
    trace.x_step = 10.0;
    const auto columns = decimated(trace, {115.0, 155.0}, false, 300);
    std::vector<double> xs;
    for (const auto& c : columns) xs.push_back(c.x);
    CHECK(xs == std::vector<double>{110.0, 120.0, 130.0, 140.0, 150.0, 160.0});
    CHECK(columns.front().most == 2.0F);
    CHECK(decimated({}, {0.0, 1.0}, false, 300).empty());
}

TEST_CASE("over a logarithmic axis every column covers the same ratio", "[plot]")
{
    std::vector<float> y(20'000);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<float>(i);
    Trace trace;
    trace.y = y;
    const auto columns = decimated(trace, {20.0, 20'000.0}, true, 300);
    CHECK(columns.size() <= 302);
    // In the last decades all columns are full: 1000^(1/300) = 1.0233 from one to the next.
    for (std::size_t i = columns.size() - 50; i + 2 < columns.size(); ++i) CHECK_THAT(columns[i + 1].x / columns[i].x, WithinRel(1.0233, 0.002));
}

TEST_CASE("zoom keeps what is under the cursor, and stops at the ends", "[plot]")
{
    const Axis axis{{20.0, 20e3}, true, "Hz"};
    PlotView view;
    view.cursor = 1000.0;
    const auto part = [&] { return std::log(1000.0 / view.x->from) / std::log(view.x->to / view.x->from); };
    zoom(view, axis, 0.5);
    REQUIRE(view.x);
    const double before = std::log(1000.0 / 20.0) / std::log(1000.0);
    CHECK_THAT(part(), WithinAbs(before, 1e-9));
    CHECK_THAT(std::log(view.x->to / view.x->from), WithinRel(0.5 * std::log(1000.0), 1e-9));
    for (int i = 0; i < 40; ++i) zoom(view, axis, 0.5);
    CHECK(view.x->from < 1000.0);
    CHECK(view.x->to > 1000.0);
    for (int i = 0; i < 60; ++i) zoom(view, axis, 2.0);
    CHECK_THAT(view.x->from, WithinRel(20.0, 1e-6));
    CHECK_THAT(view.x->to, WithinRel(20e3, 1e-6));
}

TEST_CASE("the cursor begins in the middle and stays within what is shown", "[plot]")
{
    PlotContent content;
    content.x = {{0.0, 10.0}, false, "ms"};
    PlotView view;
    move_cursor(view, content, 5.0, 100.0);
    CHECK_THAT(view.cursor.value(), WithinAbs(5.0, 1e-12));
    move_cursor(view, content, 5.0, 100.0);
    CHECK_THAT(view.cursor.value(), WithinAbs(5.5, 1e-12));
    move_cursor(view, content, 500.0, 100.0);
    CHECK_THAT(view.cursor.value(), WithinAbs(10.0, 1e-12));
}
