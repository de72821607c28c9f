#include "instrument/settings.h"

#include "core/text.h"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace lowleg::instrument {
namespace {

constexpr double longest_dropout = 48'000;  // frames

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
        if (row.is_whole && value != std::floor(value)) return refused(row, text);
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
    if (v.size() != 2) return refused(row, text);
    if (v[0] == v[1])
        return Error{"--" + std::string{row.name} + " cannot be \"" + std::string{text} + "\": the two channels must differ", ErrorKind::usage};
    return std::array{static_cast<std::int32_t>(v[0]), static_cast<std::int32_t>(v[1])};
}

// What a row does with what was given. `set` gets the numbers, all of them in range, at least one.
template <class Set>
Status apply_numbers(Settings& s, const SettingRow& row, std::string_view text, Set set)
{
    const auto values = numbers(row, text);
    if (!values) return values.error();
    set(s, values.value());
    return Done{};
}

using Values = std::vector<double>;

// Neither an audio file nor JACK knows fractions of a sample rate.
Status apply_rate(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.sample_rate_hz = v.front(); });
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
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) {
        to.fixture.rin2 = Ohms{v.front()};
        to.fixture.rin3 = Ohms{v.back()};
    });
}

Status apply_cin(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.fixture.cin = Farads{1e-12 * v.front()}; });
}

Status apply_rg(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.fixture.rg = Ohms{v.front()}; });
}

Status apply_rp(Settings& s, const SettingRow& row, std::string_view text)
{
    if (text == row.word) {
        s.fixture.probe.reset();
        return Done{};
    }
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.fixture.probe = ProbeResistors{Ohms{v.front()}, Ohms{v.back()}}; });
}

Status apply_rs(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.fixture.rs = Ohms{v.front()}; });
}

Status apply_gain_ratio(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.fixture.gain_ratio = v.front(); });
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
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.periods = static_cast<std::size_t>(v.front()); });
}

Status apply_flag(bool Settings::*flag, Settings& s, const SettingRow& row, std::string_view text)
{
    if (text != "on" && text != "off") return refused(row, text);
    s.*flag = text == "on";
    return Done{};
}

Status apply_headroom(Settings& s, const SettingRow& row, std::string_view text) { return apply_flag(&Settings::headroom, s, row, text); }
Status apply_sweep(Settings& s, const SettingRow& row, std::string_view text) { return apply_flag(&Settings::sweep, s, row, text); }
Status apply_line_output(Settings& s, const SettingRow& row, std::string_view text) { return apply_flag(&Settings::line_output, s, row, text); }

Status apply_drive(procedure::DriveFrom drive, Settings& s, const SettingRow& row, std::string_view text)
{
    if (text != "on" && text != "off") return refused(row, text);
    if (text == "on") s.drive = drive;
    else if (s.drive == drive) s.drive = procedure::DriveFrom::interface;
    return Done{};
}

Status apply_player(Settings& s, const SettingRow& row, std::string_view text) { return apply_drive(procedure::DriveFrom::player, s, row, text); }
Status apply_no_drive(Settings& s, const SettingRow& row, std::string_view text) { return apply_drive(procedure::DriveFrom::nothing, s, row, text); }

Status apply_player_clock(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.player_clock_ppm = v.front(); });
}

Status apply_noise(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.interface.noise = Dbfs{v.front()}; });
}

Status apply_hum(Settings& s, const SettingRow& row, std::string_view text)
{
    if (text == row.word) {
        s.interface.hum.reset();
        return Done{};
    }
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.interface.hum = Dbfs{v.front()}; });
}

Status apply_hum_frequency(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.interface.hum_frequency = Hertz{v.front()}; });
}

Status apply_gain_mismatch(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.gain_mismatch = GainDb{v.front()}; });
}

