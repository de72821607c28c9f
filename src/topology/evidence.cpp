#include "topology/evidence.h"

#include "core/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>

namespace lowleg::topology {
namespace {

constexpr double normal_95 = 1.96;

/// Below this, the signal at pin 3 is not its own.
constexpr double silent_db = -45.0;

double power_of_ten(double exponent) { return amplitude_ratio(GainDb{20.0 * exponent}); }

/// No number is known without doubt: what a reading of no noise at all is still uncertain by.
double least_uncertainty(std::string_view unit, double value)
{
    if (unit == "dB" || unit == "dBFS" || unit == "dB/octave") return 1e-3;
    if (unit == "Ω") return std::max(1e-3, 1e-3 * std::abs(value));
    return std::max(1e-4, 1e-4 * std::abs(value));
}

/// "5.94 ± 0.01 dB": no more digits than the uncertainty deserves, and none that nobody needs.
std::string with_uncertainty(double magnitude, double half_width, std::string_view unit)
{
    const int digits = half_width >= 0.5 || magnitude >= 9.995 ? 1 : 2;
    return format_fixed(magnitude, digits) + " ± " + format_fixed(std::max(half_width, power_of_ten(-digits)), digits) + " " + std::string{unit};
}

std::string with_uncertainty(const Feature& f) { return with_uncertainty(std::abs(f.value), normal_95 * f.sigma, "dB"); }

/// "0.12 ± 0.01 %", with as many digits as it takes to show the uncertainty.
std::string percent_of(double value, double half_width)
{
    const int digits = std::clamp(static_cast<int>(std::ceil(-gain_of(std::max(half_width, 1e-5)).value() / 20.0)), 0, 5);
    return format_fixed(value, digits) + " ± " + format_fixed(std::max(half_width, power_of_ten(-digits)), digits) + " %";
}

bool has_not_moved(const Feature& f) { return std::abs(f.value) < std::max(0.02, normal_95 * f.sigma); }

bool agree(const Feature& a, const Feature& b) { return std::abs(a.value - b.value) < 0.05; }

/// What pin 2 does: as it was seen, or as it follows from another state.
std::string moved(const Feature& f)
{
    if (has_not_moved(f)) return (f.measured ? "did not move (" : "would not move (") + format_db(GainDb{f.value}) + ")";
    const bool falls = f.value < 0.0;
    return (f.measured ? (falls ? "fell " : "rose ") : (falls ? "would fall " : "would rise ")) + with_uncertainty(f);
}

std::string when_grounded(const Feature& f) { return f.measured ? "when pin 3 was grounded" : "if pin 3 were grounded"; }

std::string phase_words(double angle)
{
    return angle > 165.0 ? "in antiphase" : angle < 25.0 ? "in phase" : format_fixed(angle, 0) + "° apart";
}

bool is_silent(const Features& f) { return f.pin3_signal_db && f.pin3_signal_db->value < silent_db; }

std::string silence_words(const Features& f) { return "at least " + format_fixed(-f.pin3_signal_db->value, 0) + " dB below pin 2"; }

bool floats(const Features& f) { return f.ground_step_low_db && f.ground_step_low_db->value > 0.5; }

bool is_capacitive(const Features& f) { return f.common_mode_slope && f.common_mode_slope->value < -0.5; }

/// A level or an impedance that is kept as a logarithm, with its uncertainty, in ohms.
Feature in_ohms(const Feature& f)
{
    constexpr double ln_10 = 2.302585092994046;
    auto out = f;
    out.value = power_of_ten(f.value);
    out.sigma = f.sigma * out.value * ln_10;
    return out;
}

struct Harmonics {
    const analysis::ThirdHarmonic* low{};   ///< The strongest below 50 Hz.
    const analysis::ThirdHarmonic* high{};  ///< Beyond the reach of iron.
    std::size_t leg{};
};

/// Iron distorts most where the flux is greatest: at the lowest tones.
std::optional<Harmonics> harmonics_of(const Observations& o, SwitchState state)
{
    const auto found = o.third_harmonics.find(state);
    if (found == o.third_harmonics.end()) return std::nullopt;
    Harmonics h;
    const auto size = [&](const analysis::ThirdHarmonic& t, std::size_t leg) { return std::abs(t.ratio.at(leg).value); };
    const auto is_certain = [](const analysis::ComplexEstimate& e) { return std::isfinite(std::abs(e.value)) && std::isfinite(e.sigma); };
    for (const auto& t : found->second) {
        if (!is_certain(t.ratio[0])) continue;
        if (t.fundamental.value() <= 50.0 && (h.low == nullptr || size(t, 0) > size(*h.low, 0))) h.low = &t;
        if (t.fundamental.value() >= 150.0 && t.fundamental.value() <= 400.0 && (h.high == nullptr || t.ratio[0].sigma < h.high->ratio[0].sigma)) h.high = &t;
    }
    if (h.low == nullptr) return std::nullopt;
    return h;
}

/// The third harmonic in the bass stands out of the noise, and far above that in the midrange.
bool shows_iron(const Harmonics& h)
{
    const auto& low = h.low->ratio[0];
    if (std::abs(low.value) < 5.0 * low.sigma) return false;
    return h.high == nullptr || std::abs(low.value) > 4.0 * std::abs(h.high->ratio[0].value);
}

/// The largest change at both inputs from one state to another, drive and probe, against the larger input. None unless both were taken.
struct Difference {
    double relative{};
    double sigma{};
    Hertz frequency{};
};
std::optional<Difference> difference(const Observations& o, SwitchState a, SwitchState b)
{
    if (!o.has(a) || !o.has(b)) return std::nullopt;
    Difference most;
    const auto compare = [&](const std::map<SwitchState, InputReading>& states, Hertz f) {
        const auto from = states.find(a);
        const auto to = states.find(b);
        if (from == states.end() || to == states.end()) return;
        const double level = std::max(std::abs(from->second.i2.value), std::abs(from->second.i3.value));
        if (level < 100.0 * from->second.i2.sigma) return;
        for (const auto input : {&InputReading::i2, &InputReading::i3}) {
            const double change = std::abs((to->second.*input).value - (from->second.*input).value) / level;
            if (change >= most.relative) most = {change, std::hypot((to->second.*input).sigma, (from->second.*input).sigma) / level, f};
        }
    };
    for (const auto& at : o.at) {
        compare(at.drive, at.frequency);
        compare(at.probe, at.frequency);
    }
    if (most.frequency.value() == 0.0) return std::nullopt;
    return most;
}

class Witness {
public:
    Witness(const Verdict& v, const Features& features, const Observations& o) : v_{v}, f_{features}, o_{o} {}

