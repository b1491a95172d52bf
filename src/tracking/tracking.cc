#include "tracking/tracking.h"