Status apply_ac_coupling(Settings& s, const SettingRow& row, std::string_view text)
{
    if (text == row.word) {
        s.interface.ac_coupling = {Hertz{0.0}, Hertz{0.0}};
        return Done{};
    }
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.interface.ac_coupling = {Hertz{v.front()}, Hertz{v.back()}}; });
}

Status apply_clip(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.interface.clipping = Dbfs{v.front()}; });
}

Status apply_delay(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.interface.delay_frames = static_cast<std::int64_t>(v.front()); });
}

Status apply_clock(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.interface.clock_ppm = v.front(); });
}

Status apply_dropouts(Settings& s, const SettingRow& row, std::string_view text)
{
    if (text == row.word) {
        s.interface.dropouts = {};
        return Done{};
    }
    const auto refuse = [&] {
        return Error{"--" + std::string{row.name} + " cannot be \"" + std::string{text} + "\": give how many a minute (" + range_of(row) + "), then the frames of each (1 to " +
                         format_number(longest_dropout) + "), then silence or slip, separated by commas",
                     ErrorKind::usage};
    };
    const auto parts = pieces(text);
    bench::Dropouts dropouts;
    if (parts.size() > 3 || !parse_engineering(parts[0], dropouts.per_minute)) return refuse();
    if (!(dropouts.per_minute >= row.lowest && dropouts.per_minute <= row.highest)) return refuse();
    if (parts.size() > 1) {
        double frames{};
        if (!parse_engineering(parts[1], frames) || !(frames >= 1.0 && frames <= longest_dropout) || frames != std::floor(frames)) return refuse();
        dropouts.frames = static_cast<std::int64_t>(frames);
    }
    if (parts.size() > 2) {
        if (parts[2] != "silence" && parts[2] != "slip") return refuse();
        dropouts.kind = parts[2] == "slip" ? bench::Dropouts::Kind::slip : bench::Dropouts::Kind::silence;
    }
    s.interface.dropouts = dropouts;
    return Done{};
}

Status apply_fault(Settings& s, const SettingRow& row, std::string_view text)
{
    bench::WrongMoves wrong;
    wrong.return_gain = s.interface.wrong_moves.return_gain;
    if (text != row.word) {
        struct Word { std::string_view name; bool bench::WrongMoves::*what; };
        static constexpr std::array words{Word{"rp2-open", &bench::WrongMoves::rp2_open}, Word{"rp3-open", &bench::WrongMoves::rp3_open},
                                          Word{"pin2-open", &bench::WrongMoves::pin2_open}, Word{"muted", &bench::WrongMoves::muted},
                                          Word{"same-channel", &bench::WrongMoves::same_channel}, Word{"feedback", &bench::WrongMoves::feedback},
                                          Word{"monitoring", &bench::WrongMoves::monitoring}};
        for (const auto piece : pieces(text)) {
            const auto word = std::ranges::find(words, piece, &Word::name);
            if (word == words.end())
                return Error{"--" + std::string{row.name} + " cannot be \"" + std::string{text} + "\": give none, or any of " + std::string{row.value.substr(0, row.value.rfind('|'))} +
                                 ", separated by commas",
                             ErrorKind::usage};
            wrong.*(word->what) = true;
        }
    }
    s.interface.wrong_moves = wrong;
    return Done{};
}

Status apply_return_gain(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.interface.wrong_moves.return_gain = GainDb{v.front()}; });
}

Status apply_seed(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.interface.seed = static_cast<std::uint64_t>(v.front()); });
}

Status apply_full_scale(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, text, [](Settings& to, const Values& v) { to.interface.full_scale = Dbu{v.front()}; });
}

/// "0.01dB" is "0.01" where decibels are meant.
std::string_view without_unit(std::string_view text, std::string_view unit)
{
    if (!text.ends_with(unit)) return text;
    text.remove_suffix(unit.size());
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

Status apply_until(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, without_unit(text, row.unit), [](Settings& to, const Values& v) { to.averaging.until = GainDb{v.front()}; });
}