    std::vector<Evidence> testify()
    {
        if (!f_.drive_heard) {
            loudest("drive_level", "Neither leg carries the drive: ");
            return std::move(out_);
        }
        if (f_.pin2_silent) {
            pin2_silent();
            return std::move(out_);
        }
        legs_compared();
        steps("ground_step", {f_.ground_step_low_db, f_.ground_step_mid_db, f_.ground_step_high_db}, when_grounded);
        servo();
        lift();
        sameness();
        pin3();
        impedances();
        third_harmonics();
        maximum_levels();
        hum();
        direct_voltage();
        return std::move(out_);
    }

private:
    void add(std::string_view name, const Feature& f, std::string_view unit, std::string says)
    {
        out_.push_back({name, f.frequency.value() > 0.0 ? std::optional{f.frequency} : std::nullopt, f.value, unit,
                        std::max(normal_95 * f.sigma, least_uncertainty(unit, f.value)), f.measured, std::move(says)});
    }

    /// What is left where nothing is expected: the strongest tone at either input, over what was played.
    void loudest(std::string_view name, const std::string& what)
    {
        Feature most{-200.0, 1.0, {}};
        for (const auto& at : o_.at) {
            const auto& r = at.drive.at(SwitchState::through);
            for (const auto* e : {&r.i2, &r.i3}) {
                const double room = std::abs(e->value) + 3.0 * e->sigma;
                if (const double db = gain_of(room).value(); db > most.value) most = {db, db_per_neper * e->sigma / room, at.frequency};
            }
        }
        add(name, most, "dB", what + "what is there lies " + format_fixed(-most.value, 0) + " dB below what was played, at " + format_hertz(most.frequency) + " and everywhere else.");
    }

