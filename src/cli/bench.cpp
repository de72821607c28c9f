#include "cli/command.h"
#include "instrument/instrument.h"
#include "report/bench_report.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <utility>
#include <vector>

namespace lowleg::cli {
namespace {

using instrument::Instrument;
using instrument::SettingGroup;

struct BenchArguments {
    std::string circuit;
    std::string client_name{instrument::default_client_name()};
    std::string position;
    std::vector<std::string> pairs;
    std::int64_t draws{1000};
    bool json{false};
    SettingOptions settings;
};

int list(const Terminal& terminal, const BenchArguments& arguments)
{
    const auto circuits = Instrument::list_circuits();
    terminal.out << (arguments.json ? report::bench_list_json(circuits) : report::bench_list_text(circuits, terminal.style));
    return ExitStatus::result;
}

int show(const Terminal& terminal, const BenchArguments& arguments)
{
    auto settings = arguments.settings.settings();
    if (!settings) return fail(terminal, settings.error());
    const auto circuit = Instrument{std::move(settings).value()}.show_circuit(arguments.circuit);
    if (!circuit) return fail(terminal, circuit.error());
    terminal.out << (arguments.json ? report::bench_show_json(circuit.value()) : report::bench_show_text(circuit.value(), terminal.style));
    return ExitStatus::result;
}

int spread(const Terminal& terminal, const BenchArguments& arguments)
{
    auto settings = arguments.settings.settings();
    if (!settings) return fail(terminal, settings.error());
    const Instrument instrument{std::move(settings).value(), terminal.should_stop};
    const auto circuit = instrument.spread_circuit(arguments.circuit, static_cast<std::size_t>(std::max<std::int64_t>(0, arguments.draws)));
    if (!circuit) return fail(terminal, circuit.error());
    if (arguments.json) report::write_bench_spread_json(terminal.out, circuit.value());
    else terminal.out << report::bench_spread_text(circuit.value(), terminal.style);
    return ExitStatus::result;
}

int serve(const Terminal& terminal, const BenchArguments& arguments)
{
    auto settings = arguments.settings.settings();
    if (!settings) return fail(terminal, settings.error());
    const auto ready = [&](double rate) {
        terminal.out << "serving " << arguments.circuit << " as JACK client " << arguments.client_name << " at " << rate << " Hz [VIRTUAL BENCH]" << std::endl;
    };
    const auto on_trouble = [&](const std::string& trouble) { terminal.err << "lowleg: " << trouble << std::endl; };
    const Instrument instrument{std::move(settings).value(), terminal.should_stop};
    const auto served = instrument.serve_circuit(arguments.circuit, arguments.client_name, ready, on_trouble);
    return served ? static_cast<int>(ExitStatus::result) : fail(terminal, served.error());
}

int move_switch(const Terminal& terminal, const BenchArguments& arguments)
{
    const auto moved = Instrument::switch_circuit(arguments.client_name, arguments.position);
    return moved ? static_cast<int>(ExitStatus::result) : fail(terminal, moved.error());
}

int set(const Terminal& terminal, const BenchArguments& arguments)
{
    std::vector<std::pair<std::string, std::string>> settings;
    for (const auto& pair : arguments.pairs) {
        const auto sign = pair.find('=');
        if (sign == std::string::npos)
            return fail(terminal, {"\"" + pair + "\" is no setting: give KEY=VALUE, such as rin=1meg", ErrorKind::usage});
        settings.emplace_back(pair.substr(0, sign), pair.substr(sign + 1));
    }
    const auto done = Instrument::set_circuit(arguments.client_name, settings);
    return done ? static_cast<int>(ExitStatus::result) : fail(terminal, done.error());
}

}  // namespace

void add_bench(CLI::App& app, const Terminal& terminal, Action& action)
{
    auto* bench = app.add_subcommand("bench", "the virtual bench: its circuits, and one of them as an audio device");
    bench->require_subcommand(1);
    bench->footer("Examples:\n  lowleg bench list\n  lowleg bench show transformer\n  lowleg bench spread ./my-output.cir");

    const auto add = [&](const char* name, const char* description, const char* example,
                         int (*perform)(const Terminal&, const BenchArguments&)) {
        auto arguments = std::make_shared<BenchArguments>();
        auto* command = bench->add_subcommand(name, description);
        command->footer(std::string{"Example:\n  "} + example);
        command->callback([arguments, perform, &terminal, &action] {
            action = [arguments, perform, &terminal] { return perform(terminal, *arguments); };
        });
        return std::pair{command, arguments};
    };
    const auto add_json = [](CLI::App& command, BenchArguments& a) { command.add_flag("--json", a.json, "one JSON object on standard output"); };
    const auto add_circuit = [](CLI::App& command, BenchArguments& a) {
        command.add_option("circuit", a.circuit, "circuit that ships, or a netlist file")->type_name("NAME|FILE.cir")->required();
    };
    const auto add_name = [](CLI::App& command, BenchArguments& a) {
        command.add_option("--name", a.client_name, "name as a JACK client (default " + a.client_name + ")")->type_name("CLIENT");
    };

    {
        const auto [command, a] = add("list", "the circuits that ship", "lowleg bench list", list);
        add_json(*command, *a);
    }
    {
        const auto [command, a] = add("show", "a circuit's story, its netlist, and what it reads on the bench", "lowleg bench show transformer --rin 1meg", show);
        add_circuit(*command, *a);
        add_json(*command, *a);
        a->settings.add_to(*command, {SettingGroup::fixture});
        a->settings.add_to(*command, "gain-mismatch");
    }
    {
        const auto [command, a] = add("spread", "how far a circuit's readings scatter with its parts", "lowleg bench spread inverter --n 5000 --rp none", spread);
        command->description("Draws every part within its tolerance, over and over, and solves each circuit for small signals: levels, steps, CMRR, rejection.\n"
                             "Each value is uniform within its tolerance, stated in the netlist at the end of its line (\"; tol 1%\"); without one,\n"
                             "resistors have 1 %, capacitors 10 %, inductors 20 %, and everything else is exact.");
        add_circuit(*command, *a);
        command->add_option("--n", a->draws, "circuits to draw (1 to 100000; default 1000)")->type_name("N");
        a->settings.add_to(*command, "seed");
        command->add_flag("--json", a->json, "one JSON object on standard output, with every draw");
        a->settings.add_to(*command, {SettingGroup::fixture});
        a->settings.add_to(*command, "gain-mismatch");
    }
    {
        const auto [command, a] = add("serve", "run a circuit as a JACK client until interrupted", "lowleg bench serve transformer --name DUT --noise -95", serve);
        add_circuit(*command, *a);
        add_name(*command, *a);
        a->settings.add_to(*command, {SettingGroup::fixture, SettingGroup::simulation});
    }
    {
        const auto [command, a] = add("switch", "move the switch of a served circuit", "lowleg bench switch loaded --name DUT", move_switch);
        command->add_option("position", a->position, "through, loaded, grounded or lifted; of a receiver separate, common, common-leg-2, common-leg-3 or exchanged")
            ->type_name("STATE|FEED")
            ->required();
        add_name(*command, *a);
    }
    {
        const auto [command, a] = add("set", "change what surrounds a served circuit while it runs", "lowleg bench set rin=1meg hum=-60 --name DUT", set);
        std::string keys;
        for (const auto& row : instrument::settings_table())
            if (row.group == SettingGroup::fixture || row.group == SettingGroup::simulation) keys += (keys.empty() ? "" : ", ") + std::string{row.name};
        command->description("Changes what surrounds a served circuit while it runs, all at once or not at all.\nKeys: " + keys +
                             ".\nTheir values are those of the options of \"lowleg bench serve --help\".");
        command->add_option("settings", a->pairs, "settings and their values")->type_name("KEY=VALUE")->required();
        add_name(*command, *a);
    }
}

}  // namespace lowleg::cli
