#include "bench/switch_control.h"
#include "core/fixture.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lowleg;
using namespace lowleg::bench;
using Catch::Matchers::ContainsSubstring;
using namespace std::chrono_literals;

namespace {

/// XDG_RUNTIME_DIR is a directory of the test's own, which goes away with it.
class RuntimeDirectory {
public:
    RuntimeDirectory()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "lowleg-switch-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
        if (const char* before = std::getenv("XDG_RUNTIME_DIR")) before_ = before;
        setenv("XDG_RUNTIME_DIR", path_.c_str(), 1);
    }
    RuntimeDirectory(const RuntimeDirectory&) = delete;
    RuntimeDirectory& operator=(const RuntimeDirectory&) = delete;
    ~RuntimeDirectory()
    {
        if (before_.empty()) unsetenv("XDG_RUNTIME_DIR");
        else setenv("XDG_RUNTIME_DIR", before_.c_str(), 1);
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
    std::string before_;
};

/// A bench with an audio thread that takes a state over a moment after it was asked to, or stands still.
class Gear {
public:
    Gear() : audio_{[this] { run(); }} {}
    Gear(const Gear&) = delete;
    Gear& operator=(const Gear&) = delete;
    ~Gear() { stop.store(true); audio_.join(); }

    [[nodiscard]] SwitchEnds ends()
    {
        SwitchEnds out;
        for (const auto state : all_switch_states) out.positions.emplace_back(name_of(state));
        out.request = [this](std::size_t s) { wanted.store(all_switch_states[s]); requests.fetch_add(1); };
        out.position = [this] { return static_cast<std::size_t>(taken.load()); };
        out.set = [this](const Settings& settings) -> Status {
            for (const auto& [key, value] : settings) {
                if (key == "wrong") return Error{"\"" + value + "\" is wrong: give something else", ErrorKind::usage};
                if (key == "unstable") return Error{"the gear is unstable with " + value};
            }
            set.insert(set.end(), settings.begin(), settings.end());
            return Done{};
        };
        return out;
    }

    std::atomic<SwitchState> wanted{SwitchState::through};
    std::atomic<SwitchState> taken{SwitchState::through};
    std::atomic<int> requests{0};
    Settings set;  ///< Of the control's thread, until it has answered.
    std::atomic<bool> stands_still{false};
    std::atomic<bool> stop{false};

private:
    void run()
    {
        while (!stop.load()) {
            std::this_thread::sleep_for(3ms);
            if (!stands_still.load()) taken.store(wanted.load());
        }
    }
    std::thread audio_;
};

const BenchAddress address{"a JACK server", "bench-1"};

/// A client that keeps to no protocol.
class Stranger {
public:
    explicit Stranger(const std::string& path) : fd_{socket(AF_UNIX, SOCK_STREAM, 0)}
    {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
        is_connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
    }
    Stranger(Stranger&& other) noexcept : fd_{std::exchange(other.fd_, -1)}, is_connected_{other.is_connected_} {}
    Stranger& operator=(Stranger&&) = delete;
    ~Stranger() { if (fd_ >= 0) close(fd_); }

