/* SPDX-License-Identifier: Apache-2.0 */
/* Files of router weights for commands; what is wrong is in the error, with the file's name. */
#ifndef SLUICE_CLI_WEIGHTS_FILE_H
#define SLUICE_CLI_WEIGHTS_FILE_H

#include "route/weights.h"

MUST_USE bool weights_load(const char *path, struct weights *ret_weights, struct error *error);
/* Writes beside the file, then renames: a reader sees the old weights or the new ones. */
MUST_USE bool weights_save(const struct weights *weights, const char *path, size_t *ret_bytes,
                           struct error *error);

#endif
