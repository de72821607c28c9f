#include "bench/virtual_bench.h"

#include "bench/interface_setup.h"
#include "bench/lines.h"
#include "bench/noise_table.h"
#include "bench/rt/simulated_interface.h"
#include "bench/running_circuits.h"
#include "bench/wiring.h"

#include <atomic>
#include <limits>
#include <mutex>
#include <utility>

namespace lowleg::bench {
namespace {

bool is_same_wiring(const Fixture& a, const Fixture& b)
{
    const bool same_probe = a.probe && b.probe ? a.probe->rp2 == b.probe->rp2 && a.probe->rp3 == b.probe->rp3 : !a.probe && !b.probe;
    return same_probe && a.rin2 == b.rin2 && a.rin3 == b.rin3 && a.cin == b.cin && a.rg == b.rg && a.rs == b.rs;
}

std::string sentence_for(rt::Trouble trouble, const std::string& source, const std::string& where)
{
    const auto muted = source + " is muted (" + where + "): ";
    switch (trouble) {
    case rt::Trouble::none: break;
    case rt::Trouble::latched_at_rest:
        return muted + "it latches up, for nothing holds its voltages where they rest; move the switch, or look for positive feedback of 1 or more";
    case rt::Trouble::latched:
        return muted + "it has latched up, an output stands at a DC voltage and no longer follows what drives it; move the switch to start it "
                       "anew, or drive it with less level";
    case rt::Trouble::does_not_converge:
        return muted + "it does not converge, no voltages were found that agree with all its laws; move the switch to start it anew, or look for "
                       "laws that jump";
    case rt::Trouble::diverged:
        return muted + "it diverges, its voltages have left every bound; move the switch to start it anew, or look for positive feedback";
    }
    return {};
}

}  // namespace

std::string_view name_of(Feed feed) noexcept
{
    switch (feed) {
    case Feed::separate: return "separate";
    case Feed::common: return "common";
    case Feed::common_leg2: return "common-leg-2";
    case Feed::common_leg3: return "common-leg-3";
    case Feed::exchanged: return "exchanged";
    }
    return "?";
}

Result<Feed> feed_of(std::string_view name)
{
    for (const auto feed : all_feeds)
        if (name == name_of(feed)) return feed;
    return Error{"\"" + std::string{name} + "\" is not a feed of a receiver: use separate, common, common-leg-2, common-leg-3 or exchanged", ErrorKind::usage};
}

struct VirtualBench::Impl {
    /// What the audio thread has, or will have when it takes the change that waits for it.
    struct Surroundings {
        RunningCircuits* circuits{};
        LineSpec playing, capture;
    };

    Impl(circuit::Netlist read, CircuitKind its_kind, double rate) : netlist{std::move(read)}, kind{its_kind}, sample_rate_hz{rate} {}

    // ------------------------------------------------------------------------------------------------------ control thread

    /// Frees what the audio thread is done with.
    void sweep()
    {
        std::erase_if(circuits, [](const auto& c) { return c->running().is_spent.load(std::memory_order_acquire); });
        std::erase_if(lines, [](const auto& l) { return l->line->is_spent.load(std::memory_order_acquire); });
        std::erase_if(changes, [](const auto& c) { return c->is_spent.load(std::memory_order_acquire); });
    }

    rt::Line* add_line(const LineSpec& spec, const InterfaceModel& model)
    {
        if (spec.is_straight()) return nullptr;
        return lines.emplace_back(make_line(spec, capture_runs_ahead(model), sample_rate_hz))->line.get();
    }

    /// Offers the surroundings to the audio thread. \param fresh  none: the circuits stay as they are.
    void publish(const Fixture& f, const InterfaceModel& m, std::unique_ptr<RunningCircuits> fresh)
    {
        // A change that was not taken yet is taken back, and what it brought goes into this one.
        rt::Change* const waiting = offered.exchange(nullptr, std::memory_order_acq_rel);
        if (waiting == nullptr) taken = latest;

        auto change = std::make_unique<rt::Change>();
        change->setup = setup_of(m, f.gain_ratio, sample_rate_hz);
        if (fresh) {
            fresh->go_on_from(*taken.circuits);
            circuits.push_back(std::move(fresh));
            latest.circuits = circuits.back().get();
        }
        if (latest.circuits != taken.circuits) change->circuits = &latest.circuits->running();
        latest.playing = playing_line(m);
        latest.capture = capture_line(m);
        change->has_playing = latest.playing != taken.playing;
        change->has_capture = latest.capture != taken.capture;
        if (change->has_playing) change->playing = add_line(latest.playing, m);
        if (change->has_capture) change->capture = add_line(latest.capture, m);

        if (waiting != nullptr) {
            if (waiting->circuits != nullptr && waiting->circuits != change->circuits) waiting->circuits->is_spent.store(true);
            for (auto* line : {waiting->playing, waiting->capture})
                if (line != nullptr) line->is_spent.store(true);
            waiting->is_spent.store(true);
        }
        sweep();
        changes.push_back(std::move(change));
        fixture = f;
        interface = m;
        delay.store(latest.circuits->delay_frames() + m.delay_frames);
        offered.store(changes.back().get(), std::memory_order_release);
    }