    void pin2_silent()
    {
        Feature least{-200.0, 1.0, {}};
        for (const auto& at : o_.at) {
            const auto& r = at.drive.at(SwitchState::through);
            if (std::abs(r.i3.value) < 100.0 * r.i3.sigma) continue;
            const double share = std::max(std::abs(r.i2.value), 3.0 * r.i2.sigma) / std::abs(r.i3.value);
            if (const double db = gain_of(share).value(); db > least.value) least = {db, db_per_neper * std::min(r.i2.sigma / std::max(std::abs(r.i2.value), r.i2.sigma), 0.3), at.frequency};
        }
        if (least.frequency.value() == 0.0) return;
        add("leg_ratio", {-least.value, least.sigma, least.frequency}, "dB",
            "Pin 3 carries the signal, and pin 2 is silent: at least " + format_fixed(-least.value, 0) + " dB below pin 3 at all frequencies.");
    }

    void legs_compared()
    {
        if (is_silent(f_)) {
            add("pin3_signal", *f_.pin3_signal_db, "dB", "Pin 3 carries no signal of its own: " + silence_words(f_) + " at all frequencies.");
            return;
        }
        if (!f_.leg_ratio_db || !f_.leg_angle_deg) return;
        const double db = f_.leg_ratio_db->value;
        const std::string level = std::abs(db) < 0.05 ? "at the same level as" : with_uncertainty(*f_.leg_ratio_db) + (db < 0.0 ? " below" : " above");
        add("leg_ratio", *f_.leg_ratio_db, "dB",
            "Pin 3 carries the signal " + level + " pin 2, " + phase_words(f_.leg_angle_deg->value) + ", at " + format_hertz(f_.leg_ratio_db->frequency) + ".");
        add("leg_angle", *f_.leg_angle_deg, "°",
            "The legs are " + format_fixed(f_.leg_angle_deg->value, 1) + "° apart at " + format_hertz(f_.leg_angle_deg->frequency) + ".");
    }

    /// A step at the lowest tones, near 1 kHz and at the highest: one sentence where all agree, else one each.
    void steps(std::string_view name, const std::array<std::optional<Feature>, 3>& at, const std::function<std::string(const Feature&)>& when)
    {
        const auto& [low, mid, high] = at;
        const auto step = [&](const Feature& f, const std::string& where) {
            add(name, f, "dB", "Pin 2 " + moved(f) + " " + when(f) + where + (f.measured ? "." : " (computed from the state \"loaded\")."));
        };
        if (low && mid && high && agree(*low, *mid) && agree(*high, *mid)) {
            step(*mid, ", the same from " + format_hertz(low->frequency) + " to " + format_hertz(high->frequency));
            return;
        }
        Hertz last{};
        for (const auto& f : at) {
            if (!f || f->frequency == last) continue;  // few tones are carried, and one serves twice
            step(*f, ", at " + format_hertz(f->frequency));
            last = f->frequency;
        }
    }

    void servo()
    {
        if (!f_.servo_invariant_db || !floats(f_)) return;
        const auto& f = *f_.servo_invariant_db;
        add("servo_invariant", f, "dB",
            std::string{f.measured ? "Grounded, pin 2 alone carried all that both legs had carried between them ("
                                   : "Grounded, pin 2 alone would carry all that both legs carried between them ("} +
                format_db(GainDb{f.value}) + " at " + format_hertz(f.frequency) + "): the output floats.");
    }

    void lift()
    {
        steps("lift_step", {f_.lift_step_low_db, f_.lift_step_mid_db, f_.lift_step_high_db}, [](const Feature&) { return std::string{"when pin 3 was lifted"}; });
        if (!f_.lift_slope_db_per_octave || !f_.lift_step_low_db || f_.lift_step_low_db->value > -0.15) return;
        auto f = *f_.lift_slope_db_per_octave;
        if (std::abs(f.value) < 0.05) f.value = 0.0;  // no "-0.0"
        const auto at = ", at " + format_hertz(f.frequency);
        add("lift_slope", f, "dB/octave",
            f.value > 2.0 ? "Lifted, the bass went first (" + format_fixed(f.value, 1) + " dB per octave" + at + "): the way to ground is a capacitance, a floating winding."
                          : "Lifted, all frequencies lost alike (" + format_fixed(f.value, 1) + " dB per octave at most" + at + "): the way to ground is a resistance.");
    }

