/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ${NAME}, ${NAME:-default}, ${file:/path} in scalars, after YAML has been parsed (so a value can never become structure);
 * $$ is a dollar sign. An unset variable is an error at its place. Values are not interpolated again.
 */
#ifndef SLUICE_CONFIG_INTERPOLATE_H
#define SLUICE_CONFIG_INTERPOLATE_H

#include "config/diagnostics.h"

/* Rewrites every scalar of the tree in place. `directory`: what relative file names are relative to. */
void interpolate_tree(struct yaml *root, const struct config_environment *environment, struct arena *arena,
                      struct diagnostics *diagnostics);

#endif
