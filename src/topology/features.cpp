#include "topology/features.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lowleg::topology {
namespace {

constexpr double quietest_db = -100.0;

double relative_sigma(const ComplexEstimate& e) { return e.sigma / std::max(std::abs(e.value), 1e-300); }

bool is_heard(const ComplexEstimate& e) { return std::abs(e.value) > std::max(6.0 * e.sigma, 1e-5); }

double lg(double x) { return gain_of(x).value() / 20.0; }

/// Level of `a` over `b`, dB.
Feature ratio_db(const ComplexEstimate& a, const ComplexEstimate& b, Hertz f, double tolerance = 0.0)
{
    return {gain_of(std::abs(a.value) / std::max(std::abs(b.value), 1e-300)).value(),
            db_per_neper * std::hypot(relative_sigma(a), relative_sigma(b), tolerance), f};
}

const FrequencyObservation* nearest(const std::vector<FrequencyObservation>& at, Hertz f)
{
    const auto found = std::min_element(at.begin(), at.end(), [&](const auto& a, const auto& b) {
        return std::abs(std::log(a.frequency / f)) < std::abs(std::log(b.frequency / f));
    });
    return found == at.end() ? nullptr : &*found;
}

class Extractor {
public:
    Extractor(const Observations& o, const std::vector<TwoPort>& two_ports) : o_{o}, two_ports_{two_ports} {}

    Features extract()
    {
        if (o_.at.empty()) return out_;
        listen();
        if (!out_.drive_heard || out_.pin2_silent) return out_;
        find_carried();
        compare_legs();
        steps();
        impedances();
        return out_;
    }

private:
    [[nodiscard]] const InputReading* drive(const FrequencyObservation& at, SwitchState s) const
    {
        const auto found = at.drive.find(s);
        return found == at.drive.end() ? nullptr : &found->second;
    }
    // Of the tones that pin 2 carries well: a crossover or a subwoofer output passes some, and the noise of the others is no step.
    [[nodiscard]] const FrequencyObservation& low() const { return *carried_.front(); }
    [[nodiscard]] const FrequencyObservation& mid() const
    {
        return **std::min_element(carried_.begin(), carried_.end(), [](const auto* a, const auto* b) {
            return std::abs(std::log(a->frequency / Hertz{1000.0})) < std::abs(std::log(b->frequency / Hertz{1000.0}));
        });
    }
    [[nodiscard]] const FrequencyObservation& high() const { return *carried_.back(); }
    /// The probe is heard at all frequencies.
    [[nodiscard]] const FrequencyObservation& probe_mid() const { return *nearest(o_.at, Hertz{1000.0}); }

    /// Where a step can be read to a tenth of a decibel; if nowhere, where pin 2 stands out most.
    void find_carried()
    {
        const auto certainty = [](const FrequencyObservation& at) {
            const auto& e = at.drive.at(SwitchState::through).i2;
            return std::abs(e.value) / std::max(e.sigma, 1e-300);
        };
        for (const auto& at : o_.at)
            if (certainty(at) > 100.0) carried_.push_back(&at);
        if (!carried_.empty()) return;
        carried_.push_back(&*std::max_element(o_.at.begin(), o_.at.end(), [&](const auto& a, const auto& b) { return certainty(a) < certainty(b); }));
    }

    void listen()
    {
        bool pin2 = false;
        bool pin3 = false;
        double sum2 = 0.0;
        double sum3 = 0.0;
        for (const auto& at : o_.at) {
            const auto& r = at.drive.at(SwitchState::through);
            pin2 |= is_heard(r.i2);
            pin3 |= is_heard(r.i3);
            sum2 += std::norm(r.i2.value);
            sum3 += std::norm(r.i3.value);
        }
        out_.drive_heard = pin2 || pin3;
        // What pin 2 then shows is what leaks through the probe resistors and a shared Rs: −46 dB at most (430 Ω: −34).
        out_.pin2_silent = pin3 && sum2 < sum3 * std::norm(amplitude_ratio(GainDb{-32.0}));
    }

