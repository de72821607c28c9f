#include "engine/devices.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <vector>

using namespace lowleg;
using namespace lowleg::engine;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;

namespace {

DeviceInfo device(std::int32_t number, std::string name, std::int32_t inputs, std::int32_t outputs, std::string api = "ALSA")
{
    DeviceInfo d;
    d.number = number;
    d.name = std::move(name);
    d.host_api = std::move(api);
    d.inputs = inputs;
    d.outputs = outputs;
    return d;
}

const std::vector<DeviceInfo> some{device(0, "HDA Intel: ALC269", 2, 2), device(3, "Scarlett 2i2 USB", 2, 2),
                                   device(4, "HDMI 0", 0, 8), device(5, "Scarlett 2i2 USB", 2, 2, "JACK Audio Connection Kit"),
                                   device(7, "Microphone", 1, 0)};

}  // namespace

TEST_CASE("a device is found by number, name, or a part of the name", "[engine][devices]")
{
    CHECK(find_device(some, "3").value().number == 3);
    CHECK(find_device(some, "hda intel: alc269").value().number == 0);
    CHECK(find_device(some, "hdmi").value().number == 4);
    CHECK(find_device(some, "Microphone").value().number == 7);
}

TEST_CASE("what fits several devices is not guessed", "[engine][devices]")
{
    const Result<DeviceInfo> two = find_device(some, "scarlett");
    REQUIRE_FALSE(two);
    CHECK_THAT(two.error().message, ContainsSubstring("3 “Scarlett 2i2 USB” (ALSA), 5 “Scarlett 2i2 USB” (JACK"));
    const Result<DeviceInfo> none_named = find_device(some, "");
    REQUIRE_FALSE(none_named);
    CHECK_THAT(none_named.error().message, ContainsSubstring("none was chosen") && !ContainsSubstring("HDMI"));
}

TEST_CASE("what does not exist is answered with what does", "[engine][devices]")
{
    CHECK_THAT(find_device(some, "Scarlet 2i2 UBS").error().message, ContainsSubstring("did you mean 3 “Scarlett 2i2 USB”"));
    const std::string far = find_device(some, "Babyface").error().message;
    CHECK_THAT(far, ContainsSubstring("no audio device “Babyface”: there are 0 “HDA Intel: ALC269”") && EndsWith("(ALSA)"));
    CHECK_THAT(find_device(some, "12").error().message, ContainsSubstring("no audio device “12”"));
    CHECK_THAT(find_device(some, "99999999999999").error().message, ContainsSubstring("no audio device"));
    CHECK_THAT(find_device({}, "1").error().message, ContainsSubstring("no audio device on this computer"));
}

TEST_CASE("the only duplex device need not be named", "[engine][devices]")
{
    CHECK(find_device(std::vector{some[2], some[0], some[4]}, "").value().number == 0);
    CHECK_THAT(find_device(std::vector{some[2], some[4]}, "").error().message, ContainsSubstring("both inputs and outputs"));
}