    /// Two positions of the switch that no signal can tell apart say what pin 3 is on.
    void sameness()
    {
        constexpr double same = 1e-3;
        const auto compare = [&](SwitchState state, const std::string& so) {
            const auto d = difference(o_, SwitchState::through, state);
            if (!d || d->relative > same + 4.0 * d->sigma) return;
            const double db = db_per_neper * d->relative;
            add("state_sameness", {db, db_per_neper * d->sigma, d->frequency}, "dB",
                "\"through\" and \"" + std::string{name_of(state)} + "\" read the same at both inputs, within " + format_fixed(std::max(db, 0.001), 3) + " dB: " + so);
        };
        if (!is_silent(f_)) return;
        if (o_.has_probe) {
            compare(SwitchState::grounded, "pin 3 is on ground already.");
            compare(SwitchState::lifted, "pin 3 is on nothing.");
        } else {
            for (const auto state : {SwitchState::loaded, SwitchState::grounded, SwitchState::lifted})
                compare(state, "a silent pin 3 has nothing that the switch could change.");
        }
    }

    void pin3()
    {
        if (!is_silent(f_)) return;
        if (f_.pin3_log_ohm) {
            const auto f = in_ohms(*f_.pin3_log_ohm);
            const auto at = " at " + format_hertz(f.frequency);
            const auto ohms = format_ohms(Ohms{f.value});
            add("pin3_impedance", f, "Ω",
                f_.pin3_log_ohm->value < 0.5   ? "The probe sees pin 3 on ground (" + ohms + at + ")."
                : f_.pin3_log_ohm->value > 5.6 ? "The probe finds nothing at pin 3 (more than " + format_ohms(Ohms{0.5 * f.value}) + at + "): it is not connected."
                                               : "The probe sees " + ohms + " at pin 3," + at + ".");
        }
        if (f_.pin3_to_pin2 && f_.pin3_log_ohm && f_.pin3_log_ohm->value > 1.0 && f_.pin3_log_ohm->value < 5.6) {
            const auto share = format_fixed(std::abs(100.0 * f_.pin3_to_pin2->value), 1) + " % of it, at " + format_hertz(f_.pin3_to_pin2->frequency);
            add("pin3_to_pin2", *f_.pin3_to_pin2, "",
                f_.pin3_to_pin2->value > 0.5 ? "What is injected at pin 3 comes out at pin 2 (" + share + "): pin 3 senses a ground."
                                             : "Nothing that is injected at pin 3 comes out at pin 2 (" + share + "): pin 3 is no sense input.");
        }
    }

    void impedances()
    {
        if (f_.common_mode_log_ohm && floats(f_)) {
            const auto f = in_ohms(*f_.common_mode_log_ohm);
            add("common_mode_impedance", f, "Ω",
                "Both legs together show " + format_ohms(Ohms{f.value}) + " to ground, at " + format_hertz(f.frequency) +
                    (is_capacitive(f_) ? ", falling with frequency: a capacitance" : f_.common_mode_slope ? ", the same at all frequencies: a resistance" : "") +
                    (f.measured ? "." : " (computed from the lift step)."));
        }
        if (f_.differential_log_ohm && !is_silent(f_)) {
            const auto f = in_ohms(*f_.differential_log_ohm);
            add("differential_impedance", f, "Ω", "Between the legs lie " + format_ohms(Ohms{f.value}) + ", at " + format_hertz(f.frequency) + ".");
        }
        if (f_.mutual_ratio && !is_silent(f_)) {
            const double ratio = f_.mutual_ratio->value;
            const auto share = format_fixed(std::abs(100.0 * ratio), 1) + " % of it, at " + format_hertz(f_.mutual_ratio->frequency);
            add("pin3_to_pin2", *f_.mutual_ratio, "",
                ratio < -0.05  ? "What is pushed into pin 3 pulls pin 2 the opposite way (" + share + "): halves of one winding, their middle on ground."
                : ratio < 0.05 ? "Nothing of what is pushed into pin 3 comes out at pin 2 (" + share + "): pin 2 has an amplifier of its own."
                : ratio > 0.5  ? "What is pushed into pin 3 lifts pin 2 as well (" + share + "): the legs hold on to each other, not to ground."
                               : "Some of what is pushed into pin 3 comes out at pin 2 (" + share + ").");
        }
        const auto& legs = v_.legs;
        if (legs.status == EntryStatus::unknown) return;
        const double imbalance = std::abs(legs.imbalance);
        Evidence e{"leg_balance", legs.frequency, imbalance, "Ω", std::max(legs.uncertainty_ohm, least_uncertainty("Ω", imbalance)),
                   legs.status == EntryStatus::measured, {}};
        e.says = "Leg impedances " + format_ohms(Ohms{std::abs(legs.pin2)}) + " (pin 2) and " + format_ohms(Ohms{std::abs(legs.pin3)}) + " (pin 3): " +
                 (imbalance < e.uncertainty ? "equal within " + format_ohms(Ohms{e.uncertainty})
                                            : format_ohms(Ohms{imbalance}) + " apart (± " + format_ohms(Ohms{e.uncertainty}) + ")") +
                 ", at " + format_hertz(legs.frequency) + (e.measured ? "." : " (what one pin does to the other is assumed to be nothing).");
        out_.push_back(std::move(e));
    }

