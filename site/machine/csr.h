/* Control and status registers. */
#pragma once

#include "decode.h"
#include "machine.h"

/* Does one of the six instructions for them. False: it is illegal, or the machine has stopped. */
bool csr_op(const struct op *op);
