// Any bytes as JSON: as such, as a stored calibration, and as the results that predict reads.
#include "files/json_text.h"
#include "fuzz/one_sentence.h"
#include "instrument/instrument.h"
#include "procedure/calibration.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

using namespace lowleg;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto json = files::parse_json(text);
    if (!json) fuzz::demand_sentence(json.error());
    const auto calibration = procedure::parse_calibration(text);
    if (!calibration) fuzz::demand_sentence(calibration.error());
    const int file = ::memfd_create("result", MFD_CLOEXEC);
    fuzz::demand(file >= 0 && ::write(file, data, size) == static_cast<::ssize_t>(size), "no memory for a file");
    const auto predicted = instrument::Instrument::predict("/proc/self/fd/" + std::to_string(file), "10k,1n", size % 2 == 0);
    ::close(file);
    if (!predicted) fuzz::demand_sentence(predicted.error());
    return 0;
}