    void third_harmonics()
    {
        for (const auto state : {SwitchState::through, SwitchState::grounded}) {
            const auto h = harmonics_of(o_, state);
            if (!h) continue;
            // Grounded is played softer; what iron does not show there says nothing.
            if (state != SwitchState::through && !shows_iron(*h)) continue;
            const auto& low = h->low->ratio[0];
            const double percent = 100.0 * std::abs(low.value);
            const double half_width = 100.0 * normal_95 * std::max(low.sigma, 1e-7);
            const auto where = " of third harmonic at " + format_hertz(h->low->fundamental);
            const auto in_state = state == SwitchState::through ? std::string{} : " with pin 3 grounded";
            std::string says;
            if (std::abs(low.value) < 3.0 * low.sigma) {
                says = "No third harmonic at " + format_hertz(h->low->fundamental) + in_state + " (less than " + format_fixed(percent + half_width, 4) +
                       " %): no iron that this level would show.";
            } else {
                says = "Pin 2 carries " + percent_of(percent, half_width) + where + in_state;
                if (h->high != nullptr) {
                    const auto& high = h->high->ratio[0];
                    says += ", and " + percent_of(100.0 * std::abs(high.value), 100.0 * normal_95 * high.sigma) + " at " + format_hertz(h->high->fundamental);
                }
                says += shows_iron(*h) ? ": iron, which distorts where the flux is greatest." : ": no more in the bass than above it, which is no sign of iron.";
            }
            out_.push_back({"third_harmonic", h->low->fundamental, percent, "%", half_width, true, std::move(says)});
        }
    }

    void maximum_levels()
    {
        const auto through = o_.maximum_levels.find(SwitchState::through);
        for (const auto& [state, maximum] : o_.maximum_levels) {
            const auto level = format_fixed(std::abs(maximum.pin2.value()), 1);
            const auto dbfs = (maximum.pin2.value() < 0.0 ? "−" : "+") + level + " dBFS";
            std::string says = maximum.is_reached ? "In \"" + std::string{name_of(state)} + "\" pin 2 reaches " + dbfs + " before its distortion passes 1 %"
                                                  : "In \"" + std::string{name_of(state)} + "\" pin 2 stays below 1 % of distortion up to " + dbfs + ", where the drive ends";
            if (state != SwitchState::through && through != o_.maximum_levels.end() && maximum.is_reached && floats(f_) && f_.leg_ratio_db) {
                const auto both = through->second.pin2 + gain_of(1.0 + amplitude_ratio(GainDb{f_.leg_ratio_db->value}));
                const auto loss = maximum.pin2 - both;
                if (state == SwitchState::grounded)
                    says += ": " + format_fixed(std::abs(loss.value()), 1) + " dB " + (loss.value() < 0.0 ? "less" : "more") + " than both legs give between them" +
                            (loss.value() < -4.0 ? ", for one amplifier has to do it all" : loss.value() > -2.0 ? ", for a winding loses nothing" : "");
            }
            out_.push_back({"maximum_level", std::nullopt, maximum.pin2.value(), "dBFS", 0.5, maximum.is_reached, says + "."});
        }
    }

    void hum()
    {
        if (!o_.hum) return;
        const std::size_t louder = o_.hum->rms[1] > o_.hum->rms[0] ? 1 : 0;
        const auto level = dbfs_of_rms(o_.hum->rms.at(louder));
        const auto quieter = dbfs_of_rms(o_.hum->rms.at(1 - louder));
        if (!std::isfinite(level.value())) return;
        // What period after period adds to it is a few per cent.
        out_.push_back({"hum", o_.hum->fundamental, level.value(), "dBFS", 0.5, true,
                        "Hum of " + format_fixed(o_.hum->fundamental.value(), 2) + " Hz and its harmonics: −" + format_fixed(std::abs(level.value()), 1) + " dBFS on pin " +
                            std::to_string(louder + 2) + ((level - quieter).value() > 3.0 ? ", the other pin has less" : ", and as much on the other pin") +
                            "; it was taken off before anything was read."});
    }

