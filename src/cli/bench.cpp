#include "cli/command.h"
#include "instrument/instrument.h"
#include "report/listings.h"

#include <CLI/CLI.hpp>

#include <ostream>

namespace lowleg::cli {
namespace {

using instrument::Instrument;
using instrument::SettingGroup;

struct BenchArguments {
    std::string circuit;
    std::string client_name{instrument::default_client_name()};
    std::string state;
    bool json{false};
    SettingOptions settings;
};

int list(const Terminal& terminal, const BenchArguments& arguments)
{
    const auto circuits = Instrument{{}}.list_circuits();
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

int serve(const Terminal& terminal, const BenchArguments& arguments)
{
    auto settings = arguments.settings.settings();
    if (!settings) return fail(terminal, settings.error());
    const auto ready = [&](double rate) {
        terminal.out << "serving " << arguments.circuit << " as JACK client " << arguments.client_name << " at " << rate << " Hz [VIRTUAL BENCH]" << std::endl;
    };
    const Instrument instrument{std::move(settings).value(), terminal.should_stop};
    const auto served = instrument.serve_circuit(arguments.circuit, arguments.client_name, ready);
    return served ? static_cast<int>(ExitStatus::result) : fail(terminal, served.error());
}

int move_switch(const Terminal& terminal, const BenchArguments& arguments)
{
    const auto state = switch_state_of(arguments.state);
    if (!state) return fail(terminal, state.error());
    const auto moved = Instrument::switch_circuit(arguments.client_name, state.value());
    return moved ? static_cast<int>(ExitStatus::result) : fail(terminal, moved.error());
}

}  // namespace

void add_bench(CLI::App& app, const Terminal& terminal, Action& action)
{
    auto* bench = app.add_subcommand("bench", "the virtual bench: its circuits, and one of them as an audio device");
    bench->require_subcommand(1);
    bench->footer("Examples:\n  lowleg bench list\n  lowleg bench show transformer");

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
        const auto [command, a] = add("show", "a circuit's netlist, and what the fixture reads", "lowleg bench show transformer --rin 1meg", show);
        add_circuit(*command, *a);
        add_json(*command, *a);
        a->settings.add_to(*command, {SettingGroup::fixture});
    }
    {
        const auto [command, a] = add("serve", "run a circuit as a JACK client until interrupted", "lowleg bench serve transformer --name DUT", serve);
        add_circuit(*command, *a);
        add_name(*command, *a);
        a->settings.add_to(*command, {SettingGroup::fixture});
    }
    {
        const auto [command, a] = add("switch", "move the switch of a served circuit", "lowleg bench switch loaded --name DUT", move_switch);
        command->add_option("state", a->state, "through, loaded, grounded or lifted")->type_name("STATE")->required();
        add_name(*command, *a);
    }
}

}  // namespace lowleg::cli
