#include "bench/switch_control.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace lowleg::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t max_line = 2048;         // of a request and of an answer, with its line break
constexpr std::size_t max_connections = 32;
constexpr auto line_patience = 2s;             // for a whole request to come in
constexpr auto answer_patience = 5s;           // longer than a server takes to give up on its audio
constexpr auto state_interval = 1ms;           // between two looks at the state

/// Owns a file descriptor.
class Socket {
public:
    Socket() = default;
    explicit Socket(int fd) noexcept : fd_{fd} {}
    Socket(Socket&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    Socket& operator=(Socket&& other) noexcept
    {
        if (this != &other) {
            if (fd_ >= 0) close(fd_);
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~Socket() { if (fd_ >= 0) close(fd_); }

    [[nodiscard]] int fd() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_{-1};
};

/// Never blocks, and is not handed down to children.
bool make_plain(int fd) noexcept
{
    const int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

Socket new_socket() noexcept
{
    Socket s{socket(AF_UNIX, SOCK_STREAM, 0)};
    return s && make_plain(s.fd()) ? std::move(s) : Socket{};
}

bool set_path(sockaddr_un& address, const std::string& path) noexcept
{
    address = {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return true;
}

const sockaddr* plain(const sockaddr_un& address) noexcept
{
    return reinterpret_cast<const sockaddr*>(&address);  // how the sockets interface is made
}

std::string reason(int code) { return std::generic_category().message(code); }

int milliseconds_until(Clock::time_point deadline) noexcept
{
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

std::string hex_hash(std::string_view text)
{
    std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a, 64 bits
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    std::string hex(16, '0');
    for (std::size_t i = 16; i-- > 0; hash >>= 4U) hex[i] = "0123456789abcdef"[hash & 15U];
    return hex;
}

std::string file_prefix(const std::string& jack_server) { return "bench-" + hex_hash(jack_server) + "-"; }
constexpr std::size_t file_name_length = 6 + 16 + 1 + 16 + 5;

bool is_own_directory(const std::string& path) noexcept
{
    struct stat facts{};
    return lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == geteuid();
}

/// The directory of this user's sockets, made where it is missing.
Result<std::string> control_directory()
{
    const auto fits = [](const std::string& directory) {
        return directory.size() + 1 + file_name_length < sizeof(sockaddr_un{}.sun_path);
    };
    std::string directory;
    // Under sudo the variable is still that of the user who called it: then it is not the place for our files.
    if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime == '/' && is_own_directory(runtime))
        directory = std::string{runtime} + "/lowleg";
    if (directory.empty() || !fits(directory)) {
        std::error_code no_directory;
        const auto name = "lowleg-" + std::to_string(geteuid());
        directory = (std::filesystem::temp_directory_path(no_directory) / name).string();
        if (no_directory || !fits(directory)) directory = "/tmp/" + name;
    }
    if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return Error{"\"" + directory + "\" for the switch of the served bench cannot be made (" + reason(errno) +
                     "): make it, or set XDG_RUNTIME_DIR to a directory of yours"};
    struct stat facts{};
    if (!is_own_directory(directory) || lstat(directory.c_str(), &facts) != 0 || (facts.st_mode & 0077U) != 0)
        return Error{"\"" + directory + "\" is not a directory of this user's alone, so a stranger could move the switch of the "
                     "served bench: remove it, or set XDG_RUNTIME_DIR to a directory of yours"};
    return directory;
}

/// Connects, sends one line, returns the answer's line; nothing when nobody answers by `deadline`.
enum class Silence : std::uint8_t { nobody, no_answer };
Result<std::string, Silence> ask(const std::string& path, const std::string& line, Clock::time_point deadline)
{
    sockaddr_un address{};
    if (!set_path(address, path)) return Silence::nobody;
    Socket peer;
    for (;;) {
        peer = new_socket();
        if (!peer) return Silence::nobody;
        if (connect(peer.fd(), plain(address), sizeof address) == 0) break;
        // EAGAIN: many are asking at this moment, and the queue of the socket is full.
        if (errno != EAGAIN && errno != EINTR) return Silence::nobody;
        if (Clock::now() >= deadline) return Silence::no_answer;
        std::this_thread::sleep_for(2ms);
    }
    const auto text = line + "\n";
    if (send(peer.fd(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) return Silence::no_answer;

    std::string answer;
    while (answer.size() < max_line) {
        pollfd waiting{peer.fd(), POLLIN, 0};
        const int ready = poll(&waiting, 1, milliseconds_until(deadline));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return Silence::no_answer;
        std::array<char, max_line> piece{};
        const auto n = recv(peer.fd(), piece.data(), piece.size(), 0);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n <= 0) return Silence::no_answer;
        answer.append(piece.data(), static_cast<std::size_t>(n));
        if (const auto end = answer.find('\n'); end != std::string::npos) return answer.substr(0, end);
    }
    return Silence::no_answer;
}

}  // namespace

std::string jack_server_name()
{
    const char* name = std::getenv("JACK_DEFAULT_SERVER");
    return name != nullptr && *name != '\0' ? name : "default";
}

Status check_client_name(const std::string& name)
{
    constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    if (name.empty() || name.size() > 32 || name.find_first_not_of(allowed) != std::string::npos)
        return Error{"no bench can be served under this name: give 1 to 32 letters, digits, '-', '_' or '.'", ErrorKind::usage};
    return Done{};
}

Result<std::string> control_path(const BenchAddress& address)
{
    auto directory = control_directory();
    if (!directory) return directory.error();
    return directory.value() + "/" + file_prefix(address.jack_server) + hex_hash(address.client) + ".sock";
}

// ---------------------------------------------------------------------------------------------------------------- serving

struct SwitchControl::Impl {
    using Request = std::variant<std::size_t, Settings>;  // a position of the switch, or settings

    struct Connection {
        Socket peer;
        std::string line;                        // what has come in
        Clock::time_point deadline;              // for the line, then for the audio thread
        std::optional<Request> wanted;           // a request that waits for its turn
    };

    BenchAddress address;
    SwitchEnds ends;
    std::string path;
    Socket listening;
    ino_t inode{};
    std::array<Socket, 2> wake;  // a byte into [1] ends the thread
    std::vector<Connection> connections;     // whose line has not come yet, in order of arrival
    std::vector<Connection> waiting;         // with a request, in the order in which the requests came
    bool front_is_requested{false};          // the first of them has been passed on
    std::thread thread;

    ~Impl()
    {
        if (thread.joinable()) {
            const char byte = 0;
            while (write(wake[1].fd(), &byte, 1) < 0 && errno == EINTR) {}
            thread.join();
        }
        // Not when another bench has taken the name over meanwhile.
        struct stat facts{};
        if (listening && lstat(path.c_str(), &facts) == 0 && facts.st_ino == inode) unlink(path.c_str());
    }

    Status listen_at(const std::string& where)
    {
        const auto impossible = [&](std::string_view what) {
            return Error{"the switch of the bench cannot be offered at \"" + where + "\": " + std::string{what}};
        };
        sockaddr_un name{};
        if (!set_path(name, where)) return impossible("the path is too long; set XDG_RUNTIME_DIR to a shorter one");
        Socket probe = new_socket();
        if (!probe) return impossible(reason(errno));
        // Refused: the file is there and nobody listens, so it was left by a bench that was killed.
        if (connect(probe.fd(), plain(name), sizeof name) == 0 || errno == EAGAIN)
            return Error{"a bench named \"" + address.client + "\" is being served already: give another --name, or stop that one"};
        if (errno == ECONNREFUSED) unlink(where.c_str());

        Socket fresh = new_socket();
        if (!fresh || bind(fresh.fd(), plain(name), sizeof name) != 0) return impossible(reason(errno));
        struct stat facts{};
        if (listen(fresh.fd(), 64) != 0 || lstat(where.c_str(), &facts) != 0) {
            const int code = errno;
            unlink(where.c_str());
            return impossible(reason(code));
        }
        path = where;
        inode = facts.st_ino;
        listening = std::move(fresh);
        return Done{};
    }

    void run()
    {
        std::vector<pollfd> polled;
        for (;;) {
            polled.assign({{wake[0].fd(), POLLIN, 0}, {listening.fd(), POLLIN, 0}});
            for (const auto& c : connections) polled.push_back({c.peer.fd(), POLLIN, 0});
            if (poll(polled.data(), polled.size(), patience_of_poll()) < 0 && errno != EINTR) std::this_thread::sleep_for(10ms);
            if (polled[0].revents != 0) return;

            for (std::size_t i = 0; i < connections.size(); ++i)
                if (polled[i + 2].revents != 0) receive(connections[i]);
            for (auto& c : connections)
                if (c.wanted) waiting.push_back(std::move(c));
            serve_requests();
            const auto now = Clock::now();
            std::erase_if(connections, [&](const auto& c) { return !c.peer || c.deadline <= now; });
            if (polled[1].revents != 0) accept_one();
        }
    }

    [[nodiscard]] int patience_of_poll() const
    {
        if (!waiting.empty()) return static_cast<int>(std::chrono::milliseconds{state_interval}.count());
        auto next = Clock::now() + 60s;
        for (const auto& c : connections) next = std::min(next, c.deadline);
        return milliseconds_until(next);
    }

    void accept_one()
    {
        Socket peer{accept(listening.fd(), nullptr, nullptr)};
        if (!peer) {
            if (errno == EMFILE || errno == ENFILE) {  // out of descriptors: those who say nothing make room
                drop_idlest();
                std::this_thread::sleep_for(5ms);
            }
            return;
        }
        if (!make_plain(peer.fd())) return;
        if (connections.size() + waiting.size() >= max_connections && !drop_idlest()) {
            answer(peer, "error too many want to move the switch at once: try again");
            return;
        }
        connections.push_back({std::move(peer), {}, Clock::now() + line_patience, std::nullopt});
    }

    /// Hangs up on who has said nothing for longest. \return false when everybody has said something.
    bool drop_idlest()
    {
        if (connections.empty()) return false;
        connections.erase(connections.begin());
        return true;
    }

    void receive(Connection& c)
    {
        std::array<char, max_line> piece{};
        const auto n = recv(c.peer.fd(), piece.data(), piece.size(), 0);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
        if (n <= 0) {
            c.peer = Socket{};
            return;
        }
        c.line.append(piece.data(), static_cast<std::size_t>(n));
        const auto end = c.line.find('\n');
        if (end != std::string::npos) understand(c, std::string_view{c.line}.substr(0, end));
        else if (c.line.size() >= max_line) finish(c, "error the line is too long");
    }

    void understand(Connection& c, std::string_view line)
    {
        const auto verb = line.substr(0, line.find(' '));
        if (line == "name") return finish(c, "ok " + address.client);
        if (verb != "switch" && verb != "set")
            return finish(c, "error unknown request: use \"switch NAME STATE\", \"set NAME KEY=VALUE …\" or \"name\"");
        auto rest = line.substr(verb.size());
        if (!rest.empty()) rest.remove_prefix(1);
        const auto space = rest.find(' ');
        if (space == std::string_view::npos || rest.substr(0, space) != address.client)
            return finish(c, "error this is the bench \"" + address.client + "\"");
        rest.remove_prefix(space + 1);
        if (verb == "switch") understand_position(c, rest);
        else understand_settings(c, rest);
        c.deadline = Clock::now() + patience;
    }

    void understand_position(Connection& c, std::string_view name)
    {
        if (ends.positions.empty()) return finish(c, "error this bench has no switch: a connection stands as it is");
        const auto found = std::find(ends.positions.begin(), ends.positions.end(), name);
        if (found == ends.positions.end()) {
            std::string names;
            for (const auto& position : ends.positions)
                names += (names.empty() ? "" : position == ends.positions.back() ? " or " : ", ") + position;
            return finish(c, "error no such state: use " + names);
        }
        c.wanted = static_cast<std::size_t>(found - ends.positions.begin());
    }

    void understand_settings(Connection& c, std::string_view pairs)
    {
        Settings settings;
        while (!pairs.empty()) {
            const auto pair = pairs.substr(0, pairs.find(' '));
            pairs.remove_prefix(std::min(pair.size() + 1, pairs.size()));
            const auto sign = pair.find('=');
            if (sign == std::string_view::npos || sign == 0) return finish(c, "error settings are KEY=VALUE, with one blank between two of them");
            settings.emplace_back(pair.substr(0, sign), pair.substr(sign + 1));
        }
        if (settings.empty() || !ends.set) return finish(c, settings.empty() ? "error nothing to set" : "error nothing can be set on this bench");
        c.wanted = std::move(settings);
    }

    /// One request after the other: a state asked for by one process stands, for a moment at least, before that of another
    /// replaces it.
    void serve_requests()
    {
        while (!waiting.empty()) {
            Connection& front = waiting.front();
            if (const auto* settings = std::get_if<Settings>(&*front.wanted)) {
                const auto status = ends.set(*settings);
                finish(front, status ? "ok" : (status.error().kind == ErrorKind::usage ? "usage " : "error ") + status.error().message);
                waiting.erase(waiting.begin());
                continue;
            }
            const auto position = std::get<std::size_t>(*front.wanted);
            if (!front_is_requested) ends.request(position);
            front_is_requested = true;
            if (ends.position() == position) {
                finish(front, "ok");
            } else if (Clock::now() >= front.deadline) {
                ends.request(ends.position());  // withdrawn: what failed must not happen later
                finish(front, "error the audio of the bench stands still, so the switch cannot move: see whether the JACK server runs");
            } else {
                return;  // its turn is not over
            }
            waiting.erase(waiting.begin());
            front_is_requested = false;
        }
    }

    void finish(Connection& c, const std::string& line)
    {
        answer(c.peer, line);
        c.peer = Socket{};
    }

    /// A line is shorter than any socket's buffer; a peer that does not read it gets nothing.
    static void answer(const Socket& peer, const std::string& line)
    {
        const auto text = line + "\n";
        [[maybe_unused]] const auto sent = send(peer.fd(), text.data(), text.size(), MSG_NOSIGNAL);
    }
};

SwitchControl::SwitchControl(std::unique_ptr<Impl> impl) noexcept : impl_{std::move(impl)} {}
SwitchControl::~SwitchControl() = default;

Result<std::unique_ptr<SwitchControl>> SwitchControl::open(const BenchAddress& address, SwitchEnds ends)
{
    if (const auto checked = check_client_name(address.client); !checked) return checked.error();
    const auto path = control_path(address);
    if (!path) return path.error();
    auto impl = std::make_unique<Impl>();
    impl->address = address;
    impl->ends = std::move(ends);
    std::array<int, 2> ends_of_pipe{};
    if (pipe(ends_of_pipe.data()) != 0)
        return Error{"the switch of the bench cannot be offered: " + reason(errno)};
    impl->wake = {Socket{ends_of_pipe[0]}, Socket{ends_of_pipe[1]}};
    for (const auto& end : impl->wake) make_plain(end.fd());
    if (const auto listening = impl->listen_at(path.value()); !listening) return listening.error();
    impl->thread = std::thread{[raw = impl.get()] { raw->run(); }};
    return std::unique_ptr<SwitchControl>{new SwitchControl{std::move(impl)}};
}

// ----------------------------------------------------------------------------------------------------------------- asking

namespace {

/// Asks for "verb NAME rest". \param rest  with the blank before it.
Status request(const BenchAddress& address, std::string_view verb, const std::string& rest)
{
    if (const auto checked = check_client_name(address.client); !checked) return checked.error();
    const auto path = control_path(address);
    if (!path) return path.error();
    const auto answer = ask(path.value(), std::string{verb} + " " + address.client + rest, Clock::now() + answer_patience);
    if (answer) {
        const std::string_view said = answer.value();
        if (said == "ok") return Done{};
        for (const auto& [word, kind] : {std::pair{"error ", ErrorKind::failure}, std::pair{"usage ", ErrorKind::usage}})
            if (said.starts_with(word)) return Error{std::string{said.substr(std::string_view{word}.size())}, kind};
        return Error{"the bench \"" + address.client + "\" answers in a way that this version does not know: restart it"};
    }
    if (answer.error() == Silence::no_answer)
        return Error{"the bench \"" + address.client + "\" does not answer: restart \"lowleg bench serve\""};
    std::string others;
    for (const auto& name : served_benches(address.jack_server)) others += (others.empty() ? "" : ", ") + name;
    const auto missing = "no bench is served as \"" + address.client + "\" on the JACK server \"" + address.jack_server + "\": ";
    return Error{missing + (others.empty() ? "start one with \"lowleg bench serve NAME\"" : "served are " + others)};
}

}  // namespace

Status move_switch(const BenchAddress& address, std::string_view position) { return request(address, "switch", " " + std::string{position}); }

Status change_settings(const BenchAddress& address, const Settings& settings)
{
    const auto is_blank = [](char c) { return c == ' ' || static_cast<unsigned char>(c) < 0x20; };
    std::string rest;
    for (const auto& [key, value] : settings) {
        if (key.empty() || key.find('=') != std::string::npos || std::any_of(key.begin(), key.end(), is_blank) ||
            std::any_of(value.begin(), value.end(), is_blank))
            return Error{"\"" + key + "=" + value + "\" cannot be set: give KEY=VALUE without blanks", ErrorKind::usage};
        rest += " " + key + "=" + value;
    }
    if (settings.empty()) return Error{"nothing to set: give KEY=VALUE", ErrorKind::usage};
    if (rest.size() + address.client.size() + 8 > max_line) return Error{"that is more than can be set at once: give fewer settings", ErrorKind::usage};
    return request(address, "set", rest);
}

std::vector<std::string> served_benches(const std::string& jack_server)
{
    std::vector<std::string> names;
    const auto directory = control_directory();
    if (!directory) return names;
    const auto prefix = file_prefix(jack_server);
    const auto deadline = Clock::now() + 1s;  // for all of them together
    std::error_code unreadable;
    for (std::filesystem::directory_iterator entry{directory.value(), unreadable}, end; !unreadable && entry != end;
         entry.increment(unreadable)) {
        if (entry->path().filename().string().compare(0, prefix.size(), prefix) != 0) continue;
        const auto answer = ask(entry->path().string(), "name", deadline);
        constexpr std::string_view ok = "ok ";
        if (answer && answer.value().compare(0, ok.size(), ok) == 0 && check_client_name(answer.value().substr(ok.size())))
            names.push_back(answer.value().substr(ok.size()));
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace lowleg::bench
