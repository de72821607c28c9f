#include "bench/virtual_bench.h"

#include "bench/rt/simulated_interface.h"
#include "circuit/linear_circuit.h"
#include "circuit/netlist.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowleg::bench {
namespace {

using circuit::Capacitor;
using circuit::Element;
using circuit::LinearCircuit;
using circuit::Netlist;
using circuit::Node;
using circuit::Resistor;
using circuit::SampledModel;
using circuit::VoltageSource;

// Contacts of a good switch, and of an open one as little as keeps a pin that is on nothing at a voltage at all.
constexpr double closed_ohms = 20e-3;
constexpr double open_ohms = 1e12;

// Names with a blank: no netlist can have them.
constexpr std::string_view drive_name = "bench drive";
constexpr std::string_view probe_name = "bench probe";
constexpr std::string_view i3_name = "bench i3";

/// What the bench needs of a netlist, said in the netlist's terms.
Status check_nodes(const Netlist& netlist)
{
    for (const auto* name : {"drv", "p2", "p3"})
        if (!netlist.find_node(name))
            return Error{netlist.source + " has no node \"" + name + "\": the bench drives node drv and reads the output's pins at p2 and p3" +
                         (std::string_view{name} == "p3" ? " (a pin that is not connected: \"Rp3 p3 0 1t\")" : "")};
    const auto drv = *netlist.find_node("drv");
    for (const auto& e : netlist.elements) {
        const auto* v = std::get_if<VoltageSource>(&e.part);
        if (v != nullptr && ((v->plus == drv && v->minus == 0) || (v->minus == drv && v->plus == 0)))
            return Error{netlist.place_of(e) + ": " + e.name + " is a source at drv, which the bench itself drives: remove it"};
    }
    return Done{};
}

/// The DUT with interface and fixture around it (core/fixture.h), the switch in one state. The same elements in every
/// state, only the resistances of the contacts differ: so the state of the running circuit keeps its meaning.
Netlist with_fixture(Netlist netlist, const Fixture& f, SwitchState state)
{
    const auto add = [&](std::string name, auto part) { netlist.elements.push_back({"bench " + std::move(name), 0, part}); };
    const auto drv = *netlist.find_node("drv");
    const auto p2 = *netlist.find_node("p2");
    const auto p3 = *netlist.find_node("p3");
    const Node i2 = p2;
    const auto i3 = netlist.add_node(std::string{i3_name});
    const auto z = netlist.add_node("bench z");

    add("drive", VoltageSource{drv, 0, 0.0, {}});
    if (f.rs.value() > 0.0) {
        const auto probe = netlist.add_node("bench probe");
        add("probe", VoltageSource{probe, 0, 0.0, {}});
        add("Rs", Resistor{probe, z, f.rs.value()});
    } else {
        add("probe", VoltageSource{z, 0, 0.0, {}});
    }
    if (f.probe) {
        add("Rp2", Resistor{z, i2, f.probe->rp2.value()});
        add("Rp3", Resistor{z, i3, f.probe->rp3.value()});
    }
    add("Rin2", Resistor{i2, 0, f.rin2.value()});
    add("Rin3", Resistor{i3, 0, f.rin3.value()});
    if (f.cin.value() > 0.0) {
        add("Cin2", Capacitor{i2, 0, f.cin.value()});
        add("Cin3", Capacitor{i3, 0, f.cin.value()});
    }
    add("switch", Resistor{p3, i3, state == SwitchState::lifted ? open_ohms : closed_ohms});
    const double to_ground = state == SwitchState::loaded ? f.rg.value() : state == SwitchState::grounded ? closed_ohms : open_ohms;
    add("Rg", Resistor{p3, 0, to_ground});
    return netlist;
}

Status check_interface(const InterfaceModel& m, double sample_rate_hz)
{
    const auto usage = [](std::string message) { return Error{std::move(message), ErrorKind::usage}; };
    if (!(std::abs(m.full_scale.value()) <= 100.0))
        return usage("the simulated interface's full scale cannot be " + format_number(m.full_scale.value()) + " dBu: give −100 to 100 dBu");
    if (!(m.noise.value() <= 0.0))
        return usage("the simulated noise cannot be " + format_number(m.noise.value()) + " dBFS: give 0 dBFS or less");
    if (m.hum && !(m.hum->value() <= 0.0))
        return usage("the simulated hum cannot be " + format_number(m.hum->value()) + " dBFS: give 0 dBFS or less");
    if (m.hum && !(m.hum_frequency.value() > 0.0 && m.hum_frequency.value() < sample_rate_hz / 2.0))
        return usage("the simulated hum cannot have " + format_number(m.hum_frequency.value()) + " Hz: give a mains frequency such as 50 or 60 Hz");
    if (m.delay_frames < 0 || static_cast<double>(m.delay_frames) > 10.0 * sample_rate_hz)
        return usage("the simulated converters cannot be " + std::to_string(m.delay_frames) + " frames late: give 0 frames to 10 s of them");
    return Done{};
}

}  // namespace

