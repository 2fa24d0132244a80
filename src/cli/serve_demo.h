/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice --demo: the simulated fleet behind an ordinary configuration file in the state directory,
 * so that every other command (report, explain, target, with -c) works on it too. Its ledger is its
 * own: simulated money never mixes with real money.
 */
#ifndef SLUICE_CLI_SERVE_DEMO_H
#define SLUICE_CLI_SERVE_DEMO_H

#include "cli/demo_fleet.h"
#include "cli/load.h"

/* Starts the fleet and writes the file that names it. False: *error. The fleet is stopped with
 * demo_fleet_stop(). */
MUST_USE bool serve_demo_start(struct demo_fleet *fleet, char ret_file[LOAD_PATH_SIZE],
                               struct error *error);

#endif
