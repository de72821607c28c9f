// Any bytes as a recording: samples, or one sentence.
#include "files/audio_file.h"
#include "fuzz/one_sentence.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

using namespace lowleg;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const int file = ::memfd_create("recording", MFD_CLOEXEC);
    fuzz::demand(file >= 0 && ::write(file, data, size) == static_cast<::ssize_t>(size), "no memory for a file");
    const auto audio = files::read_audio("/proc/self/fd/" + std::to_string(file));
    ::close(file);
    if (!audio) {
        fuzz::demand_sentence(audio.error());
        return 0;
    }
    const auto& a = audio.value();
    fuzz::demand(a.sample_rate_hz > 0.0 && !a.channels.empty() && a.frames() > 0, "a recording of nothing");
    fuzz::demand(a.frames() * a.channels.size() <= files::max_samples, "more samples than are read");
    for (const auto& channel : a.channels) fuzz::demand(channel.size() == a.frames(), "channels of different length");
    return 0;
}