Status apply_for(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, without_unit(text, row.unit), [](Settings& to, const Values& v) { to.averaging.at_most = Seconds{v.front()}; });
}

Status apply_level(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, without_unit(text, row.unit), [](Settings& to, const Values& v) { to.level = Dbfs{v.front()}; });
}

Status apply_tone(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, without_unit(text, row.unit), [](Settings& to, const Values& v) { to.tone = Hertz{v.front()}; });
}

Status apply_gain_setting(Settings& s, const SettingRow& row, std::string_view text)
{
    constexpr std::size_t longest = 60;
    const bool is_plain = std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    if (text.empty() || text.size() > longest || !is_plain)
        return Error{"--" + std::string{row.name} + " cannot be \"" + std::string{text} + "\": give a name of 1 to " + std::to_string(longest) + " characters, as \"line, +4\"",
                     ErrorKind::usage};
    s.gain_setting = text;
    return Done{};
}

Status apply_wait(Settings& s, const SettingRow& row, std::string_view text)
{
    return apply_numbers(s, row, without_unit(text, row.unit), [](Settings& to, const Values& v) { to.search_time = Seconds{v.front()}; });
}

Status apply_output_device(Settings& s, const SettingRow& row, std::string_view text)
{
    if (text.empty()) return Error{"--" + std::string{row.name} + " is empty: give the number or the name of a device that \"lowleg devices\" lists", ErrorKind::usage};
    s.output_device = text;
    return Done{};
}

Status apply_exchange(Settings& s, const SettingRow& row, std::string_view text) { return apply_flag(&Settings::exchange, s, row, text); }

Status apply_into(Settings& s, const SettingRow& row, std::string_view text)
{
    if (text.empty()) return Error{"--" + std::string{row.name} + " is empty: name a receiver of the virtual bench, a file of \"lowleg measure input --json\", or ohms per leg", ErrorKind::usage};
    s.into = text;
    return Done{};
}

using enum SettingGroup;

