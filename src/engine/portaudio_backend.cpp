#include "engine/portaudio_backend.h"

#include "core/text.h"
#include "engine/devices.h"
#include "engine/portaudio_thread.h"

#include <portaudio.h>
#if __has_include(<pa_jack.h>)
#include <pa_jack.h>
#define LOWLEG_HAS_JACK
#endif
#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lowleg::engine {
namespace {

using namespace std::chrono_literals;

// Without sound cards PortAudio's start takes 0.1 to 0.5 s; some systems ask many drivers, and some drivers are slow.
constexpr std::chrono::milliseconds init_limit = 10s;
constexpr std::chrono::milliseconds stop_limit = 3s;
// A stream that gave no block for so long is not stopped but left: to stop it could take ten minutes.
constexpr std::int64_t dead_after_ns = 1'000'000'000;

constexpr std::array standard_rates{8'000.0,  11'025.0, 16'000.0, 22'050.0, 32'000.0,  44'100.0,
                                    48'000.0, 88'200.0, 96'000.0, 176'400.0, 192'000.0, 384'000.0};
constexpr std::string_view client_prefix = "lowleg-audio-";

[[nodiscard]] std::int64_t steady_ns() noexcept
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

[[nodiscard]] Error failure(std::string message) { return {std::move(message), ErrorKind::failure}; }

/// PortAudio's reason, with the audio system's own words where it has some.
[[nodiscard]] std::string reason(PaError error)
{
    if (error == paUnanticipatedHostError) {
        if (const PaHostErrorInfo* const host = Pa_GetLastHostErrorInfo(); host != nullptr && host->errorText != nullptr && *host->errorText != 0) {
            return host->errorText;
        }
    }
    return Pa_GetErrorText(error);
}

// ---- All below runs on the PortAudio thread, but for the callback. ----

/// Pa_Initialize and its Pa_Terminate. Calls nest.
class Session {
public:
    Session() noexcept
    {
#ifdef LOWLEG_HAS_JACK
        // The name is kept by address. It may hold no character that means something in a regular expression: JACK devices
        // with such a name appear without channels.
        static const std::string name = std::string{client_prefix} + std::to_string(::getpid());
        PaJack_SetClientName(name.c_str());
#endif
        error_ = Pa_Initialize();
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session()
    {
        if (error_ == paNoError && !PortAudioThread::instance().is_lost()) Pa_Terminate();
    }
    [[nodiscard]] Status status() const
    {
        if (error_ == paNoError) return Done{};
        return failure("no audio system could be started (" + reason(error_) + "): check the sound set-up of this computer");
    }

private:
    PaError error_;
};

[[nodiscard]] PaStreamParameters parameters(PaDeviceIndex device, int channels, bool input)
{
    const PaDeviceInfo& info = *Pa_GetDeviceInfo(device);
    // Long buffers: a measurement has time. What JACK reports can be 89478 s (an overflow), hence the bounds.
    const double high = input ? info.defaultHighInputLatency : info.defaultHighOutputLatency;
    const double latency = std::isfinite(high) ? std::clamp(high, 0.02, 0.2) : 0.1;
    return {.device = device, .channelCount = channels, .sampleFormat = paFloat32, .suggestedLatency = latency, .hostApiSpecificStreamInfo = nullptr};
}

/// Where a stream captures and where it plays; mostly the same device.
struct Pair {
    PaDeviceIndex in, out;
};

[[nodiscard]] bool supports(Pair devices, int inputs, int outputs, double rate)
{
    const PaStreamParameters in = parameters(devices.in, inputs, true);
    const PaStreamParameters out = parameters(devices.out, outputs, false);
    return Pa_IsFormatSupported(inputs > 0 ? &in : nullptr, outputs > 0 ? &out : nullptr, rate) == paFormatIsSupported;
}

[[nodiscard]] std::vector<double> supported_rates(Pair devices, int inputs, int outputs, double own_rate)
{
    std::vector<double> rates;
    if (inputs == 0 && outputs == 0) return rates;
    for (const double rate : standard_rates) {
        if (supports(devices, inputs, outputs, rate)) rates.push_back(rate);
    }
    if (std::ranges::find(rates, own_rate) == rates.end() && supports(devices, inputs, outputs, own_rate)) rates.push_back(own_rate);
    std::ranges::sort(rates);
    return rates;
}

[[nodiscard]] std::vector<DeviceInfo> enumerate(bool with_rates)
{
    std::vector<DeviceInfo> devices;
    for (PaDeviceIndex i = 0; i < Pa_GetDeviceCount(); ++i) {
        const PaDeviceInfo* const info = Pa_GetDeviceInfo(i);
        if (info == nullptr) continue;
        const PaHostApiInfo* const api = Pa_GetHostApiInfo(info->hostApi);
        const bool is_jack = api != nullptr && api->type == paJACK;
        DeviceInfo d{.number = i,
                     .name = info->name != nullptr ? info->name : "",
                     .host_api = api != nullptr && api->name != nullptr ? api->name : "",
                     .inputs = info->maxInputChannels,
                     .outputs = info->maxOutputChannels,
                     .default_rate_hz = info->defaultSampleRate,
                     .duplex_rates_hz = {},
                     .input_rates_hz = {},
                     .output_rates_hz = {},
                     .note = {}};
        if (is_jack && d.name.starts_with(client_prefix)) continue;  // another run of this program
        if (is_jack && d.inputs == 0 && d.outputs == 0 && d.name.find_first_of("\\^$.|?*+()[]{}") != std::string::npos) {
            d.note = "its channels cannot be seen because of the special characters in its JACK client name: give the client a plain name";
        }
        if (with_rates) {
            const int in = std::min(d.inputs, 2);
            const int out = std::min(d.outputs, 2);
            if (in > 0 && out > 0) d.duplex_rates_hz = supported_rates({i, i}, in, out, d.default_rate_hz);
            d.input_rates_hz = supported_rates({i, i}, in, 0, d.default_rate_hz);
            d.output_rates_hz = supported_rates({i, i}, 0, out, d.default_rate_hz);
        }
        devices.push_back(std::move(d));
    }
    return devices;
}

[[nodiscard]] std::string in_words(const std::vector<double>& rates)
{
    std::string out;
    for (const double rate : rates) out += (out.empty() ? "" : ", ") + format_number(rate);
    return out;
}

/// What the audio callback uses. When the device is lost it stays for good: a thread of the audio system may still come back.
struct CallbackState {
    rt::DuplexProcessor processor;
    rt::LoadCounts* load;
    double ns_per_frame;
    std::array<std::size_t, 2> input{}, output{};  // channels, from 0
    std::size_t input_stride{}, output_stride{};
    std::atomic<std::int64_t> last_block_ns{0};
    std::atomic<bool> is_inside{false};
    std::atomic<bool> is_abandoned{false};  // then the engine's storage must not be touched

