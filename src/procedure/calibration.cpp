#include "procedure/calibration.h"

#include "core/text.h"
#include "files/json_text.h"
#include "files/text_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace lowleg::procedure {
namespace {

using files::Json;

constexpr std::string_view schema = "lowleg.calibration/1";
constexpr std::size_t most_bytes = std::size_t{8} << 20U;
constexpr double highest_channel = 1024.0;
constexpr double highest_ohms = 1e9;
constexpr double highest_gain_db = 80.0;
constexpr double longest_delay_s = 1.0;

// ---- as JSON

Json of(const CalibratedValue& v) { return Json::object({{"value", v.value}, {"uncertainty", v.uncertainty}, {"date", v.date}}); }
Json of(const std::optional<CalibratedValue>& v) { return v ? of(*v) : Json{}; }

template <class Channels>
Json channels_json(const Channels& channels)
{
    auto out = Json::array();
    for (const auto& [channel, c] : channels)
        out.push_back(Json::object({{"channel", channel}, {"full_scale_volts", of(c.full_scale_volts)}, {"resistance_ohm", of(c.resistance_ohm)}}));
    return out;
}

// ---- from JSON

/// The first thing that is wrong ends the reading: what follows is not looked at.
class Reader {
public:
    Result<Calibration> read(const Json& root)
    {
        Calibration c;
        if (const auto* s = root.find("schema"); s == nullptr || s->string() != schema) return Error{"it has no \"schema\": \"" + std::string{schema} + "\""};
        c.device = text(root, "device");
        if (c.device.empty()) wrong("\"device\" is not a name");
        c.host_api = text(root, "host_api");
        c.sample_rate_hz = number(root, "sample_rate_hz", 1e3, 1e6);
        c.setting = text(root, "setting");
        for (const auto& line : elements(root, "conditions")) {
            if (const auto words = line.string()) c.conditions.emplace_back(*words);
            else wrong("\"conditions\" holds something that is no text");
        }
        channels(root, "inputs", c.inputs, 1e-3);
        channels(root, "outputs", c.outputs, 0.0);
        for (const auto& pair : elements(root, "pairs")) {
            CalibratedPair p;
            p.first = channel(pair, "first");
            p.second = channel(pair, "second");
            if (p.first == p.second) wrong("a pair is of one channel");
            p.gain_db = value(pair, "gain_db", -highest_gain_db, highest_gain_db).value_or(CalibratedValue{});
            p.delay_s = value(pair, "delay_s", -longest_delay_s, longest_delay_s).value_or(CalibratedValue{});
            if (p.gain_db.date.empty() || p.delay_s.date.empty()) wrong("a pair has no gain_db or no delay_s");
            c.pairs.push_back(std::move(p));
        }
        for (const auto& loop : elements(root, "loops")) c.loops.push_back(read_loop(loop));
        if (!wrong_.empty()) return Error{wrong_};
        return c;
    }

private:
    void wrong(std::string what)
    {
        if (wrong_.empty()) wrong_ = std::move(what);
    }

    std::string text(const Json& object, const std::string& key)
    {
        const auto* member = object.find(key);
        const auto words = member == nullptr ? std::nullopt : member->string();
        if (!words) wrong("\"" + key + "\" is missing or no text");
        return std::string{words.value_or("")};
    }

    double number(const Json& object, const std::string& key, double lowest, double highest)
    {
        const auto* member = object.find(key);
        const auto n = member == nullptr ? std::nullopt : member->number();
        if (!n) wrong("\"" + key + "\" is missing or no number");
        else if (!(*n >= lowest && *n <= highest)) wrong("\"" + key + "\" is " + format_number(*n) + ", which is not between " + format_number(lowest) + " and " + format_number(highest));
        return n.value_or(0.0);
    }

    std::int32_t channel(const Json& object, const std::string& key)
    {
        const double n = number(object, key, 1.0, highest_channel);
        if (n != std::floor(n)) wrong("\"" + key + "\" is " + format_number(n) + ", which is no channel");
        return wrong_.empty() ? static_cast<std::int32_t>(n) : 0;
    }

