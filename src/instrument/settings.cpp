#include "instrument/settings.h"

#include "core/text.h"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace lowleg::instrument {
namespace {

Error refused(const SettingRow& row, std::string_view text)
{
    std::string why = "--" + std::string{row.name} + " cannot be \"" + std::string{text} + "\": give " + range_of(row);
    if (row.most > 1) why += row.value.find('[') == std::string_view::npos ? ", two separated by a comma" : ", one value or two separated by a comma";
    if (row.unit == "Ω" && text.find('M') != std::string_view::npos) why += "; a million is written meg";
    return Error{why, ErrorKind::usage};
}

std::vector<std::string_view> pieces(std::string_view text)
{
    std::vector<std::string_view> out;
    for (;;) {
        const auto comma = text.find(',');
        out.push_back(text.substr(0, comma));
        if (comma == std::string_view::npos) return out;
        text.remove_prefix(comma + 1);
    }
}

/// One to `most` numbers within the row's range; a single one stands for all.
Result<std::vector<double>> numbers(const SettingRow& row, std::string_view text)
{
    std::vector<double> out;
    for (const auto piece : pieces(text)) {
        double value{};
        if (!parse_engineering(piece, value)) return refused(row, text);
        // "200" are picofarads here, but who writes "200p" means farads.
        if (row.unit == "pF" && std::isalpha(static_cast<unsigned char>(piece.back())) != 0) value *= 1e12;
        if (!(value >= row.lowest && value <= row.highest)) return refused(row, text);
        out.push_back(value);
    }
    if (out.size() > row.most) return refused(row, text);
    return out;
}

Result<std::array<std::int32_t, 2>> channels(const SettingRow& row, std::string_view text)
{
    const auto values = numbers(row, text);
    if (!values) return values.error();
    const auto& v = values.value();
    if (v.size() != 2 || v[0] != std::floor(v[0]) || v[1] != std::floor(v[1])) return refused(row, text);
    if (v[0] == v[1])
        return Error{"--" + std::string{row.name} + " cannot be \"" + std::string{text} + "\": the two channels must differ", ErrorKind::usage};
    return std::array{static_cast<std::int32_t>(v[0]), static_cast<std::int32_t>(v[1])};
}

Status apply_rate(Settings& s, const SettingRow& row, std::string_view text)
{
    const auto values = numbers(row, text);
    if (!values) return values.error();
    // Neither an audio file nor JACK knows fractions.
    if (values.value().front() != std::floor(values.value().front())) return refused(row, text);
    s.sample_rate_hz = values.value().front();
    return Done{};
}

Status apply_inputs(Settings& s, const SettingRow& row, std::string_view text)
{
    const auto pair = channels(row, text);
    if (!pair) return pair.error();
    s.inputs = pair.value();
    return Done{};
}

Status apply_outputs(Settings& s, const SettingRow& row, std::string_view text)
{
    const auto pair = channels(row, text);
    if (!pair) return pair.error();
    s.outputs = pair.value();
    return Done{};
}

Status apply_rin(Settings& s, const SettingRow& row, std::string_view text)
{
    const auto values = numbers(row, text);
    if (!values) return values.error();
    s.fixture.rin2 = Ohms{values.value().front()};
    s.fixture.rin3 = Ohms{values.value().back()};
    return Done{};
}

Status apply_cin(Settings& s, const SettingRow& row, std::string_view text)
{
    const auto values = numbers(row, text);
    if (!values) return values.error();
    s.fixture.cin = Farads{1e-12 * values.value().front()};
    return Done{};
}

Status apply_rg(Settings& s, const SettingRow& row, std::string_view text)
{
    const auto values = numbers(row, text);
    if (!values) return values.error();
    s.fixture.rg = Ohms{values.value().front()};
    return Done{};
}

Status apply_rp(Settings& s, const SettingRow& row, std::string_view text)
{
    if (text == row.word) {
        s.fixture.probe.reset();
        return Done{};
    }
    const auto values = numbers(row, text);
    if (!values) return values.error();
    s.fixture.probe = ProbeResistors{Ohms{values.value().front()}, Ohms{values.value().back()}};
    return Done{};
}

Status apply_rs(Settings& s, const SettingRow& row, std::string_view text)
{
    const auto values = numbers(row, text);
    if (!values) return values.error();
    s.fixture.rs = Ohms{values.value().front()};
    return Done{};
}

Status apply_gain_ratio(Settings& s, const SettingRow& row, std::string_view text)
{
    const auto values = numbers(row, text);
    if (!values) return values.error();
    s.fixture.gain_ratio = values.value().front();
    return Done{};
}

Status apply_states(Settings& s, const SettingRow&, std::string_view text)
{
    std::vector<SwitchState> states;
    for (const auto piece : pieces(text)) {
        const auto state = switch_state_of(piece);
        if (!state) return Error{"--states: " + state.error().message, ErrorKind::usage};
        if (std::ranges::find(states, state.value()) == states.end()) states.push_back(state.value());
    }
    if (std::ranges::find(states, SwitchState::through) == states.end())
        return Error{"--states cannot be \"" + std::string{text} + "\": every verdict starts from through; add it", ErrorKind::usage};
    s.states = std::move(states);
    return Done{};
}

Status apply_periods(Settings& s, const SettingRow& row, std::string_view text)
{
    const auto values = numbers(row, text);
    if (!values) return values.error();
    if (values.value().front() != std::floor(values.value().front())) return refused(row, text);
    s.periods = static_cast<std::size_t>(values.value().front());
    return Done{};
}

using enum SettingGroup;

constexpr std::array<SettingRow, 11> table{{
    {"rate", rate, "HZ", "", 8e3, 768e3, "Hz", 1, "", "sample rate; by default the device's own, 48 kHz on the virtual bench", apply_rate},
    {"in", device, "CH,CH", "1,2", 1, 1024, "", 2, "", "input channels of pin 2 and pin 3", apply_inputs},
    {"out", device, "CH,CH", "1,2", 1, 1024, "", 2, "", "output channels of drive and probe", apply_outputs},
    {"rin", fixture, "OHM[,OHM]", "10k", 1, 100e6, "Ω", 2, "", "input resistance of the interface, input 1[,2]", apply_rin},
    {"cin", fixture, "PF", "200", 0, 1e6, "pF", 1, "", "capacitance of each input with its cable", apply_cin},
    {"rg", fixture, "OHM", "1k", 1, 1e6, "Ω", 1, "", "what the state loaded puts from pin 3 to pin 1", apply_rg},
    {"rp", fixture, "OHM[,OHM]|none", "10k", 10, 10e6, "Ω", 2, "none", "probe resistors to pin 2[,3]; none: a plain breakout cable", apply_rp},
    {"rs", fixture, "OHM", "100", 0, 100e3, "Ω", 1, "", "output resistance of the interface's probe output", apply_rs},
    {"gain-ratio", fixture, "RATIO", "1", 0.01, 100, "", 1, "", "gain of input 2 over that of input 1", apply_gain_ratio},
    {"states", measurement, "LIST", "through,loaded,grounded,lifted", 0, 0, "", 0, "", "states of the switch to measure, through among them", apply_states},
    {"periods", measurement, "N", "4", 2, 1000, "", 1, "", "periods of the test signal per state", apply_periods},
}};

std::string with_unit(double value, std::string_view unit)
{
    if (unit == "Ω") return format_ohms(Ohms{value});
    if (unit == "Hz") return format_hertz(Hertz{value});
    return format_number(value) + (unit.empty() ? "" : " ") + std::string{unit};
}

}  // namespace

std::span<const SettingRow> settings_table() noexcept { return table; }

const SettingRow* find_setting(std::string_view name) noexcept
{
    const auto row = std::ranges::find(table, name, &SettingRow::name);
    return row == table.end() ? nullptr : &*row;
}

std::string range_of(const SettingRow& row)
{
    if (row.most == 0) return std::string{row.fallback};
    auto out = (row.unit == "Hz" ? "a whole number, " : "") + with_unit(row.lowest, row.unit) + " to " + with_unit(row.highest, row.unit);
    if (!row.word.empty()) out += ", or " + std::string{row.word};
    return out;
}

Status apply_setting(Settings& settings, std::string_view name, std::string_view text)
{
    const auto* row = find_setting(name);
    if (row == nullptr) return Error{"there is no setting \"" + std::string{name} + "\": see the help for those there are", ErrorKind::usage};
    return row->apply(settings, *row, text);
}

}  // namespace lowleg::instrument