    [[nodiscard]] bool is_connected() const { return is_connected_; }
    void say(const std::string& text) const { (void)send(fd_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT); }
    /// Everything until the server hangs up.
    [[nodiscard]] std::string hear() const
    {
        std::string heard;
        std::array<char, 512> piece{};
        for (;;) {
            pollfd waiting{fd_, POLLIN, 0};
            if (poll(&waiting, 1, 10'000) <= 0) return heard + "<still connected>";
            const auto n = recv(fd_, piece.data(), piece.size(), 0);
            if (n <= 0) return heard;
            heard.append(piece.data(), static_cast<std::size_t>(n));
        }
    }

private:
    int fd_;
    bool is_connected_{false};
};

}  // namespace

TEST_CASE("a served bench's switch moves, and the answer comes when the audio thread has it", "[bench][switch]")
{
    const RuntimeDirectory directory;
    Gear gear;
    const auto control = SwitchControl::open(address, gear.ends());
    REQUIRE(control);
    for (const auto state : {SwitchState::grounded, SwitchState::lifted, SwitchState::loaded, SwitchState::through, SwitchState::through}) {
        REQUIRE(move_switch(address, name_of(state)));
        CHECK(gear.taken.load() == state);
    }
    CHECK(served_benches(address.jack_server) == std::vector<std::string>{"bench-1"});
    CHECK(served_benches("another server").empty());
}

TEST_CASE("settings of a served bench change, all of them or none, and what is wrong with them comes back", "[bench][switch]")
{
    const RuntimeDirectory directory;
    Gear gear;
    auto control = SwitchControl::open(address, gear.ends());
    REQUIRE(control);
    const Settings both{{"rin", "1meg"}, {"note", "a=b,−1"}};
    REQUIRE(change_settings(address, both));
    CHECK(gear.set == both);

    const auto wrong = change_settings(address, {{"rin", "2"}, {"wrong", "sideways"}});
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().message == "\"sideways\" is wrong: give something else");
    CHECK(wrong.error().kind == ErrorKind::usage);
    const auto unstable = change_settings(address, {{"unstable", "it"}});
    REQUIRE_FALSE(unstable);
    CHECK(unstable.error().message == "the gear is unstable with it");
    CHECK(unstable.error().kind == ErrorKind::failure);
    CHECK(gear.set == both);

    // What no line can hold is refused before it is sent.
    for (const auto& bad : {Settings{}, Settings{{"", "1"}}, Settings{{"a b", "1"}}, Settings{{"a", "1 2"}}, Settings{{"a", "1\nswitch"}},
                            Settings{{"a=", "1"}}, Settings{{"a", std::string(3000, '1')}}}) {
        const auto refused = change_settings(address, bad);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind == ErrorKind::usage);
    }
    CHECK(gear.set == both);

    // A switch that waits for its audio thread is waited for: one request after the other.
    gear.stands_still.store(true);
    std::thread first{[&] { CHECK(move_switch(address, "lifted")); }};
    while (gear.requests.load() == 0) std::this_thread::sleep_for(1ms);
    std::thread second{[&] { CHECK(change_settings(address, {{"rin", "3"}})); }};
    std::this_thread::sleep_for(20ms);
    gear.stands_still.store(false);
    first.join();
    second.join();
    CHECK(gear.set.size() == 3);

    // Gear without a switch, and a bench without settings.
    control.value().reset();
    auto ends = gear.ends();
    ends.positions.clear();
    ends.set = nullptr;
    const auto plain = SwitchControl::open(address, ends);
    REQUIRE(plain);
    const auto moved = move_switch(address, "lifted");
    REQUIRE_FALSE(moved);
    CHECK_THAT(moved.error().message, ContainsSubstring("has no switch"));
    const auto set = change_settings(address, both);
    REQUIRE_FALSE(set);
    CHECK_THAT(set.error().message, ContainsSubstring("nothing can be set"));
}

TEST_CASE("a bench that is not served is said to be missing, with those that are served", "[bench][switch]")
{
    const RuntimeDirectory directory;
    const auto none = move_switch(address, "loaded");
    REQUIRE_FALSE(none);
    CHECK_THAT(none.error().message, ContainsSubstring("\"bench-1\"") && ContainsSubstring("\"a JACK server\"") &&
                                         ContainsSubstring("lowleg bench serve"));
    CHECK(none.error().kind == ErrorKind::failure);

    Gear gear;
    const auto b = SwitchControl::open({address.jack_server, "b"}, gear.ends());
    const auto a = SwitchControl::open({address.jack_server, "a"}, gear.ends());
    const auto elsewhere = SwitchControl::open({"another server", "c"}, gear.ends());
    REQUIRE((a && b && elsewhere));
    const auto other = move_switch(address, "loaded");
    REQUIRE_FALSE(other);
    CHECK_THAT(other.error().message, ContainsSubstring("served are a, b") && !ContainsSubstring("c,"));
}

TEST_CASE("when the audio stands still the switch is an error, and does not move afterwards", "[bench][switch]")
{
    const RuntimeDirectory directory;
    Gear gear;
    const auto control = SwitchControl::open(address, gear.ends());
    REQUIRE(control);
    gear.stands_still.store(true);
    const auto moved = move_switch(address, "grounded");
    REQUIRE_FALSE(moved);
    CHECK_THAT(moved.error().message, ContainsSubstring("stands still"));
    CHECK(gear.wanted.load() == SwitchState::through);
    gear.stands_still.store(false);
    CHECK(move_switch(address, "loaded"));
}

