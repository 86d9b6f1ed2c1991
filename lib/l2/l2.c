/* SPDX-License-Identifier: BSD-3-Clause */
#include "l2.h"
