#include "instrument/session.h"

#include "core/text.h"
#include "core/triple_buffer.h"
#include "instrument/instrument.h"
#include "instrument/sources.h"
#include "procedure/calibration.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numbers>
#include <span>
#include <thread>
#include <utility>

namespace lowleg::instrument {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using procedure::CmrrFeed;
using procedure::IdentifyProgress;

constexpr Clock::duration picture_interval = 50ms;   // 20 a second move smoothly
constexpr Clock::duration paused_interval = 1s;      // of the counters, while nobody looks
constexpr Clock::duration search_interval = 2s;      // of a device that is not there
constexpr double stretch_s = 0.02;                   // how soon a command is obeyed
constexpr double sine_grid_hz = 5.0;

/// One period, interleaved (drive, probe).
Result<std::vector<float>> samples_of(const TestSignal& signal, double sample_rate_hz)
{
    using Kind = TestSignal::Kind;
    if (signal.kind == Kind::multitone) {
        stimulus::MultitoneOptions options;
        options.drive_peak = signal.level;
        options.probe_peak = signal.level;
        const auto plan = stimulus::design_multitone(sample_rate_hz, options);
        if (!plan) return plan.error();
        return stimulus::render(plan.value());
    }
    const auto frames = static_cast<std::size_t>(std::llround(sample_rate_hz / sine_grid_hz));
    std::vector<float> out(2 * frames, 0.0F);
    if (signal.kind == Kind::silence) return out;
    const double turns = std::max(1.0, std::round(signal.frequency.value() / sine_grid_hz));
    if (!(turns * sine_grid_hz < 0.45 * sample_rate_hz))
        return Error{"a sine of " + format_hertz(signal.frequency) + " cannot be played at this sample rate: choose a lower one", ErrorKind::usage};
    const double peak = sine_peak(signal.level);
    for (std::size_t i = 0; i < frames; ++i)
        out[2 * i] = static_cast<float>(peak * std::sin(2.0 * std::numbers::pi * turns * static_cast<double>(i) / static_cast<double>(frames)));
    return out;
}

std::string activity_of(const IdentifyProgress& p)
{
    using Step = IdentifyProgress::Step;
    const auto state = std::string{name_of(p.state)} + ": ";
    switch (p.step) {
    case Step::switching: return state + "the switch moves";
    case Step::settling: return state + "settling";
    case Step::measuring:
    case Step::taken: return state + std::to_string(p.periods_taken) + " of " + std::to_string(p.periods_wanted) + " periods";
    case Step::voided: return state + "measuring again, because " + describe(p.faults);
    }
    return {};
}

std::string meaning_of(SwitchState state, const Fixture& fixture)
{
    switch (state) {
    case SwitchState::through: return "Pin 3 to input 2, and to nothing else.";
    case SwitchState::loaded: return "Pin 3 also to pin 1 through " + format_ohms(fixture.rg) + ".";
    case SwitchState::grounded: return "Pin 3 also to pin 1 directly.";
    case SwitchState::lifted: return fixture.probe ? "Pin 3 to nothing; input 2 keeps its probe resistor." : "Pin 3 to nothing.";
    }
    return {};
}

struct Answer {
    bool yes{};
    std::string text;
};

}  // namespace

std::string_view words_for(TestSignal::Kind kind) noexcept
{
    switch (kind) {
    case TestSignal::Kind::silence: return "silence";
    case TestSignal::Kind::sine: return "sine";
    case TestSignal::Kind::multitone: return "multitone";
    }
    return "?";
}

struct Session::Impl {
    // ---- Both sides ----
    TripleBuffer<Snapshot> snapshots;
    std::function<void()> on_news;
    std::mutex mutex;                       // of what follows; held for moments only, and never by whoever moves audio
    std::condition_variable changed;
    struct Command {
        std::function<void()> run;
        bool interrupts;                    // what runs is to end
    };
    std::deque<Command> commands;
    std::optional<Answer> answered;
    std::atomic<bool> is_interrupted{false};
    std::atomic<bool> has_commands{false};
    bool should_quit{false};
    std::thread thread;

    // ---- The session's thread ----
    Settings settings;
    Snapshot state;
    std::optional<LiveView> view;
    LiveOptions live_options;
    OpenBench bench;                        // open while nothing is measured, or
    std::unique_ptr<engine::Engine> device;
    Clock::time_point next_attempt{};
    Clock::time_point next_picture{};
    std::uint64_t xruns_before{0};          // of streams that are closed
    std::uint64_t xruns_here{0};