    // ---------------------------------------------------------------------------------------------------------- any thread

    [[nodiscard]] std::array<Complex, 2> response(std::size_t position, Hertz frequency, bool to_output_2) const
    {
        constexpr Complex none{std::numeric_limits<double>::quiet_NaN()};
        if (position >= positions_of(kind)) return {none, none};
        std::unique_lock lock{mutex};
        const auto circuit = latest.circuits->circuit(position);
        const auto gain_ratio = fixture.gain_ratio;
        const auto coupling = interface.ac_coupling;
        const auto wrong = interface.wrong_moves;
        lock.unlock();
        // Outputs and inputs have the same full scale, so over the played phasor no volts remain.
        const auto response = circuit.response(frequency);
        if (!response) return {none, none};
        if (wrong.muted && !to_output_2) return {Complex{}, Complex{}};
        const std::size_t input = to_output_2 ? 1 : 0;
        const auto in1 = coupling_gain(coupling[0], frequency) * response.value()[input];
        return {in1, wrong.same_channel ? in1 : gain_ratio * coupling_gain(coupling[1], frequency) * response.value()[2 + input]};
    }

    const circuit::Netlist netlist;
    const CircuitKind kind;
    const double sample_rate_hz;
    std::vector<std::string> notes;
    bool is_linear{true};

    mutable std::mutex mutex;  // never taken by the audio thread; guards what stands here
    Fixture fixture;
    InterfaceModel interface;
    Surroundings latest, taken;
    std::vector<std::unique_ptr<RunningCircuits>> circuits;
    std::vector<std::unique_ptr<StoredLine>> lines;
    std::vector<std::unique_ptr<rt::Change>> changes;

    // What the threads share.
    std::atomic<rt::Change*> offered{nullptr};
    std::atomic<std::int64_t> delay{0};
    std::atomic<std::size_t> wanted{0};  ///< Positions of the switch.
    std::atomic<std::size_t> reached{0};
    struct Told {
        rt::Trouble trouble;
        std::uint8_t position;
    };
    std::atomic<Told> told{Told{rt::Trouble::none, 0}};
    static_assert(std::atomic<rt::Change*>::is_always_lock_free && std::atomic<std::size_t>::is_always_lock_free &&
                  std::atomic<Told>::is_always_lock_free);

    // ------------------------------------------------------------------------------------------------------- audio thread

    void tell() LOWLEG_REALTIME
    {
        auto& gear = simulated->gear();
        reached.store(gear.position(), std::memory_order_release);
        told.store({gear.trouble(), static_cast<std::uint8_t>(gear.position())}, std::memory_order_release);
    }

