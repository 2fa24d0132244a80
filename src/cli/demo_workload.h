/* SPDX-License-Identifier: Apache-2.0 */
/* The bundled workloads (data/workload), part of the program so that it runs anywhere. */
#ifndef SLUICE_CLI_DEMO_WORKLOAD_H
#define SLUICE_CLI_DEMO_WORKLOAD_H

#include "base/slice.h"

struct slice demo_workload_mixed(void);
struct slice demo_workload_coding_day(void);

#endif