    void give(std::function<void()> run, bool interrupts)
    {
        {
            const std::lock_guard lock{mutex};
            commands.push_back({std::move(run), interrupts});
            has_commands.store(true);
            if (interrupts) is_interrupted.store(true);
        }
        changed.notify_all();
    }

    void take(Answer answer)
    {
        {
            const std::lock_guard lock{mutex};
            answered = std::move(answer);
        }
        changed.notify_all();
    }

    void publish()
    {
        snapshots.to_write() = state;
        snapshots.publish();
        if (on_news) on_news();
    }

    // ---- Listening ----

    void hear(engine::Engine& engine, std::span<const float> captured, bool is_job)
    {
        if (is_job && is_interrupted.load(std::memory_order_relaxed)) engine.hush();
        auto& stream = state.stream;
        if (!view || stream.sample_rate_hz != engine.facts().sample_rate_hz) {
            auto made = LiveView::create(engine.facts().sample_rate_hz);
            if (!made) return;
            view.emplace(std::move(made).value());
            view->set_options(live_options);
        }
        stream.sample_rate_hz = engine.facts().sample_rate_hz;
        stream.device = engine.facts().device.data();
        stream.host_api = engine.facts().host_api.data();
        stream.is_open = true;
        view->hear(captured);
        const auto now = Clock::now();
        if (now < next_picture) return;
        next_picture = now + (live_options.is_paused ? paused_interval : picture_interval);
        stream.counters = engine.counters();
        stream.load = engine.callback_load();
        xruns_here = stream.counters.flagged + stream.counters.late;
        stream.xruns = xruns_before + xruns_here;
        if (!live_options.is_paused) view->draw(state.live);
        publish();
    }

    [[nodiscard]] engine::EngineHooks live_hooks()
    {
        engine::EngineHooks hooks;
        hooks.should_stop = [this] { return has_commands.load(); };
        hooks.tell = [this](const std::string& sentence) {
            state.stream.trouble = sentence;
            publish();
        };
        hooks.hear = [this](engine::Engine& engine, std::span<const float> captured) { hear(engine, captured, false); };
        hooks.search_time = std::chrono::milliseconds{std::llround(1e3 * settings.search_time.value())};
        return hooks;
    }

    [[nodiscard]] engine::Engine* listening() const { return bench.engine ? bench.engine.get() : device.get(); }

    void close()
    {
        bench = {};
        device.reset();
        xruns_before += std::exchange(xruns_here, 0);
        state.stream.is_open = false;
        view.reset();  // what comes next does not continue it
    }

    void open()
    {
        auto& stream = state.stream;
        next_attempt = Clock::now() + search_interval;
        stream.full_scale = {};
        if (stream.place.is_bench) {
            auto opened = open_bench(settings, stream.place.name, bench::CircuitKind::output, "only what has an output can be listened to", live_hooks());
            if (!opened) return give_up(opened.error().message);
            bench = std::move(opened).value();
            bench.bench->request_state(stream.bench_switch);
            take_scales(procedure::scales_of_bench(settings.interface.full_scale, settings.fixture.gain_ratio));
        } else {
            auto opened = open_device(settings, stream.place.name, live_hooks());
            if (!opened) return give_up(opened.error().message);
            device = std::move(opened).value();
            if (const auto found = calibration_of(settings, device->facts())) take_scales(procedure::scales_of(found.value(), settings.inputs, settings.outputs));
        }
        stream.trouble.clear();
        put_on();
    }

    void give_up(std::string why)
    {
        close();
        state.stream.trouble = std::move(why);
        publish();
    }

    void take_scales(const procedure::Scales& scales)
    {
        for (const std::size_t i : {0U, 1U})
            if (const auto& volts = scales.input_volts.at(i)) state.stream.full_scale.at(i) = Dbu::of(VoltsRms{volts->value});
    }

    /// Plays what is wanted, with what it was told before.
    void put_on()
    {
        auto* engine = listening();
        if (engine == nullptr) return;
        const auto samples = samples_of(state.stream.signal, engine->facts().sample_rate_hz);
        const auto played = samples ? engine->play(samples.value()) : Status{samples.error()};
        state.stream.trouble = played ? "" : played.error().message;
        if (!played && played.error().kind == ErrorKind::interrupted) give_up(played.error().message);
    }

