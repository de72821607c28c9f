#include "cli/command.h"
#include "instrument/instrument.h"
#include "instrument/predict_connection.h"
#include "report/measurement_json.h"
#include "report/measurement_text.h"
#include "report/predict_json.h"
#include "report/predict_text.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>
#include <string>

namespace lowleg::cli {
namespace {

struct PredictArguments {
    std::string from;
    std::string load;
    bool unbalanced{false};
    bool json{false};
    std::string input;
    std::string cable;
    std::string ground;
    std::string cmrr;
    std::string csv;
    bool explain{false};
};

int connection(const Terminal& terminal, const PredictArguments& arguments)
{
    const auto result = instrument::predict_connection({arguments.from, arguments.input, arguments.cable, arguments.ground, arguments.cmrr});
    if (!result) return fail(terminal, result.error());
    if (const auto written = instrument::Instrument::export_measurement(result.value(), arguments.csv, {}); !written) return fail(terminal, written.error());
    terminal.out << (arguments.json ? report::measurement_json(result.value()) : report::measurement_text(result.value(), terminal.style, arguments.explain));
    return ExitStatus::result;
}

int predict(const Terminal& terminal, const PredictArguments& arguments)
{
    if (!arguments.input.empty()) return connection(terminal, arguments);
    if (arguments.load.empty()) return fail(terminal, {"there is nothing to predict for: give --load R[,C], or --input NAME|FILE for the rejection of the whole connection", ErrorKind::usage});
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
    auto* command = app.add_subcommand("predict", "tell the levels at another input, or the rejection of a whole connection");
    command->description("With --load: the levels that an identified output gives into another input, against those in the state \"through\".\n"
                         "With --input: common-mode rejection and hum of output, cable and input together.");
    command->add_option("--from", a.from, "what \"lowleg identify --json\" printed; for --input better what \"lowleg measure balance --json\" printed")->type_name("RESULT.json")->required();
    auto* load = command->add_option("--load", a.load, "the input: ohms from each leg to ground, and a capacitance beside them (farads with a suffix, or pF)")->type_name("R[,C]");
    command->add_flag("--unbalanced", a.unbalanced, "an unbalanced input: the load from pin 2 to ground, pin 3 wired as the result advises")->needs(load);
    auto* input = command->add_option("--input", a.input, "an input: what \"lowleg measure input --json\" printed, a receiver of the virtual bench, a netlist, or ohms per leg")
                      ->type_name("FILE.json|NAME|FILE.cir|R[,C]")
                      ->excludes(load);
    command->add_option("--cable", a.cable, "cable: metres; pF per metre from wire to shield (82); by how many per cent pin 3's wire has more (±2)")->type_name("M[,PF[,PERCENT]]")->needs(input);
    command->add_option("--ground", a.ground, "rms volts between the grounds (0.1), and the mains' frequency (50)")->type_name("V[,HZ]")->needs(input);
    command->add_option("--cmrr", a.cmrr, "the input's own rejection with its legs tied, where the input was measured")->type_name("DB")->needs(input);
    command->add_option("--csv", a.csv, "write figures and curves to this file, too")->type_name("FILE")->needs(input);
    command->add_flag("--explain", a.explain, "say how every figure is defined")->needs(input);
    command->add_flag("--json", a.json, "one JSON object on standard output");
    command->footer("Examples:\n"
                    "  lowleg identify --bench cross-coupled --json > result.json\n"
                    "  lowleg predict --from result.json --load 600\n"
                    "  lowleg predict --from result.json --load 10k,10n --unbalanced\n"
                    "  lowleg measure balance --bench inverter --json > output.json\n"
                    "  lowleg measure input --bench receiver-ina134 --json > input.json\n"
                    "  lowleg predict --from output.json --input input.json --cable 20 --ground 0.1\n"
                    "What the result did not measure is given as a range, with what it costs.");
    command->callback([arguments, &terminal, &action] { action = [arguments, &terminal] { return predict(terminal, *arguments); }; });
}

}  // namespace lowleg::cli
