/// \file jack_server.h
/// The virtual bench as a JACK client, for anything that speaks to audio devices; and the remote control of its switch.
#pragma once

#include "bench/virtual_bench.h"
#include "core/result.h"

#include <functional>
#include <string>

namespace lowleg::bench {

struct ServeOptions {
    std::string client_name{"lowleg-bench"};
    CircuitText circuit;
    Fixture fixture;
    InterfaceModel interface;
};

/// Runs the bench as a JACK client (ports drive and probe in, i2 and i3 out; the rate is the server's) until `should_stop`
/// returns true or the JACK server goes away.
/// \param ready  called once, when the client is active and its switch can be moved.
/// \return failure when there is no server, the name is taken, or the circuit is not usable; interrupted when the server went away.
Status serve(const ServeOptions& options, const std::function<void(double sample_rate_hz)>& ready,
             const std::function<bool()>& should_stop);

/// Moves the switch of a served bench and waits until its audio thread has taken the state over.
/// \return failure when no bench of this name is served by this user on this JACK server, or it does not answer within 2 s.
Status switch_served(const std::string& client_name, SwitchState state);

}  // namespace lowleg::bench