    CallbackState(const rt::AudioEnds& ends, double rate) : processor{ends, rate}, load{&ends.state->load}, ns_per_frame{1e9 / rate} {}
};

/// The way from PortAudio to the processor; it allocates nothing, and waits for nothing.
int on_block(const void* in, void* out, unsigned long frames, const PaStreamCallbackTimeInfo*, PaStreamCallbackFlags flags, void* user)
{
    auto& state = *static_cast<CallbackState*>(user);
    const std::int64_t now = steady_ns();
    auto* const output = static_cast<float*>(out);
    const auto* const input = static_cast<const float*>(in);
    if (output != nullptr) std::fill_n(output, frames * state.output_stride, 0.0F);  // the channels that nobody asked for

    // Sequentially consistent, as is abandon(): one of the two sees the other.
    state.is_inside = true;
    if (!state.is_abandoned) {
        rt::InputView from{.leg = {}, .stride = state.input_stride};
        rt::OutputView to{.out = {}, .stride = state.output_stride};
        for (std::size_t k = 0; k < 2; ++k) {
            if (input != nullptr) from.leg[k] = input + state.input[k];
            if (output != nullptr) to.out[k] = output + state.output[k];
        }
        constexpr PaStreamCallbackFlags bad = paInputUnderflow | paInputOverflow | paOutputUnderflow | paOutputOverflow;
        state.processor.process(from, to, static_cast<std::uint32_t>(frames), (flags & bad) != 0, now);
        if (frames > 0) state.load->add(static_cast<float>(static_cast<double>(steady_ns() - now) / (state.ns_per_frame * static_cast<double>(frames))));
        state.last_block_ns.store(now, std::memory_order_relaxed);
    }
    state.is_inside = false;
    return paContinue;
}

/// An open stream with its session. Used on the PortAudio thread; its last owner may be any.
struct Stream {
    std::unique_ptr<Session> session;
    PaStream* handle{nullptr};
    std::unique_ptr<CallbackState> callback;