TEST_CASE("a name is served once; a socket left behind by a killed bench is no obstacle", "[bench][switch]")
{
    const RuntimeDirectory directory;
    Gear gear;
    {
        const auto first = SwitchControl::open(address, gear.ends());
        REQUIRE(first);
        const auto second = SwitchControl::open(address, gear.ends());
        REQUIRE_FALSE(second);
        CHECK_THAT(second.error().message, ContainsSubstring("being served already"));
        CHECK(move_switch(address, "lifted"));  // the attempt did not disturb the first
    }
    const auto path = control_path(address);
    REQUIRE(path);
    CHECK_FALSE(std::filesystem::exists(path.value()));

    // A process that dies leaves its socket in the file system.
    const pid_t child = fork();
    if (child == 0) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        std::memcpy(name.sun_path, path.value().c_str(), path.value().size() + 1);
        const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 && listen(fd, 1) == 0;
        _exit(bound ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    REQUIRE(std::filesystem::exists(path.value()));
    CHECK_FALSE(move_switch(address, "loaded"));
    CHECK(served_benches(address.jack_server).empty());
    const auto again = SwitchControl::open(address, gear.ends());
    REQUIRE(again);
    CHECK(move_switch(address, "loaded"));
}

TEST_CASE("strangers on the socket get an answer or are hung up on, and the switch goes on working", "[bench][switch]")
{
    const RuntimeDirectory directory;
    Gear gear;
    const auto control = SwitchControl::open(address, gear.ends());
    REQUIRE(control);
    const auto path = control_path(address).value();

    const auto answer_to = [&](const std::string& text) {
        const Stranger stranger{path};
        REQUIRE(stranger.is_connected());
        stranger.say(text);
        return stranger.hear();
    };
    CHECK(answer_to("name\n") == "ok bench-1\n");
    CHECK_THAT(answer_to("\n"), ContainsSubstring("error "));
    CHECK_THAT(answer_to("switch\n"), ContainsSubstring("error "));
    CHECK_THAT(answer_to("switch bench-1\n"), ContainsSubstring("error "));
    CHECK_THAT(answer_to("switch bench-1 sideways\n"), ContainsSubstring("error no such state"));
    CHECK_THAT(answer_to("switch bench-1 loaded \n"), ContainsSubstring("error "));
    CHECK_THAT(answer_to("set\n"), ContainsSubstring("error "));
    CHECK_THAT(answer_to("set bench-1\n"), ContainsSubstring("error "));
    CHECK_THAT(answer_to("set bench-1 \n"), ContainsSubstring("error nothing to set"));
    CHECK_THAT(answer_to("set bench-1 rin\n"), ContainsSubstring("error settings are KEY=VALUE"));
    CHECK_THAT(answer_to("set bench-1 =1\n"), ContainsSubstring("error settings are KEY=VALUE"));
    CHECK_THAT(answer_to("set bench-1  rin=1\n"), ContainsSubstring("error settings are KEY=VALUE"));
    CHECK_THAT(answer_to("set bench-2 rin=1\n"), ContainsSubstring("error this is the bench \"bench-1\""));
    CHECK(gear.set.empty());
    CHECK_THAT(answer_to("switch bench-2 loaded\n"), ContainsSubstring("error this is the bench \"bench-1\""));
    CHECK_THAT(answer_to(std::string("\0\xff\xfe\n", 4)), ContainsSubstring("error "));
    CHECK_THAT(answer_to(std::string(100'000, 'x')), ContainsSubstring("too long"));
    CHECK(answer_to("switch bench-1 loa").empty());  // half a line, then nothing: hung up on
    CHECK(answer_to("switch bench-1 loaded\nswitch bench-1 lifted\n") == "ok\n");  // one request each
    CHECK(gear.taken.load() == SwitchState::loaded);

    { const Stranger leaves_at_once{path}; }
    { const Stranger does_not_wait{path}; does_not_wait.say("switch bench-1 grounded\n"); }
    CHECK(move_switch(address, "lifted"));

    std::vector<Stranger> crowd;
    for (int i = 0; i < 100; ++i) crowd.emplace_back(path);
    CHECK(move_switch(address, "through"));
    CHECK(gear.taken.load() == SwitchState::through);
}

TEST_CASE("two who move the switch at the same time both get their states", "[bench][switch][concurrency]")
{
    const RuntimeDirectory directory;
    Gear gear;
    const auto control = SwitchControl::open(address, gear.ends());
    REQUIRE(control);
    constexpr int times = 100;
    std::atomic<int> failures{0};
    const auto insist = [&](SwitchState one, SwitchState other) {
        for (int i = 0; i < times; ++i)
            if (!move_switch(address, name_of(i % 2 == 0 ? one : other))) failures.fetch_add(1);
    };
    std::thread first{insist, SwitchState::loaded, SwitchState::grounded};
    std::thread second{insist, SwitchState::lifted, SwitchState::through};
    first.join();
    second.join();
    CHECK(failures.load() == 0);
    CHECK(gear.requests.load() == 2 * times);
}

TEST_CASE("whoever asks first is served first, not whoever connected first", "[bench][switch]")
{
    const RuntimeDirectory directory;
    Gear gear;
    const auto control = SwitchControl::open(address, gear.ends());
    REQUIRE(control);
    const auto path = control_path(address).value();
    gear.stands_still.store(true);  // so that the second request comes while the first waits
    const Stranger early{path};
    const Stranger late{path};
    late.say("switch bench-1 lifted\n");
    while (gear.requests.load() == 0) std::this_thread::sleep_for(1ms);
    early.say("switch bench-1 loaded\n");
    std::this_thread::sleep_for(20ms);
    gear.stands_still.store(false);
    CHECK(late.hear() == "ok\n");
    CHECK(early.hear() == "ok\n");
    CHECK(gear.taken.load() == SwitchState::loaded);
    CHECK(gear.requests.load() == 2);
}

TEST_CASE("the socket lies where only its user can reach it, whatever the names", "[bench][switch]")
{
    const RuntimeDirectory directory;
    const auto path = control_path(address);
    REQUIRE(path);
    CHECK_THAT(path.value(), ContainsSubstring(directory.path()));
    struct stat facts{};
    REQUIRE(stat((directory.path() + "/lowleg").c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777U) == 0700U);

    CHECK(control_path({"ab", "c"}).value() != control_path({"a", "bc"}).value());
    const auto far = control_path({std::string(500, 's'), "c"});
    REQUIRE(far);
    CHECK(far.value().size() < sizeof(sockaddr_un{}.sun_path));

    SECTION("a directory that others can enter is refused")
    {
        REQUIRE(chmod((directory.path() + "/lowleg").c_str(), 0755) == 0);
        CHECK_FALSE(control_path(address));
        CHECK_FALSE(move_switch(address, "loaded"));
    }
    SECTION("so is a link to elsewhere")
    {
        std::filesystem::remove_all(directory.path() + "/lowleg");
        std::filesystem::create_directory_symlink("/tmp", directory.path() + "/lowleg");
        CHECK_FALSE(control_path(address));
    }
    SECTION("a runtime directory with too long a path is passed over")
    {
        const auto deep = directory.path() + "/" + std::string(100, 'd');
        std::filesystem::create_directory(deep);
        setenv("XDG_RUNTIME_DIR", deep.c_str(), 1);
        const auto shorter = control_path(address);
        REQUIRE(shorter);
        CHECK(shorter.value().size() < sizeof(sockaddr_un{}.sun_path));
        CHECK_THAT(shorter.value(), !ContainsSubstring(deep));
    }
}

TEST_CASE("client names are those that every audio library finds again", "[bench][switch]")
{
    for (const auto* good : {"lowleg-bench", "a", "Bench_2.1"}) CHECK(check_client_name(good));
    for (const auto* bad : {"", "DUT (sim)", "a:b", "a b", "a/b", "a\nb", "USB+Audio"}) {
        const auto checked = check_client_name(bad);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().kind == ErrorKind::usage);
    }
    CHECK_FALSE(check_client_name(std::string(33, 'a')));
    Gear gear;
    CHECK_FALSE(SwitchControl::open({"default", "a b"}, gear.ends()));
}