    const Json::Array& elements(const Json& object, const std::string& key)
    {
        static const Json::Array none;
        const auto* member = object.find(key);
        const auto* all = member == nullptr ? nullptr : member->elements();
        if (all == nullptr) wrong("\"" + key + "\" is missing or no list");
        return all == nullptr ? none : *all;
    }

    /// None where it is null: not calibrated.
    std::optional<CalibratedValue> value(const Json& object, const std::string& key, double lowest, double highest)
    {
        const auto* member = object.find(key);
        if (member == nullptr) wrong("\"" + key + "\" is missing");
        if (member == nullptr || std::holds_alternative<std::monostate>(member->value())) return std::nullopt;
        CalibratedValue out{number(*member, "value", lowest, highest), number(*member, "uncertainty", 0.0, 1e9), text(*member, "date")};
        if (!parse_date(out.date)) wrong("\"" + out.date + "\" is no date like 2026-11-23");
        if (!wrong_.empty() && wrong_.find(key) == std::string::npos) wrong_ = key + ": " + wrong_;
        return out;
    }

    template <class Channels>
    void channels(const Json& root, const std::string& key, Channels& out, double lowest_ohms)
    {
        for (const auto& entry : elements(root, key)) {
            const auto number_of = channel(entry, "channel");
            auto& c = out[number_of];
            if (c.full_scale_volts || c.resistance_ohm) wrong("\"" + key + "\" has channel " + std::to_string(number_of) + " twice");
            c.full_scale_volts = value(entry, "full_scale_volts", lowest_full_scale.value(), highest_full_scale.value());
            c.resistance_ohm = value(entry, "resistance_ohm", lowest_ohms, highest_ohms);
        }
    }

    CalibratedLoop read_loop(const Json& entry)
    {
        CalibratedLoop loop;
        loop.output = channel(entry, "output");
        loop.input = channel(entry, "input");
        for (const auto& point : elements(entry, "points")) {
            CalibratedLoop::Point p{Hertz{number(point, "frequency_hz", 1e-3, 1e6)}, {}};
            const auto* response = point.find("response");
            const auto z = response == nullptr ? std::nullopt : response->complex();
            if (!z || !std::isfinite(z->real()) || !std::isfinite(z->imag()) || std::abs(*z) < 1e-6 || std::abs(*z) > 1e6) wrong("a point of a loop has no response");
            p.response = z.value_or(Complex{1.0});
            if (!loop.points.empty() && p.frequency <= loop.points.back().frequency) wrong("the points of a loop do not ascend");
            loop.points.push_back(p);
        }
        if (loop.points.empty()) wrong("a loop has no points");
        loop.uncertainty_db = value(entry, "uncertainty_db", 0.0, 0.0).value_or(CalibratedValue{});
        if (loop.uncertainty_db.date.empty()) wrong("a loop has no uncertainty_db");
        return loop;
    }

    std::string wrong_;
};

// ---- where it stands

/// One to one, also where upper and lower case name the same file: capitals get an underline, what is no letter or digit becomes %xx.
std::string escaped(std::string_view name)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : name) {
        const auto u = static_cast<unsigned char>(c);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == ' ') out += c;
        else if (c >= 'A' && c <= 'Z') (out += '_') += static_cast<char>(c - 'A' + 'a');
        else ((out += '%') += digits[u >> 4U]) += digits[u & 15U];
    }
    return out;
}

/// FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv
std::string hash_of(std::string_view text)
{
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    std::array<char, 17> out{};
    std::snprintf(out.data(), out.size(), "%016llx", static_cast<unsigned long long>(hash));
    return out.data();
}

bool is_variable(const char* value) { return value != nullptr && *value != '\0'; }

std::string in_file(const std::filesystem::path& path, const std::string& why)
{
    return "the calibration in " + path.string() + " cannot be used, because " + why + ": mend the file, or remove it and calibrate again";
}