    void close() noexcept
    {
        if (handle != nullptr) {
            if (Pa_IsStreamStopped(handle) == 0) Pa_StopStream(handle);
            Pa_CloseStream(handle);
            handle = nullptr;
        }
        session.reset();
    }
};

[[nodiscard]] Status check_channels(const DeviceInfo& device, const std::array<std::int32_t, 2>& channels, std::int32_t there, std::string_view kind)
{
    const std::string quoted = "the audio device “" + device.name + "”";
    if (!device.note.empty()) return failure(quoted + " cannot be used. " + device.note);
    if (there == 0) return failure(quoted + " has no " + std::string{kind} + "s: choose one that has, or another for the " + (kind == "output" ? "outputs (--output-device)" : "inputs (--device)"));
    for (const std::int32_t channel : channels) {
        if (channel >= 1 && channel <= there) continue;
        return failure(quoted + " has " + std::to_string(there) + " " + std::string{kind} + (there == 1 ? "" : "s") + ", and " +
                       std::string{kind} + " " + std::to_string(channel) + " was asked for: choose from 1 to " + std::to_string(there));
    }
    if (channels[0] == channels[1]) {
        return failure("both " + std::string{kind} + "s are set to " + std::to_string(channels[0]) + ": choose two different ones");
    }
    return Done{};
}

[[nodiscard]] Status open_stream(Stream& stream, const StreamRequest& request, const rt::AudioEnds& ends, StreamFacts& facts)
{
    stream.session = std::make_unique<Session>();
    if (Status started = stream.session->status(); !started) return started;
    std::vector<DeviceInfo> devices = enumerate(false);
    if (request.host_api.front() != 0) std::erase_if(devices, [&](const DeviceInfo& d) { return d.host_api != request.host_api.data(); });
    const Result<DeviceInfo> found = find_device(devices, request.device.data());
    if (!found) return found.error();
    const DeviceInfo& device = found.value();
    const Result<DeviceInfo> found_player = request.output_device.front() == 0 ? found : find_device(devices, request.output_device.data());
    if (!found_player) return found_player.error();
    const DeviceInfo& player = found_player.value();
    const bool are_two = player.number != device.number;
    if (are_two && player.host_api != device.host_api) {
        return failure("“" + device.name + "” belongs to " + device.host_api + " and “" + player.name + "” to " + player.host_api +
                       ": choose two devices of one audio system");
    }
    if (Status ok = check_channels(device, request.inputs, device.inputs, "input"); !ok) return ok;
    if (Status ok = check_channels(player, request.outputs, player.outputs, "output"); !ok) return ok;
    const Pair both{device.number, player.number};

    const double rate = request.sample_rate_hz == 0.0 ? device.default_rate_hz : request.sample_rate_hz;
    const int inputs = std::ranges::max(request.inputs);
    const int outputs = std::ranges::max(request.outputs);
    const std::string name = are_two ? device.name + ", played by " + player.name : device.name;
    const std::string quoted = "the audio device “" + name + "”";
    if (!std::isfinite(rate) || rate <= 0.0) return failure("a sample rate of " + format_number(rate) + " Hz cannot be: name another");
    if (!supports(both, inputs, outputs, rate)) {
        const std::string rates = in_words(supported_rates(both, inputs, outputs, device.default_rate_hz));
        if (!rates.empty()) return failure(quoted + " does not run at " + format_number(rate) + " Hz: choose from " + rates + " Hz");
        return failure(quoted + " accepts no sample rate at all for these channels: see whether another program uses it");
    }

    const PaStreamParameters in = parameters(both.in, inputs, true);
    const PaStreamParameters out = parameters(both.out, outputs, false);
    stream.callback = std::make_unique<CallbackState>(ends, rate);
    CallbackState& state = *stream.callback;
    for (std::size_t k = 0; k < 2; ++k) {
        state.input[k] = static_cast<std::size_t>(request.inputs[k] - 1);
        state.output[k] = static_cast<std::size_t>(request.outputs[k] - 1);
    }
    state.input_stride = static_cast<std::size_t>(inputs);
    state.output_stride = static_cast<std::size_t>(outputs);
    // Blocks as they come: a wanted size would add its length to the delay. Samples need no clipping: they stay below the ceiling.
    if (const PaError error = Pa_OpenStream(&stream.handle, &in, &out, rate, paFramesPerBufferUnspecified, paClipOff, &on_block, &state);
        error != paNoError) {
        stream.handle = nullptr;
        return failure(quoted + " cannot be opened (" + reason(error) + "): see whether another program uses it");
    }
    const PaStreamInfo* const info = Pa_GetStreamInfo(stream.handle);
    facts.sample_rate_hz = info != nullptr && info->sampleRate > 0.0 ? info->sampleRate : rate;
    if (facts.sample_rate_hz != rate) {
        state.processor = rt::DuplexProcessor{ends, facts.sample_rate_hz};
        state.ns_per_frame = 1e9 / facts.sample_rate_hz;
    }
    std::strncpy(facts.device.data(), name.c_str(), facts.device.size() - 1);
    std::strncpy(facts.capture_name.data(), device.name.c_str(), facts.capture_name.size() - 1);
    if (are_two) std::strncpy(facts.playback_name.data(), player.name.c_str(), facts.playback_name.size() - 1);
    std::strncpy(facts.host_api.data(), device.host_api.c_str(), facts.host_api.size() - 1);
    return Done{};
}

// ---- The control side ----

class PortAudioBackend final : public Backend {
public:
    PortAudioBackend() = default;
    ~PortAudioBackend() override { stop(); }

