#include "files/json_text.h"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>

using lowleg::Complex;
using lowleg::files::Json;

TEST_CASE("JSON keeps order, precision and honesty", "[files][json]")
{
    auto json = Json::object({{"b", 1}, {"a", 0.1}, {"z", Complex{1.5, -2.0}}, {"none", std::optional<double>{}},
                              {"some", std::optional<double>{3.0}}, {"yes", true}, {"text", "Ω \"quoted\"\n"}});
    json.add("nan", std::nan(""));
    json.add("inf", -std::numeric_limits<double>::infinity());
    auto list = Json::array();
    list.push_back(std::int64_t{1} << 40U);
    list.push_back("x");
    json.add("list", list);
    CHECK(json.text(-1) == R"({"b":1,"a":0.1,"z":[1.5,-2.0],"none":null,"some":3.0,"yes":true,"text":"Ω \"quoted\"\n",)"
                           R"("nan":null,"inf":null,"list":[1099511627776,"x"]})");
    CHECK(Json::object().text(-1) == "{}");
    CHECK(Json::array().text(-1) == "[]");
    CHECK(Json{}.text() == "null");
    CHECK(Json{"\xff"}.text(-1) == "\"\xEF\xBF\xBD\"");
}
