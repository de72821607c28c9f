#include "study.h"

#include "core/text.h"
#include "topology/hypotheses.h"
#include "topology/observation.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>

namespace lowleg::study {
namespace {

using topology::Outcome;
using topology::Verdict;

constexpr double confident = 0.9;

struct Measured {
    Judged judged;
    std::optional<Verdict> verdict;
    std::optional<topology::Observations> observations;
};

double milliseconds_since(std::chrono::steady_clock::time_point start)
{
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

bool contains(const std::vector<Topology>& names, Topology name) { return std::find(names.begin(), names.end(), name) != names.end(); }

Measured measure(const StudyOptions& options, std::uint64_t number, const TestSignal& signal)
{
    Measured out;
    auto& j = out.judged;
    j.number = number;
    const bool like_reference = number >= first_reference_unit;
    j.unit = draw_unit(options.seed, number, options.family, draw_setup(options.seed, number, like_reference, false).real);
    j.setup = draw_setup(options.seed, number, like_reference, j.unit.truth.pin3_hot);
    j.right = j.unit.truth.names;
    const auto readings = read(j.unit, j.setup, signal, options.seed, number);
    if (!readings) {
        j.trouble = readings.error().message;
        return out;
    }
    if (!readings.value().iron_is_heard) j.right.insert(j.right.end(), j.unit.truth.without_iron.begin(), j.unit.truth.without_iron.end());

    j.inverted = readings.value().inverted;
    auto start = std::chrono::steady_clock::now();
    const auto observations = topology::observe(readings.value().states, j.setup.told, observe_options(j.setup));
    j.observe_ms = milliseconds_since(start);
    if (!observations) {
        j.trouble = observations.error().message;
        return out;
    }
    start = std::chrono::steady_clock::now();
    auto verdict = topology::judge(observations.value(), Threads{1});
    j.judge_ms = milliseconds_since(start);

    j.said = verdict.id();
    j.outcome = verdict.outcome;
    j.probability = verdict.probability;
    j.says_pin3_hot = verdict.pin3_hot;
    j.polarity = verdict.polarity;
    j.variant = verdict.variant;
    j.best = verdict.topology;
    j.best_probability = verdict.topology ? verdict.probability : 0.0;
    if (!j.best && !verdict.alternatives.empty()) {
        j.best = verdict.alternatives.front().topology;
        j.best_probability = verdict.alternatives.front().probability;
    }
    out.verdict = std::move(verdict);
    out.observations = observations.value();
    return out;
}

std::string percent(double part, double whole, int digits = 1) { return whole > 0.0 ? format_fixed(100.0 * part / whole, digits) + " %" : "–"; }

std::string words_for(const std::vector<Topology>& names)
{
    std::string out;
    for (const auto name : names) out += (out.empty() ? "" : " or ") + std::string{id_of(name)};
    return out;
}

std::string right_words(const Judged& j)
{
    if (j.unit.truth.is_silent) return "no-signal";
    return j.right.empty() ? "nothing" : words_for(j.right);
}

// ------------------------------------------------------------------------------------------------------------ tables

constexpr std::array<const char*, 12> columns{"transformer", "transformer-center-tapped", "cross-coupled",  "inverter",     "impedance-balanced", "unbalanced",
                                              "dual-unbalanced", "insert",                "ground-sensing", "single-ended", "no-signal",          "inconclusive"};
constexpr std::array<const char*, 12> short_names{"transf.", "centre-t.", "cross-c.", "inverter", "imp.-bal.", "unbal.",
                                                  "dual",    "insert",    "gnd-sens.", "*single-ended*", "*no-signal*", "*inconclusive*"};

std::string confusion(const std::vector<Judged>& units)
{
    std::string out = "| truth |";
    for (const auto* name : short_names) out += " " + std::string{name} + " |";
    out += " units | wrong at ≥ 0.9 |\n| --- |";
    for (std::size_t i = 0; i < columns.size() + 2; ++i) out += " ---: |";
    out += "\n";
    for (const auto family : all_families) {
        std::map<std::string, int> said;
        int count = 0;
        int wrong = 0;
        for (const auto& j : units) {
            if (j.unit.family != family || j.trouble) continue;
            ++said[j.said];
            ++count;
            wrong += j.is_confidently_wrong() ? 1 : 0;
        }
        if (count == 0) continue;
        out += "| " + std::string{name_of(family)} + " |";
        for (const auto* column : columns) out += " " + (said.contains(column) ? std::to_string(said[column]) : std::string{}) + " |";
        out += " " + std::to_string(count) + " | " + std::to_string(wrong) + " |\n";
    }
    return out;
}

std::string wrong_calls(const std::vector<Judged>& units)
{
    struct Class {
        int count{};
        std::string first;  ///< Numbers of some.
    };
    std::map<std::string, Class> classes;
    for (const auto& j : units) {
        if (j.trouble || !j.is_confidently_wrong()) continue;
        auto& c = classes[std::string{name_of(j.unit.family)} + " called " + j.said + (j.is_right() ? " with the wrong pin hot" : "")];
        constexpr int shown = 8;
        if (++c.count <= shown) c.first += (c.first.empty() ? "" : ", ") + std::to_string(j.number);
        else if (c.count == shown + 1) c.first += ", …";
    }
    std::string out;
    for (const auto& [name, c] : classes) out += "- " + std::to_string(c.count) + " × " + name + ": " + c.first + "\n";
    const auto summary = out.empty() ? out : out + "\n";
    out.clear();
    for (const auto& j : units) {
        if (j.trouble || !j.is_confidently_wrong()) continue;
        out += "| " + std::to_string(j.number) + " | " + std::string{name_of(j.unit.family)} + ": " + j.unit.kind + " | " + right_words(j) + " | " + j.said +
               (j.says_pin3_hot ? ", pin 3 hot" : "") + " " + format_fixed(j.probability, 4) + " | " + describe(j.setup) + " |\n";
    }
    if (out.empty()) return "None.\n";
    return summary + "| unit | what it is | right would be | said | set-up |\n| ---: | --- | --- | --- | --- |\n" + out;
}

/// Of probabilities and whether what they were given to was right.
struct Claim {
    double probability;
    bool is_right;
};

std::string reliability(const std::vector<Claim>& claims)
{
    constexpr std::array edges{0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0 + 1e-9};
    std::string out = "| said | claims | mean said | right |\n| --- | ---: | ---: | ---: |\n";
    double error = 0.0;
    double over = 0.0;
    for (std::size_t bin = 0; bin + 1 < edges.size(); ++bin) {
        double count = 0.0;
        double said = 0.0;
        double right = 0.0;
        for (const auto& c : claims) {
            if (c.probability < edges[bin] || c.probability >= edges[bin + 1]) continue;
            count += 1.0;
            said += c.probability;
            right += c.is_right ? 1.0 : 0.0;
        }
        if (count == 0.0) continue;
        error += std::abs(said - right);
        over += std::max(said - right, 0.0);
        out += "| " + format_number(edges[bin]) + " to " + format_number(std::min(edges[bin + 1], 1.0)) + " | " + format_fixed(count, 0) + " | " +
               format_fixed(said / count, 4) + " | " + format_fixed(right / count, 4) + " |\n";
    }
    const auto count = static_cast<double>(std::max<std::size_t>(claims.size(), 1));
    return out + "\nExpected calibration error " + format_fixed(error / count, 4) + ", of which over-confidence " + format_fixed(over / count, 4) + " (" +
           std::to_string(claims.size()) + " claims).\n";
}

std::string right_rates(const std::vector<Judged>& units)
{
    std::string out = "| truth | units | right | open, the truth among the alternatives first | open otherwise | wrong |\n| --- | ---: | ---: | ---: | ---: | ---: |\n";
    std::array<int, 5> sum{};
    const auto row = [](const std::string& name, const std::array<int, 5>& n) {
        std::string text = "| " + name + " | " + std::to_string(n[0]) + " |";
        for (std::size_t i = 1; i < n.size(); ++i) text += " " + std::to_string(n[i]) + " (" + percent(n[i], n[0]) + ") |";
        return text + "\n";
    };
    for (const auto family : all_families) {
        if (family == Family::odd) continue;
        std::array<int, 5> n{};
        for (const auto& j : units) {
            if (j.trouble || j.unit.family != family || j.unit.truth.pin3_hot) continue;
            ++n[0];
            const bool is_open = j.outcome == Outcome::inconclusive || j.outcome == Outcome::single_ended;
            if (!is_open) ++n[j.is_right() ? 1 : 4];
            else if (j.outcome == Outcome::single_ended && !j.is_right()) ++n[4];
            else ++n[j.best && contains(j.right, *j.best) ? 2 : 3];
        }
        for (std::size_t i = 0; i < n.size(); ++i) sum[i] += n[i];
        if (n[0] > 0) out += row(std::string{name_of(family)}, n);
    }
    return out + row("**all**", sum);
}

/// Units of which one thing alone may be said, and units that nothing tells from others.
std::string right_among_tellable(const std::vector<Judged>& units)
{
    std::array<double, 2> count{};
    std::array<double, 2> right{};
    for (const auto& j : units) {
        if (j.trouble || j.unit.family == Family::odd || j.unit.truth.pin3_hot) continue;
        const std::size_t kind = j.right.size() > 1 ? 1 : 0;
        count[kind] += 1.0;
        right[kind] += (j.outcome == Outcome::named || j.outcome == Outcome::no_signal) && j.is_right() ? 1.0 : 0.0;
    }
    return "Named rightly: " + percent(right[0], count[0], 2) + " of the " + format_fixed(count[0], 0) + " units that a test can tell from all others, " +
           percent(right[1], count[1], 2) + " of the " + format_fixed(count[1], 0) + " that none can (there, an open verdict is no less honest).\n";
}

std::string pin3_hot_rates(const std::vector<Judged>& units)
{
    double hot = 0.0, said = 0.0, others = 0.0, others_said = 0.0;
    for (const auto& j : units) {
        if (j.trouble || j.unit.family == Family::odd || j.unit.truth.is_silent) continue;
        (j.unit.truth.pin3_hot ? hot : others) += 1.0;
        if (j.says_pin3_hot) (j.unit.truth.pin3_hot ? said : others_said) += 1.0;
    }
    return "Pin 3 hot: noticed in " + percent(said, hot) + " of " + format_fixed(hot, 0) + " units whose pin 2 is silent; said of " + format_fixed(others_said, 0) +
           " of the " + format_fixed(others, 0) + " others.\n";
}

std::string variant_rates(const std::vector<Judged>& units)
{
    int right = 0, wrong = 0;
    std::string which;
    for (const auto& j : units) {
        if (j.trouble || !j.variant || !j.unit.truth.variant || j.said != "unbalanced") continue;
        if (j.variant == j.unit.truth.variant) ++right;
        else {
            ++wrong;
            which += (which.empty() ? " (units " : ", ") + std::to_string(j.number);
        }
    }
    return "Variant of those called unbalanced (pin 3 grounded or not connected): " + std::to_string(right) + " right, " + std::to_string(wrong) + " wrong" +
           (which.empty() ? "" : which + ")") + ".\n";
}

std::string polarity_rates(const std::vector<Judged>& units)
{
    int right = 0, wrong = 0, open = 0;
    std::string which;
    for (const auto& j : units) {
        if (j.trouble || !j.inverted || j.unit.family == Family::odd) continue;
        if (j.polarity == topology::Polarity::unknown) ++open;
        else if ((j.polarity == topology::Polarity::inverted) == *j.inverted) ++right;
        else {
            ++wrong;
            which += (which.empty() ? " (units " : ", ") + std::to_string(j.number);
        }
    }
    return "Polarity against the drive, at 1 kHz: " + std::to_string(right) + " right, " + std::to_string(wrong) + " wrong" + (which.empty() ? "" : which + ")") + ", " +
           std::to_string(open) + " left open.\n";
}

double quantile(std::vector<double> values, double q)
{
    if (values.empty()) return 0.0;
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

std::string times(const std::vector<Judged>& units)
{
    std::vector<double> observe, judge;
    for (const auto& j : units) {
        if (j.trouble) continue;
        observe.push_back(j.observe_ms);
        judge.push_back(j.judge_ms);
    }
    const auto words = [](const std::vector<double>& v) {
        return "median " + format_fixed(quantile(v, 0.5), 2) + " ms, p99 " + format_fixed(quantile(v, 0.99), 2) + " ms, longest " + format_fixed(quantile(v, 1.0), 2) + " ms";
    };
    return "`judge`: " + words(judge) + ". `observe`: " + words(observe) + ".\n";
}

std::vector<Claim> decided_claims(const std::vector<Judged>& units)
{
    std::vector<Claim> out;
    for (const auto& j : units)
        if (!j.trouble && j.is_decided()) out.push_back({j.probability, j.is_right()});
    return out;
}

std::vector<Claim> best_claims(const std::vector<Judged>& units)
{
    std::vector<Claim> out;
    for (const auto& j : units)
        if (!j.trouble && j.best) out.push_back({j.best_probability, contains(j.right, *j.best)});
    return out;
}

std::size_t count_if(const std::vector<Judged>& units, const std::function<bool(const Judged&)>& what)
{
    return static_cast<std::size_t>(std::count_if(units.begin(), units.end(), what));
}

std::string troubles(const std::vector<Judged>& units)
{
    std::string out;
    for (const auto& j : units)
        if (j.trouble) out += "- unit " + std::to_string(j.number) + " (" + j.unit.kind + "): " + *j.trouble + "\n";
    return out.empty() ? std::string{} : "\n### Left out\n\n" + out;
}

std::string kinds_by_set_up(const std::vector<Judged>& units)
{
    struct Row {
        double all{}, named{}, single{}, wrong{};
    };
    std::map<std::string, Row> rows;
    for (const auto& j : units) {
        if (j.trouble || j.unit.family == Family::odd) continue;
        std::string states;
        for (const auto state : j.setup.states) states += (states.empty() ? "" : " ") + std::string{lowleg::name_of(state)};
        auto& row = rows[(j.setup.told.probe ? "probe, " : "no probe, ") + states];
        row.all += 1.0;
        row.named += (j.outcome == Outcome::named || j.outcome == Outcome::no_signal) && j.is_right() ? 1.0 : 0.0;
        row.single += j.outcome == Outcome::single_ended && j.is_right() ? 1.0 : 0.0;
        row.wrong += j.is_confidently_wrong() ? 1.0 : 0.0;
    }
    std::string out = "| set-up | units | named rightly | rightly single-ended | wrong at ≥ 0.9 |\n| --- | ---: | ---: | ---: | ---: |\n";
    for (const auto& [name, row] : rows)
        out += "| " + name + " | " + format_fixed(row.all, 0) + " | " + percent(row.named, row.all) + " | " + percent(row.single, row.all) + " | " + format_fixed(row.wrong, 0) + " |\n";
    return out;
}

}  // namespace

bool Judged::is_right() const
{
    switch (outcome) {
    case Outcome::named: return contains(right, *best);
    case Outcome::single_ended: return std::any_of(right.begin(), right.end(), topology::is_single_ended);
    case Outcome::no_signal: return unit.truth.is_silent;
    case Outcome::inconclusive: break;
    }
    return false;
}

bool Judged::is_confidently_wrong() const
{
    if (!is_decided() || probability < confident) return false;
    if (!is_right()) return true;
    // Which pin is silent is plain to see where one is.
    const bool one_is_silent = std::any_of(right.begin(), right.end(), topology::is_single_ended);
    return one_is_silent && unit.family != Family::odd && says_pin3_hot != unit.truth.pin3_hot;
}

Judged judge_unit(const StudyOptions& options, std::uint64_t number, const TestSignal& signal) { return measure(options, number, signal).judged; }

std::vector<Judged> judge_units(const StudyOptions& options, std::uint64_t first, std::size_t count, std::size_t jobs, bool progress)
{
    const auto signal = study_signal();
    std::vector<Judged> out(count);
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t i = next++; i < count; i = next++) {
            out[i] = judge_unit(options, first + i, signal);
            if (progress && (i + 1) % 1000 == 0) std::fprintf(stderr, "%zu of %zu units\n", i + 1, count);
        }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < jobs; ++i) threads.emplace_back(work);
    work();
    for (auto& thread : threads) thread.join();
    return out;
}

TestSignal study_signal()
{
    auto signal = design_test_signal();
    if (!signal) throw std::runtime_error{signal.error().message};
    return std::move(signal).value();
}

std::string tables(const std::vector<Judged>& units, const std::vector<Judged>& reference)
{
    const auto wrong = [](const Judged& j) { return !j.trouble && j.is_confidently_wrong(); };
    const auto decided = [](const Judged& j) { return !j.trouble && j.is_decided(); };
    std::string out = "### All set-ups\n\n" + std::to_string(units.size()) + " units, " + std::to_string(count_if(units, decided)) + " verdicts decided, **" +
                      std::to_string(count_if(units, wrong)) + " wrong at 0.9 or more**. " + times(units) + "\n" + confusion(units) +
                      "\nWhere no test can tell two kinds apart, either name is right (in the last column), so a number off the diagonal need not be wrong.\n\n" +
                      pin3_hot_rates(units) + "\n" + variant_rates(units) + "\n" + polarity_rates(units) + "\n" + kinds_by_set_up(units) + "\n### Wrong at 0.9 or more\n\n" + wrong_calls(units) +
                      "\n### Reliability: decided verdicts\n\n" + reliability(decided_claims(units)) + "\n### Reliability: the most probable name of every verdict\n\n" +
                      reliability(best_claims(units)) + troubles(units);
    if (reference.empty()) return out;
    return out + "\n### Reference set-up: probe, `through`, `loaded`, `lifted`, 10 kΩ\n\n" + std::to_string(reference.size()) + " units, **" +
           std::to_string(count_if(reference, wrong)) + " wrong at 0.9 or more**. " + times(reference) + "\n" + right_among_tellable(reference) + "\n" + right_rates(reference) +
           "\nWithout those that are wired pin 3 hot, and those that fit nothing.\n\n" + pin3_hot_rates(reference) + "\n" + variant_rates(reference) + "\n" + confusion(reference) +
           "\n#### Wrong at 0.9 or more\n\n" + wrong_calls(reference) + "\n#### Reliability of decided verdicts\n\n" + reliability(decided_claims(reference)) + troubles(reference);
}

namespace {

/// What the likeliest hypotheses made of the readings.
std::string fits(const topology::Observations& observations)
{
    std::string out;
    auto hypotheses = topology::weigh(observations).hypotheses;
    std::ranges::stable_sort(hypotheses, std::ranges::greater{}, &topology::WeighedHypothesis::log_evidence);
    for (std::size_t i = 0; i < std::min<std::size_t>(hypotheses.size(), 6); ++i) {
        const auto& h = hypotheses[i];
        out += "fit      " + std::string{h.name} + ": " + format_fixed(h.probability, 4) + ", evidence " + format_fixed(h.log_evidence, 2) + ", misfit " + format_fixed(h.misfit, 2) + ", strain " + format_fixed(h.strain, 1) + ", parts";
        for (const double part : h.parts) {
            char text[16];
            std::snprintf(text, sizeof text, " %.3g", part);
            out += text;
        }
        out += "\n";
    }
    return out;
}

}  // namespace

std::string line(const Judged& j)
{
    return std::to_string(j.number) + "\t" + std::string{name_of(j.unit.family)} + "\t" + (j.is_confidently_wrong() ? "WRONG" : j.is_decided() && j.is_right() ? "right" : "open") + "\t" + j.said + "\t" +
           format_fixed(j.probability, 4) + "\t" + right_words(j) + (j.unit.truth.pin3_hot ? ", pin 3 hot" : "") + "\t" + j.unit.kind + "\t" + describe(j.setup) + "\n";
}

std::string report(const StudyOptions& options, std::uint64_t number, const TestSignal& signal)
{
    const auto m = measure(options, number, signal);
    const auto& j = m.judged;
    std::string out = j.unit.netlist + "\nunit     " + std::to_string(number) + ": " + std::string{name_of(j.unit.family)} + ": " + j.unit.kind + "\n";
    out += "right    " + right_words(j) + (j.unit.truth.pin3_hot ? ", pin 3 hot" : "") + "\n";
    if (j.unit.iron)
        out += "iron     third harmonic " + format_number(std::round(1e6 * j.unit.iron->at_20_hz) / 1e4) + " % at 20 Hz, falling as f^-" + format_fixed(j.unit.iron->slope, 2) + "\n";
    if (j.unit.electronic_third > 0.0) out += "electronics  third harmonic " + format_number(std::round(1e7 * j.unit.electronic_third) / 1e5) + " %\n";
    out += "set-up   " + describe(j.setup) + "\n";
    if (j.trouble) return out + "trouble  " + *j.trouble + "\n";
    const auto& v = *m.verdict;
    out += "verdict  " + j.said + " " + format_fixed(v.probability, 4) + (v.pin3_hot ? ", pin 3 hot" : "") +
           (v.variant ? *v.variant == Variant::pin3_grounded ? ", pin 3 grounded" : ", pin 3 not connected" : "") + (j.is_confidently_wrong() ? "   WRONG" : "") + "\n";
    if (v.odd) out += "odd      " + *v.odd + "\n";
    for (const auto& c : v.alternatives) out += "         " + std::string{id_of(c.topology)} + " " + format_fixed(c.probability, 4) + "\n";
    for (const auto& e : v.evidence) out += "evidence " + std::string{e.name} + ": " + e.says + "\n";
    if (v.next_step) out += "next     " + v.next_step->text + "\n";
    out += fits(*m.observations);
    return out + "took     observe " + format_fixed(j.observe_ms, 2) + " ms, judge " + format_fixed(j.judge_ms, 2) + " ms\n";
}

}  // namespace lowleg::study
