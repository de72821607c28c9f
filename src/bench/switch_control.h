/// \file switch_control.h
/// Moves the switch of a served bench, and changes what surrounds the gear, from another process of the same user: a socket in a
/// directory that only this user can enter, one line in, one line out.
///
///     switch lowleg-bench loaded           →  ok | error <sentence>     answered when the audio thread has taken the state over
///     set lowleg-bench rin=1meg hum=-60    →  ok | error <sentence> | usage <sentence>     all of them or none
///     name                                 →  ok lowleg-bench
#pragma once

#include "core/result.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowleg::bench {

/// Which served bench.
struct BenchAddress {
    std::string jack_server;  ///< "default", or what JACK_DEFAULT_SERVER names.
    std::string client;       ///< Its name as a JACK client.
};

/// The JACK server that a client of this process would connect to.
[[nodiscard]] std::string jack_server_name();

/// \return usage error unless `name` is 1 to 32 letters, digits, '-', '_' or '.'. Stricter than JACK, because audio
/// libraries take client names for regular expressions and then find no channels.
Status check_client_name(const std::string& name);

/// Keys and values, in the order in which they are applied.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// The bench as the control sees it. All are called on the control's thread.
struct SwitchEnds {
    std::vector<std::string> positions;         ///< Names of where the switch can stand; empty: there is no switch.
    std::function<void(std::size_t)> request;   ///< Index into positions.
    std::function<std::size_t()> position;      ///< That the audio thread has taken over.
    std::function<Status(const Settings&)> set;  ///< All or nothing. Empty: nothing can be set.
};

/// The serving end: a thread of its own answers from construction to destruction. Whatever comes in is bounded in time,
/// length and number, and requests are done one after the other.
class SwitchControl {
public:
    /// How long a request waits for the audio thread.
    static constexpr std::chrono::seconds patience{2};

    /// Removes what a killed bench of this name left behind.
    /// \return failure when a bench of this name is being served, or the directory is not this user's alone.
    static Result<std::unique_ptr<SwitchControl>> open(const BenchAddress& address, SwitchEnds ends);
    SwitchControl(const SwitchControl&) = delete;
    SwitchControl& operator=(const SwitchControl&) = delete;
    ~SwitchControl();

private:
    struct Impl;
    explicit SwitchControl(std::unique_ptr<Impl>) noexcept;
    std::unique_ptr<Impl> impl_;
};

/// The asking end. Blocks for 5 s at most.
/// \param position  SwitchEnds::positions. \return failure when no such bench is served (naming those that are), or what the bench
///   answered.
Status move_switch(const BenchAddress& address, std::string_view position);
/// The same for its settings. \return also usage errors: of the bench, and of keys and values that no line can hold.
Status change_settings(const BenchAddress& address, const Settings& settings);

/// Clients of the benches that this user serves on this JACK server, sorted.
[[nodiscard]] std::vector<std::string> served_benches(const std::string& jack_server);

/// Where the socket of this bench is: in $XDG_RUNTIME_DIR where that is this user's, else below the temporary directory.
/// Names are hashed, because a socket's path has room for about a hundred characters. Creates the directory.
Result<std::string> control_path(const BenchAddress& address);

}  // namespace lowleg::bench