constexpr auto table = std::to_array<SettingRow>({
    {"rate", rate, "HZ", "", 8e3, 768e3, "Hz", 1, true, "", "sample rate; by default the device's own, 48 kHz on the virtual bench", apply_rate},
    {"in", device, "CH,CH", "1,2", 1, 1024, "", 2, true, "", "input channels of pin 2 and pin 3", apply_inputs},
    {"out", device, "CH,CH", "1,2", 1, 1024, "", 2, true, "", "output channels of drive and probe", apply_outputs},
    {"output-device", device, "ID", "", 0, 0, "", 0, false, "", "audio device that plays, where it is another than the one that records, of the same audio system: two clocks are told and corrected, or refused",
     apply_output_device},
    {"wait", device, "SECONDS", "15", 0, 3600, "s", 1, false, "", "so long a device that is lost while it measures is looked for; 0: not at all", apply_wait},
    {"rin", fixture, "OHM[,OHM]", "10k", 1, 100e6, "Ω", 2, false, "", "input resistance of the interface, input 1[,2]", apply_rin},
    {"cin", fixture, "PF", "200", 0, 1e6, "pF", 1, false, "", "capacitance of each input with its cable", apply_cin},
    {"rg", fixture, "OHM", "1k", 1, 1e6, "Ω", 1, false, "", "what the state loaded puts from pin 3 to pin 1", apply_rg},
    {"rp", fixture, "OHM[,OHM]|none", "10k", 10, 10e6, "Ω", 2, false, "none", "probe resistors to pin 2[,3]; none: a plain breakout cable", apply_rp},
    {"rs", fixture, "OHM", "100", 0, 100e3, "Ω", 1, false, "", "output resistance of the interface's probe output", apply_rs},
    {"gain-ratio", fixture, "RATIO", "1", 0.01, 100, "", 1, false, "", "gain of input 2 over that of input 1", apply_gain_ratio},
    {"noise", simulation, "DBFS", "-110", -300, 0, "dBFS", 1, false, "", "noise of each simulated input, 20 Hz to 20 kHz", apply_noise},
    {"hum", simulation, "DBFS|none", "none", -200, 0, "dBFS", 1, false, "none", "hum on both simulated inputs, its fundamental", apply_hum},
    {"hum-hz", simulation, "HZ", "50.02", 1, 1000, "Hz", 1, false, "", "frequency of the simulated hum", apply_hum_frequency},
    {"gain-mismatch", simulation, "DB", "0", -40, 40, "dB", 1, false, "", "gain of simulated input 2 over input 1 that the measurement does not know of", apply_gain_mismatch},
    {"ac-coupling", simulation, "HZ[,HZ]|none", "none", 0.001, 1000, "Hz", 2, false, "none", "simulated high-pass of input 1[,2]: its −3 dB", apply_ac_coupling},
    {"clip", simulation, "DBFS", "0", -100, 0, "dBFS", 1, false, "", "level at which the simulated inputs clip", apply_clip},
    {"delay", simulation, "FRAMES", "0", 0, 480'000, "frames", 1, true, "", "round trip of the simulated converters", apply_delay},
    {"clock", simulation, "PPM", "0", -1000, 1000, "ppm", 1, false, "", "how much faster the simulated inputs' clock runs than the outputs'", apply_clock},
    {"dropouts", simulation, "PER_MINUTE[,FRAMES[,silence|slip]]|none", "none", 0, 6000, "", 1, false, "none",
     "captured samples that get lost at random: how often a minute, how many (64), and whether they are silence or a slip", apply_dropouts},
    {"fault", simulation, "rp2-open|rp3-open|pin2-open|muted|same-channel|feedback|monitoring|none", "none", 0, 0, "", 0, false, "none",
     "what is connected wrongly on the virtual bench; several separated by commas", apply_fault},
    {"return-gain", simulation, "DB", "-6", -100, 20, "dB", 1, false, "", "gain of what the faults feedback and monitoring give back", apply_return_gain},
    {"seed", simulation, "N", "1", 0, 9007199254740991.0, "", 1, true, "", "start of what is random (noise, dropouts, drawn parts): the same seed gives the same", apply_seed},
    {"full-scale", simulation, "DBU", "24", -100, 100, "dBu", 1, false, "", "level of a full-scale sine at the simulated interface", apply_full_scale},
    {"states", measurement, "LIST", "through,loaded,grounded,lifted", 0, 0, "", 0, false, "", "states of the switch to measure, through among them", apply_states},
    {"periods", measurement, "N", "2", 2, 1000, "", 1, true, "", "periods of the test signal per state", apply_periods},
    {"headroom", measurement, "", "off", 0, 0, "", 0, false, "", "look for the highest levels, too: a sine near 1 kHz, raised until pin 2 distorts by 1 %", apply_headroom, true},
    {"player", measurement, "", "off", 0, 0, "", 0, false, "", "the gear plays the test signal itself, the file of \"lowleg stimulus --player\": gear without an input", apply_player, true},
    {"no-drive", measurement, "", "off", 0, 0, "", 0, false, "", "nothing drives the gear, the probe alone tells: gear that has no input and plays no file", apply_no_drive, true},
    {"player-clock", player, "PPM", "0", -1000, 1000, "ppm", 1, false, "", "how much faster simulated gear plays than the simulated interface records, with --player", apply_player_clock},
    {"line-output", measurement, "", "off", 0, 0, "", 0, false, "", "what is connected is a line output, no power amplifier's: needed without the probe, where nobody can be asked",
     apply_line_output, true},
    {"until", averaging, "DB", "", 1e-6, 20, "dB", 1, false, "", "average until the leading figure is known to this, 95 %", apply_until},
    {"for", averaging, "SECONDS", "", 1, 3600, "s", 1, false, "", "average for so much signal, at the most", apply_for},
    {"level", tone, "DBFS", "", -100, 0, "dBFS", 1, false, "", "level of the test signal at output 1", apply_level},
    {"tone", tone, "HZ", "1000", 10, 90e3, "Hz", 1, false, "", "frequency of the test tone", apply_tone},
    {"sweep", response, "", "off", 0, 0, "", 0, false, "", "by an exponential sweep in place of the multitone: more frequencies, and harmonics 2 to 9 over frequency", apply_sweep, true},
    {"setting", calibration, "NAME", "", 0, 0, "", 0, false, "", "what you call the position of the interface's gain controls: a calibration is good for one of them", apply_gain_setting},
    {"into", balance, "NAME|FILE", "", 0, 0, "", 0, false, "", "an input to tell the rejection for: a receiver of the virtual bench, a netlist, what \"lowleg measure input --json\" printed, or ohms per leg",
     apply_into},
    {"exchange", balance, "", "off", 0, 0, "", 0, false, "", "read the probe, exchange the leads at the interface's inputs, and measure: inputs that nobody has compared then compare themselves", apply_exchange,
     true},
});

/// With the sign that a minus has, and without an exponent.
std::string signed_number(double value)
{
    auto out = value == std::floor(value) ? format_fixed(std::abs(value), 0) : format_number(std::abs(value));
    return value < 0.0 ? "−" + out : out;
}

std::string with_unit(double value, std::string_view unit)
{
    if (unit == "Ω") return format_ohms(Ohms{value});
    if (unit == "Hz") return format_hertz(Hertz{value});
    return signed_number(value) + (unit.empty() ? "" : " ") + std::string{unit};
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
    if (row.is_flag) return "on or off";
    if (row.most == 0) return std::string{row.fallback};
    auto out = (row.is_whole && row.unit == "Hz" ? "a whole number, " : "") + with_unit(row.lowest, row.unit) + " to " + with_unit(row.highest, row.unit);
    if (!row.word.empty()) out += ", or " + std::string{row.word};
    return out;
}

Status apply_setting(Settings& settings, std::string_view name, std::string_view text)
{
    const auto* row = find_setting(name);
    if (row == nullptr) return Error{"there is no setting \"" + std::string{name} + "\": see the help for those there are", ErrorKind::usage};
    auto applied = row->apply(settings, *row, text);
    if (applied && std::ranges::find(settings.given, name) == settings.given.end()) settings.given.emplace_back(name);
    return applied;
}

Status apply_to_bench(std::string_view name, std::string_view text, Fixture& fixture, bench::InterfaceModel& interface)
{
    const auto is_live = [](const SettingRow& row) { return row.group == SettingGroup::fixture || row.group == SettingGroup::simulation; };
    const auto* row = find_setting(name);
    if (row == nullptr || !is_live(*row)) {
        std::string names;
        for (const auto& each : table)
            if (is_live(each)) names += (names.empty() ? "" : ", ") + std::string{each.name};
        return Error{"\"" + std::string{name} + "\" cannot be set on a bench that runs: there are " + names, ErrorKind::usage};
    }
    Settings settings;
    settings.fixture = fixture;
    settings.interface = interface;
    if (const auto applied = row->apply(settings, *row, text); !applied)
        return Error{applied.error().message.substr(std::string_view{"--"}.size()), applied.error().kind};  // no flag here
    fixture = settings.fixture;
    // Here the mismatch is all there is: nobody else knows of a ratio.
    if (row->apply == apply_gain_mismatch) fixture.gain_ratio = amplitude_ratio(settings.gain_mismatch);
    interface = settings.interface;
    return Done{};
}

Fixture Settings::bench_fixture() const noexcept
{
    auto out = fixture;
    out.gain_ratio *= amplitude_ratio(gain_mismatch);
    return out;
}

}  // namespace lowleg::instrument