    void direct_voltage()
    {
        if (!o_.dc) return;
        const auto& [pin2, pin3] = *o_.dc;
        const double most = std::abs(pin2) > std::abs(pin3) ? pin2 : pin3;
        constexpr double seen = 1e-3;
        const auto permille = [](double x) { return (x < 0.0 ? "−" : "") + format_fixed(1000.0 * std::abs(x), 1) + " ‰"; };
        add("direct_voltage", {most, 2e-4, {}}, "",
            std::abs(most) < seen ? "No direct voltage on either pin (less than " + permille(seen) + " of full scale)."
                                  : "Direct voltage on the pins: " + permille(pin2) + " of full scale at pin 2, " + permille(pin3) + " at pin 3.");
    }

    const Verdict& v_;
    const Features& f_;
    const Observations& o_;
    std::vector<Evidence> out_;
};

/// The clauses that a summary is made of.
class Summary {
public:
    Summary(const Verdict& v, const Features& features, const Observations& o) : v_{v}, f_{features}, o_{o} {}

    std::string text() const
    {
        if (!f_.drive_heard) return "Neither leg carries the drive: no signal.";
        if (v_.pin3_hot) return "Pin 3 carries the signal and pin 2 is silent: the leads are exchanged, or pin 3 is hot.";
        switch (v_.outcome) {
        case Outcome::named: return of(*v_.topology) + ".";
        case Outcome::single_ended: return family() + ".";
        case Outcome::no_signal:
        case Outcome::inconclusive: break;
        }
        return open() + ".";
    }

private:
    [[nodiscard]] std::string of(Topology topology) const
    {
        switch (topology) {
        case Topology::transformer: {
            const bool bled = !is_capacitive(f_) && f_.lift_slope_db_per_octave && f_.lift_slope_db_per_octave->value < 2.0;
            return movements() + harmonic() + (bled ? ": a winding with resistors to ground" : ": a floating winding");
        }
        case Topology::cross_coupled: return movements() + to_ground() + ": a servo, which holds the voltage between its legs and lets each leg go where it must";
        case Topology::transformer_center_tapped:
            return movements() + (f_.mutual_ratio ? ", and what is pushed into pin 3 pulls pin 2 the opposite way" : "") + ": a winding with its middle on ground";
        case Topology::inverter:
            return both_legs() + ", and " + lower(movements()) + ": each leg has an amplifier of its own" + build_outs();
        case Topology::dual_unbalanced: return both_legs() + ", and " + lower(movements()) + ": two channels that carry the same";
        case Topology::impedance_balanced: {
            const bool equal = f_.pin3_over_pin2 && std::abs(f_.pin3_over_pin2->value) < 0.08;
            return silence() + ", and the probe sees " + pin3_ohms() + " there" +
                   (equal ? ", the same as at pin 2: equal impedances are what makes it balanced" : pin2_ohms() + ": meant to be impedance-balanced, with unequal impedances");
        }
        case Topology::unbalanced:
            return silence() + (v_.variant == Variant::pin3_grounded ? ", and the probe finds it on ground (" + pin3_ohms() + "): an unbalanced output"
                                                                     : ", and the probe finds nothing there: an unbalanced output whose pin 3 is not connected");
        case Topology::insert: return silence() + ", and the probe sees " + pin3_ohms() + " there" + nothing_through() + ": the input of a return";
        case Topology::ground_sensing: return silence() + ", and what is injected there comes out at pin 2: a sense input for the far end's ground";
        }
        return {};
    }

    static std::string_view short_name(Topology topology)
    {
        switch (topology) {
        case Topology::transformer: return "a transformer";
        case Topology::transformer_center_tapped: return "a centre-tapped transformer";
        case Topology::cross_coupled: return "a servo";
        case Topology::inverter: return "two op amps";
        case Topology::impedance_balanced: return "an impedance-balanced output";
        case Topology::unbalanced: return "an unbalanced output";
        case Topology::dual_unbalanced: return "two unbalanced channels";
        case Topology::insert: return "an insert";
        case Topology::ground_sensing: return "a ground-sensing output";
        }
        return "?";
    }

