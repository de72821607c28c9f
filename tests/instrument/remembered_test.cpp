// What the window takes up again.
#include "instrument/remembered.h"

#include "support/temporary_folder.h"

#include <catch2/catch_test_macros.hpp>

#include <fstream>

using namespace lowleg;
using namespace lowleg::instrument;

TEST_CASE("what is remembered is recalled as it was", "[remembered]")
{
    const test::TemporaryFolder folder;
    const auto path = folder.path / "of its own" / "window.json";
    Remembered remembered;
    remembered.place = {false, "Grüße \"2\" \\ interface"};
    remembered.settings = {{"rin", "20k"}, {"in", "3,4"}};
    remembered.window = {{"theme", "light"}};
    REQUIRE(remember(path, remembered));
    const auto again = recall(path);
    REQUIRE(again);
    CHECK(again.value().place == remembered.place);
    CHECK(again.value().settings == remembered.settings);
    CHECK(again.value().window == remembered.window);
}

TEST_CASE("what is missing, damaged or of another version is not recalled", "[remembered]")
{
    const test::TemporaryFolder folder;
    CHECK_FALSE(recall(folder.path / "none.json"));
    for (const auto* text : {"", "{", "[]", "{\"schema\": \"lowleg.window/99\"}", "{\"schema\": 3}"}) {
        const auto path = folder.path / "window.json";
        std::ofstream{path} << text;
        CAPTURE(text);
        CHECK_FALSE(recall(path));
    }
    // What is of another kind than it should be is left out, the rest is taken.
    const auto path = folder.path / "window.json";
    std::ofstream{path} << R"({"schema": "lowleg.window/1", "place": 7, "settings": {"rin": 5, "cin": "100"}, "window": []})";
    const auto odd = recall(path);
    REQUIRE(odd);
    CHECK(odd.value().place == Place{});
    CHECK(odd.value().settings == std::map<std::string, std::string>{{"cin", "100"}});
}
