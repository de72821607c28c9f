// A measured output, a cable and a measured input against whole connections of the virtual bench, which are solved as one circuit.
#include "cli/run.h"
#include "support/temporary_folder.h"

#include <nlohmann/json.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace lowleg;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

struct Outcome {
    int status{};
    std::string out;
    std::string err;
};

Outcome run(std::vector<std::string> words)
{
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    const int status = cli::run(std::move(words), {.in = in, .out = out, .err = err, .style = {}, .err_is_terminal = false, .should_stop = {}});
    return {status, out.str(), err.str()};
}

json result_of(std::vector<std::string> words)
{
    words.emplace_back("--json");
    const auto outcome = run(std::move(words));
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    return json::parse(outcome.out);
}

std::filesystem::path written(const std::filesystem::path& file, const std::string& text)
{
    std::ofstream{file} << text;
    return file;
}

/// A shipped connection taken apart at its cable.
struct Halves {
    std::string output;
    std::string receiver;
};
Halves halves_of(const std::string& name)
{
    std::ifstream in{std::filesystem::path{LOWLEG_SOURCE_DIR} / "src/bench/circuits" / (name + ".cir")};
    REQUIRE(in);
    std::string includes;
    Halves parts;
    bool is_behind = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with(".include")) includes += line + "\n";
        if (line.empty() || line.starts_with("*") || line.starts_with(".")) continue;
        if (line.starts_with("Xcable")) {
            is_behind = true;
            continue;
        }
        (is_behind ? parts.receiver : parts.output) += line + "\n";
    }
    // Before the cable the pins are called s2 and s3.
    parts.output = std::regex_replace(parts.output, std::regex{R"(\bs([23])\b)"}, "p$1");
    return {"* the output alone\n*\n* topology: unbalanced\n" + includes + parts.output + ".end\n", "* the receiver alone\n*\n* receiver\n" + includes + parts.receiver + ".end\n"};
}

const json& named(const json& figures, const std::string& name)
{
    const auto at = std::ranges::find(figures, name, [](const json& f) { return f.at("name").get<std::string>(); });
    REQUIRE(at != figures.end());
    return *at;
}

void check_error(const Outcome& outcome, const std::string& part)
{
    CAPTURE(outcome.out, outcome.err);
    CHECK(outcome.status != 0);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.starts_with("lowleg: "));
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
    CHECK_THAT(outcome.err, ContainsSubstring(part));
}

}  // namespace

TEST_CASE("output, cable and input, measured apart, predict what the whole connection does", "[cli][predict][numbers]")
{
    const test::TemporaryFolder folder;
    for (const std::string name : {"connection-inverter-ina134", "connection-impedance-balanced-ingenius", "connection-transformer-resistors", "connection-wrong-resistor",
                                   "connection-unbalanced"}) {
        CAPTURE(name);
        const auto halves = halves_of(name);
        const auto output = written(folder.path / "output.cir", halves.output);
        const auto receiver = written(folder.path / "receiver.cir", halves.receiver);
        const auto from = written(folder.path / "output.json", result_of({"measure", "balance", "--bench", output.string()}).dump());
        const auto into = written(folder.path / "input.json", result_of({"measure", "input", "--bench", receiver.string()}).dump());
        // cable.lib: 20 m, 82 pF/m, pin 3 with 1.67 against 1.64 nF.
        const auto predicted = result_of({"predict", "--from", from.string(), "--input", into.string(), "--cable", "20,82,1.83"});

        const auto whole = result_of({"bench", "show", name});
        const auto& readings = whole.at("readings");
        const auto truth = std::ranges::find(readings, 1000.0, [](const json& r) { return r.at("frequency_hz").get<double>(); });
        REQUIRE(truth != readings.end());
        // There 1 V of noise is 1 mA into each wire. Behind 22 µF the legs differ by 0.03 Ω between 986 Hz and 1 kHz: within every interval here.
        const double true_ohms = 1e3 * std::pow(10.0, truth->at("noise_differential_db").get<double>() / 20.0);
        const auto& field = named(predicted.at("figures"), "field_ohm");
        CAPTURE(true_ohms, field.dump());
        if (field.at("bound") == "at-most") CHECK(true_ohms <= field.at("value").get<double>());
        else CHECK(std::abs(field.at("value").get<double>() - true_ohms) <= field.at("uncertainty").get<double>());
        // The same as a rejection of both pins' voltage: what the bench has as "between" less "on both".
        const double true_rejection = truth->at("noise_common_db").get<double>() - truth->at("noise_differential_db").get<double>();
        if (field.at("bound") != "at-most") {
            const double relative = field.at("uncertainty").get<double>() / field.at("value").get<double>();
            CHECK(std::abs(named(predicted.at("figures"), "field_rejection_db").at("value").get<double>() - true_rejection) <= 0.01 + 8.686 * relative);
        }
    }
}

TEST_CASE("what is no output and no input is refused in one line", "[cli][predict]")
{
    const test::TemporaryFolder folder;
    const auto output = written(folder.path / "output.json", result_of({"measure", "balance", "--bench", "impedance-balanced"}).dump()).string();
    const auto level = written(folder.path / "level.json", result_of({"measure", "level", "--bench", "impedance-balanced"}).dump()).string();
    const auto text = written(folder.path / "text.json", "no JSON").string();
    const auto none = (folder.path / "none.json").string();
    for (const auto& from : {level, text, none}) check_error(run({"predict", "--from", from, "--input", "10k"}), std::filesystem::path{from}.filename().string());
    for (const auto& into : {level, text, none}) check_error(run({"predict", "--from", output, "--input", into}), "");
    check_error(run({"predict", "--from", output, "--input", "10k", "--cable", "-3"}), "cable");
    check_error(run({"predict", "--from", output, "--input", "10k", "--ground", "loud"}), "ground");
    check_error(run({"predict", "--from", output, "--input", "impedance-balanced"}), "");
    check_error(run({"predict", "--from", output}), "");
}