    void compare_legs()
    {
        const auto& r = low().drive.at(SwitchState::through);
        out_.leg_ratio_db = ratio_db(r.i3, r.i2, low().frequency, o_.relative_tolerance);

        double most_certain = -1.0;
        for (const auto* carried : carried_) {
            const auto& at = *carried;
            const auto& t = at.drive.at(SwitchState::through);
            const double level2 = std::abs(t.i2.value);
            Feature f{};
            if (const auto y = pin3_admittance(at, o_.fixture); y && o_.has_probe) {
                // Pin 3 as a current source beside its own admittance: what it drives, against what pin 2 would drive there.
                const double load3 = std::abs(at_load3(at));
                const Complex own = t.i3.value * y->siemens + pin3_current(at, o_.fixture);
                const double scale = level2 * (std::abs(y->siemens) + load3);
                f = {std::abs(own) / scale, (t.i3.sigma * (std::abs(y->siemens) + load3) + y->sigma * std::abs(t.i3.value)) / scale, at.frequency};
            } else {
                // Without `lifted` nothing tells what pin 3's impedance is, so all that could leak there through the probe resistors is allowed for.
                const double own = std::max(std::abs(t.i3.value) / level2 - 1.2 * largest_leak(at), 0.0);
                f = {own, t.i3.sigma / level2, at.frequency};
            }
            const double db = std::max(gain_of(f.value).value(), quietest_db);
            // The largest that is certain: noise where pin 2 is weak is no signal of pin 3. If none is, the tone that leaves the least room.
            const double certain = std::max(f.value - 4.0 * f.sigma, 0.0);
            const bool leaves_less = out_.pin3_signal_db && certain == 0.0 && most_certain == 0.0 && f.value + 4.0 * f.sigma < room_;
            if (certain > most_certain || leaves_less) {
                most_certain = certain;
                room_ = f.value + 4.0 * f.sigma;
                out_.pin3_signal_db = Feature{db, db_per_neper * f.sigma / std::max(f.value, f.sigma), at.frequency};
            }
        }
        if (is_heard(r.i3) && is_heard(r.i2)) {
            const double angle = std::abs(std::arg(r.i3.value / r.i2.value)) * 180.0 / std::numbers::pi;
            out_.leg_angle_deg = Feature{angle, std::hypot(relative_sigma(r.i2), relative_sigma(r.i3)) * 180.0 / std::numbers::pi, low().frequency};
        }
    }

    [[nodiscard]] Complex at_load3(const FrequencyObservation& at) const
    {
        const double probe = o_.fixture.probe ? 1.0 / o_.fixture.probe->rp3.value() : 0.0;
        return o_.fixture.input_admittance_3(at.frequency) + probe;
    }

    /// Of pin 2's signal at input 2, through the probe resistors and the output resistance that they share, if pin 3 is not connected.
    [[nodiscard]] double largest_leak(const FrequencyObservation& at) const
    {
        if (!o_.fixture.probe) return 0.0;
        const double rs = o_.fixture.rs.value();
        const Complex behind = o_.fixture.probe->rp3.value() + 1.0 / o_.fixture.input_admittance_3(at.frequency);
        const Complex node = rs == 0.0 ? Complex{} : 1.0 / (1.0 / rs + 1.0 / o_.fixture.probe->rp2.value() + 1.0 / behind);
        return std::abs(node / o_.fixture.probe->rp2.value() / behind / o_.fixture.input_admittance_3(at.frequency));
    }

    /// V2 with pin 3 grounded: measured, or from `through` and `loaded`, which determine it in a linear network: a load G at pin 3 gives
    /// V3 = V3₀/(1+Gz) and V2 = (V2₀ + Gz·V2s)/(1+Gz), z being what pin 3 shows there.
    [[nodiscard]] std::optional<ComplexEstimate> grounded_v2(const FrequencyObservation& at, bool& measured) const
    {
        measured = true;
        if (const auto* g = drive(at, SwitchState::grounded)) return g->i2;
        measured = false;
        const auto* l = drive(at, SwitchState::loaded);
        if (l == nullptr) return std::nullopt;
        const auto& t = at.drive.at(SwitchState::through);
        const bool silent = out_.pin3_signal_db && out_.pin3_signal_db->value < -45.0;
        if (silent) return l->i2;  // Where there is no voltage, a short changes no more than a load.
        if (!o_.phases_agree || !is_heard(l->i3)) return std::nullopt;
        const Complex gz = t.i3.value / l->i3.value - 1.0;
        const double sigma_gz = std::abs(gz + 1.0) * std::hypot(relative_sigma(t.i3), relative_sigma(l->i3));
        if (std::abs(gz) < 5.0 * sigma_gz) return std::nullopt;
        const Complex change = l->i2.value - t.i2.value;
        auto out = l->i2;
        out.value += change / gz;
        out.sigma = std::hypot(l->i2.sigma, std::hypot(l->i2.sigma, t.i2.sigma) / std::abs(gz), std::abs(change / gz) * sigma_gz / std::abs(gz));
        return out;
    }

    [[nodiscard]] std::optional<Feature> ground_step(const FrequencyObservation& at) const
    {
        const auto& t = at.drive.at(SwitchState::through);
        bool measured{};
        const auto g = grounded_v2(at, measured);
        if (!g || !is_heard(*g) || !is_heard(t.i2)) return std::nullopt;
        auto f = ratio_db(*g, t.i2, at.frequency);
        f.measured = measured;
        return f;
    }

