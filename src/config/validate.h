/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree against the option table: unknown keys, types, ranges, words. Gives each node its
 * option, marks those with an error as broken, and tells the diagnostics where secrets stand.
 */
#ifndef SLUICE_CONFIG_VALIDATE_H
#define SLUICE_CONFIG_VALIDATE_H

#include "config/diagnostics.h"
#include "config/options.h"

void validate_tree(struct yaml *root, struct diagnostics *diagnostics);

#endif