    [[nodiscard]] std::string family() const
    {
        auto out = silence();
        if (const auto moves = movements(); !moves.empty()) out += ", and " + lower(moves);
        if (!o_.has_probe) return out + ": a single-ended output; which of four kinds, levels cannot tell";
        if (f_.pin3_log_ohm) return out + "; the " + pin3_ohms() + " that the probe sees there lies between the kinds of single-ended outputs";
        return out + ": a single-ended output; what is at pin 3 stays open";
    }

    [[nodiscard]] std::string open() const
    {
        if (v_.odd) return sentence_start(*v_.odd);
        std::string out = movements();
        if (out.empty()) out = is_silent(f_) ? silence() : both_legs();
        std::string kinds;
        std::size_t count = 0;
        for (const auto& c : v_.alternatives) {
            if (c.probability < 0.05) continue;
            kinds += (count++ == 0 ? "" : " or ") + std::string{short_name(c.topology)};
        }
        return out + to_ground() + (count == 0 ? ": no known kind does that" : count > 1 ? ": that may be " + kinds : ": perhaps " + kinds + ", but that is not sure enough");
    }

    /// "Pin 2 rose … when pin 3 was grounded, and lost … when pin 3 was lifted".
    [[nodiscard]] std::string movements() const
    {
        if (f_.ground_step_mid_db && f_.ground_step_low_db && stays(*f_.ground_step_mid_db) && stays(*f_.ground_step_low_db)) return no_movement(*f_.ground_step_mid_db);
        std::string out;
        const auto& ground = most_telling(f_.ground_step_low_db, f_.ground_step_mid_db);
        if (ground) {
            const bool everywhere = f_.ground_step_high_db && agree(*ground, *f_.ground_step_high_db);
            out = "Pin 2 " + moved(*ground) + (everywhere || has_not_moved(*ground) ? "" : " at " + format_hertz(ground->frequency)) + " " + when_grounded(*ground) +
                  (ground->measured ? "" : " (computed from \"loaded\")");
        }
        if (const auto lifted = lift(); !lifted.empty()) out += out.empty() ? "Pin 2 " + lifted : ", and " + lifted;
        return out;
    }

    /// Less than any floating or centre-tapped output moves.
    static bool stays(const Feature& f) { return std::abs(f.value) < std::max(0.05, normal_95 * f.sigma); }

    [[nodiscard]] std::string no_movement(const Feature& ground) const
    {
        const bool lifted = f_.lift_step_mid_db && f_.lift_step_low_db && stays(*f_.lift_step_mid_db) && stays(*f_.lift_step_low_db);
        auto out = std::string{"Pin 2 did not move when pin 3 was "} + (ground.measured ? "grounded" : "loaded") + (lifted ? " or lifted" : "") + " (" +
                   format_db(GainDb{ground.value}) + " at " + format_hertz(ground.frequency) + ")";
        if (!lifted)
            if (const auto lost = lift(); !lost.empty()) out += ", and " + lost;
        return out;
    }

    [[nodiscard]] std::string lift() const
    {
        if (!f_.lift_step_low_db || !f_.lift_step_mid_db) return {};
        const auto& low = *f_.lift_step_low_db;
        const auto& mid = *f_.lift_step_mid_db;
        const std::string when = " when pin 3 was lifted";
        if (stays(low) && stays(mid)) return "did not move" + when;
        const bool bass_first = f_.lift_slope_db_per_octave && f_.lift_slope_db_per_octave->value > 2.0;
        if (!bass_first) return (mid.value < 0.0 ? "lost " : "gained ") + with_uncertainty(mid) + (mid.value < -0.15 ? ", all frequencies alike," : "") + when;
        const auto& f = mid.value < -3.0 ? mid : low;
        return "lost " + with_uncertainty(f) + " at " + format_hertz(f.frequency) + ", bass first," + when;
    }

    /// Where the two differ, the lower is where an output shows what it is.
    static const std::optional<Feature>& most_telling(const std::optional<Feature>& low, const std::optional<Feature>& mid)
    {
        return low && mid && agree(*low, *mid) ? mid : low ? low : mid;
    }

