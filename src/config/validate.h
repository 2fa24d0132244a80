/* SPDX-License-Identifier: Apache-2.0 */
/* The tree against the option table: unknown keys, types, ranges, words. Marks each node with its option's path. */
#ifndef SLUICE_CONFIG_VALIDATE_H
#define SLUICE_CONFIG_VALIDATE_H

#include "config/diagnostics.h"
#include "config/options.h"

void validate_tree(struct yaml *root, struct diagnostics *diagnostics);

#endif
