/// \file element_reader.h
/// One statement of a netlist: R C L K V I E G F H D B or X.
#pragma once

#include "circuit/netlist_builder.h"

namespace lowleg::circuit {

Status read_element(NetlistBuilder& builder, Instance& instance, const Statement& statement);

}  // namespace lowleg::circuit
