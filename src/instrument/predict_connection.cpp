#include "instrument/predict_connection.h"

#include "core/text.h"
#include "files/text_file.h"
#include "instrument/named_input.h"
#include "procedure/connection.h"

#include <cmath>
#include <string_view>

namespace lowleg::instrument {
namespace {

Status read_ground(std::string_view text, procedure::ConnectionOptions& options)
{
    const auto wrong = [&](const std::string& why) {
        return Error{"a voltage between the grounds cannot be \"" + std::string{text} + "\": " + why + "; give rms volts, and 50 or 60 where the mains are not of 50 Hz, as in 100m or 0.1,60", ErrorKind::usage};
    };
    const auto comma = text.find(',');
    double volts{};
    if (!parse_engineering(text.substr(0, comma), volts)) return wrong("it is no number");
    constexpr double most = 1000.0;
    if (!(volts > 0.0 && volts <= most)) return wrong("it is not between 0 and 1000 V");
    options.ground_volts = volts;
    if (comma == std::string_view::npos) return Done{};
    double hertz{};
    if (!parse_engineering(text.substr(comma + 1), hertz) || (hertz != 50.0 && hertz != 60.0)) return wrong("mains have 50 or 60 Hz");
    options.mains = Hertz{hertz};
    return Done{};
}

}  // namespace

Result<procedure::Measurement> predict_connection(const ConnectionText& text)
{
    procedure::ConnectionOptions options;
    if (!text.cable.empty()) {
        auto cable = procedure::cable_of(text.cable);
        if (!cable) return cable.error();
        options.cable = cable.value();
    }
    if (!text.ground.empty())
        if (auto ok = read_ground(text.ground, options); !ok) return ok.error();
    if (!text.cmrr.empty()) {
        std::string_view number{text.cmrr};
        if (number.ends_with("dB")) number.remove_suffix(2);
        double db{};
        constexpr double most = 200.0;
        if (!parse_engineering(number, db) || !(db >= 0.0 && db <= most))
            return Error{"a CMRR cannot be \"" + text.cmrr + "\": give 0 to 200 dB, what \"lowleg cmrr\" calls common_db", ErrorKind::usage};
        options.input_cmrr = GainDb{db};
    }
    const auto input = named_input(Settings{}, text.input);
    if (!input) return input.error();
    const auto json = files::read_text(text.from);
    if (!json) return json.error();
    const auto output = procedure::output_facts_of(json.value());
    if (!output) return Error{text.from.string() + ": " + output.error().message, output.error().kind};
    auto connected = procedure::connect(output.value(), input.value(), options);
    if (connected && connected.value().device_under_test.starts_with(' ')) connected.value().device_under_test = text.from.string() + connected.value().device_under_test;
    return connected;
}

}  // namespace lowleg::instrument
