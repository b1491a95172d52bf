// Calls of libc that the engine library makes and this program answers: a definition that the
// executable exports comes before libc's for libchdb too.
#pragma once

#include "engine/gate.h"

namespace qvdhouse::engine {

// From now on the library's listeners are `gate`'s, which lives as long as the process.
void put_in_charge(Gate& gate);

}  // namespace qvdhouse::engine