struct VirtualBench::Impl {
    std::vector<LinearCircuit> circuits;  ///< By SwitchState, as are the models.
    std::vector<SampledModel> models;
    std::vector<double> state;
    std::vector<float> delay_line;
    std::vector<std::string> notes;
    double gain_ratio{};
    Frames delay;
    std::optional<rt::SimulatedInterface> interface;
    std::atomic<SwitchState> wanted{SwitchState::through};
    std::atomic<SwitchState> taken{SwitchState::through};
    static_assert(std::atomic<SwitchState>::is_always_lock_free);
};

VirtualBench::VirtualBench(std::unique_ptr<Impl> impl) noexcept : impl_{std::move(impl)} {}
VirtualBench::~VirtualBench() = default;

Result<std::unique_ptr<VirtualBench>> VirtualBench::build(const CircuitText& text, const Fixture& fixture,
                                                          const InterfaceModel& interface, double sample_rate_hz)
{
    if (auto status = fixture.check(); !status) return status.error();
    auto netlist = circuit::parse_netlist(text.netlist, text.name);
    if (!netlist) return netlist.error();
    if (auto status = check_nodes(netlist.value()); !status) return status.error();

    auto impl = std::make_unique<Impl>();
    for (const auto& note : netlist.value().notes)
        impl->notes.push_back(text.name + ", line " + std::to_string(note.line) + ": " + note.text);
    impl->gain_ratio = fixture.gain_ratio;
    constexpr std::array sources{drive_name, probe_name};
    constexpr std::array<std::string_view, 2> outputs{"p2", i3_name};
    for (const auto state : all_switch_states) {
        auto circuit = LinearCircuit::build(with_fixture(netlist.value(), fixture, state), sources, outputs);
        if (!circuit) return circuit.error();
        auto model = circuit.value().sampled(sample_rate_hz);
        if (!model) {
            auto error = model.error();
            if (error.kind == ErrorKind::failure) error.message += " (pin 3 " + std::string{name_of(state)} + ")";
            return error;
        }
        impl->circuits.push_back(std::move(circuit).value());
        impl->models.push_back(std::move(model).value());
    }
    if (auto status = check_interface(interface, sample_rate_hz); !status) return status.error();

    const auto& through = impl->models.front();
    impl->delay = Frames{through.delay_frames + interface.delay_frames};
    impl->state.assign(circuit::rt::LinearStepper::storage_for(through.shape), 0.0);
    std::copy(through.rest.begin(), through.rest.end(), impl->state.begin());
    impl->delay_line.assign(2 * static_cast<std::size_t>(interface.delay_frames), 0.0F);

    rt::InterfaceSetup setup;
    setup.shape = through.shape;
    for (std::size_t s = 0; s < setup.matrices.size(); ++s) setup.matrices[s] = impl->models[s].matrices();
    setup.state = impl->state;
    setup.delay_line = impl->delay_line;
    setup.volts_per_unit = std::numbers::sqrt2 * interface.full_scale.volts().value();
    setup.units_per_volt = {1.0 / setup.volts_per_unit, fixture.gain_ratio / setup.volts_per_unit};
    // White up to half the rate, of which the level counts what lies between 20 Hz and 20 kHz.
    const double in_band = std::min(1.0, (20e3 - 20.0) / (sample_rate_hz / 2.0));
    setup.noise_rms = sine_peak(interface.noise) / std::numbers::sqrt2 / std::sqrt(in_band);
    if (interface.hum) {
        const double radians = 2.0 * std::numbers::pi * interface.hum_frequency.value() / sample_rate_hz;
        setup.hum_peak = sine_peak(*interface.hum);
        setup.hum_cos = std::cos(radians);
        setup.hum_sin = std::sin(radians);
        setup.hum_harmonics = static_cast<int>(std::min(10.0, std::ceil(std::numbers::pi / radians) - 1.0));
    }
    setup.seed = interface.seed;
    impl->interface.emplace(setup);
    return std::unique_ptr<VirtualBench>{new VirtualBench{std::move(impl)}};
}

void VirtualBench::request_state(SwitchState state) noexcept { impl_->wanted.store(state, std::memory_order_release); }
SwitchState VirtualBench::state() const noexcept { return impl_->taken.load(std::memory_order_acquire); }
Frames VirtualBench::delay() const noexcept { return impl_->delay; }
const std::vector<std::string>& VirtualBench::notes() const noexcept { return impl_->notes; }

void VirtualBench::process(const float* drive, const float* probe, float* i2, float* i3, std::uint32_t frames) LOWLEG_REALTIME
{
    const auto state = impl_->wanted.load(std::memory_order_acquire);
    impl_->taken.store(state, std::memory_order_release);
    impl_->interface->process(state, drive, probe, i2, i3, frames);
}

std::array<Complex, 2> VirtualBench::response(SwitchState state, Hertz frequency, bool to_probe) const
{
    // Outputs and inputs have the same full scale, so over the played phasor no volts remain.
    const auto response = impl_->circuits[static_cast<std::size_t>(state)].response(frequency);
    if (!response) return {Complex{std::numeric_limits<double>::quiet_NaN()}, Complex{std::numeric_limits<double>::quiet_NaN()}};
    const std::size_t input = to_probe ? 1 : 0;
    return {response.value()[input], impl_->gain_ratio * response.value()[2 + input]};
}

}  // namespace lowleg::bench
