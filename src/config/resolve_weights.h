/* SPDX-License-Identifier: Apache-2.0 */
/* Files of learned weights that a configuration names. */
#ifndef SLUICE_CONFIG_RESOLVE_WEIGHTS_H
#define SLUICE_CONFIG_RESOLVE_WEIGHTS_H

#include "config/reader.h"
#include "route/weights.h"

/* What the file holds that this member of a section names, read once for all that name it, in the
 * snapshot. NULL: not given, or an error, which was reported at its place. */
const struct weights *setting_weights(struct reader *reader, const struct yaml *section,
                                      const char *pattern);

#endif