    [[nodiscard]] std::optional<Feature> lift_step(const FrequencyObservation& at) const
    {
        const auto* l = drive(at, SwitchState::lifted);
        const auto& t = at.drive.at(SwitchState::through);
        if (l == nullptr || !is_heard(t.i2)) return std::nullopt;
        // What is left may drown in noise: then the step is at least that.
        auto v = l->i2;
        if (std::abs(v.value) < 3.0 * v.sigma) v.value = 3.0 * v.sigma;
        return ratio_db(v, t.i2, at.frequency);
    }

    void steps()
    {
        out_.ground_step_low_db = ground_step(low());
        out_.ground_step_mid_db = ground_step(mid());
        out_.ground_step_high_db = ground_step(high());
        out_.lift_step_low_db = lift_step(low());
        out_.lift_step_mid_db = lift_step(mid());
        out_.lift_step_high_db = lift_step(high());

        bool measured{};
        const auto& t = low().drive.at(SwitchState::through);
        if (const auto g = grounded_v2(low(), measured); g && is_heard(*g)) {
            const ComplexEstimate difference{t.i2.value - t.i3.value, std::hypot(t.i2.sigma, t.i3.sigma), t.i2.degrees_of_freedom};
            if (is_heard(difference)) {
                out_.servo_invariant_db = ratio_db(*g, difference, low().frequency, o_.relative_tolerance);
                out_.servo_invariant_db->measured = measured;
            }
        }

        for (std::size_t i = 1; i < carried_.size() && carried_[i]->frequency < Hertz{2000.0}; ++i) {
            const auto a = lift_step(*carried_[i - 1]);
            const auto b = lift_step(*carried_[i]);
            if (!a || !b) continue;
            const double octaves = std::log2(carried_[i]->frequency / carried_[i - 1]->frequency);
            const double slope = (b->value - a->value) / octaves;
            if (!out_.lift_slope_db_per_octave || slope > out_.lift_slope_db_per_octave->value)
                out_.lift_slope_db_per_octave = Feature{slope, std::hypot(a->sigma, b->sigma) / octaves, carried_[i]->frequency};
        }
    }

    void impedances()
    {
        lift_common_mode();
        if (!o_.has_probe) return;
        pin3_impedance();
        common_mode();
        const TwoPort* m = nullptr;
        for (const auto& t : two_ports_)
            if (t.frequency == probe_mid().frequency) m = &t;
        if (m == nullptr) return;
        const auto known = [](const Entry& e) { return e.status == EntryStatus::measured; };
        const auto usable = [](const Entry& e) { return e.status != EntryStatus::unknown; };
        const bool has_row2 = known(m->z22) && known(m->z23);
        if (has_row2 && std::abs(m->z22.value) > 3.0 * m->z22.sigma)
            out_.mutual_ratio = Feature{(m->z23.value / m->z22.value).real(),
                                        std::hypot(m->z23.sigma, m->z22.sigma) / std::max(std::abs(m->z22.value), 1.0), m->frequency};
        if (has_row2 && usable(m->z33)) {
            const double zd = std::abs(m->z22.value + m->z33.value - m->z23.value - m->z32.value);
            const double sigma = std::hypot(std::hypot(m->z22.sigma, m->z23.sigma), std::hypot(m->z33.sigma, m->z32.sigma));
            if (zd <= 3.0 * sigma) return;
            // Of a floating output's way to ground: admittances a2 = Y22 + Y32 and a3 = Y23 + Y33, in terms of Z.
            const double share = ((m->z22.value - m->z23.value) / (m->z22.value + m->z33.value - m->z23.value - m->z32.value)).real();
            // A leg that takes less than nothing: the input resistances are not what the fixture says, and Zd is a difference that shows it most.
            if (share < -0.25 || share > 1.25) return;
            out_.differential_log_ohm = Feature{lg(zd), sigma / zd / std::numbers::ln10, m->frequency};
        }
    }

    /// Without the probe, the lift step tells the way to ground of a floating output, as long as it is a resistance: of an EMF E (pin 2 with
    /// pin 3 grounded) R/(2R + 2·Zcm) is left at pin 2, R being what loads it.
    void lift_common_mode()
    {
        bool measured{};
        const auto* lifted = drive(mid(), SwitchState::lifted);
        const auto grounded = grounded_v2(mid(), measured);
        const bool is_flat = out_.lift_slope_db_per_octave && std::abs(out_.lift_slope_db_per_octave->value) < 0.5;
        if (lifted == nullptr || !grounded || !is_flat || !is_heard(*grounded) || !is_heard(lifted->i2)) return;
        const double left = std::abs(lifted->i2.value) / std::abs(grounded->value);
        const double load = o_.fixture.rin2.value();
        const double probe = o_.fixture.probe ? 1.0 / o_.fixture.probe->rp2.value() : 0.0;
        const double r = 1.0 / (1.0 / load + probe);
        const double ohms = r * (0.5 / left - 1.0);
        const double sigma = r * 0.5 / left * std::hypot(relative_sigma(lifted->i2), relative_sigma(*grounded), 1e-3);
        if (ohms < 3.0 * sigma) return;
        out_.common_mode_log_ohm = Feature{lg(ohms), sigma / ohms / std::numbers::ln10 + 0.01, mid().frequency, false};
    }

