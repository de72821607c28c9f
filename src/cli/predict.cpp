#include "cli/command.h"
#include "instrument/instrument.h"
#include "report/predict_json.h"
#include "report/predict_text.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

namespace lowleg::cli {
namespace {

struct PredictArguments {
    std::string from;
    std::string load;
    bool unbalanced{false};
    bool json{false};
};

int predict(const Terminal& terminal, const PredictArguments& arguments)
{
    const auto prediction = instrument::Instrument::predict(arguments.from, arguments.load, arguments.unbalanced);
    if (!prediction) return fail(terminal, prediction.error());
    terminal.out << (arguments.json ? report::predict_json(prediction.value()) : report::predict_text(prediction.value(), terminal.style));
    return ExitStatus::result;
}

}  // namespace

void add_predict(CLI::App& app, const Terminal& terminal, Action& action)
{
    auto arguments = std::make_shared<PredictArguments>();
    auto& a = *arguments;
    auto* command = app.add_subcommand("predict", "tell the levels at another input");
    command->description("Tells the levels that an identified output gives into another input, against those in the state \"through\".");
    command->add_option("--from", a.from, "what \"lowleg identify --json\" printed")->type_name("RESULT.json")->required();
    command->add_option("--load", a.load, "the input: ohms from each leg to ground, and a capacitance beside them (farads with a suffix, or pF)")
        ->type_name("R[,C]")
        ->required();
    command->add_flag("--unbalanced", a.unbalanced, "an unbalanced input: the load from pin 2 to ground, pin 3 wired as the result advises");
    command->add_flag("--json", a.json, "one JSON object on standard output");
    command->footer("Examples:\n"
                    "  lowleg identify --bench cross-coupled --json > result.json\n"
                    "  lowleg predict --from result.json --load 600\n"
                    "  lowleg predict --from result.json --load 10k,10n --unbalanced\n"
                    "What the result did not measure is given as a range, with what it costs.");
    command->callback([arguments, &terminal, &action] { action = [arguments, &terminal] { return predict(terminal, *arguments); }; });
}

}  // namespace lowleg::cli
