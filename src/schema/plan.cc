#include "schema/plan.h"
