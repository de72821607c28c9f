/// \file jack_server.h
/// The virtual bench as a JACK client, for anything that speaks to audio devices; and its remote control.
#pragma once

#include "bench/virtual_bench.h"
#include "core/result.h"

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowleg::bench {

struct ServeOptions {
    std::string client_name{"lowleg-bench"};
    CircuitText circuit;
    Fixture fixture;
    InterfaceModel interface;
    /// Applies one setting that was sent by set_served() to what surrounds the gear. On a thread of the server's own. Empty: nothing
    /// can be set.
    std::function<Status(const std::string& key, const std::string& value, Fixture&, InterfaceModel&)> apply{};
    /// Called once for each new VirtualBench::trouble(), on the thread that serves. May be empty.
    std::function<void(const std::string& sentence)> on_trouble{};
};

/// Names of the JACK ports: the interface's outputs 1 and 2, its inputs 1 and 2.
[[nodiscard]] std::array<std::string_view, 4> port_names(CircuitKind kind) noexcept;

/// Runs the bench as a JACK client (the rate is the server's) until `should_stop` returns true or the JACK server goes away.
/// \param ready  called once, when the client is active and its switch can be moved.
/// \return failure when there is no server, the name is taken, or the circuit is not usable; interrupted when the server went away.
Status serve(const ServeOptions& options, const std::function<void(double sample_rate_hz)>& ready,
             const std::function<bool()>& should_stop);

/// Moves the switch of a served bench and waits until its audio thread has taken the state over.
/// \return failure when no bench of this name is served by this user on this JACK server, or it does not answer within 2 s.
Status switch_served(const std::string& client_name, SwitchState state);
Status switch_served(const std::string& client_name, Feed feed);

/// Changes what surrounds the gear of a served bench: all settings or none.
/// \return what ServeOptions::apply or the bench has against them (usage errors as such); failure as of switch_served.
Status set_served(const std::string& client_name, const std::vector<std::pair<std::string, std::string>>& settings);

}  // namespace lowleg::bench
