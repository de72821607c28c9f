// The circuits that ship, how they and files of the user's own are found, and what they tell of themselves.
#include "bench/collection.h"
#include "bench/wiring.h"
#include "support/ngspice.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

using namespace lowleg;
using namespace lowleg::bench;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

std::string file_of(std::string_view name) { return std::string{LOWLEG_SOURCE_DIR} + "/src/bench/circuits/" + std::string{name}; }

std::string why_not(std::string_view name)
{
    const auto found = find_circuit(name);
    REQUIRE_FALSE(found);
    return found.error().message;
}

}  // namespace

TEST_CASE("circuits are found by name or file, and guessed at", "[bench][collection]")
{
    for (const auto& c : shipped_circuits()) {
        const auto found = find_circuit(c.name);
        REQUIRE(found);
        const auto path = file_of(std::string{c.name} + ".cir");
        CHECK(found.value().netlist == c.netlist);
        CHECK(found.value().netlist == testing::read_all(path));
        CHECK(found.value().netlist.starts_with("* " + found.value().title + "\n"));
        CHECK(found.value().directory.empty());
        const auto file = find_circuit(path);
        REQUIRE(file);
        CHECK(file.value().title == c.title);
        CHECK(file.value().netlist == c.netlist);
        CHECK(file.value().directory == file_of("").substr(0, file_of("").size() - 1));
    }
    CHECK_THAT(why_not("transfomer"), ContainsSubstring("no circuit \"transfomer\" (did you mean transformer?): give one of \"lowleg bench list\""));
    CHECK_THAT(why_not("invertor"), ContainsSubstring("did you mean inverter?"));
    for (const auto& name : {std::string{"xyzzy"}, std::string{}, std::string(100'000, 't')}) {
        CHECK_THAT(why_not(name), ContainsSubstring("no circuit") && !ContainsSubstring("did you mean") && ContainsSubstring("lowleg bench list"));
        CHECK(why_not(name).size() < 200);
    }
    CHECK_THAT(why_not("nowhere.cir"), ContainsSubstring("netlist nowhere.cir cannot be read: there is no such file"));
    CHECK_THAT(why_not("/"), ContainsSubstring("it is a directory"));
    CHECK_THAT(why_not("/dev/null"), ContainsSubstring("not an ordinary file"));
}

TEST_CASE("every shipped circuit can be read, says what it is, and stands with its kind", "[bench][collection]")
{
    constexpr std::array<std::string_view, 10> topologies{"transformer", "transformer-center-tapped", "cross-coupled", "inverter", "impedance-balanced",
                                                          "unbalanced", "dual-unbalanced", "insert", "ground-sensing", "no-signal"};
    std::set<std::string_view> names;
    auto last = CircuitKind::output;
    for (const auto& c : shipped_circuits()) {
        CAPTURE(c.name);
        CHECK(names.insert(c.name).second);
        const auto netlist = read_circuit(find_circuit(c.name).value());
        if (!netlist) FAIL(netlist.error().message);
        const auto kind = kind_of(netlist.value());
        REQUIRE(kind);
        CHECK(kind.value() >= last);
        last = kind.value();
        CHECK_FALSE(story_of(c.netlist).empty());
        const auto stated = stated_topologies(c.netlist);
        CHECK(stated.empty() == (kind.value() != CircuitKind::output));
        for (const auto& id : stated) CHECK(std::ranges::find(topologies, id) != topologies.end());
    }
    // Whoever names a kind of output finds one of it under that name.
    for (const auto* reference : {"transformer", "cross-coupled", "inverter", "impedance-balanced", "unbalanced", "dual-unbalanced"})
        CHECK(stated_topologies(find_circuit(reference).value().netlist) == std::vector<std::string>{reference});
}

TEST_CASE("what a netlist includes lies beside it, or ships", "[bench][collection]")
{
    const testing::TemporaryDirectory folder;
    const auto path = folder.path() / "mine.cir";
    std::ofstream{path} << "* mine\n.end\n";
    std::ofstream{folder.path() / "parts.lib"} << "* my parts\n";
    fs::create_directory(folder.path() / "models");
    std::ofstream{folder.path() / "models" / "deep.lib"} << "* deep\n";
    std::ofstream{folder.path() / "huge.lib"} << std::string((4U << 20U) + 1, '*');

    const auto mine = find_circuit(path.string()).value();
    CHECK(find_include(mine, "parts.lib").value() == "* my parts\n");
    CHECK(find_include(mine, "models/deep.lib").value() == "* deep\n");
    CHECK(find_include(mine, (folder.path() / "parts.lib").string()).value() == "* my parts\n");
    const auto why = [&](const CircuitText& circuit, std::string_view name) {
        const auto found = find_include(circuit, name);
        REQUIRE_FALSE(found);
        return found.error().message;
    };
    CHECK_THAT(why(mine, "models"), ContainsSubstring("it is a directory"));
    CHECK_THAT(why(mine, "huge.lib"), ContainsSubstring("far larger"));
    CHECK_THAT(why(mine, "nothing.lib"), ContainsSubstring("neither in " + folder.path().string() + " nor among the libraries that ship"));
    CHECK_THAT(why(mine, ""), ContainsSubstring("neither in"));

    // A circuit that ships reads no file of whoever runs it.
    const CircuitText shipped{"x", "x", "* x\n"};
    CHECK_THAT(why(shipped, path.string()), ContainsSubstring("not among the libraries that ship"));

    for (const auto& entry : fs::directory_iterator{file_of("")}) {
        if (entry.path().extension() != ".lib") continue;
        const auto name = entry.path().filename().string();
        CAPTURE(name);
        CHECK(find_include(shipped, name).value() == testing::read_all(entry.path()));
        CHECK(find_include(mine, name).value() == testing::read_all(entry.path()));
        CHECK_THAT(why(shipped, name.substr(1)), ContainsSubstring("did you mean " + name + "?"));
        std::ofstream{folder.path() / name} << "* mine comes first\n";
        CHECK(find_include(mine, name).value() == "* mine comes first\n");
    }
}

TEST_CASE("a file of one's own is read with what lies beside it", "[bench][collection]")
{
    const testing::TemporaryDirectory folder;
    std::ofstream{folder.path() / "mine.cir"} << "* mine\n.include half.lib\nRp3 p3 0 1t\n.end\n";
    std::ofstream{folder.path() / "half.lib"} << "R1 drv p2 1k\nR2 p2 0 1k\n";
    const auto netlist = read_circuit(find_circuit((folder.path() / "mine.cir").string()).value());
    if (!netlist) FAIL(netlist.error().message);
    CHECK(netlist.value().find_element("R2"));
    CHECK(kind_of(netlist.value()).value() == CircuitKind::output);

    // What ships is found from wherever it is asked for, and a file of the user's own where it says.
    fs::create_directory(folder.path() / "models");
    std::ofstream{folder.path() / "mine.cir"} << "* mine\n.include models/stage.lib\nX1 drv p2 stage\nRp3 p3 0 1t\n.end\n";
    std::ofstream{folder.path() / "models" / "stage.lib"} << ".include opamp.lib\n.include part.lib\n.subckt stage in out\nXa in o o 0 opamp\nR1 o out {ohms}\n.ends\n";
    std::ofstream{folder.path() / "models" / "part.lib"} << ".param ohms=47\n";
    const auto deep = read_circuit(find_circuit((folder.path() / "mine.cir").string()).value());
    if (!deep) FAIL(deep.error().message);
    CHECK(deep.value().find_element("X1.R1"));
    CHECK(deep.value().find_element("X1.Xa.Rgain"));
}

TEST_CASE("the story of a netlist is what its author tells before the first part", "[bench][collection]")
{
    const std::string netlist =
        "* A title\n*\n* First sentence,\n* which goes on.\n*\n* Second paragraph:\n*   a = b\n* and after it.\n* topology: insert | unbalanced\n* pin 3 hot\n"
        "\n* No part of it.\nR1 drv p2 1\n";
    CHECK(story_of(netlist) == "First sentence, which goes on.\nSecond paragraph:\n  a = b\nand after it.");
    CHECK(without_story(netlist) == "* A title\n* topology: insert | unbalanced\n* pin 3 hot\n\n* No part of it.\nR1 drv p2 1\n");
    CHECK(stated_topologies(netlist) == std::vector<std::string>{"insert", "unbalanced"});
    CHECK(is_stated_pin3_hot(netlist));

    CHECK(story_of("* t\n\n* after an empty line\nR1 a b 1\n* not this\n") == "after an empty line");
    CHECK(story_of("* t\n* ends here\n.include x\n* not this\n") == "ends here");
    CHECK(story_of("* t\n* ends here\n\n* not this\n") == "ends here");
    CHECK(story_of("* t\r\n* with carriage\r\n* returns\r\n\r\n") == "with carriage returns");
    CHECK(story_of("* t\n* of a receiver\n* receiver\n") == "of a receiver");
    for (const auto* nothing : {"", "* t", "* t\n", "* t\nR1 a b 1\n", "* topology: insert", "\n\n\n"}) {
        CAPTURE(nothing);
        CHECK(story_of(nothing).empty());
        CHECK(without_story(nothing).size() <= std::string_view{nothing}.size());
        CHECK(stated_topologies(nothing).empty());
        CHECK_FALSE(is_stated_pin3_hot(nothing));
    }
    CHECK(without_story("* t\nR1 a b 1\n") == "* t\nR1 a b 1\n");
    CHECK(stated_topologies("* t\n* topology: \n").empty());
    CHECK_FALSE(is_stated_pin3_hot("* pin 3 hot\n* not pin 3 hot\n"));  // a title is none
}