Result<Calibration> read_file(const std::filesystem::path& path)
{
    const auto text = files::read_text(path, most_bytes);
    if (!text) return Error{in_file(path, text.error().message)};
    auto calibration = parse_calibration(text.value());
    if (!calibration) return Error{in_file(path, calibration.error().message)};
    return calibration;
}

/// "Scarlett: USB Audio (hw:2,0)" is "Scarlett: USB Audio (hw:1,0)" of another day.
std::string_view without_slot(std::string_view device)
{
    const auto slot = device.rfind(" (hw:");
    return slot == std::string_view::npos || !device.ends_with(')') ? device : device.substr(0, slot);
}

template <class See>
void each_value(const Calibration& c, See see)
{
    const auto maybe = [&](const std::optional<CalibratedValue>& v) { if (v) see(*v); };
    for (const auto& [channel, input] : c.inputs) {
        maybe(input.full_scale_volts);
        maybe(input.resistance_ohm);
    }
    for (const auto& [channel, output] : c.outputs) {
        maybe(output.full_scale_volts);
        maybe(output.resistance_ohm);
    }
    for (const auto& pair : c.pairs) {
        see(pair.gain_db);
        see(pair.delay_s);
    }
    for (const auto& loop : c.loops) see(loop.uncertainty_db);
}

std::string rate_words(double hz) { return format_number(hz) + " Hz"; }
std::string setting_words(const std::string& setting) { return setting.empty() ? "no setting named" : "setting \"" + setting + "\""; }

/// What to say where there is none for what is connected now, but others of this device.
std::string others_of(const std::filesystem::path& folder, std::string_view device, std::string_view host_api, double sample_rate_hz, std::string_view setting)
{
    std::string same, moved;
    for (const auto& stored : list_calibrations(folder)) {
        if (!stored.calibration) continue;
        const auto& c = stored.calibration.value();
        if (c.host_api != host_api || without_slot(c.device) != without_slot(device)) continue;
        const auto day = oldest_date(c);
        const auto words = setting_words(c.setting) + " at " + rate_words(c.sample_rate_hz) + (day ? " of " + date_text(*day) : std::string{});
        if (c.device == device) same += (same.empty() ? "" : "; ") + words;
        else moved += (moved.empty() ? "" : "; ") + ("\"" + c.device + "\", " + words);
    }
    const auto here = (setting.empty() ? std::string{"without a --setting"} : "for setting \"" + std::string{setting} + "\"") + " at " + rate_words(sample_rate_hz);
    if (!same.empty())
        return "none " + here + ", so no volts can be told: this device was calibrated with " + same + "; give that --setting and --rate if they hold, or \"lowleg calibrate\" anew";
    if (!moved.empty()) return "none, so no volts can be told: a device that was plugged in elsewhere was calibrated (" + moved + "); \"lowleg calibrate\" makes one for this";
    return "";
}

CalibratedValue combined(double value, double relative_95, const std::string& a, const std::string& b) { return {value, value * relative_95, std::min(a, b)}; }

const CalibratedLoop* loop_of(const Calibration& c, std::int32_t output, std::int32_t input)
{
    const auto found = std::ranges::find_if(c.loops, [&](const CalibratedLoop& l) { return l.output == output && l.input == input; });
    return found == c.loops.end() ? nullptr : &*found;
}

}  // namespace

std::string date_text(std::chrono::sys_days day)
{
    const std::chrono::year_month_day ymd{day};
    std::array<char, 32> out{};
    std::snprintf(out.data(), out.size(), "%04d-%02u-%02u", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()));
    return out.data();
}

std::optional<std::chrono::sys_days> parse_date(std::string_view text)
{
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto part = [&](std::size_t at, std::size_t length) -> std::optional<unsigned> {
        unsigned value{};
        const auto* end = text.data() + at + length;
        const auto [after, error] = std::from_chars(text.data() + at, end, value);
        if (error != std::errc{} || after != end) return std::nullopt;
        return value;
    };
    const auto year = part(0, 4), month = part(5, 2), day = part(8, 2);
    if (!year || !month || !day) return std::nullopt;
    const std::chrono::year_month_day ymd{std::chrono::year{static_cast<int>(*year)}, std::chrono::month{*month}, std::chrono::day{*day}};
    if (!ymd.ok()) return std::nullopt;
    return std::chrono::sys_days{ymd};
}