    void common_mode()
    {
        const auto y = common_mode_admittance(probe_mid(), o_.fixture, o_.relative_tolerance);
        if (!y || std::abs(y->siemens) < 3.0 * y->sigma) return;
        const auto relative = [](const PinAdmittance& a) { return a.sigma / std::abs(a.siemens); };
        out_.common_mode_log_ohm = Feature{-lg(std::abs(y->siemens)), relative(*y) / std::numbers::ln10, probe_mid().frequency};
        // A winding's capacitance lets next to nothing through at 20 Hz: compare with the lowest tone at which something is seen.
        for (const auto& at : o_.at) {
            const auto low = common_mode_admittance(at, o_.fixture, o_.relative_tolerance);
            const double decades = lg(probe_mid().frequency / at.frequency);
            if (!low || relative(*low) > 0.1) continue;
            if (decades < 0.4) return;
            out_.common_mode_slope = Feature{lg(std::abs(low->siemens) / std::abs(y->siemens)) / decades,
                                             std::hypot(relative(*low), relative(*y)) / std::numbers::ln10 / decades, at.frequency};
            return;
        }
    }

    void pin3_impedance()
    {
        // Low enough for cables and stray capacitance to be nothing, high enough for coupling capacitors to be shorts.
        const auto* at = nearest(o_.at, Hertz{500.0});
        const auto y = pin3_admittance(*at, o_.fixture);
        if (!y) return;
        const double magnitude = std::abs(y->siemens);
        constexpr double lowest = -2.0;
        constexpr double lowest_of_a_resistor = 0.3;  // 2 Ω
        constexpr double highest = 8.0;
        Feature f{0.0, 0.0, at->frequency};
        // Too quiet to tell how quiet: on ground if the bound says so, else anything from there down, which tells no kinds apart.
        if (y->at_least && -lg(magnitude) > lowest_of_a_resistor) return;
        if (y->at_least || magnitude > 0.0) f.value = std::clamp(-lg(std::max(magnitude, 1e-12)), lowest, highest);
        f.sigma = std::min(y->sigma / std::max(magnitude, y->sigma) / std::numbers::ln10 + 0.002, 1.0);
        if (y->sigma > 0.3 * magnitude) {
            // Next to nothing flows: not connected, as far as can be told.
            f.value = std::clamp(-lg(std::max(magnitude, y->sigma)), lowest, highest);
            f.sigma = 0.3;
        }
        // What little flows may flow into a capacitance (a cable, a filter against interference): what conducts is what counts.
        constexpr double conducts_little = 1.0 / 3000.0;
        if (y->sigma <= 0.3 * magnitude && magnitude < conducts_little && y->siemens.imag() > y->siemens.real()) {
            f.value = std::clamp(-lg(std::max(y->siemens.real(), y->sigma)), lowest, highest);
            f.sigma = std::max(f.sigma, 0.3);
        }
        out_.pin3_log_ohm = f;

        const auto t = std::find_if(two_ports_.begin(), two_ports_.end(), [&](const TwoPort& p) { return p.frequency == at->frequency; });
        if (t == two_ports_.end()) return;
        if (t->z22.status != EntryStatus::unknown && std::abs(t->z22.value) > 3.0 * t->z22.sigma && magnitude > 0.0)
            out_.pin3_over_pin2 = Feature{f.value - lg(std::abs(t->z22.value)),
                                          std::hypot(f.sigma, t->z22.sigma / std::abs(t->z22.value) / std::numbers::ln10), at->frequency};
        if (t->z23.status == EntryStatus::measured && magnitude > 0.0 && !y->at_least) {
            const double z3 = 1.0 / magnitude;
            out_.pin3_to_pin2 = Feature{(t->z23.value * y->siemens).real(), t->z23.sigma / z3 + 0.01, at->frequency};
        }
    }

    const Observations& o_;
    const std::vector<TwoPort>& two_ports_;
    Features out_;
    std::vector<const FrequencyObservation*> carried_;  ///< Never empty once found. Ascending.
    double room_{};  ///< What pin 3's signal is at most, at the tone that was chosen for it.
};

}  // namespace

Features extract_features(const Observations& observations, const std::vector<TwoPort>& two_ports)
{
    return Extractor{observations, two_ports}.extract();
}

}  // namespace lowleg::topology
