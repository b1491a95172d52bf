#include "source/listing.h"
