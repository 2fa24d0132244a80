/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ${NAME}, ${NAME:-default}, ${file:/path} in scalars, after YAML has been parsed (so a value can
 * never become structure); $$ is a dollar sign. An unset variable is an error at its place. Values
 * are not interpolated again. File names are relative to the configuration file.
 */
#ifndef SLUICE_CONFIG_INTERPOLATE_H
#define SLUICE_CONFIG_INTERPOLATE_H

#include "config/diagnostics.h"

/* Rewrites every scalar of the tree in place; one that cannot be is marked as broken. */
void interpolate_tree(struct yaml *root, const struct config_options *options, struct arena *arena,
                      struct diagnostics *diagnostics);
/* Has the text something beside references (and the word Bearer)? Then it may be a secret itself.
 */
bool interpolate_has_literal(struct slice written);

/* Letters, digits and _, not beginning with a digit, at most 255 bytes. */
bool interpolate_name_is_valid(struct slice name);

#endif
