/// \file exchange.h
/// The balance of an output on inputs that nobody has compared: measured with the leads exchanged, what the inputs differ by known from having read both ways.
#pragma once

#include "instrument/instrument.h"

#include <functional>
#include <string>

namespace lowleg::instrument {

/// On the virtual bench the leads exchange themselves. Parameters as of Instrument::measure_bench().
[[nodiscard]] Result<procedure::Measurement> balance_exchanged_bench(const Settings& settings, const std::string& name_or_file, const procedure::MeasurementObserver& observer,
                                                                     const std::function<bool()>& should_stop);

/// \param exchange_leads  asks for both leads to be exchanged at the interface's inputs, and returns when they are. Other parameters as of
///   Instrument::measure_device(). The rest is measured as the leads are then, with the channels exchanged, too.
[[nodiscard]] Result<procedure::Measurement> balance_exchanged_device(const Settings& settings, const std::string& id, procedure::FixtureSwitch fixture_switch,
                                                                      const std::function<Status()>& exchange_leads, const procedure::MeasurementObserver& observer,
                                                                      std::function<bool()> confirm_line_output, const engine::EngineHooks& hooks);

}  // namespace lowleg::instrument