    Result<StreamFacts> open(const StreamRequest& request, const rt::AudioEnds& ends) override
    {
        struct Opened {
            Stream stream;
            StreamFacts facts;
        };
        const auto opened = std::make_shared<Opened>();
        Status status = thread_.run(
            [opened, request, ends]() -> Status {
                Status ok = open_stream(opened->stream, request, ends, opened->facts);
                if (!ok) opened->stream.close();
                return ok;
            },
            init_limit);
        if (!status) return status.error();
        stream_ = std::shared_ptr<Stream>{opened, &opened->stream};
        return opened->facts;
    }

    Status start() override
    {
        stream_->callback->last_block_ns = steady_ns();
        Status status = thread_.run(
            [stream = stream_]() -> Status {
                const PaError error = Pa_StartStream(stream->handle);
                if (error == paNoError) return Done{};
                return failure("the audio device cannot be started (" + reason(error) + "): see whether another program uses it");
            },
            init_limit);
        if (!status) return status;
        // With its server gone, JACK's stream becomes inactive within 0.1 s; nothing else tells.
        thread_.set_watch([this, stream = stream_] {
            if (Pa_IsStreamActive(stream->handle) != 1) is_gone_ = true;
        });
        return Done{};
    }

    void stop() noexcept override
    {
        thread_.set_watch(nullptr);
        const std::shared_ptr<Stream> stream = std::exchange(stream_, nullptr);
        if (stream == nullptr) return;
        const bool answers = !is_gone_ && !thread_.is_lost() && steady_ns() - stream->callback->last_block_ns <= dead_after_ns;
        const auto close = [stream]() -> Status {
            stream->close();
            return Done{};
        };
        if (!answers || !thread_.run(close, stop_limit)) abandon(stream);
    }

    [[nodiscard]] bool is_alive() const noexcept override { return !is_gone_ && !thread_.is_lost(); }

private:
    /// Leaves the stream as it is, for good, and sees to it that its callback touches nothing of the engine's any more.
    void abandon(const std::shared_ptr<Stream>& stream) noexcept
    {
        thread_.mark_lost();
        static std::atomic<std::shared_ptr<Stream>*> left_behind{nullptr};  // reachable: no leak to a leak checker
        left_behind = new std::shared_ptr<Stream>{stream};
        CallbackState& state = *stream->callback;
        state.is_abandoned = true;
        for (int i = 0; i < 1000 && state.is_inside; ++i) std::this_thread::sleep_for(1ms);
    }

    PortAudioThread& thread_{PortAudioThread::instance()};
    std::shared_ptr<Stream> stream_;
    std::atomic<bool> is_gone_{false};
};

}  // namespace

std::unique_ptr<Backend> make_portaudio_backend() { return std::make_unique<PortAudioBackend>(); }

bool portaudio_is_lost() noexcept { return PortAudioThread::instance().is_lost(); }

Result<std::vector<DeviceInfo>> portaudio_devices()
{
    const auto devices = std::make_shared<std::vector<DeviceInfo>>();
    Status status = PortAudioThread::instance().run(
        [devices]() -> Status {
            const Session session;
            if (Status started = session.status(); !started) return started;
            *devices = enumerate(true);
            return Done{};
        },
        init_limit);
    if (!status) return status.error();
    return std::move(*devices);
}

}  // namespace lowleg::engine
