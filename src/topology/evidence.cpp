#include "topology/evidence.h"

#include "core/text.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace lowleg::topology {
namespace {

constexpr double normal_95 = 1.96;

double power_of_ten(double exponent) { return amplitude_ratio(GainDb{20.0 * exponent}); }

/// "5.94 ± 0.01 dB", the uncertainty with no more digits than it deserves.
std::string with_uncertainty(double magnitude, double half_width, std::string_view unit)
{
    const int digits = half_width >= 0.5 ? 1 : 2;
    return format_fixed(magnitude, digits) + " ± " + format_fixed(std::max(half_width, power_of_ten(-digits)), digits) + " " + std::string{unit};
}

std::string moved(double db) { return db < 0.0 ? "fell" : "rose"; }

class Witness {
public:
    explicit Witness(const Features& features) : f_{features} {}

    std::vector<Evidence> testify(const LegImpedances& legs)
    {
        if (!f_.drive_heard) {
            add("drive_level", {}, "dB", "Neither leg carries the drive: what is there is noise.");
            return out_;
        }
        if (f_.pin2_silent) {
            add("leg_ratio", f_.leg_ratio_db, "dB", "Pin 3 carries the signal and pin 2 is silent.");
            return out_;
        }
        legs_compared();
        steps("ground_step", {f_.ground_step_low_db, f_.ground_step_mid_db, f_.ground_step_high_db}, "when pin 3 was grounded");
        servo();
        lift();
        impedances(legs);
        return out_;
    }

private:
    void add(std::string_view name, const std::optional<Feature>& f, std::string_view unit, std::string says)
    {
        Evidence e{name, std::nullopt, 0.0, unit, 0.0, true, std::move(says)};
        if (f) {
            e.frequency = f->frequency;
            e.value = f->value;
            e.uncertainty = normal_95 * f->sigma;
            e.measured = f->measured;
        }
        out_.push_back(std::move(e));
    }

    void legs_compared()
    {
        if (f_.pin3_signal_db && f_.pin3_signal_db->value < -45.0) {
            add("pin3_signal", f_.pin3_signal_db, "dB",
                "Pin 3 carries no signal of its own: at least " + format_fixed(-f_.pin3_signal_db->value, 0) + " dB below pin 2 at all frequencies.");
            return;
        }
        if (f_.leg_ratio_db && f_.leg_angle_deg) {
            const double db = f_.leg_ratio_db->value;
            const std::string level = std::abs(db) < 0.05 ? "at the same level as" : format_fixed(std::abs(db), 2) + " dB " + (db < 0.0 ? "below" : "above");
            const double angle = f_.leg_angle_deg->value;
            const std::string phase = angle > 165.0 ? "in antiphase" : angle < 25.0 ? "in phase" : format_fixed(angle, 0) + "° apart";
            add("leg_ratio", f_.leg_ratio_db, "dB",
                "Pin 3 carries the signal " + level + " pin 2, " + phase + ", at " + format_hertz(f_.leg_ratio_db->frequency) + ".");
        }
    }

    /// A step at the lowest tones, near 1 kHz and at the highest: one sentence where all agree, else one each.
    void steps(std::string_view name, const std::array<std::optional<Feature>, 3>& at, const std::string& when)
    {
        const auto& [low, mid, high] = at;
        const bool flat = low && mid && high && std::abs(low->value - mid->value) < 0.05 && std::abs(high->value - mid->value) < 0.05;
        if (flat) {
            step(name, *mid, when + ", the same from " + format_hertz(low->frequency) + " to " + format_hertz(high->frequency));
            return;
        }
        for (const auto& f : at)
            if (f) step(name, *f, when + ", at " + format_hertz(f->frequency));
    }

    void step(std::string_view name, const Feature& f, const std::string& when)
    {
        const double half_width = normal_95 * f.sigma;
        const std::string what = std::abs(f.value) < std::max(0.02, half_width)
                                     ? "Pin 2 did not move (" + format_db(GainDb{f.value}) + ") "
                                     : "Pin 2 " + moved(f.value) + " " + with_uncertainty(std::abs(f.value), half_width, "dB") + " ";
        add(name, f, "dB", what + when + (f.measured ? "." : " (computed from the state \"loaded\")."));
    }

    void servo()
    {
        if (!f_.servo_invariant_db || !f_.ground_step_low_db || f_.ground_step_low_db->value < 0.5) return;
        add("servo_invariant", f_.servo_invariant_db, "dB",
            "Grounded, pin 2 alone carried all that both legs had carried between them (" + format_db(GainDb{f_.servo_invariant_db->value}) +
                "): the output floats.");
    }