    void listen()
    {
        auto* engine = listening();
        const auto stretch = engine->next_stretch(engine->frames_handled(), static_cast<std::int64_t>(stretch_s * engine->facts().sample_rate_hz));
        if (!stretch) {
            // Stopped in its search by a command, it is looked for again once that is obeyed.
            if (has_commands.load()) return close();
            return give_up(stretch.error().message);
        }
        state.stream.trouble = bench.bench ? bench.bench->trouble().value_or("") : "";
    }

    // ---- The thread ----

    void run()
    {
        while (true) {
            Command command{};
            {
                std::unique_lock lock{mutex};
                if (commands.empty() && listening() == nullptr)
                    changed.wait_for(lock, state.stream.rests ? 1s : 100ms, [&] { return should_quit || !commands.empty(); });
                if (should_quit) break;
                if (!commands.empty()) {
                    command = std::move(commands.front());
                    commands.pop_front();
                }
                has_commands.store(!commands.empty());
                is_interrupted.store(std::ranges::any_of(commands, &Command::interrupts));
            }
            if (command.run) {
                command.run();
                continue;
            }
            // Simulated gear that nobody looks at need not play.
            const bool rests = live_options.is_paused && state.stream.place.is_bench;
            if (rests != std::exchange(state.stream.rests, rests)) {
                if (rests) close();
                next_attempt = {};
                publish();
            }
            if (rests) continue;
            try {
                if (listening() != nullptr) listen();
                else if (Clock::now() >= next_attempt) open();
            } catch (const std::exception& unexpected) {
                give_up(std::string{"internal error ("} + unexpected.what() + "): please report it with what was done before");
            }
        }
        close();
    }

    // ---- Jobs ----

    /// Shows the prompt and waits for the answer to it. \return interrupted when there will be none.
    Result<Answer> ask(Prompt prompt)
    {
        {
            const std::lock_guard lock{mutex};
            answered.reset();
        }
        show(std::move(prompt));
        std::unique_lock lock{mutex};
        changed.wait(lock, [&] { return should_quit || is_interrupted.load() || answered.has_value(); });
        if (!answered) return Error{"stopped by hand", ErrorKind::interrupted};
        auto out = std::move(*answered);
        answered.reset();
        lock.unlock();
        show({});
        return out;
    }

    void show(Prompt prompt)
    {
        state.job.prompt = std::move(prompt);
        publish();
    }

    [[nodiscard]] Prompt prompt_for(SwitchState wanted) const
    {
        return {Prompt::Kind::set_switch, "Set the switch to " + std::string{name_of(wanted)}, meaning_of(wanted, settings.fixture), wanted, {}, {}};
    }

    /// A person moves the switch, and the signals are followed.
    [[nodiscard]] procedure::FixtureSwitch followed_switch()
    {
        procedure::FollowOptions follow;
        follow.fixture = settings.fixture;
        follow.should_stop = [this] { return is_interrupted.load(); };
        follow.ask = [this](SwitchState wanted) -> Status {
            if (wanted != SwitchState::through && settings.drive != procedure::DriveFrom::nothing) {
                {
                    const std::lock_guard lock{mutex};
                    answered.reset();
                }
                show(prompt_for(wanted));
                return Done{};
            }
            const auto set = ask(prompt_for(wanted));
            if (!set) return set.error();
            return Done{};
        };
        follow.word = [this] {
            const std::lock_guard lock{mutex};
            return std::exchange(answered, std::nullopt) ? procedure::UserWord::given : procedure::UserWord::none;
        };
        follow.say = [this](const std::string& sentence) { say(sentence); };
        return followed(std::move(follow));
    }

    /// A person moves the switch, and says so.
    [[nodiscard]] procedure::FixtureSwitch asked_switch()
    {
        return [this](SwitchState wanted) -> Status {
            const auto set = ask(prompt_for(wanted));
            if (!set) return set.error();
            return Done{};
        };
    }

    [[nodiscard]] std::function<bool()> confirm_line_output()
    {
        return [this] {
            const auto answer = ask({Prompt::Kind::line_output, "Is this a line output?",
                                     "Pin 3 is about to be loaded. A loudspeaker output of an amplifier must not be: its terminals would be shorted.", {}, {}, {}});
            return answer && answer.value().yes;
        };
    }

    void say(const std::string& sentence)
    {
        state.job.said.push_back(sentence);
        publish();
    }