    std::optional<rt::SimulatedInterface> simulated;
};

VirtualBench::VirtualBench(std::unique_ptr<Impl> impl) noexcept : impl_{std::move(impl)} {}
VirtualBench::~VirtualBench() = default;

Result<std::unique_ptr<VirtualBench>> VirtualBench::build(const CircuitText& text, const Fixture& fixture,
                                                          const InterfaceModel& interface, double sample_rate_hz)
{
    if (auto status = fixture.check(); !status) return status.error();
    auto netlist = read_circuit(text);
    if (!netlist) return netlist.error();
    const auto kind = kind_of(netlist.value());
    if (!kind) return kind.error();
    auto circuits = RunningCircuits::build(netlist.value(), kind.value(), fixture, sample_rate_hz, interface.wrong_moves);
    if (!circuits) return circuits.error();
    if (auto status = interface.check(sample_rate_hz); !status) return status.error();

    auto impl = std::make_unique<Impl>(std::move(netlist).value(), kind.value(), sample_rate_hz);
    impl->notes = notes_of(impl->netlist);
    impl->fixture = fixture;
    impl->interface = interface;
    impl->circuits.push_back(std::move(circuits).value());
    auto& running = *impl->circuits.back();
    impl->is_linear = running.running().is_linear;
    impl->delay.store(running.delay_frames() + interface.delay_frames);
    impl->latest = impl->taken = {&running, playing_line(interface), capture_line(interface)};

    rt::Change first;
    first.setup = setup_of(interface, fixture.gain_ratio, sample_rate_hz);
    first.circuits = &running.running();
    first.playing = impl->add_line(impl->latest.playing, interface);
    first.capture = impl->add_line(impl->latest.capture, interface);
    impl->simulated.emplace(first, normal_table(), timing_at(sample_rate_hz));
    impl->tell();
    return std::unique_ptr<VirtualBench>{new VirtualBench{std::move(impl)}};
}

CircuitKind VirtualBench::kind() const noexcept { return impl_->kind; }
bool VirtualBench::is_linear() const noexcept { return impl_->is_linear; }
const std::vector<std::string>& VirtualBench::notes() const noexcept { return impl_->notes; }
Frames VirtualBench::delay() const noexcept { return Frames{impl_->delay.load()}; }

void VirtualBench::request_state(SwitchState state) noexcept
{
    if (impl_->kind == CircuitKind::output) impl_->wanted.store(static_cast<std::size_t>(state), std::memory_order_release);
}
void VirtualBench::request_feed(Feed feed) noexcept
{
    if (impl_->kind == CircuitKind::receiver) impl_->wanted.store(static_cast<std::size_t>(feed), std::memory_order_release);
}
SwitchState VirtualBench::state() const noexcept
{
    return impl_->kind == CircuitKind::output ? static_cast<SwitchState>(impl_->reached.load(std::memory_order_acquire)) : SwitchState::through;
}
Feed VirtualBench::feed() const noexcept
{
    return impl_->kind == CircuitKind::receiver ? static_cast<Feed>(impl_->reached.load(std::memory_order_acquire)) : Feed::separate;
}

Status VirtualBench::set_fixture(const Fixture& fixture) { return set_surroundings(fixture, interface()); }
Status VirtualBench::set_interface(const InterfaceModel& interface) { return set_surroundings(fixture(), interface); }

Status VirtualBench::set_surroundings(const Fixture& fixture, const InterfaceModel& interface)
{
    if (auto status = fixture.check(); !status) return status.error();
    if (auto status = interface.check(impl_->sample_rate_hz); !status) return status.error();
    std::unique_ptr<RunningCircuits> fresh;
    if (!is_same_wiring(fixture, this->fixture()) || !interface.wrong_moves.is_same_wiring(this->interface().wrong_moves)) {
        auto built = RunningCircuits::build(impl_->netlist, impl_->kind, fixture, impl_->sample_rate_hz, interface.wrong_moves);
        if (!built) return built.error();
        fresh = std::move(built).value();
    }
    const std::lock_guard lock{impl_->mutex};
    impl_->publish(fixture, interface, std::move(fresh));
    return Done{};
}

Fixture VirtualBench::fixture() const
{
    const std::lock_guard lock{impl_->mutex};
    return impl_->fixture;
}
InterfaceModel VirtualBench::interface() const
{
    const std::lock_guard lock{impl_->mutex};
    return impl_->interface;
}

std::optional<std::string> VirtualBench::trouble() const
{
    const auto [trouble, position] = impl_->told.load(std::memory_order_acquire);
    if (trouble == rt::Trouble::none) return std::nullopt;
    return sentence_for(trouble, impl_->netlist.source, words_for(impl_->kind, position));
}

void VirtualBench::process(const float* drive, const float* probe, float* i2, float* i3, std::uint32_t frames) LOWLEG_REALTIME
{
    auto& simulated = *impl_->simulated;
    if (impl_->offered.load(std::memory_order_relaxed) != nullptr && simulated.can_take())
        if (auto* change = impl_->offered.exchange(nullptr, std::memory_order_acq_rel)) simulated.take(*change);
    simulated.gear().move_to(impl_->wanted.load(std::memory_order_acquire));
    simulated.process(drive, probe, i2, i3, frames);
    impl_->tell();
}

std::array<Complex, 2> VirtualBench::response(SwitchState state, Hertz frequency, bool to_probe) const
{
    return impl_->response(impl_->kind == CircuitKind::output ? static_cast<std::size_t>(state) : rt::max_positions, frequency, to_probe);
}
std::array<Complex, 2> VirtualBench::response(Feed feed, Hertz frequency, bool to_output_2) const
{
    return impl_->response(impl_->kind == CircuitKind::receiver ? static_cast<std::size_t>(feed) : rt::max_positions, frequency, to_output_2);
}
std::array<Complex, 2> VirtualBench::response(Hertz frequency, bool to_output_2) const
{
    return impl_->response(impl_->reached.load(std::memory_order_acquire), frequency, to_output_2);
}

}  // namespace lowleg::bench