std::optional<std::chrono::sys_days> oldest_date(const Calibration& calibration)
{
    std::optional<std::chrono::sys_days> oldest;
    each_value(calibration, [&](const CalibratedValue& v) {
        const auto day = parse_date(v.date);
        if (day && (!oldest || *day < *oldest)) oldest = day;
    });
    return oldest;
}

Complex response_at(const CalibratedLoop& loop, Hertz frequency)
{
    const auto after = std::ranges::lower_bound(loop.points, frequency, {}, &CalibratedLoop::Point::frequency);
    if (after == loop.points.begin()) return loop.points.front().response;
    if (after == loop.points.end()) return loop.points.back().response;
    const auto before = std::prev(after);
    const double share = std::log(frequency / before->frequency) / std::log(after->frequency / before->frequency);
    return (1.0 - share) * before->response + share * after->response;
}

std::string calibration_json(const Calibration& c)
{
    auto conditions = Json::array();
    for (const auto& line : c.conditions) conditions.push_back(line);
    auto pairs = Json::array();
    for (const auto& p : c.pairs) pairs.push_back(Json::object({{"first", p.first}, {"second", p.second}, {"gain_db", of(p.gain_db)}, {"delay_s", of(p.delay_s)}}));
    auto loops = Json::array();
    for (const auto& l : c.loops) {
        auto points = Json::array();
        for (const auto& p : l.points) points.push_back(Json::object({{"frequency_hz", p.frequency.value()}, {"response", p.response}}));
        loops.push_back(Json::object({{"output", l.output}, {"input", l.input}, {"uncertainty_db", of(l.uncertainty_db)}, {"points", std::move(points)}}));
    }
    return Json::object({{"schema", schema},
                         {"device", c.device},
                         {"host_api", c.host_api},
                         {"sample_rate_hz", c.sample_rate_hz},
                         {"setting", c.setting},
                         {"conditions", std::move(conditions)},
                         {"inputs", channels_json(c.inputs)},
                         {"outputs", channels_json(c.outputs)},
                         {"pairs", std::move(pairs)},
                         {"loops", std::move(loops)}})
               .text() +
           "\n";
}

Result<Calibration> parse_calibration(std::string_view text)
{
    const auto root = files::parse_json(text);
    if (!root) return root.error();
    return Reader{}.read(root.value());
}

Result<std::filesystem::path> calibration_folder()
{
    if (const char* config = std::getenv("XDG_CONFIG_HOME"); is_variable(config)) return std::filesystem::path{config} / "lowleg" / "calibration";
    if (const char* home = std::getenv("HOME"); is_variable(home)) return std::filesystem::path{home} / ".config" / "lowleg" / "calibration";
    if (const char* data = std::getenv("APPDATA"); is_variable(data)) return std::filesystem::path{data} / "lowleg" / "calibration";
    return Error{"none, because nothing says where the user's files are: set HOME or XDG_CONFIG_HOME"};
}

std::filesystem::path calibration_path(const std::filesystem::path& folder, std::string_view device, std::string_view host_api, double sample_rate_hz,
                                       std::string_view setting)
{
    constexpr std::size_t longest = 200;  // of the 255 bytes that file systems allow
    auto name = escaped(device) + "~" + escaped(host_api) + "~" + escaped(format_number(sample_rate_hz)) + "~" + escaped(setting);
    if (name.size() > longest) name = name.substr(0, longest - 20) + "~~" + hash_of(name);
    return folder / (name + ".json");
}