    [[nodiscard]] std::string to_ground() const
    {
        if (!f_.common_mode_log_ohm || !floats(f_)) return {};
        return "; both legs together show " + format_ohms(Ohms{power_of_ten(f_.common_mode_log_ohm->value)}) + " to ground" +
               (is_capacitive(f_) ? ", a capacitance" : ", a resistance");
    }

    [[nodiscard]] std::string harmonic() const
    {
        const auto h = harmonics_of(o_, SwitchState::through);
        if (!h || !shows_iron(*h)) return {};
        const double percent = 100.0 * std::abs(h->low->ratio[0].value);
        return "; its third harmonic stands out in the bass, " + percent_of(percent, 100.0 * normal_95 * h->low->ratio[0].sigma) + " at " + format_hertz(h->low->fundamental);
    }

    [[nodiscard]] std::string both_legs() const
    {
        if (!f_.leg_angle_deg || !f_.leg_ratio_db) return "Both legs carry the signal";
        const bool equal = std::abs(f_.leg_ratio_db->value) < 0.05;
        return std::string{"Both legs carry the signal "} + phase_words(f_.leg_angle_deg->value) +
               (equal ? ", at the same level" : ", pin 3 " + with_uncertainty(*f_.leg_ratio_db) + (f_.leg_ratio_db->value < 0.0 ? " below" : " above") + " pin 2");
    }

    [[nodiscard]] std::string silence() const
    {
        return f_.pin3_signal_db ? "Pin 3 carries no signal (" + silence_words(f_) + ")" : "Pin 3 carries no signal";
    }

    [[nodiscard]] std::string pin3_ohms() const { return f_.pin3_log_ohm ? format_ohms(Ohms{power_of_ten(f_.pin3_log_ohm->value)}) : "an unknown impedance"; }

    [[nodiscard]] std::string pin2_ohms() const
    {
        if (!f_.pin3_over_pin2 || !f_.pin3_log_ohm) return {};
        return " against " + format_ohms(Ohms{power_of_ten(f_.pin3_log_ohm->value - f_.pin3_over_pin2->value)}) + " at pin 2";
    }

    [[nodiscard]] std::string nothing_through() const { return f_.pin3_to_pin2 ? ", from where nothing reaches pin 2" : ""; }

    [[nodiscard]] std::string build_outs() const
    {
        if (v_.legs.status != EntryStatus::measured) return {};
        return ", behind " + format_ohms(Ohms{std::abs(v_.legs.pin2)}) + " and " + format_ohms(Ohms{std::abs(v_.legs.pin3)});
    }

    static std::string lower(std::string text)
    {
        if (text.starts_with("P")) text[0] = 'p';
        return text;
    }
    static std::string sentence_start(std::string text)
    {
        if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
        return text;
    }

    const Verdict& v_;
    const Features& f_;
    const Observations& o_;
};

}  // namespace

std::vector<Evidence> gather_evidence(const Verdict& verdict, const Features& features, const Observations& observations)
{
    return Witness{verdict, features, observations}.testify();
}

std::string summarize(const Verdict& verdict, const Features& features, const Observations& observations)
{
    return Summary{verdict, features, observations}.text();
}

std::string describe_oddity(const Features& f)
{
    std::string out;
    const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
    if (f.leg_angle_deg && f.leg_angle_deg->value > 25.0 && f.leg_angle_deg->value < 165.0)
        add("legs " + format_fixed(f.leg_angle_deg->value, 0) + "° apart at " + format_hertz(f.leg_angle_deg->frequency));
    if (f.leg_ratio_db && std::abs(f.leg_ratio_db->value) > 1.5)
        add("pin 3 at " + format_db(GainDb{f.leg_ratio_db->value}, 1) + " against pin 2");
    if (f.ground_step_low_db) add("ground step " + format_db(GainDb{f.ground_step_low_db->value}) + " at " + format_hertz(f.ground_step_low_db->frequency));
    if (f.lift_step_low_db) add("lift step " + format_db(GainDb{f.lift_step_low_db->value}) + " at " + format_hertz(f.lift_step_low_db->frequency));
    if (f.pin3_log_ohm) add(format_ohms(Ohms{power_of_ten(f.pin3_log_ohm->value)}) + " at pin 3");
    if (f.mutual_ratio && f.mutual_ratio->value < -0.05) add("the legs push each other apart (Z23 below 0)");
    return out.empty() ? "nothing that was measured fits a known kind of output" : "this combination fits no known kind of output: " + out;
}

}  // namespace lowleg::topology