    [[nodiscard]] Progress identify_progress()
    {
        return [this](const IdentifyProgress& p) {
            auto& job = state.job;
            job.activity = activity_of(p);
            job.state = p.state;
            if (p.step != IdentifyProgress::Step::switching) job.prompt = {};
            if (p.step == IdentifyProgress::Step::voided) ++state.stream.voided;
            if (p.step == IdentifyProgress::Step::taken && std::ranges::find(job.taken, p.state) == job.taken.end()) job.taken.push_back(p.state);
            if (p.so_far != nullptr) job.so_far = std::make_shared<topology::Verdict>(*p.so_far);
            publish();
        };
    }

    [[nodiscard]] procedure::MeasurementObserver measurement_observer()
    {
        return [this](const procedure::MeasurementProgress& p) {
            auto& job = state.job;
            job.activity = p.step + (p.signal > Seconds{0.0} ? ", " + format_fixed(p.signal.value(), 1) + " s" : "");
            if (!p.voided.none()) ++state.stream.voided;
            if (p.leading && (job.leading.empty() || job.leading.back().value != p.leading->value)) job.leading.push_back(*p.leading);
            publish();
        };
    }

    [[nodiscard]] procedure::FeedSwitch asked_feed(bool own_input)
    {
        return [this, own_input](CmrrFeed feed) -> Status {
            const auto done = ask({Prompt::Kind::connect, "Connect: " + std::string{name_of(feed)}, drawing_of(feed, own_input), {}, feed, {}});
            if (!done) return done.error();
            return Done{};
        };
    }

    [[nodiscard]] CalibrationHands asked_hands()
    {
        CalibrationHands hands;
        hands.wire = [this](const procedure::CalibrationWiring& wiring) -> Status {
            const auto done = ask({Prompt::Kind::connect, "Connect", drawing_of(wiring), {}, {}, {}});
            if (!done) return done.error();
            return Done{};
        };
        hands.read_meter = [this](Dbfs level, Hertz frequency, bool is_lower) -> Result<procedure::MeterReading> {
            Prompt prompt{Prompt::Kind::meter, "What does the multimeter show, in volts?",
                          is_lower ? "Now it plays 20 dB lower, for proof." : "It plays " + format_hertz(frequency) + " at " + format_dbfs(level, 0) + ".", {}, {}, {}};
            while (true) {
                const auto typed = ask(prompt);
                if (!typed) return typed.error();
                auto reading = procedure::parse_meter_reading(typed.value().text);
                if (reading) return reading;
                prompt.complaint = reading.error().message;
            }
        };
        return hands;
    }

    void do_job(const Job& job)
    {
        close();
        auto& j = state.job;
        JobState begun;
        begun.phase = JobState::Phase::running;
        begun.number = j.number + 1;
        begun.job = job;
        begun.place = state.stream.place;
        j = std::move(begun);
        state.stream.trouble.clear();
        publish();
        Instrument instrument{settings, [this] { return is_interrupted.load(); }, [this](const std::string& sentence) { say(sentence); }};
        instrument.be_watched({[this](engine::Engine& engine, std::span<const float> captured) { hear(engine, captured, true); },
                               [this](const std::vector<procedure::CmrrPoint>& curve) {
                                   state.job.cmrr_so_far = std::make_shared<std::vector<procedure::CmrrPoint>>(curve);
                                   publish();
                               }});
        try {
            carry_out(job, instrument);
        } catch (const std::exception& unexpected) {
            j.error = Error{std::string{"internal error ("} + unexpected.what() + "): please report what was measured"};
        }
        j.phase = j.error ? JobState::Phase::failed : JobState::Phase::done;
        j.prompt = {};
        j.state.reset();
        j.activity.clear();
        close();
        next_attempt = {};
        publish();
    }

    /// Puts a result, or why there is none, where a face finds it.
    template <class T>
    void keep(Result<T> result, std::shared_ptr<const T> JobState::* to)
    {
        if (!result) state.job.error = result.error();
        else state.job.*to = std::make_shared<const T>(std::move(result).value());
    }