    void lift()
    {
        steps("lift_step", {f_.lift_step_low_db, f_.lift_step_mid_db, f_.lift_step_high_db}, "when pin 3 was lifted");
        if (!f_.lift_slope_db_per_octave || !f_.lift_step_low_db || f_.lift_step_low_db->value > -0.15) return;
        double slope = f_.lift_slope_db_per_octave->value;
        if (std::abs(slope) < 0.05) slope = 0.0;  // no "-0.0"
        add("lift_slope", f_.lift_slope_db_per_octave, "dB/octave",
            slope > 2.0 ? "Lifted, the bass went first (" + format_fixed(slope, 1) + " dB per octave): the way to ground is a capacitance, a floating winding."
                        : "Lifted, all frequencies lost alike (" + format_fixed(slope, 1) + " dB per octave): the way to ground is a resistance.");
    }

    void impedances(const LegImpedances& legs)
    {
        if (f_.pin3_log_ohm && f_.pin3_signal_db && f_.pin3_signal_db->value < -45.0) {
            const double ohms = power_of_ten(f_.pin3_log_ohm->value);
            const auto at = format_hertz(f_.pin3_log_ohm->frequency);
            Feature f = *f_.pin3_log_ohm;
            f.value = ohms;
            f.sigma *= ohms * 2.302585092994046;
            const std::string says = f_.pin3_log_ohm->value < 0.5   ? "The probe sees pin 3 on ground (" + format_ohms(Ohms{ohms}) + ")."
                                     : f_.pin3_log_ohm->value > 5.6 ? "The probe finds nothing at pin 3 (more than " + format_ohms(Ohms{0.5 * ohms}) + "): it is not connected."
                                                                    : "The probe sees " + format_ohms(Ohms{ohms}) + " at pin 3, at " + at + ".";
            add("pin3_impedance", f, "Ω", says);
        }
        if (f_.pin3_to_pin2 && f_.pin3_to_pin2->value > 0.5 && f_.pin3_signal_db && f_.pin3_signal_db->value < -45.0)
            add("pin3_to_pin2", f_.pin3_to_pin2, "", "What is injected at pin 3 comes out at pin 2 (" + format_fixed(100.0 * f_.pin3_to_pin2->value, 0) +
                                                         " % of it): pin 3 senses a ground.");
        if (f_.common_mode_log_ohm && f_.ground_step_low_db && f_.ground_step_low_db->value > 0.5) {
            Feature f = *f_.common_mode_log_ohm;
            const double ohms = power_of_ten(f.value);
            f.value = ohms;
            f.sigma *= ohms * 2.302585092994046;
            const bool capacitive = f_.common_mode_slope && f_.common_mode_slope->value < -0.5;
            add("common_mode_impedance", f, "Ω",
                "Both legs together show " + format_ohms(Ohms{ohms}) + " to ground, at " + format_hertz(f.frequency) +
                    (capacitive ? ", falling with frequency: a capacitance." : f_.common_mode_slope ? ", the same at all frequencies: a resistance." : "."));
        }
        if (legs.status == EntryStatus::unknown) return;
        const double imbalance = std::abs(legs.imbalance);
        Evidence e{"leg_balance", legs.frequency, imbalance, "Ω", legs.uncertainty_ohm, legs.status == EntryStatus::measured, {}};
        e.says = "Leg impedances " + format_ohms(Ohms{std::abs(legs.pin2)}) + " (pin 2) and " + format_ohms(Ohms{std::abs(legs.pin3)}) + " (pin 3): " +
                 (imbalance < legs.uncertainty_ohm ? "equal within " + format_ohms(Ohms{legs.uncertainty_ohm})
                                                   : format_ohms(Ohms{imbalance}) + " apart (± " + format_ohms(Ohms{legs.uncertainty_ohm}) + ")") +
                 ", at " + format_hertz(legs.frequency) + ".";
        out_.push_back(std::move(e));
    }

    const Features& f_;
    std::vector<Evidence> out_;
};

}  // namespace

std::vector<Evidence> gather_evidence(const Verdict& verdict, const Features& features, const Observations&)
{
    return Witness{features}.testify(verdict.legs);
}

std::string summarize(const Verdict&, const Features&, const Observations&) { return {}; }

std::string describe_oddity(const Features& f)
{
    std::string out;
    const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
    if (f.leg_angle_deg && f.leg_angle_deg->value > 25.0 && f.leg_angle_deg->value < 165.0)
        add("legs " + format_fixed(f.leg_angle_deg->value, 0) + "° apart at " + format_hertz(f.leg_angle_deg->frequency));
    if (f.leg_ratio_db && std::abs(f.leg_ratio_db->value) > 1.5)
        add("pin 3 at " + format_db(GainDb{f.leg_ratio_db->value}, 1) + " against pin 2");
    if (f.ground_step_low_db) add("ground step " + format_db(GainDb{f.ground_step_low_db->value}));
    if (f.lift_step_low_db) add("lift step " + format_db(GainDb{f.lift_step_low_db->value}));
    if (f.pin3_log_ohm) add(format_ohms(Ohms{power_of_ten(f.pin3_log_ohm->value)}) + " at pin 3");
    if (f.mutual_ratio && f.mutual_ratio->value < -0.05) add("the legs push each other apart (Z23 below 0)");
    return out.empty() ? "nothing that was measured fits a known kind of output" : "this combination fits no known kind of output: " + out;
}

}  // namespace lowleg::topology