Status store_calibration(const std::filesystem::path& folder, const Calibration& calibration)
{
    const auto text = calibration_json(calibration);
    // What cannot be read again is not stored: NaN is null by now.
    if (const auto again = parse_calibration(text); !again) return Error{"the calibration was not stored, because " + again.error().message};
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) return Error{"the folder " + folder.string() + " cannot be made (" + failed.message() + "): the calibration was not stored; make room there, or set XDG_CONFIG_HOME"};
    return files::write_text(calibration_path(folder, calibration.device, calibration.host_api, calibration.sample_rate_hz, calibration.setting), text);
}

Result<std::optional<Calibration>> load_calibration(const std::filesystem::path& folder, std::string_view device, std::string_view host_api, double sample_rate_hz,
                                                    std::string_view setting)
{
    const auto path = calibration_path(folder, device, host_api, sample_rate_hz, setting);
    std::error_code failed;
    const auto status = std::filesystem::status(path, failed);
    if (status.type() == std::filesystem::file_type::not_found) return std::optional<Calibration>{};
    auto calibration = read_file(path);
    if (!calibration) return calibration.error();
    const auto& c = calibration.value();
    if (c.device != device || c.host_api != host_api || c.sample_rate_hz != sample_rate_hz || c.setting != setting)
        return Error{in_file(path, "it says that it is of \"" + c.device + "\" at " + rate_words(c.sample_rate_hz) + ", " + setting_words(c.setting))};
    return std::optional<Calibration>{std::move(calibration).value()};
}

std::vector<StoredCalibration> list_calibrations(const std::filesystem::path& folder)
{
    std::vector<std::filesystem::path> paths;
    std::error_code failed;
    for (std::filesystem::directory_iterator at{folder, failed}, end; !failed && at != end; at.increment(failed))
        if (at->path().extension() == ".json") paths.push_back(at->path());
    std::ranges::sort(paths);
    std::vector<StoredCalibration> out;
    for (auto& path : paths) {
        auto calibration = read_file(path);
        out.push_back({std::move(path), std::move(calibration)});
    }
    return out;
}

Result<FoundCalibration> find_calibration(const std::filesystem::path& folder, std::string_view device, std::string_view host_api, double sample_rate_hz,
                                          std::string_view setting, std::chrono::sys_days today)
{
    auto loaded = load_calibration(folder, device, host_api, sample_rate_hz, setting);
    if (!loaded) return loaded.error();
    FoundCalibration out{std::move(loaded).value(), {}, today};
    const auto oldest = out.calibration ? oldest_date(*out.calibration) : std::nullopt;
    if (!oldest) {
        out.use.says = others_of(folder, device, host_api, sample_rate_hz, setting);
        return out;
    }
    out.use = {CalibrationUse::Kind::stored, date_text(*oldest), out.calibration->setting, (today - *oldest).count() > stale_after_days, ""};
    if (out.use.is_stale)
        out.use.says = "it is " + std::to_string((today - *oldest).count()) + " days old, more than " + std::to_string(stale_after_days) + ": \"lowleg calibrate\" renews it";
    return out;
}