    void carry_out(const Job& job, const Instrument& instrument)
    {
        const auto& place = state.stream.place;
        switch (job.kind) {
        case JobKind::identify:
            keep(place.is_bench ? instrument.identify_bench(place.name, identify_progress())
                                : instrument.identify_device(place.name, followed_switch(), identify_progress(), confirm_line_output()),
                 &JobState::identification);
            if (const auto& found = state.job.identification; found && found->quality.round_trip) state.stream.round_trip = found->quality.round_trip;
            return;
        case JobKind::cmrr:
            return keep(place.is_bench ? instrument.cmrr_bench(job.receiver, job.method, job.own_input, measurement_observer())
                                       : instrument.cmrr_device(place.name, job.method, job.own_input, asked_feed(job.own_input), measurement_observer()),
                        &JobState::cmrr);
        case JobKind::measure:
            return keep(place.is_bench ? instrument.measure_bench(job.measure, job.measure == procedure::MeasureKind::input ? job.receiver : place.name, measurement_observer())
                                       : instrument.measure_device(job.measure, place.name, asked_switch(), measurement_observer(), confirm_line_output()),
                        &JobState::measurement);
        case JobKind::calibrate:
            return keep(place.is_bench ? instrument.calibrate_bench(job.calibration, {}, measurement_observer())
                                       : instrument.calibrate_device(job.calibration, place.name, asked_hands(), measurement_observer()),
                        &JobState::measurement);
        case JobKind::test_device:
            if (place.is_bench) {
                state.job.error = Error{"the virtual bench needs no test: choose an audio device first", ErrorKind::usage};
                return;
            }
            return keep(instrument.test_device(place.name, measurement_observer()), &JobState::measurement);
        }
    }
};

Session::Session(Settings settings, Place place, TestSignal signal, std::function<void()> on_news) : impl_{std::make_unique<Impl>()}
{
    auto& m = *impl_;
    m.on_news = std::move(on_news);
    m.settings = std::move(settings);
    m.state.stream.place = std::move(place);
    m.state.stream.signal = signal;
    m.thread = std::thread{[&m] { m.run(); }};
}

Session::~Session()
{
    {
        const std::lock_guard lock{impl_->mutex};
        impl_->should_quit = true;
        impl_->has_commands.store(true);
        impl_->is_interrupted.store(true);
    }
    impl_->changed.notify_all();
    impl_->thread.join();
}

bool Session::update() { return impl_->snapshots.update(); }

const Snapshot& Session::latest() const { return impl_->snapshots.latest(); }

void Session::choose(Place place)
{
    auto& m = *impl_;
    m.give(
        [&m, place = std::move(place)]() mutable {
            m.close();
            m.state.stream.round_trip.reset();
            m.state.stream.trouble.clear();
            // Nobody knows what hangs on a device; a bench that plays nothing shows nothing.
            if (!place.is_bench) m.state.stream.signal.kind = TestSignal::Kind::silence;
            else if (!m.state.stream.place.is_bench) m.state.stream.signal.kind = TestSignal::Kind::sine;
            m.state.stream.place = std::move(place);
            m.next_attempt = {};
            m.publish();
        },
        true);
}

void Session::use(Settings settings)
{
    auto& m = *impl_;
    m.give(
        [&m, settings = std::move(settings)]() mutable {
            m.close();
            m.settings = std::move(settings);
            m.next_attempt = {};
        },
        true);
}

void Session::play(TestSignal signal)
{
    auto& m = *impl_;
    m.give(
        [&m, signal] {
            m.state.stream.signal = signal;
            m.put_on();
            m.publish();
        },
        false);
}

void Session::set_bench_switch(SwitchState state)
{
    auto& m = *impl_;
    m.give(
        [&m, state] {
            m.state.stream.bench_switch = state;
            if (m.bench.bench) m.bench.bench->request_state(state);
            m.publish();
        },
        false);
}

void Session::set_live(const LiveOptions& options)
{
    auto& m = *impl_;
    m.give(
        [&m, options] {
            m.live_options = options;
            if (m.view) m.view->set_options(options);
        },
        false);
}

void Session::reset_held()
{
    auto& m = *impl_;
    m.give([&m] { if (m.view) m.view->reset_held(); }, false);
}

void Session::list_devices()
{
    auto& m = *impl_;
    m.give(
        [&m] {
            auto devices = Instrument{m.settings, [&m] { return m.is_interrupted.load(); }}.list_devices();
            m.state.devices_known = true;
            m.state.devices_trouble = devices ? "" : devices.error().message;
            m.state.devices = devices ? std::move(devices).value() : std::vector<report::DeviceEntry>{};
            m.publish();
        },
        false);
}

void Session::start(Job job)
{
    auto& m = *impl_;
    m.give([&m, job = std::move(job)] { m.do_job(job); }, true);
}

void Session::stop()
{
    auto& m = *impl_;
    m.give(
        [&m] {
            m.state.stream.signal.kind = TestSignal::Kind::silence;
            m.put_on();
            m.publish();
        },
        true);
}

void Session::answer(bool yes) { impl_->take({yes, {}}); }

void Session::answer(std::string text) { impl_->take({true, std::move(text)}); }

}  // namespace lowleg::instrument