Scales scales_of(const FoundCalibration& found, const std::array<std::int32_t, 2>& inputs, const std::array<std::int32_t, 2>& outputs)
{
    Scales out;
    out.use = found.use;
    if (!found.calibration) return out;
    const auto& c = *found.calibration;
    std::array<const CalibratedInput*, 2> in{};
    for (const auto i : {0U, 1U}) {
        if (const auto at = c.inputs.find(inputs[i]); at != c.inputs.end()) in[i] = &at->second;
        if (in[i] != nullptr) out.input_volts[i] = in[i]->full_scale_volts;
        if (const auto at = c.outputs.find(outputs[i]); at != c.outputs.end()) out.output_volts[i] = at->second.full_scale_volts;
        if (const auto* loop = loop_of(c, outputs[0], inputs[i])) out.loops[i] = *loop;
    }
    for (const auto& pair : c.pairs) {
        const bool is_same = pair.first == inputs[0] && pair.second == inputs[1];
        const bool is_reverse = pair.first == inputs[1] && pair.second == inputs[0];
        if (!is_same && !is_reverse) continue;
        const double sign = is_same ? 1.0 : -1.0;
        out.gain_ratio_db = CalibratedValue{sign * pair.gain_db.value, pair.gain_db.uncertainty, pair.gain_db.date};
        out.gain_delay_s = CalibratedValue{sign * pair.delay_s.value, pair.delay_s.uncertainty, pair.delay_s.date};
    }
    auto& [first, second] = out.input_volts;
    if (!out.gain_ratio_db && first && second) {
        // More gain makes more of the same volts: fewer of them are full scale.
        const double relative = std::hypot(first->uncertainty / first->value, second->uncertainty / second->value);
        out.gain_ratio_db = CalibratedValue{gain_of(first->value / second->value).value(), db_per_neper * relative, std::min(first->date, second->date)};
    } else if (out.gain_ratio_db && first.has_value() != second.has_value()) {
        const auto& known = first ? *first : *second;
        const double ratio = amplitude_ratio(GainDb{out.gain_ratio_db->value});
        const double relative = std::hypot(known.uncertainty / known.value, out.gain_ratio_db->uncertainty / db_per_neper);
        auto derived = combined(first ? known.value / ratio : known.value * ratio, relative, known.date, out.gain_ratio_db->date);
        (first ? second : first) = std::move(derived);
    }
    if (in[0] != nullptr && in[1] != nullptr && in[0]->resistance_ohm && in[1]->resistance_ohm)
        out.rin_95 = std::max(in[0]->resistance_ohm->uncertainty / in[0]->resistance_ohm->value, in[1]->resistance_ohm->uncertainty / in[1]->resistance_ohm->value);
    if (const auto at = c.outputs.find(outputs[1]); at != c.outputs.end() && at->second.resistance_ohm && at->second.resistance_ohm->value > 0.0)
        out.rs_95 = at->second.resistance_ohm->uncertainty / at->second.resistance_ohm->value;

    std::string without;
    for (const auto i : {0U, 1U})
        if (!out.input_volts[i]) without += (without.empty() ? "input " : " and ") + std::to_string(inputs[i]);
    if (!without.empty())
        out.use.says += (out.use.says.empty() ? "" : "; ") + ("its " + without + " " + (without.find("and") == std::string::npos ? "has" : "have") + " no volts yet: \"lowleg calibrate inputs\"");
    return out;
}

Scales scales_of_bench(Dbu full_scale, double gain_ratio)
{
    const CalibratedValue volts{full_scale.volts().value(), 0.0, ""};
    Scales out;
    out.input_volts = {volts, CalibratedValue{volts.value / gain_ratio, 0.0, ""}};
    out.output_volts = {volts, volts};
    out.gain_ratio_db = CalibratedValue{gain_of(gain_ratio).value(), 0.0, ""};
    out.use.kind = CalibrationUse::Kind::virtual_bench;
    return out;
}

Fixture calibrated_fixture(Fixture fixture, const FoundCalibration& found, const std::array<std::int32_t, 2>& inputs, const std::array<std::int32_t, 2>& outputs,
                           const std::vector<std::string>& keep)
{
    if (!found.calibration) return fixture;
    const auto& c = *found.calibration;
    const auto keeps = [&](std::string_view name) { return std::ranges::find(keep, name) != keep.end(); };
    if (!keeps("rin"))
        for (const auto i : {0U, 1U})
            if (const auto at = c.inputs.find(inputs[i]); at != c.inputs.end() && at->second.resistance_ohm)
                (i == 0 ? fixture.rin2 : fixture.rin3) = Ohms{at->second.resistance_ohm->value};
    if (!keeps("rs"))
        if (const auto at = c.outputs.find(outputs[1]); at != c.outputs.end() && at->second.resistance_ohm) fixture.rs = Ohms{at->second.resistance_ohm->value};
    if (!keeps("gain-ratio"))
        if (const auto scales = scales_of(found, inputs, outputs); scales.gain_ratio_db) fixture.gain_ratio = amplitude_ratio(GainDb{scales.gain_ratio_db->value});
    return fixture;
}

}  // namespace lowleg::procedure
